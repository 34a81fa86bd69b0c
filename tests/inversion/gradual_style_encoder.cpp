#include <boost/test/unit_test.hpp>

#include <fstream>
#include <string>
#include <vector>

#include "nada/core/tensor.hpp"
#include "nada/formats/model_file.hpp"
#include "nada/formats/recognise.hpp"
#include "nada/formats/safetensors.hpp"
#include "nada/formats/tensor_file.hpp"
#include "nada/inversion/gradual_style_encoder.hpp"
#include "support/files.hpp"
#include "support/golden.hpp"
#include "support/pickles.hpp"
#include "support/tiny.hpp"

BOOST_AUTO_TEST_SUITE(inversion_gradual_style_encoder)

using namespace nada;
using test::largest_difference;
using test::random;
using test::same_bits;

namespace {

const auto golden = test::kept_golden() / "e4e";

Tensor pictures() {
  return to_tensor(Safetensors::open(golden / "inputs.safetensors").at("image")).to(torch::kFloat64) / 127.5 - 1;
}

/// Writes a checkpoint as the projects' training does, with these `opts`.
void write_checkpoint(const std::filesystem::path& path, const ModelFile& from, const std::string& opts) {
  using namespace test::pickle;
  std::string state = "}(", mean;
  std::vector<test::StreamStorage> storages;
  for (const auto& view : from.tensors()) {
    const auto key = std::to_string(storages.size());
    const auto value =
        test::pickle::tensor(storage(view.dtype == DType::f16 ? "HalfStorage" : "FloatStorage", key, count(view)), 0,
                             view.shape, contiguous_strides(view.shape));
    storages.push_back({key, count(view), test::dense(view)});
    if (view.name == "latent_avg")
      mean = value;
    else
      state += text(view.name) + value;
  }
  std::ofstream(path, std::ios::binary) << test::torch_archive(
      dict(text("state_dict"), state + "u", text("latent_avg"), mean, text("opts"), opts), storages);
}

std::string error_with(const std::function<void(TensorMap&)>& change) {
  const auto read = read_gradual_style_encoder(ModelFile::open(golden / "psp_tiny.safetensors"));
  TensorMap own;
  for (const auto& [name, value] : read.tensors)
    if (name.starts_with("encoder.")) own[name.substr(8)] = value;
  change(own);
  return error_of([&] { GradualStyleEncoder(own, read.tensors.at("latent_avg"), read.kind, "e"); });
}

}  // namespace

BOOST_AUTO_TEST_CASE(codes_are_the_reference_s_for_both_kinds) {
  const auto numbers = Safetensors::open(golden / "golden.safetensors");
  const torch::NoGradGuard no_grad;
  for (const std::string name : {"e4e_tiny", "psp_tiny"}) {
    const auto encoder =
        GradualStyleEncoder::load(ModelFile::open(golden / (name + ".safetensors")), {.type = torch::kFloat64});
    BOOST_TEST(
        (encoder.kind() == (name == "e4e_tiny" ? GradualStyleEncoder::Kind::e4e : GradualStyleEncoder::Kind::psp)));
    const auto expected = to_tensor(numbers.at(name + "/invert/codes.f64"));
    BOOST_TEST(largest_difference(encoder.codes(pictures()), expected) < 1e-9 * expected.abs().max().item<double>());
    const auto w = encoder.w_plus(pictures());
    BOOST_TEST(largest_difference(w, to_tensor(numbers.at(name + "/invert/w_plus")).to(torch::kFloat64)) < 1e-5);
    BOOST_TEST(w.size(1) == encoder.style_count());
    BOOST_TEST(w.size(2) == encoder.style_size());
  }
}

BOOST_AUTO_TEST_CASE(opts_are_read_from_a_dict_and_from_a_namespace) {
  using namespace test::pickle;
  const TemporaryFolder folder;
  const auto native = ModelFile::open(golden / "psp_tiny.safetensors");
  const auto expected = GradualStyleEncoder::load(native).w_plus(pictures().to(torch::kFloat32));
  const auto entries = dict(text("stylegan_size"), integer(32), text("encoder_type"), text("GradualStyleEncoder"));
  const auto object = global("argparse", "Namespace") + ")\x81" + entries + "b";
  for (const auto& opts : {entries, object}) {
    write_checkpoint(folder / "p.pt", native, opts);
    const auto file = ModelFile::open(folder / "p.pt");
    BOOST_TEST((file.kind() == FileKind::gradual_style_encoder));
    BOOST_TEST(same_bits(GradualStyleEncoder::load(file).w_plus(pictures().to(torch::kFloat32)), expected));
  }
  write_checkpoint(folder / "p.pt", native, dict(text("encoder_type"), text("BackboneEncoderUsingLastLayerIntoW")));
  BOOST_TEST(error_of([&] {
               GradualStyleEncoder::load(folder / "p.pt");
             }).find("expected Encoder4Editing or GradualStyleEncoder") != std::string::npos);
  write_checkpoint(folder / "p.pt", native, dict(text("encoder_type"), integer(3)));
  BOOST_TEST(error_of([&] { GradualStyleEncoder::load(folder / "p.pt"); }).find("its opts name no encoder_type") !=
             std::string::npos);
}

BOOST_AUTO_TEST_CASE(the_decoder_of_the_file_renders_what_the_encoder_finds) {
  const auto file = ModelFile::open(golden / "e4e_tiny.safetensors");
  const torch::NoGradGuard no_grad;
  const auto decoder = GradualStyleEncoder::load_decoder(file, {.type = torch::kFloat64});
  const auto encoder = GradualStyleEncoder::load(file, {.type = torch::kFloat64});
  BOOST_TEST_REQUIRE(decoder.style_count() == encoder.style_count());
  const auto expected = to_tensor(Safetensors::open(golden / "golden.safetensors").at("e4e_tiny/reconstruct/image"));
  const auto image = decoder.synthesize(encoder.w_plus(pictures().narrow(0, 0, 1)));
  BOOST_TEST(largest_difference(image, expected.to(torch::kFloat64)) < 1e-5 * expected.abs().max().item<double>());
}

BOOST_AUTO_TEST_CASE(pictures_of_other_sizes_are_resized) {
  const auto encoder = GradualStyleEncoder::load(golden / "psp_tiny.safetensors");
  const torch::NoGradGuard no_grad;
  const auto flat = torch::full({1, 3, 64, 64}, 0.25), same = torch::full({1, 3, 256, 256}, 0.25);
  BOOST_TEST(largest_difference(encoder.w_plus(flat), encoder.w_plus(same)) < 1e-4);
  BOOST_TEST(error_of([&] { encoder.codes(flat); }) == "pictures of shape [1, 3, 64, 64], expected [N, 3, 256, 256]");
}

BOOST_AUTO_TEST_CASE(what_is_missing_or_does_not_fit_is_told) {
  BOOST_TEST(error_with([](TensorMap&) {}).empty());
  BOOST_TEST(error_with([](TensorMap& t) { t.erase("styles.7.convs.10.weight"); }) ==
             "e: tensor styles.7.convs.10.weight is missing");
  BOOST_TEST(error_with([](TensorMap& t) { t.erase("styles.0.linear.weight"); }).find("has 0 heads") !=
             std::string::npos);
  BOOST_TEST(error_with([](TensorMap& t) { t["latlayer2.bias"] = torch::zeros({3}); }).find("has shape [3]") !=
             std::string::npos);
}

BOOST_AUTO_TEST_SUITE_END()
