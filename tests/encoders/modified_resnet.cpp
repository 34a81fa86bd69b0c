#include <boost/test/unit_test.hpp>

#include <map>
#include <string>

#include "nada/core/tensor.hpp"
#include "nada/encoders/modified_resnet.hpp"
#include "nada/encoders/transformer.hpp"
#include "nada/encoders/weights.hpp"
#include "nada/formats/tensor_file.hpp"
#include "support/files.hpp"
#include "support/finite_differences.hpp"
#include "support/naive_transformer.hpp"
#include "support/random_clip.hpp"

BOOST_AUTO_TEST_SUITE(encoders_modified_resnet)

using namespace nada;
using test::largest_difference;
using test::random;

namespace {

constexpr auto ignore = [](const std::string&, const Tensor&) {};

ModifiedResNet tower(const TensorMap& tensors, std::int64_t heads = 4) {
  return {Weights(tensors, "clip", torch::kFloat64), heads, Gelu::quick};
}

/// The network with its batch norms as they are in the file, stage by stage.
struct Naive {
  const TensorMap& t;

  Tensor normed(const Tensor& x, const std::string& conv, const std::string& bn, std::int64_t stride,
                std::int64_t pad) const {
    const auto y = at::conv2d(x, t.at(conv + ".weight"), {}, stride, pad);
    return at::batch_norm(y, t.at(bn + ".weight"), t.at(bn + ".bias"), t.at(bn + ".running_mean"),
                          t.at(bn + ".running_var"), /*training=*/false, 0.1, 1e-5, false);
  }
  Tensor block(const Tensor& x, const std::string& p, bool halve) const {
    auto y = at::relu(normed(x, p + "conv1", p + "bn1", 1, 0));
    y = at::relu(normed(y, p + "conv2", p + "bn2", 1, 1));
    if (halve) y = at::avg_pool2d(y, 2);
    y = normed(y, p + "conv3", p + "bn3", 1, 0);
    if (!t.count(p + "downsample.0.weight")) return at::relu(y + x);
    return at::relu(y + normed(halve ? at::avg_pool2d(x, 2) : x, p + "downsample.0", p + "downsample.1", 1, 0));
  }
  std::map<std::string, Tensor> operator()(const Tensor& images) const {
    std::map<std::string, Tensor> out;
    auto x = at::relu(normed(images, "visual.conv1", "visual.bn1", 2, 1));
    x = at::relu(normed(x, "visual.conv2", "visual.bn2", 1, 1));
    x = at::avg_pool2d(at::relu(normed(x, "visual.conv3", "visual.bn3", 1, 1)), 2);
    out["stem"] = x;
    for (int layer = 1; layer <= 4; ++layer) {
      for (int b = 0; b < (layer == 2 ? 2 : 1); ++b)
        x = block(x, join("visual.layer", layer, ".", b, "."), layer > 1 && b == 0);
      out[join("layer", layer)] = x;
    }
    return out;
  }
  /// Attention pooling of one sample's last map [C, h, w].
  Tensor pooled(const Tensor& map) const {
    const auto pixels = map.flatten(1).t();
    const auto x = torch::cat({pixels.mean(0, true), pixels}) + t.at("visual.attnpool.positional_embedding");
    const auto by = [&](const std::string& name, const Tensor& x) {
      return x.matmul(t.at("visual.attnpool." + name + ".weight").t()) + t.at("visual.attnpool." + name + ".bias");
    };
    return by("c_proj",
              test::naive_attention(by("q_proj", x.narrow(0, 0, 1)), by("k_proj", x), by("v_proj", x), 4, false))[0];
  }
};

}  // namespace

BOOST_AUTO_TEST_CASE(sizes_come_from_the_tensors) {
  const auto model = tower(test::random_resnet_clip());
  BOOST_TEST(model.resolution() == 64);
  BOOST_TEST(model.width() == 6);
  BOOST_TEST(model.depth() == 4U);
}

BOOST_AUTO_TEST_CASE(folded_batch_norms_give_each_stage_of_the_network_with_batch_norms) {
  const auto tensors = test::random_resnet_clip();
  const auto images = random({2, 3, 64, 64}, 1);
  std::map<std::string, Tensor> ours;
  const auto [embedding, tokens] =
      tower(tensors)(images, true, [&](const std::string& name, const Tensor& value) { ours[name] = value; });
  const Naive naive{tensors};
  const auto expected = naive(images);
  BOOST_TEST_REQUIRE(ours.size() == expected.size());
  for (const auto& [name, value] : expected)
    BOOST_TEST(largest_difference(ours.at(name), value) < 1e-11 * (1 + test::number(value.abs().max())), name);
  for (std::int64_t n = 0; n < 2; ++n)
    BOOST_TEST(largest_difference(embedding[n], naive.pooled(expected.at("layer4")[n])) < 1e-10);
  BOOST_TEST(largest_difference(tokens, expected.at("layer4").flatten(2).transpose(1, 2)) < 1e-10);
  BOOST_TEST(largest_difference(embedding[0], embedding[1]) > 1e-4);
}

BOOST_AUTO_TEST_CASE(tokens_are_given_only_where_they_are_wanted) {
  BOOST_TEST(!tower(test::random_resnet_clip())(random({1, 3, 64, 64}, 1), false, ignore).second.defined());
}

BOOST_AUTO_TEST_CASE(has_the_gradient_of_finite_differences) {
  const auto model = tower(test::random_resnet_clip());
  const auto probe = random({1, 6}, 2);
  test::check_gradient([&](const Tensor& x) { return (model(x, false, ignore).first * probe).sum(); },
                       random({1, 3, 64, 64}, 1), 1e-5, /*most=*/15);
}

BOOST_AUTO_TEST_CASE(heads_follow_from_the_width_of_the_tower_and_must_divide_that_of_the_pooling) {
  const auto tensors = test::random_resnet_clip();
  const auto images = random({1, 3, 64, 64}, 1);
  const auto of = [&](std::int64_t heads) { return tower(tensors, heads)(images, false, ignore).first; };
  BOOST_TEST(largest_difference(of(0), of(2)) == 0);  // width 4 has 2 heads
  BOOST_TEST(largest_difference(of(0), of(4)) > 1e-6);
  BOOST_TEST(error_of([&] { of(3); }) == "clip: attention pooling of width 128 does not split into 3 heads");
}

BOOST_AUTO_TEST_CASE(what_is_missing_or_does_not_fit_is_an_error_that_names_it) {
  auto tensors = test::random_resnet_clip();
  tensors.erase("visual.layer2.0.bn2.running_var");
  BOOST_TEST(error_of([&] { tower(tensors); }) == "clip: tensor visual.layer2.0.bn2.running_var is missing");
  tensors = test::random_resnet_clip();
  tensors.erase("visual.layer3.0.conv1.weight");
  BOOST_TEST(error_of([&] { tower(tensors); }) == "clip: tensor visual.layer3.0.conv1.weight is missing");
  tensors = test::random_resnet_clip();
  tensors["visual.attnpool.positional_embedding"] = random({6, 128}, 1);
  BOOST_TEST(error_of([&] { tower(tensors); }) == "clip: 6 positions are not a square grid and a mean token");
}

BOOST_AUTO_TEST_SUITE_END()
