// Damaged files of the networks that are read beside generators and CLIPs: each ends in one sentence that names the file, what was
// expected and what was found.
#include <boost/test/unit_test.hpp>

#include <algorithm>
#include <filesystem>
#include <functional>
#include <limits>
#include <string>
#include <vector>

#include "nada/core/tensor.hpp"
#include "nada/encoders/arcface.hpp"
#include "nada/encoders/hed.hpp"
#include "nada/encoders/inception.hpp"
#include "nada/encoders/inception_stem.hpp"
#include "nada/encoders/lpips.hpp"
#include "nada/formats/file.hpp"
#include "nada/formats/model_file.hpp"
#include "nada/formats/tensor_file.hpp"
#include "nada/formats/torch_file.hpp"
#include "nada/generators/stylegan3_file.hpp"
#include "nada/inversion/gradual_style_encoder.hpp"
#include "support/files.hpp"
#include "support/golden.hpp"
#include "support/small_hed.hpp"
#include "support/small_inception.hpp"

BOOST_AUTO_TEST_SUITE(formats_hostile_networks)

using namespace nada;

namespace {

/// Reader is a kind of network: a good file of it, a tensor that it needs, and what reads it.
struct Reader {
  std::string name, needed, kind;  // `kind`: how a file of another kind is refused
  TensorMap tensors;
  Metadata metadata;
  std::function<void(const std::filesystem::path&)> load;
};

/// Returns a reader of a kept file.
Reader kept(const std::string& name, const std::string& file, const std::string& needed, const std::string& kind,
            std::function<void(const std::filesystem::path&)> load) {
  const auto model = ModelFile::open(test::kept_golden() / file);
  return {name, needed, kind, to_tensors(model), model.metadata(), std::move(load)};
}

std::vector<Reader> readers() {
  using Path = const std::filesystem::path&;
  return {{"inception",
           "Mixed_6a.branch3x3.conv.weight",
           "expected the Inception network of FID",
           test::small_inception(),
           {},
           [](Path p) { Inception::load(p); }},
          {"stem",
           "Conv2d_3b_1x1.conv.weight",
           "expected an Inception-v3 network",
           test::small_inception(),
           {},
           [](Path p) { InceptionStem::load(p); }},
          {"hed",
           "netVggThr.3.weight",
           "expected an HED edge network",
           test::small_hed(),
           {},
           [](Path p) { Hed::load(p); }},
          kept("lpips", "lpips/tiny.safetensors", "net.slice3.12.weight", "expected an LPIPS network",
               [](Path p) { Lpips::load(p); }),
          kept("arcface", "arcface/ir_se50_tiny.safetensors", "body.5.res_layer.1.weight",
               "expected an ArcFace network", [](Path p) { ArcFace::load(p); }),
          kept("e4e", "e4e/e4e_tiny.safetensors", "encoder.styles.2.convs.4.weight",
               "expected an encoder of pictures to styles", [](Path p) { GradualStyleEncoder::load(p); }),
          kept("psp", "e4e/psp_tiny.safetensors", "encoder.body.9.res_layer.1.weight",
               "expected an encoder of pictures to styles", [](Path p) { GradualStyleEncoder::load(p); }),
          kept("stylegan3", "stylegan3/t32.safetensors", "synthesis.L0_36_8.weight", "expected a StyleGAN3 generator",
               [](Path p) { load_stylegan3(p); })};
}

/// Damage is one way to spoil a file.
struct Damage {
  std::string name;
  std::function<void(TensorMap&, const std::string& needed)> change;
  std::string told;  // a part of the sentence; NEEDED stands for the tensor's name
};

std::string with_name(std::string text, const std::string& name) {
  if (const auto at = text.find("NEEDED"); at != text.npos) text.replace(at, 6, name);
  return text;
}

/// Returns the name that a tensor has inside of its network: errors that a network finds leave its place in the file out.
std::string own_name(const std::string& name) {
  for (const std::string place : {"encoder.", "synthesis."})
    if (name.starts_with(place)) return name.substr(place.size());
  return name;
}

/// Checks that reading ends in one sentence about the file.
void expect_sentence(const Reader& reader, const std::filesystem::path& path, const std::string& damage,
                     const std::string& told) {
  const auto error = error_of([&] { reader.load(path); });
  BOOST_TEST(error.find(path.filename().string()) != std::string::npos, reader.name << ", " << damage << ": " << error);
  BOOST_TEST(error.find(told) != std::string::npos,
             reader.name << ", " << damage << ": expected '" << told << "' in: " << error);
  BOOST_TEST(std::count(error.begin(), error.end(), '\n') == 0, reader.name << ", " << damage << ": " << error);
}

}  // namespace

BOOST_AUTO_TEST_CASE(the_files_are_good_before_they_are_damaged) {
  const TemporaryFolder folder;
  for (const auto& reader : readers()) {
    BOOST_TEST(reader.tensors.count(reader.needed) == 1U, reader.name << " has no " << reader.needed);
    save_tensors(folder / "f.safetensors", reader.tensors, reader.metadata);
    BOOST_TEST(error_of([&] { reader.load(folder / "f.safetensors"); }) == "", reader.name);
  }
}

BOOST_AUTO_TEST_CASE(a_tensor_that_is_missing_or_wrong_is_told_by_its_name) {
  const std::vector<Damage> damages = {
      {"missing", [](TensorMap& t, const std::string& n) { t.erase(n); }, "NEEDED"},
      {"no dimensions", [](TensorMap& t, const std::string& n) { t[n] = torch::tensor(0.5F); }, "NEEDED"},
      {"one dimension more", [](TensorMap& t, const std::string& n) { t[n] = t[n].unsqueeze(0).contiguous(); },
       "NEEDED"},
      {"other input channels",
       [](TensorMap& t, const std::string& n) {
         t[n] = torch::cat({t[n], t[n]}, 1).contiguous();
       },
       "NEEDED"},
      {"empty", [](TensorMap& t, const std::string& n) { t[n] = t[n].narrow(0, 0, 0).contiguous(); }, ""},
      {"NaN",
       [](TensorMap& t, const std::string& n) {
         t[n] = t[n].clone();
         t[n].view(-1)[0] = std::numeric_limits<float>::quiet_NaN();
       },
       "NEEDED holds NaN or infinity, expected finite numbers"},
      {"infinity",
       [](TensorMap& t, const std::string& n) {
         t[n] = t[n].clone();
         t[n].view(-1)[t[n].numel() - 1] = std::numeric_limits<float>::infinity();
       },
       "NEEDED holds NaN or infinity, expected finite numbers"},
      {"whole numbers", [](TensorMap& t, const std::string& n) { t[n] = t[n].to(torch::kInt64); }, "NEEDED"}};
  const TemporaryFolder folder;
  for (const auto& reader : readers())
    for (const auto& damage : damages) {
      auto tensors = reader.tensors;
      damage.change(tensors, reader.needed);
      save_tensors(folder / "damaged.safetensors", tensors, reader.metadata);
      const auto shown = damage.told == "NEEDED" ? own_name(reader.needed) : reader.needed;
      expect_sentence(reader, folder / "damaged.safetensors", damage.name, with_name(damage.told, shown));
    }
}

BOOST_AUTO_TEST_CASE(files_that_are_cut_empty_or_of_another_kind_are_refused) {
  const TemporaryFolder folder;
  save_tensors(folder / "other.safetensors", {{"weight", torch::zeros({2, 2})}}, {});
  write_text(folder / "text.pth", "no model at all\n");
  write_text(folder / "empty.pth", "");
  for (const auto& reader : readers()) {
    expect_sentence(reader, folder / "other.safetensors", "other", reader.kind);
    expect_sentence(reader, folder / "text.pth", "text", "");
    expect_sentence(reader, folder / "empty.pth", "empty", "");
    expect_sentence(reader, folder / "nowhere.pth", "nowhere", "");
    save_tensors(folder / "whole.safetensors", reader.tensors, reader.metadata);
    const auto bytes = read_text(folder / "whole.safetensors");
    for (const double share : {0.001, 0.3, 0.999}) {
      write_text(folder / "cut.safetensors", bytes.substr(0, static_cast<std::size_t>(share * double(bytes.size()))));
      expect_sentence(reader, folder / "cut.safetensors", "cut", "");
    }
    std::vector<Tensor> held;  // as torch.save() writes it
    TorchDict dict;
    for (const auto& [name, value] : reader.tensors) {
      held.push_back(value.contiguous());
      dict.entries.emplace_back(view_of(name, held.back()));
    }
    write_torch_file(folder / "whole.pth", dict);
    const auto archive = read_text(folder / "whole.pth");
    for (const double share : {0.001, 0.3, 0.999}) {
      write_text(folder / "cut.pth", archive.substr(0, static_cast<std::size_t>(share * double(archive.size()))));
      expect_sentence(reader, folder / "cut.pth", "cut archive", "");
    }
  }
}

BOOST_AUTO_TEST_SUITE_END()
