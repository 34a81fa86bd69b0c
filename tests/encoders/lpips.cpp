#include <boost/test/unit_test.hpp>

#include <cmath>
#include <functional>
#include <string>

#include "nada/core/tensor.hpp"
#include "nada/encoders/feature_extractor.hpp"
#include "nada/encoders/lpips.hpp"
#include "nada/formats/model_file.hpp"
#include "nada/formats/tensor_file.hpp"
#include "nada/losses/lpips_anchor.hpp"
#include "nada/losses/term.hpp"
#include "support/files.hpp"
#include "support/finite_differences.hpp"
#include "support/golden.hpp"
#include "support/tiny.hpp"

BOOST_AUTO_TEST_SUITE(encoders_lpips)

using namespace nada;
using test::largest_difference;
using test::number;
using test::random;

namespace {

static_assert(SceneTerm<LpipsAnchor<Lpips>>);

const auto file = test::kept_golden() / "lpips" / "tiny.safetensors";

Lpips network() { return Lpips::load(ModelFile::open(file), torch::kCPU, torch::kFloat64); }

}  // namespace

// That the network computes what the reference computes, with official widths, is tests/golden/measures.

BOOST_AUTO_TEST_CASE(equal_pictures_have_no_distance_and_others_the_same_from_either_side) {
  const torch::NoGradGuard no_grad;
  const auto lpips = network();
  const auto a = random({3, 3, 32, 48}, 1).tanh(), b = random({3, 3, 32, 48}, 2).tanh();
  BOOST_TEST(number(lpips.distance(a, a).abs().max()) == 0);
  const auto d = lpips.distance(a, b);
  BOOST_TEST(d.sizes() == at::IntArrayRef{3});
  BOOST_TEST(number(d.min()) > 0.01);
  BOOST_TEST(largest_difference(d, lpips.distance(b, a)) < 1e-12);
  BOOST_TEST(lpips.per_layer(a, b).sizes() == (at::IntArrayRef{5, 3}));
  BOOST_TEST(largest_difference(lpips.distance(a.narrow(0, 2, 1), b.narrow(0, 2, 1))[0], d[2]) < 1e-12);
}

BOOST_AUTO_TEST_CASE(the_squared_distance_of_features_is_the_distance) {
  const torch::NoGradGuard no_grad;
  const auto lpips = network();
  const auto a = random({2, 3, 40, 24}, 3).tanh(), b = random({2, 3, 40, 24}, 4).tanh();
  BOOST_TEST(largest_difference(feature_distance(lpips(a), lpips(b)), lpips.distance(a, b)) < 1e-12);
  const auto large = random({1, 3, 512, 320}, 5).tanh();
  BOOST_TEST(largest_difference(lpips(large), lpips(at::adaptive_avg_pool2d(large, {256, 256}))) == 0);
}

BOOST_AUTO_TEST_CASE(the_lpips_anchor_is_the_mean_distance_and_has_its_gradient) {
  const auto lpips = network();
  const LpipsAnchor term(lpips);
  const auto anchor = 0.5 * random({2, 3, 16, 16}, 6).tanh();
  Scene scene;
  scene.anchor_images = scene.adapted_images = anchor;
  BOOST_TEST(number(term(scene)) == 0);
  const auto moved = (anchor + 0.2 * random({2, 3, 16, 16}, 7)).clamp(-0.9, 0.9);
  scene.adapted_images = moved;
  BOOST_TEST(std::abs(number(term(scene)) - number(lpips.distance(moved, anchor).mean())) < 1e-12);
  test::check_gradient(
      [&](const Tensor& x) {
        scene.adapted_images = x;
        return term(scene);
      },
      moved);
}

BOOST_AUTO_TEST_CASE(learned_weights_find_torchvisions_network_beside_them) {
  const TemporaryFolder folder;
  TensorMap learned, vgg;
  for (auto& [name, value] : to_tensors(ModelFile::open(file)))
    if (name.starts_with("lin"))
      learned[name] = value;
    else
      vgg["features." + name.substr(name.find('.', 4) + 1)] = value;
  save_tensors(folder / "vgg.pth", learned, {});
  const auto load = [&] { return Lpips::load(folder / "vgg.pth"); };
  BOOST_TEST(
      error_of(load).find("holds LPIPS' learned weights alone; put torchvision's vgg16-397923af.pth beside it") !=
      std::string::npos);
  vgg["classifier.0.weight"] = torch::zeros({2, 2});
  save_tensors(folder / "vgg16-397923af.pth", vgg, {});
  const torch::NoGradGuard no_grad;
  const auto a = random({1, 3, 16, 16}, 8).tanh(), b = random({1, 3, 16, 16}, 9).tanh();
  BOOST_TEST(largest_difference(load().distance(a, b), Lpips::load(file).distance(a, b)) == 0);
  vgg.erase("features.21.bias");
  save_tensors(folder / "vgg16-397923af.pth", vgg, {});
  BOOST_TEST(error_of(load).find("tensor features.21.bias is missing") != std::string::npos);
}

BOOST_AUTO_TEST_CASE(what_does_not_fit_is_told) {
  const auto error_with = [](const std::function<void(TensorMap&)>& change) {
    auto tensors = to_tensors(ModelFile::open(file));
    change(tensors);
    return error_of([&] { Lpips(tensors, "f"); });
  };
  BOOST_TEST(error_with([](TensorMap&) {}) == "");
  BOOST_TEST(error_with([](TensorMap& t) { t.erase("net.slice3.14.bias"); }) ==
             "f: tensor net.slice3.14.bias is missing");
  BOOST_TEST(error_with([](TensorMap& t) { t["lin2.model.1.weight"].neg_(); }) ==
             "f: tensor lin2.model.1.weight has numbers below 0");
  BOOST_TEST(error_of([] {
               Lpips::load(test::kept_golden() / "arcface" / "ir_se50_tiny.safetensors");
             }).find("expected an LPIPS network with VGG16") != std::string::npos);
  const auto lpips = network();
  BOOST_TEST(error_of([&] {
               lpips.layers(torch::zeros({1, 3, 8, 32}));
             }) == "images of shape [1, 3, 8, 32], expected [N, 3, H, W] of 16 pixels or more");
  BOOST_TEST(error_of([&] {
               lpips.distance(torch::zeros({1, 3, 16, 16}), torch::zeros({2, 3, 16, 16}));
             }) == "LPIPS of images of shapes [1, 3, 16, 16] and [2, 3, 16, 16]");
}

BOOST_AUTO_TEST_SUITE_END()
