#include "nada/editing/style_space.hpp"

#include <boost/test/unit_test.hpp>
#include <cmath>
#include <string>

#include "nada/generators/stylegan2.hpp"
#include "support/files.hpp"
#include "support/random_stylegan2.hpp"
#include "support/tiny.hpp"

BOOST_AUTO_TEST_SUITE(editing_style_space)

using namespace nada;

BOOST_AUTO_TEST_CASE(the_convolutions_have_channels_and_the_rgb_layers_are_left_out) {
  const auto generator = test::small_stylegan2();
  std::string names;
  for (const auto k : style_layers(generator)) names += generator.layers()[k].name + " ";
  BOOST_TEST(names == "conv.4.0 conv.8.0 conv.8.1 conv.16.0 conv.16.1 ");
  BOOST_TEST(error_of([] { style_layers(test::TinyGenerator()); }) ==
             "this generator has no style channels: none of its convolutions has an affine map");
}

BOOST_AUTO_TEST_CASE(channels_are_the_affine_map_of_the_layers_own_style) {
  const auto generator = test::small_stylegan2();
  const auto styles = test::random_styles(generator, 3);
  const auto k = find_layer(generator.layers(), "conv.8.1");
  const auto found = style_channels(generator, k, styles);  // [3, 4]
  const auto tensors = generator.tensors();
  const auto &a = tensors.at("conv.8.1.affine.weight"), &b = tensors.at("conv.8.1.affine.bias");
  for (std::int64_t n = 0; n < 3; ++n)
    for (std::int64_t c = 0; c < 4; ++c) {
      double sum = test::number(b[c]);
      for (std::int64_t i = 0; i < 5; ++i)
        sum += test::number(a[c][i]) * test::number(styles[n][2][i]) / std::sqrt(5.0);
      BOOST_TEST(test::number(found[n][c]) == sum, boost::test_tools::tolerance(1e-12));
    }
}

BOOST_AUTO_TEST_CASE(moving_a_channel_moves_what_style_channels_tells_and_nothing_else) {
  const auto generator = test::small_stylegan2();
  const auto styles = test::random_styles(generator, 2);
  const auto offset = torch::tensor({0.0, 0.5, 0.0, -2.0}, torch::kFloat64);
  const auto moved = move_channels(generator, {{"conv.8.1", offset}}, 3);
  for (const auto k : style_layers(generator)) {
    const auto step = style_channels(moved, k, styles) - style_channels(generator, k, styles);
    const bool own = generator.layers()[k].name == "conv.8.1";
    BOOST_TEST(test::largest_difference(step, own ? (3 * offset).expand_as(step) : torch::zeros_like(step)) < 1e-12);
  }
  BOOST_TEST(test::largest_difference(moved.synthesize(styles), generator.synthesize(styles)) > 1e-3);
}

BOOST_AUTO_TEST_CASE(a_pinned_channel_is_the_same_in_every_sample_and_the_others_are_as_before) {
  const auto generator = test::small_stylegan2();
  const auto styles = test::random_styles(generator, 3);
  const auto k = find_layer(generator.layers(), "conv.8.1");
  const auto found = style_channels(pin_channel(generator, k, 2, -1.5), k, styles);
  auto expected = style_channels(generator, k, styles);
  expected.select(1, 2).fill_(-1.5);
  BOOST_TEST(test::largest_difference(found, expected) < 1e-15);
  BOOST_TEST(test::number(style_channels(generator, k, styles)[0][2]) != -1.5);
}

BOOST_AUTO_TEST_CASE(an_amount_of_zero_gives_the_generators_bits) {
  const auto generator = test::small_stylegan2({.type = torch::kFloat32});
  const auto styles = test::random_styles(generator, 2);
  const auto same = move_channels(generator, {{"conv.4.0", torch::ones({5})}}, 0);
  BOOST_TEST(test::same_bits(same.synthesize(styles), generator.synthesize(styles)));
}

BOOST_AUTO_TEST_CASE(offsets_that_do_not_fit_are_an_error) {
  const auto generator = test::small_stylegan2();
  BOOST_TEST(error_of([&] {
               move_channels(generator, {{"conv.4.0", torch::ones({7})}}, 1);
             }) == "offsets of shape [7] for the layer conv.4.0, expected [5]");
  BOOST_TEST(error_of([&] {
               move_channels(generator, {{"const", torch::ones({5})}}, 1);
             }) == "the layer const has no style channels");
  BOOST_TEST(error_of([&] {
               move_channels(generator, {{"conv.9", torch::ones({5})}}, 1);
             }).starts_with("there is no layer 'conv.9'"));
}

BOOST_AUTO_TEST_SUITE_END()
