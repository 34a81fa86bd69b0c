#include <boost/test/unit_test.hpp>

#include <set>
#include <string>

#include "nada/core/tensor.hpp"
#include "nada/encoders/transformer.hpp"
#include "nada/encoders/vision_transformer.hpp"
#include "nada/encoders/weights.hpp"
#include "nada/formats/tensor_file.hpp"
#include "support/files.hpp"
#include "support/finite_differences.hpp"
#include "support/naive_transformer.hpp"
#include "support/random_clip.hpp"

BOOST_AUTO_TEST_SUITE(encoders_vision_transformer)

using namespace nada;
using test::largest_difference;
using test::random;

namespace {

constexpr auto ignore = [](const std::string&, const Tensor&) {};

VisionTransformer tower(const TensorMap& tensors) {
  return {Weights(tensors, "clip", torch::kFloat64), 2, Gelu::quick};
}

/// Class token and patches of one sample after the last block, [1 + T, C]; patches by a convolution with stride.
Tensor naive_tokens(const Tensor& image, const TensorMap& t) {
  const auto patches = at::conv2d(image.unsqueeze(0), t.at("visual.conv1.weight"), {}, /*stride=*/4)[0];  // [C, 2, 2]
  auto x = torch::cat({t.at("visual.class_embedding").unsqueeze(0), patches.flatten(1).t()});
  x = x + t.at("visual.positional_embedding");
  return test::naive_transformer(test::naive_layer_norm(x, t, "visual.ln_pre"), t, "visual.transformer", 2, 2, false);
}

}  // namespace

BOOST_AUTO_TEST_CASE(sizes_come_from_the_tensors) {
  const auto model = tower(test::random_vit_clip());
  BOOST_TEST(model.resolution() == 8);
  BOOST_TEST(model.width() == 6);
  BOOST_TEST(model.depth() == 2U);
}

BOOST_AUTO_TEST_CASE(embedding_is_that_of_a_strided_convolution_and_the_written_out_blocks) {
  const auto tensors = test::random_vit_clip();
  const auto model = tower(tensors);
  const auto images = random({2, 3, 8, 8}, 1);
  const auto [embedding, tokens] = model(images, /*tokens=*/true, ignore);
  for (std::int64_t n = 0; n < 2; ++n) {
    const auto x = test::naive_layer_norm(naive_tokens(images[n], tensors), tensors, "visual.ln_post");
    BOOST_TEST(largest_difference(embedding[n], x[0].matmul(tensors.at("visual.proj"))) < 1e-12);
    BOOST_TEST(largest_difference(tokens[n], x.narrow(0, 1, 4)) < 1e-12);
  }
}

BOOST_AUTO_TEST_CASE(tokens_are_given_only_where_they_are_wanted_and_tap_sees_the_way) {
  const auto model = tower(test::random_vit_clip());
  std::set<std::string> seen;
  const auto [embedding, tokens] =
      model(random({1, 3, 8, 8}, 1), false, [&](const std::string& name, const Tensor&) { seen.insert(name); });
  BOOST_TEST(!tokens.defined());
  BOOST_TEST(seen == (std::set<std::string>{"ln_pre", "block0", "block1", "ln_post"}),
             boost::test_tools::per_element());
}

BOOST_AUTO_TEST_CASE(has_the_gradient_of_finite_differences) {
  const auto model = tower(test::random_vit_clip());
  const auto probe = random({1, 6}, 2);
  test::check_gradient([&](const Tensor& x) { return (model(x, false, ignore).first * probe).sum(); },
                       random({1, 3, 8, 8}, 1));
}

BOOST_AUTO_TEST_CASE(positions_that_are_no_grid_and_patches_that_are_not_square_are_errors) {
  auto tensors = test::random_vit_clip();
  tensors["visual.positional_embedding"] = random({6, 8}, 1);
  BOOST_TEST(error_of([&] { tower(tensors); }) == "clip: 6 positions are not a square grid and a class token");
  tensors = test::random_vit_clip();
  tensors["visual.conv1.weight"] = random({8, 3, 4, 2}, 1);
  BOOST_TEST(error_of([&] { tower(tensors); }) == "clip: patches of [8, 3, 4, 2] are not square");
}

BOOST_AUTO_TEST_SUITE_END()
