#include <boost/test/unit_test.hpp>

#include <cmath>
#include <cstdint>
#include <vector>

#include "nada/core/tensor.hpp"
#include "nada/metrics/diversity.hpp"
#include "nada/metrics/lpips.hpp"
#include "nada/metrics/metric.hpp"
#include "support/files.hpp"
#include "support/tiny.hpp"

BOOST_AUTO_TEST_SUITE(metrics_lpips, *boost::unit_test::tolerance(1e-9))

using namespace nada;
using test::largest_difference;
using test::random;

static_assert(Metric<LpipsToSource> && Metric<IntraClusterLpips>);

namespace {

/// Features whose squared distance is that of the pixels.
Tensor pixels_of(const Tensor& images) { return images.flatten(1); }

}  // namespace

BOOST_AUTO_TEST_CASE(to_the_source_is_the_mean_over_pairs) {
  Evidence evidence;
  evidence.adapted_images = random({23, 3, 2, 2}, 1);
  evidence.source_images = evidence.adapted_images.clone();
  const LpipsToSource metric{pixels_of};
  BOOST_TEST(metric(evidence).value == 0);
  evidence.source_images = random({23, 3, 2, 2}, 2);
  const auto pairs = (evidence.adapted_images - evidence.source_images).square().sum(at::IntArrayRef{1, 2, 3});
  BOOST_TEST(metric(evidence).value == test::number(pairs.mean()));
  BOOST_TEST(metric(evidence).error == test::number(pairs.std()) / std::sqrt(23));
}

BOOST_AUTO_TEST_CASE(distances_are_the_same_however_many_features_are_kept) {
  const auto images = random({17, 3, 2, 2}, 3);
  const auto flat = images.flatten(1);
  const auto truth = (flat.unsqueeze(0) - flat.unsqueeze(1)).square().sum(2);
  for (const std::int64_t most : {1, 12 * 2 * 5, 1 << 20})
    BOOST_TEST(largest_difference(feature_distances(images, pixels_of, most), truth) < 1e-12);
}

BOOST_AUTO_TEST_CASE(inside_of_clusters_is_zero_for_copies_and_the_spread_of_a_cluster_otherwise) {
  Evidence evidence;
  const IntraClusterLpips metric{pixels_of};
  const auto centres = 100 * random({10, 3, 2, 2}, 4);
  evidence.adapted_images = centres.repeat({6, 1, 1, 1});
  BOOST_TEST(std::abs(metric(evidence).value) < 1e-6);
  // Clusters far from each other of two samples each: their distance is that of the two.
  const auto apart = random({10, 3, 2, 2}, 5);
  evidence.adapted_images = torch::cat({centres, centres + apart});
  BOOST_TEST(metric(evidence).value == test::number(apart.flatten(1).square().sum(1).mean()),
             boost::test_tools::tolerance(1e-6));
  evidence.adapted_images = centres.narrow(0, 0, 1);
  BOOST_TEST(error_of([&] { metric(evidence); }).find("intra_LPIPS: needs at least 2 images") == 0U);
}

BOOST_AUTO_TEST_CASE(around_centres_each_sample_belongs_to_the_nearest) {
  const auto grey = [](std::vector<double> values) {
    return torch::tensor(values, torch::kFloat64).view({-1, 1, 1, 1}).expand({-1, 3, 1, 1}) / std::sqrt(3.0);
  };
  Evidence evidence;
  evidence.adapted_images = grey({0, 1, 2, 9, 11, 30});
  IntraClusterLpips metric{pixels_of};
  metric.centres = [&](std::int64_t side) {
    BOOST_TEST(side == 1);
    return grey({-1, 10, 31, 1000});
  };
  // squared distances 1, 4, 1 of three samples and 4 of two; one sample alone and a centre without any do not count
  BOOST_TEST(metric(evidence).value == (2.0 + 4.0) / 2);
  BOOST_TEST(nearest_centres(evidence.adapted_images, grey({-1, 10, 31, 1000}), pixels_of)
                 .equal(torch::tensor({0, 0, 0, 1, 1, 2}, torch::kInt64)));
  BOOST_TEST(mean_within_clusters(torch::zeros({2, 2}, torch::kFloat64), torch::tensor({0, 1}, torch::kInt64), 2) == 0);
}

BOOST_AUTO_TEST_SUITE_END()
