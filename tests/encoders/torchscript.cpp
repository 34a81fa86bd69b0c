#include <torch/csrc/jit/api/module.h>
#include <boost/test/unit_test.hpp>

#include "nada/core/tensor.hpp"
#include "nada/encoders/torchscript.hpp"
#include "nada/formats/file.hpp"
#include "nada/losses/lpips_anchor.hpp"
#include "nada/losses/term.hpp"
#include "support/files.hpp"
#include "support/finite_differences.hpp"
#include "support/tiny.hpp"

BOOST_AUTO_TEST_SUITE(encoders_torchscript, *boost::unit_test::tolerance(1e-9))

using namespace nada;
using test::random;
using Convention = TorchScriptFeatures::Convention;

namespace {

static_assert(SceneTerm<LpipsAnchor<TorchScriptFeatures>>);

/// A network with the signature of vgg16.pt, whose features are the mean of each channel, and wrong ones if called
/// wrong.
std::filesystem::path channel_means(const TemporaryFolder& folder) {
  torch::jit::Module module("network");
  module.define(R"(
def forward(self, x, resize_images: bool=True, return_features: bool=False, return_lpips: bool=False):
    if resize_images or not return_lpips:
        return x.flatten(1)
    return x.mean([2, 3]) / 255
)");
  module.save((folder / "vgg16.pt").string());
  return folder / "vgg16.pt";
}

/// One with the signature of inception-2015-12-05.pt that adds up bytes.
std::filesystem::path byte_sums(const TemporaryFolder& folder) {
  torch::jit::Module module("network");
  module.define(R"(
def forward(self, x, return_features: bool=False):
    assert return_features and x.dtype == 0
    return x.double().sum([2, 3])
)");
  module.save((folder / "inception.pt").string());
  return folder / "inception.pt";
}

}  // namespace

BOOST_AUTO_TEST_CASE(calls_networks_of_the_lpips_kind_as_they_expect_it) {
  const TemporaryFolder folder;
  const auto features = TorchScriptFeatures::load(channel_means(folder), Convention::lpips);
  const auto images = random({2, 3, 8, 8}, 1);
  BOOST_TEST((test::largest_difference(features(images), (images.mean(at::IntArrayRef{2, 3}) + 1) / 2) < 1e-12));
  // larger ones are averaged down to 256, which keeps the means
  const auto large = random({1, 3, 512, 512}, 2);
  BOOST_TEST((test::largest_difference(features(large), (large.mean(at::IntArrayRef{2, 3}) + 1) / 2) < 1e-12));
}

BOOST_AUTO_TEST_CASE(calls_networks_of_the_inception_kind_with_bytes) {
  const TemporaryFolder folder;
  const auto features = TorchScriptFeatures::load(byte_sums(folder), Convention::inception);
  const auto sums = features(torch::tensor({-1.0, 1.0, 0.0, 3.0}).view({1, 1, 2, 2}).expand({1, 3, 2, 2}));
  BOOST_TEST(test::number(sums[0][0]) == 0 + 255 + 128 + 255);
}

BOOST_AUTO_TEST_CASE(the_lpips_anchor_is_the_mean_squared_distance_of_features) {
  const TemporaryFolder folder;
  const LpipsAnchor term(TorchScriptFeatures::load(channel_means(folder), Convention::lpips));
  const auto anchor = 0.3 * random({2, 3, 4, 4}, 1);
  Scene scene;
  scene.anchor_images = anchor.clamp(-0.5, 0.5);
  scene.adapted_images = scene.anchor_images.clone();
  BOOST_TEST(test::number(term(scene)) == 0);
  scene.adapted_images = scene.anchor_images + 0.2;
  BOOST_TEST(test::number(term(scene)) == 3 * 0.01);
  test::check_gradient(
      [&](const Tensor& x) {
        scene.adapted_images = x;
        return term(scene);
      },
      scene.anchor_images + 0.1 * random({2, 3, 4, 4}, 2).clamp(-1, 1));
}

BOOST_AUTO_TEST_CASE(says_what_is_wrong_with_a_file_or_a_call) {
  const TemporaryFolder folder;
  const auto load = [](const std::filesystem::path& path, Convention c) { return TorchScriptFeatures::load(path, c); };
  BOOST_TEST(error_of([&] { load(folder / "none.pt", Convention::lpips); }).find("no such file") != std::string::npos);
  write_text(folder / "text.pt", "no archive");
  BOOST_TEST(error_of([&] { load(folder / "text.pt", Convention::lpips); }).find("no TorchScript archive") !=
             std::string::npos);
  const auto wrong = load(byte_sums(folder), Convention::lpips);
  BOOST_TEST(error_of([&] { wrong(random({1, 3, 4, 4}, 1)); }).find("refused the call") != std::string::npos);
}

BOOST_AUTO_TEST_SUITE_END()
