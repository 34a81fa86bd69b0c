#include <boost/test/unit_test.hpp>

#include <filesystem>
#include <functional>
#include <string>
#include <vector>

#include "nada/core/tensor.hpp"
#include "nada/encoders/feature_extractor.hpp"
#include "nada/encoders/hed.hpp"
#include "nada/formats/model_file.hpp"
#include "nada/formats/recognise.hpp"
#include "nada/formats/tensor_file.hpp"
#include "support/files.hpp"
#include "support/golden.hpp"
#include "support/small_hed.hpp"
#include "support/tiny.hpp"

BOOST_AUTO_TEST_SUITE(encoders_hed)

using namespace nada;
using test::largest_difference;
using test::number;
using test::random;

// That the network computes what the reference computes, with official widths, is tests/golden/measures.

BOOST_AUTO_TEST_CASE(edges_are_a_probability_at_each_pixel_of_each_image_for_itself) {
  const torch::NoGradGuard no_grad;
  const Hed network(test::small_hed(), "f", torch::kFloat64);
  const auto images = random({2, 3, 36, 50}, 1).tanh();
  const auto edges = network(images);
  BOOST_TEST(edges.sizes() == (at::IntArrayRef{2, 1, 36, 50}));
  BOOST_TEST((number(edges.min()) > 0 && number(edges.max()) < 1));
  BOOST_TEST(number(edges.std()) > 1e-3);
  BOOST_TEST(largest_difference(network(images.narrow(0, 1, 1))[0], edges[1]) < 1e-12);
}

BOOST_AUTO_TEST_CASE(edges_are_the_sigmoid_of_the_weighed_enlarged_side_outputs) {
  const torch::NoGradGuard no_grad;
  const auto tensors = test::small_hed();
  const Hed network(tensors, "f", torch::kFloat64);
  const auto weights = tensors.at("netCombine.0.weight").to(torch::kFloat64).flatten();
  auto sum = tensors.at("netCombine.0.bias").to(torch::kFloat64).view({1, 1, 1, 1});
  std::vector<std::int64_t> sides;
  const auto edges = network(random({1, 3, 32, 48}, 2).tanh(), [&](int s, const Tensor& side) {
    sides.push_back(side.size(2));
    sum = sum + weights[s] * at::upsample_bilinear2d(side, {32, 48}, /*align_corners=*/false);
  });
  BOOST_TEST((sides == std::vector<std::int64_t>{32, 16, 8, 4, 2}));
  BOOST_TEST(largest_difference(edges, sum.sigmoid()) < 1e-12);
}

BOOST_AUTO_TEST_CASE(a_file_has_either_beginning_of_its_names) {
  const TemporaryFolder folder;
  const torch::NoGradGuard no_grad;
  const auto image = random({1, 3, 16, 16}, 3).to(torch::kFloat32).tanh();
  const auto truth = Hed(test::small_hed(), "f")(image);
  for (const std::string beginning : {"net", "module"}) {
    const auto path = folder / (beginning + ".safetensors");
    save_tensors(path, test::small_hed(beginning), {});
    BOOST_TEST((ModelFile::open(path).kind() == FileKind::edge_network), beginning);
    BOOST_TEST(largest_difference(Hed::load(path)(image), truth) == 0);
    BOOST_TEST(read_hed(ModelFile::open(path)).count("netScoreThr.bias") == 1U);
  }
}

BOOST_AUTO_TEST_CASE(what_does_not_fit_is_told) {
  const auto error_with = [](const std::function<void(TensorMap&)>& change) {
    auto tensors = test::small_hed();
    change(tensors);
    return error_of([&] { Hed(tensors, "f"); });
  };
  BOOST_TEST(error_with([](TensorMap&) {}) == "");
  BOOST_TEST(error_with([](TensorMap& t) { t.erase("netVggFou.5.bias"); }) == "f: tensor netVggFou.5.bias is missing");
  BOOST_TEST(error_with([](TensorMap& t) {
               t["netCombine.0.weight"] = torch::zeros({1, 4, 1, 1});
             }) == "f: tensor netCombine.0.weight has shape [1, 4, 1, 1], expected [1, 5, 1, 1] (-1: any)");
  BOOST_TEST(error_of([] {
               Hed::load(test::kept_golden() / "lpips" / "tiny.safetensors");
             }).find("is an LPIPS network, expected an HED edge network") != std::string::npos);
  BOOST_TEST(error_of([] {
               Hed(test::small_hed(), "f")(torch::zeros({1, 3, 8, 32}));
             }) == "images of shape [1, 3, 8, 32], expected [N, 3, H, W] of 16 pixels or more");
}

BOOST_AUTO_TEST_SUITE_END()
