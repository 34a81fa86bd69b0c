#include <boost/test/unit_test.hpp>

#include <utility>
#include <vector>

#include "nada/core/stream.hpp"
#include "nada/core/tensor.hpp"
#include "nada/encoders/feature_extractor.hpp"
#include "nada/inversion/inverter.hpp"
#include "nada/inversion/refined.hpp"
#include "support/files.hpp"
#include "support/tiny.hpp"

BOOST_AUTO_TEST_SUITE(inversion_refined)

using namespace nada;
using test::TinyGenerator;

namespace {

/// An inverter that gives the same styles for every picture.
struct Fixed {
  Tensor styles;
  template <Generator G>
  Inversion invert(const G&, const Tensor&, const Stream&, const InversionProgress&) const {
    return {styles, {}, 0, 0};
  }
};
const AnyFeatureExtractor features = [](const Tensor& images) { return images.flatten(1); };

StyleOptimizationSettings pixels(std::int64_t steps) {
  auto out = refinement(steps);
  out.perceptual = 0;
  out.pixels = 1;
  out.rate = 0.05;
  out.pull = 0;
  return out;
}
double loss_of(const TinyGenerator& generator, const Tensor& styles, const Tensor& image) {
  return test::number((generator.synthesize(styles, {}) - image).square().mean());
}

}  // namespace

static_assert(Inverter<Refined<Fixed, AnyFeatureExtractor>, TinyGenerator>);

BOOST_AUTO_TEST_CASE(a_search_that_starts_near_comes_nearer_than_one_from_the_mean_style) {
  const TinyGenerator generator(1);
  const auto styles = 0.5 * test::random({1, 4, 4}, 77), near = styles + 0.05 * test::random({1, 4, 4}, 78);
  const auto image = generator.synthesize(styles, {});
  std::vector<double> losses;
  const auto found = Refined(Fixed{near}, features, pixels(20))
                         .invert(generator, image, Stream{1, 0}, [&](std::int64_t, std::int64_t total, double loss) {
                           BOOST_TEST(total == 20);
                           losses.push_back(loss);
                           return true;
                         });
  BOOST_REQUIRE(losses.size() == 20);
  BOOST_TEST(losses.front() == loss_of(generator, near, image), boost::test_tools::tolerance(1e-9));
  BOOST_TEST(found.loss == loss_of(generator, found.styles, image), boost::test_tools::tolerance(1e-9));
  BOOST_TEST(found.loss < 0.5 * losses.front());
  const auto scratch = StyleOptimization(features, pixels(20)).invert(generator, image, Stream{1, 0});
  BOOST_TEST(found.loss < 0.5 * scratch.loss);
}

BOOST_AUTO_TEST_CASE(styles_that_a_search_makes_worse_stay_as_they_are) {
  const TinyGenerator generator(1);
  const auto styles = 0.5 * test::random({1, 4, 4}, 77);
  auto settings = pixels(3);
  settings.rate = 5;  // jumps away
  settings.pull = 1;
  const auto found =
      Refined(Fixed{styles}, features, settings).invert(generator, generator.synthesize(styles, {}), Stream{1, 0});
  BOOST_TEST(test::same_bits(found.styles, styles));
  BOOST_TEST(found.loss < 1e-12);
}

BOOST_AUTO_TEST_CASE(a_start_of_another_shape_is_an_error) {
  const TinyGenerator generator(1);
  BOOST_TEST(error_of([&] {
               Refined(Fixed{torch::zeros({1, 3, 4})}, features, pixels(1))
                   .invert(generator, torch::zeros({1, 3, 8, 8}, torch::kFloat64), {});
             }) == "a search from styles of shape [1, 3, 4], expected [1, 4, 4]");
}

BOOST_AUTO_TEST_SUITE_END()
