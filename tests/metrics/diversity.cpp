#include <boost/test/unit_test.hpp>

#include <limits>
#include <set>

#include "nada/core/tensor.hpp"
#include "nada/encoders/encoder.hpp"
#include "nada/metrics/diversity.hpp"
#include "nada/metrics/metric.hpp"
#include "support/files.hpp"
#include "support/not_finite.hpp"
#include "support/tiny.hpp"

BOOST_AUTO_TEST_SUITE(metrics_diversity, *boost::unit_test::tolerance(1e-9))

using namespace nada;
using test::random;

static_assert(Metric<IntraClusterDistance> && Metric<PairwiseDistance>);

namespace {

/// Points on a line as distances.
Tensor line(const std::vector<double>& points) {
  const auto x = torch::tensor(points, torch::kFloat64);
  return (x.unsqueeze(0) - x.unsqueeze(1)).abs();
}

/// The least cost of k medoids by trying all pairs.
double best_of_two(const Tensor& d) {
  double best = 1e300;
  for (std::int64_t a = 0; a < d.size(0); ++a)
    for (std::int64_t b = 0; b < a; ++b) best = std::min(best, test::number(at::minimum(d[a], d[b]).sum()));
  return best;
}

}  // namespace

BOOST_AUTO_TEST_CASE(two_heaps_on_a_line_have_their_middles_as_medoids) {
  const auto clusters = k_medoids(line({0, 1, 2, 100, 101, 103}), 2);
  BOOST_TEST(std::set<std::size_t>(clusters.medoids.begin(), clusters.medoids.end()) == (std::set<std::size_t>{1, 4}),
             boost::test_tools::per_element());
  BOOST_TEST(clusters.cost == 2 + 3);
  for (std::size_t i = 1; i < 3; ++i) BOOST_TEST(clusters.membership[i] == clusters.membership[0]);
  for (std::size_t i = 3; i < 6; ++i) BOOST_TEST(clusters.membership[i] != clusters.membership[0]);
}

BOOST_AUTO_TEST_CASE(one_medoid_is_the_best_single_sample) {
  for (std::uint64_t seed = 0; seed < 5; ++seed) {
    const auto d = at::cdist(random({20, 2}, seed), random({20, 2}, seed));
    BOOST_TEST(k_medoids(d, 1).cost == test::number(d.sum(0).min()));
  }
}

BOOST_AUTO_TEST_CASE(two_medoids_are_as_good_as_the_best_of_all_pairs) {
  int equal = 0;
  for (std::uint64_t seed = 0; seed < 20; ++seed) {
    const auto x = random({15, 2}, seed);
    const auto d = at::cdist(x, x);
    const double cost = k_medoids(d, 2).cost, best = best_of_two(d);
    BOOST_TEST(cost < 1.1 * best);  // a local optimum
    equal += cost < best * (1 + 1e-9);
  }
  BOOST_TEST(equal >= 18);
}

BOOST_AUTO_TEST_CASE(as_many_medoids_as_samples_cost_nothing_and_more_are_an_error) {
  const auto d = line({0, 1, 5});
  BOOST_TEST(k_medoids(d, 3).cost == 0);
  BOOST_TEST(error_of([&] { k_medoids(d, 4); }).find("4 clusters of 3") != std::string::npos);
}

BOOST_AUTO_TEST_CASE(distances_that_are_not_finite_are_refused_and_costs_that_overflow_find_medoids_all_the_same) {
  const double nan = std::numeric_limits<double>::quiet_NaN(), infinity = std::numeric_limits<double>::infinity();
  for (const double value : {nan, infinity})
    for (const std::int64_t k : {1, 2})
      BOOST_TEST(error_of([&] {
                   k_medoids(line({0, 1, value}), k);
                 }) == "k-medoids: the samples hold values that are not finite");
  const auto far = torch::full({4, 4}, 1e308, torch::kFloat64);
  const auto clusters = k_medoids(far, 2);
  BOOST_TEST(std::set<std::size_t>(clusters.medoids.begin(), clusters.medoids.end()) == (std::set<std::size_t>{0, 1}),
             boost::test_tools::per_element());
}

BOOST_AUTO_TEST_CASE(the_distance_within_clusters_of_two_heaps_is_the_mean_of_theirs) {
  // pairs 1 2 1 and 1 3 2
  BOOST_TEST(intra_cluster_distance(line({0, 1, 2, 100, 101, 103}), 2) == (4.0 / 3 + 2.0) / 2);
}

BOOST_AUTO_TEST_CASE(permutations_change_nothing) {
  const auto x = random({24, 3}, 9);
  const auto d = at::cdist(x, x), e = at::cdist(x.flip(0), x.flip(0));
  BOOST_TEST(intra_cluster_distance(d, 4) == intra_cluster_distance(e, 4));
}

BOOST_AUTO_TEST_CASE(duplicates_of_as_many_images_as_clusters_have_no_diversity_inside_but_some_between) {
  Evidence evidence;
  evidence.adapted.unit = unit(random({4, 6}, 3)).repeat({10, 1});
  BOOST_TEST((IntraClusterDistance{.clusters = 4}(evidence).value < 1e-12));
  BOOST_TEST(PairwiseDistance{}(evidence).value > 0.1);
}

BOOST_AUTO_TEST_CASE(the_mean_pairwise_distance_is_the_mean_over_pairs) {
  Evidence evidence;
  evidence.adapted.unit = torch::cat({test::row({1, 0}), test::row({0, 1}), test::row({-1, 0})});
  BOOST_TEST(PairwiseDistance{}(evidence).value == (1.0 + 2.0 + 1.0) / 3);
}

BOOST_AUTO_TEST_CASE(of_many_random_directions_the_pairwise_distance_is_one_within_its_interval) {
  Evidence evidence;
  evidence.adapted.unit = unit(random({300, 8}, 4));
  const auto e = PairwiseDistance{}(evidence);
  BOOST_TEST(e.low() < 1);
  BOOST_TEST(e.high() > 0.999);
}

BOOST_AUTO_TEST_CASE(refuse_samples_that_are_not_finite) {
  test::check_refuses_what_is_not_finite(IntraClusterDistance{});
  test::check_refuses_what_is_not_finite(PairwiseDistance{});
}

BOOST_AUTO_TEST_CASE(pixel_distance_is_the_mean_over_pairs_of_different_images) {
  // |a - b| = 1/2, |a - c| = 1/2, |b - c| = 1 a value
  const auto images = torch::tensor({0.F, 0.F, 1.F, 0.F, 0.F, -1.F}).view({3, 1, 1, 2});
  BOOST_TEST(pixel_distance(images) == 2.0 / 3, boost::test_tools::tolerance(1e-6));
  BOOST_TEST(pixel_distance(torch::full({4, 3, 2, 2}, 0.3F)) == 0.0);
  BOOST_TEST(pixel_distance(at::stack({torch::full({3, 2, 2}, -1.F), torch::full({3, 2, 2}, 1.F)})) == 2.0);
}

BOOST_AUTO_TEST_CASE(many_images_have_the_pixel_distance_of_all_pairs) {
  const auto images = torch::rand({most_paired_images + 21, 3, 2, 3}) * 2 - 1;
  const auto flat = images.flatten(1).to(torch::kFloat64);
  const auto mean = [&](const Tensor& kept) {  // over all pairs, one by one
    const auto x = flat.index_select(0, kept);
    double sum = 0;
    for (std::int64_t i = 0; i < x.size(0); ++i) sum += (x - x[i]).abs().mean(1).sum().item<double>();
    return sum / static_cast<double>(x.size(0) * (x.size(0) - 1));
  };
  const auto truth = jackknife(images.size(0), mean);
  Evidence evidence;
  evidence.adapted_images = images;
  const auto e = PixelDistance{}(evidence);
  BOOST_TEST(e.value == truth.value, boost::test_tools::tolerance(1e-6));
  BOOST_TEST(e.half_width == truth.half_width, boost::test_tools::tolerance(1e-4));
  BOOST_TEST(pixel_distance(images) == truth.value, boost::test_tools::tolerance(1e-6));
}
BOOST_AUTO_TEST_CASE(pixels_as_a_metric_need_images_alone) {
  static_assert(Metric<PixelDistance>);
  Evidence evidence;
  BOOST_TEST(!enough(PixelDistance::needs, evidence));
  evidence.adapted_images = torch::rand({30, 3, 2, 2});
  BOOST_TEST(enough(PixelDistance::needs, evidence));
  const auto e = PixelDistance{}(evidence);
  BOOST_TEST(e.value == pixel_distance(evidence.adapted_images), boost::test_tools::tolerance(1e-6));
  BOOST_TEST(e.has_interval());
  evidence.adapted_images = evidence.adapted_images.narrow(0, 0, 1);
  BOOST_TEST(error_of([&] { PixelDistance{}(evidence); }).find("at least 2 images") != std::string::npos);
}

BOOST_AUTO_TEST_SUITE_END()
