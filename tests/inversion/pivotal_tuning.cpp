#include <boost/test/unit_test.hpp>

#include <cmath>

#include "nada/adaptation/delta.hpp"
#include "nada/core/stream.hpp"
#include "nada/core/tensor.hpp"
#include "nada/encoders/ensemble.hpp"
#include "nada/encoders/feature_extractor.hpp"
#include "nada/formats/tensor_file.hpp"
#include "nada/inversion/inverter.hpp"
#include "nada/inversion/pivotal_tuning.hpp"
#include "support/files.hpp"
#include "support/tiny.hpp"

BOOST_AUTO_TEST_SUITE(inversion_pivotal_tuning)

using namespace nada;
using test::TinyGenerator;

namespace {

using Set = Members<test::LinearEncoder>;
const Set& encoders() {
  static const Set set({{test::linear_encoder(6, 8, 1), 1.0}});
  return set;
}
PivotalTuningSettings settings(std::int64_t steps, double locality = 0) {
  PivotalTuningSettings out;
  out.steps = steps;
  out.rate = 0.003;
  out.locality = locality;
  return out;
}
double difference(const Tensor& a, const Tensor& b) { return test::number((a - b).square().mean()); }

}  // namespace

BOOST_AUTO_TEST_CASE(brings_the_pivot_to_the_picture_and_changes_images_only_through_convolutions_and_rgb) {
  const TinyGenerator generator(1);
  const auto image = 0.5 * test::random({1, 3, 8, 8}, 5).tanh();
  const auto pivot = MeanStyle{}.invert(generator, image, {}, {});
  const auto delta =
      PivotalTuning(TokenFeatures{&encoders()}, settings(150)).tune(generator, image, pivot, Stream{1, 0});
  const auto tuned = apply_delta(generator, delta, "tuned");
  const auto before = difference(generator.synthesize(pivot.styles, {}), image);
  BOOST_TEST(difference(tuned.synthesize(pivot.styles, {}), image) < 0.8 * before);
  for (const auto& [name, value] : delta.leaves) BOOST_TEST((name.starts_with("conv.") || name.starts_with("rgb.")));
  BOOST_TEST(test::largest_difference(tuned.slot(0, 0), generator.slot(0, 0)) == 0);
  BOOST_TEST(test::largest_difference(tuned.slot(1, 0), generator.slot(1, 0)) == 0);
}

BOOST_AUTO_TEST_CASE(one_step_is_adams_on_the_gradient_of_the_formula_worked_out_by_hand) {
  const TinyGenerator generator(1);
  const auto image = 0.5 * test::random({1, 3, 8, 8}, 5).tanh();
  Inversion pivot;
  pivot.styles = 0.5 * test::random({1, 4, 4}, 6);
  // Weights as small as Adam's epsilon, so that the length of a step tells the length of the gradient.
  PivotalTuningSettings small{.steps = 1, .rate = 0.01, .perceptual = 2e-8, .pixels = 3e-8};
  small.locality = 0.7;
  small.locality_distance = 0.4;
  double told = 0;
  const auto delta = PivotalTuning(TokenFeatures{&encoders()}, small)
                         .tune(generator, image, pivot, Stream{8, 5}, [&](std::int64_t, std::int64_t, double loss) {
                           told = loss;
                           return true;
                         });

  const auto encoder = test::linear_encoder(6, 8, 1);
  const auto distance = [&](const Tensor& a, const Tensor& b) {
    const auto seen = [&](const Tensor& x) { return encoder.see(x.clamp(-1, 1), {}).unit; };
    return 2e-8 * (seen(a) - seen(b)).square().sum() + 3e-8 * (a - b).square().mean();
  };
  const auto z = Stream{8, 0}.normal(Purpose::inversion, {1, 4}, 0, 1).to(torch::kFloat64);
  const auto away = generator.map(z, {}) - pivot.styles;
  const auto near = pivot.styles + 0.4 * away / std::sqrt(test::number(away.square().sum()) / 16);
  BOOST_TEST(difference(near, pivot.styles) == 0.4 * 0.4, boost::test_tools::tolerance(1e-12));
  auto copy = generator.clone();
  TensorMap leaves;
  for (std::size_t k = 2; k < copy.layers().size(); ++k)  // those after mapping.0 and const
    for (std::size_t s = 0; s < copy.layers()[k].slots.size(); ++s) {
      const auto leaf = generator.slot(k, s).detach().clone().requires_grad_(true);
      leaves[copy.layers()[k].name + "." + copy.layers()[k].slots[s]] = leaf;
      copy.use(k, s, leaf);
    }
  const auto at_pivot = distance(copy.synthesize(pivot.styles, {}), image);
  const auto loss = at_pivot + 0.7 * distance(copy.synthesize(near, {}), generator.synthesize(near, {}));
  BOOST_TEST(told == test::number(at_pivot), boost::test_tools::tolerance(1e-12));
  BOOST_TEST(delta.leaves.size() == leaves.size());
  for (const auto& [name, leaf] : leaves) {
    const auto gradient = torch::autograd::grad({loss}, {leaf}, {}, /*retain_graph=*/true)[0];
    const auto expected = leaf.detach() - 0.01 * gradient / (gradient.abs() + 1e-8);  // Adam's first step
    BOOST_TEST(test::largest_difference(delta.leaves.at(name), expected) < 1e-9, name);
    BOOST_TEST(test::largest_difference(expected, leaf.detach()) < 0.0099, name);  // the gradient's size counts
  }
}

BOOST_AUTO_TEST_CASE(locality_keeps_other_pictures_as_they_were) {
  const TinyGenerator generator(1);
  const auto image = 0.5 * test::random({1, 3, 8, 8}, 5).tanh();
  const auto pivot = MeanStyle{}.invert(generator, image, {}, {});
  const auto near = pivot.styles + test::random({1, 4, 4}, 9);
  const auto moved = [&](double locality) {
    const auto delta =
        PivotalTuning(TokenFeatures{&encoders()}, settings(60, locality)).tune(generator, image, pivot, Stream{1, 0});
    const auto tuned = apply_delta(generator, delta, "tuned");
    return difference(tuned.synthesize(near, {}), generator.synthesize(near, {}));
  };
  BOOST_TEST(moved(5) < 0.7 * moved(0));
}

BOOST_AUTO_TEST_CASE(settings_that_make_no_sense_are_named) {
  BOOST_TEST(error_of([] { PivotalTuning(TokenFeatures{&encoders()}, settings(0)); }) ==
             "pivotal tuning takes at least one step, found 0");
}

BOOST_AUTO_TEST_SUITE_END()
