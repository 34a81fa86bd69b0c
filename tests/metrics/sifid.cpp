#include <boost/test/unit_test.hpp>

#include <cmath>
#include <vector>

#include "nada/core/tensor.hpp"
#include "nada/metrics/frechet.hpp"
#include "nada/metrics/metric.hpp"
#include "nada/metrics/sifid.hpp"
#include "support/files.hpp"
#include "support/tiny.hpp"

BOOST_AUTO_TEST_SUITE(metrics_sifid, *boost::unit_test::tolerance(1e-8))

using namespace nada;
using test::number;
using test::random;

static_assert(Metric<Sifid>);

BOOST_AUTO_TEST_CASE(places_of_an_image_are_its_samples_and_their_order_does_not_matter) {
  const auto features = random({2, 5, 6, 7}, 1);
  const auto gaussians = internal_gaussians(features);
  const auto rows = [&](int n) { return features[n].flatten(1).t().contiguous(); };
  BOOST_TEST(frechet_distance(gaussians[0], gaussians[1]) == frechet_distance(rows(0), rows(1)));
  const auto turned = internal_gaussians(features.flip(2).transpose(2, 3));
  BOOST_TEST((frechet_distance(gaussians[0], turned[0]) < 1e-9));
  const auto moved = internal_gaussians(features + 0.25);
  BOOST_TEST(frechet_distance(gaussians[1], moved[1]) == 5 * 0.25 * 0.25);
}

BOOST_AUTO_TEST_CASE(sample_n_is_compared_with_picture_n_which_begin_anew_behind_the_last) {
  // Features are the pixels themselves; in picture k they differ from the samples by a shift of k + 1 steps of 8 bits.
  const auto base = in_8_bits(0.5 * random({1, 3, 5, 5}, 2).tanh());
  const auto step = [](int k) { return (k + 1) * 2 / 255.; };
  Evidence e;
  e.adapted_images = base.expand({5, 3, 5, 5}).contiguous();
  std::int64_t asked = 0;
  Sifid metric;
  metric.features = [](const Tensor& images) { return images; };
  metric.of_pictures = [&](std::int64_t most) {
    asked = most;
    std::vector<Gaussian> out;
    for (int k = 0; k < 2; ++k) out.push_back(internal_gaussians(base + step(k)).front());
    return out;
  };
  const auto score = metric(e);
  const auto square = [&](int k) { return 3 * step(k) * step(k); };
  BOOST_TEST(score.value == (3 * square(0) + 2 * square(1)) / 5, boost::test_tools::tolerance(1e-4));
  BOOST_TEST(asked == 5);
  BOOST_TEST(score.has_interval());
  e.adapted_images = e.adapted_images + 0.001;  // below half of a step: the file would be the same
  BOOST_TEST(metric(e).value == score.value, boost::test_tools::tolerance(1e-12));
}

BOOST_AUTO_TEST_CASE(what_does_not_fit_is_told) {
  BOOST_TEST(error_of([] {
               internal_gaussians(random({2, 5}, 3));
             }) == "SIFID: features of shape [2, 5], expected [N, C, h, w]");
  BOOST_TEST(error_of([] {
               internal_gaussians(random({1, 5, 1, 1}, 4));
             }) == "Frechet distance: needs at least 2 samples [N, E], found [1, 5]");
  Evidence e;
  e.adapted_images = torch::zeros({2, 3, 8, 8});
  BOOST_TEST(!enough(Sifid::needs, e));
  Sifid metric{[](const Tensor& x) { return x; }, [](std::int64_t) { return std::vector<Gaussian>{}; }};
  BOOST_TEST(error_of([&] { metric(e); }) == "SIFID: there are no real pictures");
}

BOOST_AUTO_TEST_SUITE_END()
