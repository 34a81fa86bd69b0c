#include <boost/test/unit_test.hpp>

#include <cstddef>
#include <cstdint>
#include <functional>
#include <string>
#include <vector>

#include "nada/core/tensor.hpp"
#include "nada/encoders/inception.hpp"
#include "nada/formats/grid.hpp"
#include "nada/formats/picture_resize.hpp"
#include "nada/formats/tensor_file.hpp"
#include "support/files.hpp"
#include "support/golden.hpp"
#include "support/small_inception.hpp"
#include "support/tiny.hpp"

BOOST_AUTO_TEST_SUITE(encoders_inception)

using namespace nada;
using test::largest_difference;
using test::number;
using test::random;
using Resizing = Inception::Resizing;

// That the network computes what the reference computes, with official widths, is tests/golden/measures.

BOOST_AUTO_TEST_CASE(images_are_pooled_each_for_itself) {
  const torch::NoGradGuard no_grad;
  const Inception network(test::small_inception(), "f", torch::kFloat64);
  const auto images = random({2, 3, 40, 56}, 1).tanh();
  const auto pooled = network(images);
  BOOST_TEST(pooled.sizes() == (at::IntArrayRef{2, 128}));
  BOOST_TEST(largest_difference(network(images.narrow(0, 1, 1))[0], pooled[1]) < 1e-12);
  BOOST_TEST(largest_difference(pooled[0], pooled[1]) > 1e-3);
  BOOST_TEST(largest_difference(pooled, network.pool(Inception::resize(images, Resizing::torch))) == 0);
}

BOOST_AUTO_TEST_CASE(the_clean_way_resizes_as_pictures_are_resized_but_for_rounding) {
  Picture picture{340, 120, std::vector<std::uint8_t>(340 * 120 * 3), {}};
  for (std::size_t i = 0; i < picture.pixels.size(); ++i)
    picture.pixels[i] = static_cast<std::uint8_t>(96 + (i * i / 97 + 5 * i) % 64);  // no pass overshoots
  const auto ours = Inception::resize(to_images({picture}), Resizing::clean);
  const auto theirs = to_images({resize(picture, 299, 299)});
  // Two roundings to 8 bits, of which the second pass may widen the first: one and a half of 255 values.
  BOOST_TEST(largest_difference(ours, theirs) < 1.5 / 127.5);
  BOOST_TEST(number((ours - theirs).abs().mean()) < 0.4 / 127.5);
  BOOST_TEST(number(ours.abs().max()) <= 1);
  const auto same = random({1, 3, 299, 299}, 2).tanh().to(torch::kFloat32);
  for (const auto way : {Resizing::torch, Resizing::clean})
    BOOST_TEST(largest_difference(Inception::resize(same, way), same) < 1e-5);
}

BOOST_AUTO_TEST_CASE(the_clean_way_scales_values_by_128) {
  const torch::NoGradGuard no_grad;
  Inception network(test::small_inception(), "f", torch::kFloat64);
  network.resizing = Resizing::clean;
  const auto images = random({1, 3, 80, 80}, 3).tanh();
  const auto values = (Inception::resize(images, Resizing::clean) + 1) * 127.5;
  BOOST_TEST(largest_difference(network(images), network.pool((values - 128) / 128)) < 1e-9);
}

BOOST_AUTO_TEST_CASE(logits_are_those_of_the_classifier_without_its_bias) {
  auto tensors = test::small_inception();
  const Inception network(tensors, "f", torch::kFloat64);
  const auto pooled = random({3, 128}, 4);
  BOOST_TEST(network.has_classifier());
  BOOST_TEST(largest_difference(network.logits(pooled),
                                pooled.matmul(tensors.at("fc.weight").to(torch::kFloat64).t())) < 1e-12);
  tensors.erase("fc.weight");
  const Inception headless(tensors, "f");
  BOOST_TEST(!headless.has_classifier());
  BOOST_TEST(error_of([&] { headless.logits(pooled); }) == "the Inception network has no classifier fc");
}

BOOST_AUTO_TEST_CASE(files_are_told_by_their_names_and_what_does_not_fit_is_told) {
  const TemporaryFolder folder;
  const auto tensors = test::small_inception();
  save_tensors(folder / "inception.safetensors", tensors, {});
  const torch::NoGradGuard no_grad;
  const auto images = random({1, 3, 75, 90}, 5).to(torch::kFloat32).tanh();
  BOOST_TEST(largest_difference(Inception::load(folder / "inception.safetensors").pool(images),
                                Inception(tensors, "f").pool(images)) == 0);
  const auto error_with = [&](const std::function<void(TensorMap&)>& change) {
    auto changed = tensors;
    change(changed);
    return error_of([&] { Inception(changed, "f"); });
  };
  BOOST_TEST(error_with([](TensorMap& t) { t.erase("Mixed_6d.branch7x7dbl_4.bn.running_var"); }) ==
             "f: tensor Mixed_6d.branch7x7dbl_4.bn.running_var is missing");
  BOOST_TEST(error_with([](TensorMap& t) {
               t["Mixed_5c.branch1x1.conv.weight"] = torch::zeros({4, 15, 1, 1});
             }).find("has shape [4, 15, 1, 1], expected [-1, 16, 1, 1]") != std::string::npos);
  BOOST_TEST(error_with([](TensorMap& t) {
               t["AuxLogits.conv0.conv.weight"] = torch::zeros({1});
             }).find("is torchvision's Inception-v3, expected the one of FID") != std::string::npos);
  BOOST_TEST(error_with([](TensorMap& t) {
               t["fc.weight"] = torch::zeros({1000, 128});
             }).find("has shape [1000, 128], expected [1008, 128]") != std::string::npos);
  BOOST_TEST(error_of([] {
               Inception::load(test::kept_golden() / "clip" / "vit_a.safetensors");
             }).find("expected the Inception network of FID") != std::string::npos);
  BOOST_TEST(error_of([&] {
               Inception(tensors, "f").pool(torch::zeros({1, 3, 64, 64}));
             }) == "images of shape [1, 3, 64, 64], expected [N, 3, H, W] of 75 pixels or more");
}

BOOST_AUTO_TEST_SUITE_END()
