#include <boost/test/unit_test.hpp>

#include "nada/core/error.hpp"
#include "nada/core/stream.hpp"
#include "nada/core/tensor.hpp"
#include "nada/encoders/any_clip.hpp"
#include "nada/encoders/step_head.hpp"
#include "nada/encoders/weights.hpp"
#include "support/files.hpp"
#include "support/step_pairs.hpp"
#include "support/tiny.hpp"

BOOST_AUTO_TEST_SUITE(encoders_step_head)

using namespace nada;

namespace {

Tensor pictures(std::int64_t n, std::int64_t side = 16) {
  return Stream{7, 0}.uniform(Purpose::samples, {n, 3, side, side}) * 2 - 1;
}
Tensor steps(std::int64_t n) { return unit(Stream{8, 0}.normal(Purpose::samples, {n, 8})); }

}  // namespace

BOOST_AUTO_TEST_CASE(a_new_head_predicts_that_nothing_moves) {
  const auto clip = test::pair_clip(initial_step_head(
      {.levels = test::pair_clip().dense_levels(), .embedding = 8, .width = 6, .directions = 3}, {2, 0}));
  BOOST_REQUIRE(clip.step_head() != nullptr);
  const auto found = (*clip.step_head())(pictures(2), steps(1));
  BOOST_REQUIRE(found.size() == 2U);
  for (const auto& level : found) BOOST_TEST(level.abs().max().item<double>() == 0);
}

BOOST_AUTO_TEST_CASE(levels_have_the_shapes_of_the_dense_features_at_any_size) {
  const auto clip = test::pair_clip(test::random_head());
  for (const std::int64_t side : {16, 32, 48}) {
    const auto seen = clip.see_dense(pictures(2, side));
    const auto found = (*clip.step_head())(pictures(2, side), steps(1));
    for (std::size_t l = 0; l < 2; ++l) {
      BOOST_TEST(found[l].sizes() == seen[l].sizes());
      BOOST_TEST(seen[l].size(1) == clip.dense_levels()[l].channels);
      BOOST_TEST(seen[l].size(2) == side / clip.dense_levels()[l].stride);
    }
  }
}

BOOST_AUTO_TEST_CASE(a_prediction_depends_on_its_own_picture_and_its_own_step_alone) {
  const auto clip = test::pair_clip(test::random_head());
  const auto images = pictures(3), text = steps(3);
  const auto together = (*clip.step_head())(images, text);
  for (std::int64_t i = 0; i < 3; ++i) {
    const auto alone = (*clip.step_head())(images.narrow(0, i, 1), text.narrow(0, i, 1));
    for (std::size_t l = 0; l < 2; ++l)
      BOOST_TEST(test::largest_difference(together[l].narrow(0, i, 1), alone[l]) < 1e-4);
  }
  const auto other = (*clip.step_head())(images, text.flip(0));
  BOOST_TEST(test::largest_difference(other[0], together[0]) > 1e-3);
}

BOOST_AUTO_TEST_CASE(one_block_is_the_formula_written_out) {
  auto tensors = test::random_head();
  std::erase_if(tensors, [](const auto& one) { return one.first.starts_with("step_head.block.1"); });
  const StepHead head(Weights(tensors, "head", torch::kFloat32), test::pair_clip().dense_levels());
  const auto at = [&](const std::string& name) { return tensors.at("step_head." + name); };
  const auto images = pictures(2), text = steps(2);
  const auto conv = [&](const Tensor& x, const std::string& name) {
    return at::conv2d(x, at(name + ".weight"), at(name + ".bias"), 1, 1);
  };
  const auto silu = [](const Tensor& x) { return x * x.sigmoid(); };
  // Pixels in squares of 4: channel c, row y, column x of a square is the channel 16 c + 4 y + x.
  const auto folded = images.view({2, 3, 4, 4, 4, 4}).permute({0, 1, 3, 5, 2, 4}).reshape({2, 48, 4, 4});
  auto x = conv(folded, "in");
  const auto hidden = silu((3 * text).matmul(at("block.0.film.0.weight").t()) + at("block.0.film.0.bias"));
  const auto film = hidden.matmul(at("block.0.film.1.weight").t()) + at("block.0.film.1.bias");
  const auto scale = film.narrow(1, 0, 6).view({2, 6, 1, 1}), shift = film.narrow(1, 6, 6).view({2, 6, 1, 1});
  x = x + conv(silu(conv(silu(x), "block.0.0") * (1 + scale) + shift), "block.0.1");
  const auto level = at::conv2d(silu(x), at("level.1.weight"), at("level.1.bias"));
  BOOST_TEST(test::largest_difference(head(images, text)[1], level) < 1e-5);
}

BOOST_AUTO_TEST_CASE(pixels_are_a_last_level_of_the_pictures_own_size) {
  const auto levels = test::pair_clip().dense_levels();
  for (const bool dense : {true, false}) {
    auto tensors = test::random_head();
    tensors["step_head.pixels.weight"] = Stream{5, 0}.normal(Purpose::leaves, {48, 6, 1, 1});
    tensors["step_head.pixels.bias"] = torch::zeros({48});
    tensors["step_head.scale"] = torch::ones({dense ? 3 : 1});
    if (!dense) std::erase_if(tensors, [](const auto& one) { return one.first.starts_with("step_head.level"); });
    const StepHead head(Weights(tensors, "head", torch::kFloat32), levels);
    BOOST_TEST(head.predicts_pixels());
    BOOST_TEST(head.dense_levels() == (dense ? 2U : 0U));
    const auto clip = test::pair_clip(tensors);
    const auto images = pictures(2);
    const auto seen = stepping_features(clip, head, images), found = head(images, steps(1));
    BOOST_REQUIRE(seen.size() == found.size());
    for (std::size_t l = 0; l < seen.size(); ++l) BOOST_TEST(found[l].sizes() == seen[l].sizes());
    BOOST_TEST(at::equal(seen.back(), images));
  }
}

BOOST_AUTO_TEST_CASE(familiarity_is_the_largest_cosine_with_a_step_of_the_training) {
  auto tensors = test::random_head();
  tensors["step_head.directions"] = torch::eye(8).narrow(0, 0, 3);
  const StepHead head(Weights(tensors, "head", torch::kFloat32), test::pair_clip().dense_levels());
  BOOST_TEST(head.familiarity(torch::eye(8)[1].unsqueeze(0) * 5) == 1, boost::test_tools::tolerance(1e-6));
  BOOST_TEST(head.familiarity(torch::eye(8)[5].unsqueeze(0)) == 0);
  BOOST_TEST(head.familiarity(torch::tensor({{0.6F, 0.0F, 0.0F, 0.8F, 0.0F, 0.0F, 0.0F, 0.0F}})) == 0.6,
             boost::test_tools::tolerance(1e-6));
}

BOOST_AUTO_TEST_CASE(an_encoder_without_a_head_has_none_and_a_transformer_has_no_dense_features) {
  BOOST_TEST(test::pair_clip().step_head() == nullptr);
  const auto transformer = test::pair_clip({}, false);
  BOOST_TEST(transformer.dense_levels().empty());
  BOOST_TEST(error_of([&] { transformer.see_dense(pictures(1)); }) ==
             "a vision transformer has no dense features; a modified residual network has");
}

BOOST_AUTO_TEST_CASE(a_head_that_does_not_fit_and_pictures_that_cannot_be_folded_are_errors) {
  auto tensors = test::random_head();
  tensors.erase("step_head.level.1.bias");
  BOOST_TEST(error_of([&] { test::pair_clip(tensors); }) == "clip: tensor step_head.level.1.bias is missing");
  const auto clip = test::pair_clip(test::random_head());
  BOOST_CHECK_THROW((*clip.step_head())(pictures(1, 18), steps(1)), Error);
  BOOST_CHECK_THROW(initial_step_head({.levels = {{8, 3}}}, {2, 0}), Error);
  BOOST_CHECK_THROW(initial_step_head({.levels = {}}, {2, 0}), Error);
}

BOOST_AUTO_TEST_SUITE_END()
