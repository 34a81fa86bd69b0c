#include <boost/test/unit_test.hpp>

#include <cmath>
#include <utility>

#include "nada/core/stream.hpp"
#include "nada/core/tensor.hpp"
#include "nada/generators/any_generator.hpp"
#include "nada/inversion/style_encoder.hpp"
#include "nada/metrics/twins.hpp"
#include "nada/pretraining/style_encoder_training.hpp"
#include "support/files.hpp"
#include "support/random_stylegan2.hpp"
#include "support/tiny.hpp"

BOOST_AUTO_TEST_SUITE(pretraining_style_encoder_training)

using namespace nada;

namespace {

const AnyFeatureExtractor features = [](const Tensor& images) { return 0.1 * images.flatten(1); };

AnyGenerator generator() {
  return test::small_stylegan2({.widths = {6, 6, 4}, .noise_maps = false, .type = torch::kFloat32});  // 16 px
}
TensorMap network(const AnyGenerator& g) {
  auto out = initial_style_encoder({.resolution = g.resolution(),
                                    .styles = g.style_count(),
                                    .style_size = g.mean_style().size(0),
                                    .channels = {12, 16, 16},
                                    .lateral = 8,
                                    .hidden = 32},
                                   {1, 0});
  out["style_encoder.deviation"] = style_deviation(g, {1, 0}, 512);
  return out;
}
StyleEncoderTrainingSettings settings() {
  StyleEncoderTrainingSettings out;
  out.adam.rate = 0.003;
  out.passes = 2;
  out.latents = 0.1;
  return out;
}
/// Two pictures of unknown styles, then four samples.
InverterBatch batch(const AnyGenerator& g, std::int64_t step) {
  auto out = draw_samples(g, 6, {}, Stream{9, step});
  out.styles = out.styles.narrow(0, 2, 4);
  return out;
}

}  // namespace

BOOST_AUTO_TEST_CASE(the_first_step_sees_the_mean_style) {
  const auto g = generator();
  const auto b = batch(g, 1);
  StyleEncoderTraining training(g, network(g), features, settings());
  const auto deviation = network(g).at("style_encoder.deviation");
  const auto told = training.step(b);
  const torch::NoGradGuard no_grad;
  const auto mean = g.mean_style().view({1, 1, -1}).expand({6, g.style_count(), -1});
  const auto made = g.synthesize(mean, Render{});
  const auto pixels = test::number((made - b.images).square().mean());
  const auto tokens = 0.01 * test::number((made - b.images).narrow(0, 0, 1).square().sum());  // an eighth of six: one
  const auto latents = test::number(((b.styles - mean.narrow(0, 2, 4)) / deviation).square().mean());
  const auto tolerance = boost::test_tools::tolerance(1e-4);
  BOOST_TEST(told.pixels == pixels, tolerance);
  BOOST_TEST(*told.tokens == tokens, tolerance);
  BOOST_TEST(*told.latents == latents, tolerance);
  BOOST_TEST(told.distance < 1e-6);
  BOOST_TEST(told.loss == 2 * (pixels + 0.1 * latents) + 0.05 * tokens, tolerance);
}

BOOST_AUTO_TEST_CASE(learns_to_find_the_styles_of_samples_that_it_never_saw) {
  const auto g = generator();
  StyleEncoderTraining training(g, network(g), features, settings());
  for (int i = 0; i < 120; ++i) training.step(draw_samples(g, 8, {}, Stream{9, i + 1}));
  const auto held = draw_samples(g, 16, {}, Stream{77, 1});
  const auto found = training.encoder().styles(g, held.images);
  const torch::NoGradGuard no_grad;
  const auto mean = g.mean_style().view({1, 1, -1}).expand_as(found);
  const auto error = [&](const Tensor& w) {
    return test::number((g.synthesize(w, Render{}) - held.images).square().mean());
  };
  BOOST_TEST(error(found) < 0.5 * error(mean));
  BOOST_TEST(error(found) < error(training.encoder().styles(g, held.images, 1)));  // the second pass helps
}

BOOST_AUTO_TEST_CASE(a_restored_training_takes_the_same_steps) {
  const auto g = generator();
  StyleEncoderTraining whole(g, network(g), features, settings()), half(g, network(g), features, settings());
  for (int i = 0; i < 6; ++i) whole.step(batch(g, i + 1));
  for (int i = 0; i < 3; ++i) half.step(batch(g, i + 1));
  StyleEncoderTraining rest(
      g,
      initial_style_encoder(
          {.resolution = 16, .styles = 6, .style_size = 5, .channels = {12, 16, 16}, .lateral = 8, .hidden = 32},
          {8, 0}),
      features, settings());
  rest.restore(half.state(), "state");
  BOOST_TEST(rest.steps() == 3);
  for (int i = 3; i < 6; ++i) rest.step(batch(g, i + 1));
  const auto a = whole.tensors(), b = rest.tensors();
  for (const auto& [name, value] : a) BOOST_TEST(at::equal(value, b.at(name)), name);
  BOOST_TEST(error_of([&] { rest.restore({}, "state"); }) == "state: is no state of this style encoder's training");
}

BOOST_AUTO_TEST_CASE(samples_are_mixed_and_truncated_as_told) {
  const auto g = generator();
  const torch::NoGradGuard no_grad;
  const auto mean = g.mean_style();
  const auto plain = draw_samples(g, 64, {.truncated = 0, .mixed = 0}, Stream{3, 1});
  const auto z = Stream{3, 1}.normal(Purpose::latents, {64, g.latent_size()}).to(g.options());
  BOOST_TEST(test::largest_difference(plain.styles, g.map(z)) < 1e-5);
  BOOST_TEST(test::largest_difference(plain.images, g.synthesize(plain.styles, Render{}).clamp(-1, 1)) == 0);
  const auto pulled = draw_samples(g, 64, {.truncated = 1, .least_truncation = 0.4, .mixed = 0}, Stream{3, 1});
  const auto share = (pulled.styles - mean).norm(2, {1, 2}) / (plain.styles - mean).norm(2, {1, 2});
  BOOST_TEST(test::number(share.min()) > 0.39);
  BOOST_TEST(test::number(share.max()) < 1.01);
  BOOST_TEST(test::number(share.std()) > 0.1);
  const auto mixed = draw_samples(g, 64, {.truncated = 0, .mixed = 1}, Stream{3, 1});
  BOOST_TEST(at::equal(mixed.styles.select(1, 0), plain.styles.select(1, 0)));
  BOOST_TEST(test::number((mixed.styles.select(1, 5) - plain.styles.select(1, 5)).abs().amax(1).min()) > 1e-4);
}

BOOST_AUTO_TEST_CASE(settings_that_cannot_be_are_errors) {
  const auto g = generator();
  auto own = settings();
  own.pixels = own.tokens = own.latents = 0;
  BOOST_TEST(error_of([&] { StyleEncoderTraining(g, network(g), features, own); }) ==
             "every term of the style encoder's training has weight 0");
  BOOST_TEST(error_of([&] { StyleEncoderTraining(g, network(g), {}, settings()); }) ==
             "a style encoder's training by tokens needs an encoder");
  BOOST_TEST(error_of([&] { draw_samples(g, 2, {.mixed = 2}, {}); }) ==
             "a share of the samples is 2, expected a number in [0, 1]");
}

BOOST_AUTO_TEST_SUITE_END()
