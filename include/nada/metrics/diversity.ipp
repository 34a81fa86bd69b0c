// Bodies of diversity.hpp.
#pragma once
#include "nada/metrics/diversity.hpp"

#include <algorithm>
#include <limits>

#include "nada/core/config.hpp"
#include "nada/core/error.hpp"

namespace nada {

NADA_INLINE Tensor cosine_distances(const Tensor& unit_features) {
  auto out = (1 - unit_features.matmul(unit_features.t())).clamp_min(0);
  out.fill_diagonal_(0);
  return out;
}

namespace detail {

/// MedoidSearch runs PAM on distances [N, N]: a set of medoids first grows and then exchanges members.
class MedoidSearch {
 public:
  MedoidSearch(const double* distances, std::size_t count)
      : distances_(distances), count_(count), is_medoid_(count, false), nearest_(count, far), second_(count, far) {
    found_.membership.assign(count, 0);
  }

  /// BUILD: adds the sample that lowers the cost most.
  void add_best() {
    std::size_t best = count_;
    double least = far;
    for (std::size_t c = 0; c < count_; ++c) {
      if (is_medoid_[c]) continue;
      double cost = 0;
      for (std::size_t i = 0; i < count_; ++i) cost += std::min(nearest_[i], distance(i, c));
      if (best == count_ || cost < least) least = cost, best = c;
    }
    is_medoid_[best] = true;
    found_.medoids.push_back(best);
    assign();
  }

  /// SWAP: makes the exchange that lowers the cost most. Returns false where no exchange lowers the cost, also where one
  /// only seems to by rounding: distances far larger than the cost cancel in the change that is foreseen.
  bool exchange_best() {
    const double before = found_.cost;
    double best_change = -1e-12 * (1 + found_.cost);
    std::size_t best_medoid = 0, best_sample = count_;
    const auto removal = cost_without();
    for (std::size_t c = 0; c < count_; ++c) {
      if (is_medoid_[c]) continue;
      const auto change = change_with(c, removal);
      for (std::size_t m = 0; m < change.size(); ++m)
        if (change[m] < best_change) best_change = change[m], best_medoid = m, best_sample = c;
    }
    if (best_sample == count_) return false;
    is_medoid_[found_.medoids[best_medoid]] = false;
    is_medoid_[best_sample] = true;
    found_.medoids[best_medoid] = best_sample;
    assign();
    return found_.cost < before;
  }

  const Clusters& found() const { return found_; }

 private:
  static constexpr double far = std::numeric_limits<double>::infinity();

  double distance(std::size_t i, std::size_t j) const { return distances_[i * count_ + j]; }

  /// Finds each sample's nearest medoid and the distance to its second nearest one.
  void assign() {
    found_.cost = 0;
    for (std::size_t i = 0; i < count_; ++i) {
      nearest_[i] = second_[i] = far;
      for (std::size_t m = 0; m < found_.medoids.size(); ++m) {
        const double x = distance(i, found_.medoids[m]);
        if (x < nearest_[i]) {
          second_[i] = nearest_[i];
          nearest_[i] = x;
          found_.membership[i] = m;
        } else {
          second_[i] = std::min(second_[i], x);
        }
      }
      found_.cost += nearest_[i];
    }
  }

  /// Returns by how much the cost rises without each medoid, [k].
  std::vector<double> cost_without() const {
    std::vector<double> removal(found_.medoids.size(), 0.0);
    for (std::size_t i = 0; i < count_; ++i)
      if (removal.size() > 1) removal[found_.membership[i]] += second_[i] - nearest_[i];
    return removal;
  }

  /// Returns by how much the cost changes where the sample `c` takes the place of each medoid, [k].
  std::vector<double> change_with(std::size_t c, std::vector<double> change) const {
    double shared = 0;  // change that does not depend on which medoid goes
    for (std::size_t i = 0; i < count_; ++i) {
      const double x = distance(i, c);
      const auto m = found_.membership[i];
      if (change.size() == 1) {
        change[0] += x - nearest_[i];
      } else if (x < nearest_[i]) {
        shared += x - nearest_[i];
        change[m] += nearest_[i] - second_[i];
      } else if (x < second_[i]) {
        change[m] += x - second_[i];
      }
    }
    for (auto& value : change) value += shared;
    return change;
  }

  const double* distances_;
  std::size_t count_;
  Clusters found_;
  std::vector<bool> is_medoid_;
  std::vector<double> nearest_, second_;  // distances of each sample to its two nearest medoids
};

}  // namespace detail

NADA_INLINE Clusters k_medoids(const Tensor& distances, std::int64_t k) {
  const auto d = samples_of(distances, "k-medoids");
  const auto n = static_cast<std::size_t>(d.size(0)), wanted = static_cast<std::size_t>(k);
  require(d.size(1) == d.size(0), "k-medoids: distances of shape ", shape_text(d.sizes()), ", expected [N, N]");
  require(k >= 1 && wanted <= n, "k-medoids: ", k, " clusters of ", n, " samples");
  detail::MedoidSearch search(d.data_ptr<double>(), n);
  for (std::size_t m = 0; m < wanted; ++m) search.add_best();
  while (search.exchange_best()) {
  }
  return search.found();
}

NADA_INLINE double intra_cluster_distance(const Tensor& distances, std::int64_t k) {
  const auto clusters = k_medoids(distances, std::min(k, distances.size(0)));
  const auto d = samples_of(distances, "intra-cluster distance");
  const auto n = static_cast<std::size_t>(d.size(0));
  const double* values = d.data_ptr<double>();
  double sum = 0;
  int counted = 0;
  for (std::size_t m = 0; m < clusters.medoids.size(); ++m) {
    double inside = 0;
    std::int64_t pairs = 0;
    for (std::size_t i = 0; i < n; ++i)
      for (std::size_t j = 0; j < i; ++j)
        if (clusters.membership[i] == m && clusters.membership[j] == m) inside += values[i * n + j], ++pairs;
    if (pairs == 0) continue;
    sum += inside / static_cast<double>(pairs);
    ++counted;
  }
  return counted ? sum / counted : 0;
}

NADA_INLINE Estimate IntraClusterDistance::operator()(const Evidence& e) const {
  const auto d = cosine_distances(samples_of(e.adapted.unit, name, 2));
  return jackknife(d.size(0), [&](const Tensor& kept) {
    return intra_cluster_distance(d.index_select(0, kept).index_select(1, kept).contiguous(), clusters);
  });
}

namespace detail {
/// Returns the mean of distances [N, N] over pairs of different samples, with the jackknife's interval.
NADA_INLINE Estimate mean_of_pairs(const Tensor& distances) {
  return jackknife(distances.size(0), [&](const Tensor& kept) {
    const auto n = static_cast<double>(kept.numel());
    return distances.index_select(0, kept).index_select(1, kept).sum().item<double>() / (n * (n - 1));
  });
}

/// Returns mean absolute differences of images [N, C, H, W]: [N, N], float64.
NADA_INLINE Tensor pixel_distances(const Tensor& images) {
  const auto flat = images.flatten(1).to(torch::kFloat32);
  return at::cdist(flat, flat, 1.0).to(torch::kFloat64) / static_cast<double>(flat.size(1));
}

/// Returns the row sums of pixel_distances() without the pairs: [N], float64. Of values x_0 <= ... <= x_(N-1) of one pixel,
/// with the prefix sums p_k and their total t,
///     sum_j |x_k - x_j| = x_k (2 k - N + 2) + t - 2 p_k
NADA_INLINE Tensor pixel_distance_sums(const Tensor& images) {
  const auto flat = images.flatten(1).to(torch::kFloat32).t();  // [P, N]
  const auto n = flat.size(1);
  const auto weight = 2 * torch::arange(n, torch::kFloat64) - static_cast<double>(n - 2);
  auto sums = torch::zeros({n}, torch::kFloat64);
  for (const auto& piece : flat.split(std::max<std::int64_t>(1, (std::int64_t{1} << 22) / n))) {
    const auto [sorted, order] = piece.contiguous().sort(1);
    const auto x = sorted.to(torch::kFloat64), prefix = x.cumsum(1);
    const auto each = x * weight + prefix.slice(1, n - 1) - 2 * prefix;
    sums.scatter_add_(0, order.flatten(), each.flatten());
  }
  return sums / static_cast<double>(flat.size(0));
}

/// mean_of_pairs() of pixel_distances() from their row sums: without a group of samples the sum over pairs is
///     S - 2 (row sums of the group) + (sum inside of the group)
NADA_INLINE Estimate mean_of_pixel_pairs(const Tensor& images) {
  const auto sums = pixel_distance_sums(images);
  const auto all = sums.sum().item<double>();
  return jackknife(images.size(0), [&](const Tensor& kept) {
    const auto n = static_cast<double>(kept.numel());
    const auto without = torch::ones({images.size(0)}, torch::kBool).index_fill_(0, kept, false).nonzero().view(-1);
    double sum = all;
    if (without.numel() > 0)
      sum += pixel_distance_sums(images.index_select(0, without)).sum().item<double>() -
             2 * sums.index_select(0, without).sum().item<double>();
    return sum / (n * (n - 1));
  });
}
}  // namespace detail

NADA_INLINE Estimate PairwiseDistance::operator()(const Evidence& e) const {
  return detail::mean_of_pairs(cosine_distances(samples_of(e.adapted.unit, name, 2)));
}

NADA_INLINE double pixel_distance(const Tensor& images) {
  const auto n = static_cast<double>(images.size(0));
  const auto sum = images.size(0) > most_paired_images ? detail::pixel_distance_sums(images).sum()
                                                       : detail::pixel_distances(images).sum();
  return sum.item<double>() / (n * (n - 1));
}

NADA_INLINE Estimate PixelDistance::operator()(const Evidence& e) const {
  const auto& images = e.adapted_images;
  require(images.dim() == 4 && images.size(0) >= 2, name, ": needs at least 2 images [N, 3, H, W], found ",
          shape_text(images.sizes()));
  require_finite_samples(images, name);
  if (images.size(0) > most_paired_images) return detail::mean_of_pixel_pairs(images);
  return detail::mean_of_pairs(detail::pixel_distances(images));
}

}  // namespace nada
