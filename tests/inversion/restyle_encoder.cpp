#include <boost/test/unit_test.hpp>

#include <functional>
#include <string>
#include <vector>

#include "nada/core/tensor.hpp"
#include "nada/formats/model_file.hpp"
#include "nada/formats/recognise.hpp"
#include "nada/formats/tensor_file.hpp"
#include "nada/generators/stylegan2.hpp"
#include "nada/inversion/inverter.hpp"
#include "nada/inversion/restyle_encoder.hpp"
#include "support/files.hpp"
#include "support/golden.hpp"
#include "support/tiny.hpp"

BOOST_AUTO_TEST_SUITE(inversion_restyle_encoder)

using namespace nada;
using test::largest_difference;
using test::random;

// That rounds give the styles of the public code is tests/golden/e4e (parity).

namespace {

const auto psp = test::kept_golden() / "e4e" / "psp_tiny.safetensors";

/// Returns the tensors of a file of ReStyle: those of the tiny pSp without its pyramid, with six channels.
TensorMap restyle_tensors() {
  auto tensors = read_gradual_style_encoder(ModelFile::open(psp)).tensors;
  std::erase_if(tensors, [](const auto& entry) { return entry.first.starts_with("encoder.latlayer"); });
  auto& first = tensors.at("encoder.input_layer.0.weight");
  first = torch::cat({first, first.flip(0)}, 1);
  for (auto& [name, value] : tensors)
    if (name.find(".linear.") != std::string::npos) value = value / 32;
  return tensors;
}

std::string file_error(const TensorMap& tensors, const std::string& type) {
  const TemporaryFolder folder;
  save_tensors(folder / "r.safetensors", tensors, {{"nada.encoder_type", type}});
  return error_of([&] { ReStyleEncoder::load(folder / "r.safetensors"); });
}

}  // namespace

BOOST_AUTO_TEST_CASE(a_round_adds_the_codes_of_the_picture_and_of_what_the_styles_show) {
  const TemporaryFolder folder;
  const torch::NoGradGuard no_grad;
  const auto tensors = restyle_tensors();
  const auto path = folder / "restyle.safetensors";
  save_tensors(path, tensors, restyle_encoder_metadata(ReStyleEncoder::Kind::psp));
  BOOST_TEST((ModelFile::open(path).kind() == FileKind::restyle_encoder));
  auto encoder = ReStyleEncoder::load(path, {.type = torch::kFloat64});
  const auto generator = GradualStyleEncoder::load_decoder(ModelFile::open(psp), {.type = torch::kFloat64});
  BOOST_TEST(encoder.style_count() == generator.style_count());
  const auto image = random({1, 3, 32, 32}, 1).tanh();
  const auto seen = at::_upsample_bilinear2d_aa(image, {256, 256}, false);
  auto styles = tensors.at("latent_avg").to(torch::kFloat64).unsqueeze(0);
  for (int k = 0; k < 2; ++k)
    styles = styles + encoder.codes(seen, at::adaptive_avg_pool2d(generator.synthesize(styles, Render{}), {256, 256}));
  encoder.rounds = 2;
  std::vector<double> losses;
  const auto found = encoder.invert(generator, image, Stream{0, 0}, [&](std::int64_t, std::int64_t total, double loss) {
    BOOST_TEST(total == 2);
    losses.push_back(loss);
    return true;
  });
  BOOST_TEST(largest_difference(found.styles, styles) < 1e-12);
  BOOST_TEST(losses.size() == 2U);
  BOOST_TEST(losses.back() == found.loss);
  encoder.rounds = 5;
  const auto stopped =
      encoder.invert(generator, image, Stream{0, 0}, [](std::int64_t k, std::int64_t, double) { return k < 2; });
  BOOST_TEST(largest_difference(stopped.styles, styles) < 1e-12);
}

BOOST_AUTO_TEST_CASE(trained_as_e4e_the_first_head_is_in_every_style) {
  const torch::NoGradGuard no_grad;
  const TemporaryFolder folder;
  const auto tensors = restyle_tensors();
  std::vector<Tensor> codes;
  for (const auto kind : {ReStyleEncoder::Kind::psp, ReStyleEncoder::Kind::e4e}) {
    save_tensors(folder / "r.safetensors", tensors, restyle_encoder_metadata(kind));
    const auto encoder = ReStyleEncoder::load(folder / "r.safetensors", {.type = torch::kFloat64});
    BOOST_TEST((encoder.kind() == kind));
    codes.push_back(encoder.codes(random({1, 3, 256, 256}, 2).tanh(), random({1, 3, 256, 256}, 3).tanh()));
  }
  auto sum = codes[0] + codes[0].narrow(1, 0, 1);
  sum.select(1, 0).copy_(codes[0].select(1, 0));
  BOOST_TEST(largest_difference(codes[1], sum) < 1e-12);
}

BOOST_AUTO_TEST_CASE(other_encoders_of_restyle_are_refused_by_name) {
  const auto tensors = restyle_tensors();
  BOOST_TEST(file_error(tensors, "ResNetBackboneEncoder")
                 .find("the encoder_type is 'ResNetBackboneEncoder', expected BackboneEncoder or "
                       "ProgressiveBackboneEncoder") != std::string::npos);
  auto resnet = tensors;
  std::erase_if(resnet, [](const auto& entry) { return entry.first.starts_with("encoder.input_layer"); });
  resnet["encoder.conv1.weight"] = torch::zeros({4, 6, 7, 7});
  BOOST_TEST(file_error(resnet, "ResNetProgressiveBackboneEncoder").find("'ResNetProgressiveBackboneEncoder'") !=
             std::string::npos);
  auto three = tensors;
  three["encoder.input_layer.0.weight"] = three["encoder.input_layer.0.weight"].narrow(1, 0, 3).contiguous();
  BOOST_TEST(file_error(three, "BackboneEncoder")
                 .find("input_layer.0.weight has shape [16, 3, 3, 3], expected [-1, 6, 3, 3]") != std::string::npos);
  auto headless = tensors;
  headless.erase("encoder.styles.3.linear.weight");
  BOOST_TEST(file_error(headless, "BackboneEncoder").find("latent_avg has shape [8, 16], expected [3, 16]") !=
             std::string::npos);
  BOOST_TEST(error_of([] { ReStyleEncoder::load(psp); }).find("expected an encoder of ReStyle") != std::string::npos);
}

BOOST_AUTO_TEST_SUITE_END()
