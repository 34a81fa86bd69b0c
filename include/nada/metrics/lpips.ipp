// Bodies of lpips.hpp.
#pragma once
#include "nada/metrics/lpips.hpp"

#include <algorithm>
#include <vector>

#include "nada/core/config.hpp"
#include "nada/core/error.hpp"
#include "nada/metrics/diversity.hpp"

namespace nada {

NADA_INLINE Estimate LpipsToSource::operator()(const Evidence& e) const {
  const torch::NoGradGuard no_grad;
  constexpr std::int64_t piece = 10;
  std::vector<Tensor> distances;
  for (std::int64_t at = 0; at < e.adapted_images.size(0); at += piece) {
    const auto n = std::min(piece, e.adapted_images.size(0) - at);
    const auto see = [&](const Tensor& images) { return features(images.narrow(0, at, n)); };
    distances.push_back(feature_distance(see(e.adapted_images), see(e.source_images)).cpu().to(torch::kFloat64));
  }
  return mean_estimate(torch::cat(distances));
}

NADA_INLINE Tensor feature_distances(const Tensor& images, const AnyFeatureExtractor& features,
                                     std::int64_t most_numbers) {
  const torch::NoGradGuard no_grad;
  const auto n = images.size(0);
  constexpr std::int64_t piece = 10;
  const auto see = [&](std::int64_t first, std::int64_t count) {
    std::vector<Tensor> rows;
    for (std::int64_t at = 0; at < count; at += piece)
      rows.push_back(features(images.narrow(0, first + at, std::min(piece, count - at))));
    return torch::cat(rows);
  };
  const auto width = see(0, 1).size(1);
  const auto block = std::clamp<std::int64_t>(most_numbers / (2 * width), 1, n);  // a block of rows and one of columns
  auto out = torch::zeros({n, n}, torch::kFloat64);
  for (std::int64_t row = 0; row < n; row += block) {
    const auto rows = std::min(block, n - row);
    const auto a = see(row, rows);
    for (std::int64_t column = row; column < n; column += block) {
      const auto columns = std::min(block, n - column);
      const auto b = column == row ? a : see(column, columns);
      const auto squares = a.square().sum(1, true) + b.square().sum(1).unsqueeze(0) - 2 * a.matmul(b.t());
      const auto distances = squares.clamp_min(0).cpu().to(torch::kFloat64);
      out.narrow(0, row, rows).narrow(1, column, columns).copy_(distances);
      out.narrow(0, column, columns).narrow(1, row, rows).copy_(distances.t());
    }
  }
  out.fill_diagonal_(0);
  return out;
}

NADA_INLINE Tensor nearest_centres(const Tensor& images, const Tensor& centres, const AnyFeatureExtractor& features) {
  const torch::NoGradGuard no_grad;
  const auto wanted = features(centres);
  const auto lengths = wanted.square().sum(1).unsqueeze(0);
  std::vector<Tensor> nearest;
  constexpr std::int64_t piece = 10;
  for (std::int64_t at = 0; at < images.size(0); at += piece) {
    const auto seen = features(images.narrow(0, at, std::min(piece, images.size(0) - at)));
    nearest.push_back((lengths - 2 * seen.matmul(wanted.t())).argmin(1).cpu());
  }
  return torch::cat(nearest);
}

NADA_INLINE double mean_within_clusters(const Tensor& distances, const Tensor& membership, std::int64_t clusters) {
  double sum = 0;
  std::int64_t counted = 0;
  for (std::int64_t c = 0; c < clusters; ++c) {
    const auto members = (membership == c).nonzero().view(-1);
    const auto n = static_cast<double>(members.numel());
    if (n < 2) continue;
    sum += distances.index_select(0, members).index_select(1, members).sum().item<double>() / (n * (n - 1));
    ++counted;
  }
  return counted > 0 ? sum / static_cast<double>(counted) : 0;
}

NADA_INLINE Estimate IntraClusterLpips::operator()(const Evidence& e) const {
  const auto& images = e.adapted_images;
  require(images.dim() == 4 && images.size(0) >= 2, name, ": needs at least 2 images [N, 3, H, W], found ",
          shape_text(images.sizes()));
  const auto d = feature_distances(images, features);
  const auto around = centres ? centres(images.size(2)) : Tensor{};
  const auto membership = centres ? nearest_centres(images, around, features) : Tensor{};
  return jackknife(d.size(0), [&](const Tensor& kept) {
    const auto own = d.index_select(0, kept).index_select(1, kept).contiguous();
    return centres ? mean_within_clusters(own, membership.index_select(0, kept), around.size(0))
                   : intra_cluster_distance(own, clusters);
  });
}

}  // namespace nada
