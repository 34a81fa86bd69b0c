#include <boost/test/unit_test.hpp>

#include <cmath>

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

BOOST_AUTO_TEST_SUITE_END()
