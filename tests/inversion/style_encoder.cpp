#include <boost/test/unit_test.hpp>

#include <cmath>

#include "nada/core/stream.hpp"
#include "nada/core/tensor.hpp"
#include "nada/encoders/weights.hpp"
#include "nada/inversion/inverter.hpp"
#include "nada/inversion/style_encoder.hpp"
#include "support/files.hpp"
#include "support/random_stylegan2.hpp"
#include "support/tiny.hpp"

BOOST_AUTO_TEST_SUITE(inversion_style_encoder)

using namespace nada;
using test::TinyGenerator;

namespace {

/// The shape for TinyGenerator, and small random numbers in all tensors that start at 0.
const StyleEncoderShape tiny_shape{
    .resolution = 8, .styles = 4, .style_size = 4, .channels = {6, 8}, .groups = 2, .lateral = 3, .hidden = 5};
TensorMap tiny_tensors() {
  auto out = initial_style_encoder(tiny_shape, {3, 0});
  std::uint64_t k = 0;
  for (auto& [name, value] : out)
    if (!name.ends_with("deviation")) value = 0.3 * test::random(value.sizes().vec(), ++k).to(torch::kFloat32);
  return out;
}
StyleEncoder encoder_of(const TensorMap& tensors, std::int64_t passes = 2) {
  return StyleEncoder(Weights(tensors, "network", torch::kFloat64), passes);
}
double silu(double x) { return x / (1 + std::exp(-x)); }

}  // namespace

static_assert(Inverter<StyleEncoder, TinyGenerator> && Inverter<StyleEncoder, StyleGan2>);

BOOST_AUTO_TEST_CASE(before_training_every_picture_gets_the_mean_style) {
  const TinyGenerator generator(1);
  const auto encoder = encoder_of(initial_style_encoder(tiny_shape, {3, 0}));
  const auto image = test::random({1, 3, 8, 8}, 5).clamp(-1, 1);
  std::int64_t told = 0;
  const auto found = encoder.invert(generator, image, {}, [&](std::int64_t step, std::int64_t total, double loss) {
    BOOST_TEST(step == 1);
    BOOST_TEST(total == 1);
    BOOST_TEST(loss > 0);
    ++told;
    return true;
  });
  BOOST_TEST(told == 1);
  BOOST_TEST(found.styles.sizes() == at::IntArrayRef({1, 4, 4}));
  BOOST_TEST(test::largest_difference(found.styles, generator.mean_style()) == 0);
  BOOST_TEST(found.loss == test::number((generator.synthesize(found.styles, {}) - image).square().mean()),
             boost::test_tools::tolerance(1e-12));
}

BOOST_AUTO_TEST_CASE(a_network_of_one_weight_a_layer_gives_what_a_calculator_gives) {
  // One level of 4 px; red of the picture minus red of what was made, through every layer by itself.
  auto tensors = initial_style_encoder({.resolution = 4,
                                        .styles = 2,
                                        .style_size = 2,
                                        .channels = {1},
                                        .blocks = 1,
                                        .groups = 1,
                                        .lateral = 1,
                                        .hidden = 1},
                                       {0, 0});
  auto in = torch::zeros({1, 6, 3, 3}), block = torch::zeros({1, 1, 3, 3});
  in[0][0][1][1] = 1;
  in[0][3][1][1] = -1;
  block[0][0][1][1] = 1;
  tensors["style_encoder.in.weight"] = in;
  tensors["style_encoder.block.0.0.0.weight"] = block;
  tensors["style_encoder.block.0.0.1.weight"] = 2 * block;
  tensors["style_encoder.lateral.0.weight"] = torch::full({1, 1, 1, 1}, 3.0F);
  tensors["style_encoder.head.0.0.weight"] = torch::full({1, 16}, 1 / 16.0F);
  tensors["style_encoder.head.0.1.weight"] = torch::tensor({1.0F, -2.0F, 3.0F, 4.0F}).view({4, 1});
  tensors["style_encoder.head.0.1.bias"] = torch::tensor({0.0F, 0.5F, 0.0F, 0.0F});
  const auto encoder = encoder_of(tensors);
  BOOST_TEST(encoder.resolution() == 4);
  BOOST_TEST(encoder.style_count() == 2);
  const double red = 0.7, was = -0.2;
  auto picture = test::random({1, 3, 4, 4}, 1), made = test::random({1, 3, 4, 4}, 2);
  picture.select(1, 0).fill_(red);
  made.select(1, 0).fill_(was);
  const double x = red - was, y = x + 2 * silu(silu(x)), hidden = silu(silu(3 * silu(y)));
  const auto expected = hidden * torch::tensor({{{1.0, -2.0}, {3.0, 4.0}}}, torch::kFloat64) +
                        torch::tensor({{{0.0, 0.5}, {0.0, 0.0}}}, torch::kFloat64);
  BOOST_TEST(test::largest_difference(encoder.step(picture, made), expected) < 1e-12);
}

BOOST_AUTO_TEST_CASE(each_pass_sees_what_came_of_the_last_one) {
  const TinyGenerator generator(1);
  auto tensors = tiny_tensors();
  tensors["style_encoder.deviation"] = torch::tensor({0.5F, 1.0F, 2.0F, 0.25F});
  const auto encoder = encoder_of(tensors);
  const auto images = test::random({3, 3, 8, 8}, 7).clamp(-1, 1);
  const auto deviation = encoder.deviation();
  const auto mean = generator.mean_style().view({1, 1, 4}).expand({3, 4, 4});
  const auto first = mean + deviation * encoder.step(images, generator.synthesize(mean, {}));
  const auto second = first + deviation * encoder.step(images, generator.synthesize(first, {}));
  BOOST_TEST(test::largest_difference(encoder.styles(generator, images, 1), first) < 1e-12);
  BOOST_TEST(test::largest_difference(encoder.styles(generator, images), second) < 1e-12);
  BOOST_TEST(test::largest_difference(first, second) > 1e-3);
  // A picture's styles are the same in any batch.
  BOOST_TEST(test::largest_difference(encoder.styles(generator, images.narrow(0, 1, 1)), second.narrow(0, 1, 1)) <
             1e-12);
}

BOOST_AUTO_TEST_CASE(coarse_styles_come_from_the_coarsest_level) {
  // Only the second group sees the level of 8 px: a change of its lateral convolution moves the last two styles alone.
  auto tensors = tiny_tensors();
  const auto images = test::random({1, 3, 8, 8}, 7), made = test::random({1, 3, 8, 8}, 8);
  const auto before = encoder_of(tensors).step(images, made);
  tensors["style_encoder.lateral.1.weight"] = 2 * tensors["style_encoder.lateral.1.weight"];
  const auto moved = (encoder_of(tensors).step(images, made) - before).abs().amax({0, 2});
  BOOST_TEST(test::number(moved.narrow(0, 0, 2).max()) == 0);
  BOOST_TEST(test::number(moved.narrow(0, 2, 2).min()) > 1e-6);
}

BOOST_AUTO_TEST_CASE(the_deviation_is_that_of_many_styles) {
  const TinyGenerator generator(1);
  const auto found = style_deviation(generator, {5, 0}, 20000);
  const auto w = generator.map(Stream{6, 0}.normal(Purpose::samples, {20000, 4}).to(torch::kFloat64), {}).select(1, 0);
  BOOST_TEST(test::largest_difference(found, w.square().mean(0).sqrt()) < 0.02);
}

BOOST_AUTO_TEST_CASE(what_does_not_fit_is_an_error) {
  const auto encoder = encoder_of(tiny_tensors());
  BOOST_TEST(error_of([&] { encoder.check_fits(test::small_stylegan2()); }) ==
             "the style encoder is for a generator of 8 px with 4 styles of 4 numbers, this one has 16 px and 6 of 5");
  BOOST_TEST(error_of([&] {
               (void)encoder.step(torch::zeros({1, 3, 8, 8}), torch::zeros({1, 3, 4, 4}));
             }).starts_with("pictures of shapes [1, 3, 8, 8] and [1, 3, 4, 4], expected"));
  auto tensors = tiny_tensors();
  tensors.erase("style_encoder.head.1.0.bias");
  BOOST_TEST(error_of([&] { encoder_of(tensors); }) == "network: tensor style_encoder.head.1.0.bias is missing");
  BOOST_TEST(error_of([&] {
               (void)initial_style_encoder({.resolution = 12, .channels = {4, 4, 4}}, {0, 0});
             }) == "a style encoder of 3 levels begins at 16 px, which the pictures' 12 px are no multiple of");
}

BOOST_AUTO_TEST_SUITE_END()
