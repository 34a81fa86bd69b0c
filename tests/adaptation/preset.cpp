#include <boost/test/unit_test.hpp>

#include "nada/adaptation/delta.hpp"
#include "nada/adaptation/preset.hpp"
#include "nada/formats/canvas.hpp"
#include "nada/formats/images.hpp"
#include "nada/formats/tensor_file.hpp"
#include "nada/generators/generator.hpp"
#include "nada/generators/load.hpp"
#include "nada/generators/stylegan2.hpp"
#include "nada/parameterization/compressed.hpp"
#include "support/files.hpp"
#include "support/random_stylegan2.hpp"

BOOST_AUTO_TEST_SUITE(adaptation_preset)

using namespace nada;

namespace {

const test::SmallStyleGan2 small{.type = torch::kFloat32};

/// A preset that moves every bias of a generator in base.safetensors by one.
Preset made(const StyleGan2& base) {
  Preset out;
  out.name = "moved";
  out.source = "a face";
  out.target = "a \"moved\" face";
  out.command = "./quickstart adapt --target \"a moved face\"";
  out.options = "steps = 3\n";
  out.metrics = "{}";
  out.delta = {base_hash(base), std::string(Compressed::name), {}};
  for (const auto& layer : base.layers())
    if (layer.kind == LayerKind::convolution)
      out.delta.leaves[layer.name + ".bias"] =
          torch::ones_like(base.slot(find_layer(base.layers(), layer.name), 1)).to(torch::kFloat16);
  out.sample = encode_png(make_canvas(3, 2, {1, 2, 3}));
  return out;
}

}  // namespace

BOOST_AUTO_TEST_CASE(a_preset_comes_back_whole_and_its_generator_with_it) {
  const TemporaryFolder folder;
  const StyleGan2 base(test::random_stylegan2(small));
  save_tensors(folder / "base.safetensors", base.tensors(), generator_metadata(base));
  const auto path = folder / "moved.safetensors";
  save_preset(path, made(base), folder / "base.safetensors");
  const auto read = load_preset(path);
  const auto expected = made(base);
  BOOST_TEST(read.name == expected.name);
  BOOST_TEST(read.source == expected.source);
  BOOST_TEST(read.target == expected.target);
  BOOST_TEST(read.command == expected.command);
  BOOST_TEST(read.options == expected.options);
  BOOST_TEST(read.metrics == expected.metrics);
  BOOST_TEST((read.sample == expected.sample));
  BOOST_TEST(decode_picture(read.sample, "sample").width == 3);
  const auto generator = load_generator(path);  // finds its base beside it
  const auto k = find_layer(base.layers(), "conv.8.1");
  BOOST_TEST(test::largest_difference(generator.slot(k, 1), base.slot(k, 1) + 1) < 1e-6);
  BOOST_TEST(test::largest_difference(generator.slot(k, 0), base.slot(k, 0)) == 0);
}

BOOST_AUTO_TEST_CASE(a_preset_of_another_base_is_refused) {
  const TemporaryFolder folder;
  const StyleGan2 base(test::random_stylegan2(small));
  auto other = small;
  other.seed = 1;
  const StyleGan2 wrong(test::random_stylegan2(other));
  save_tensors(folder / "base.safetensors", wrong.tensors(), generator_metadata(wrong));
  save_preset(folder / "moved.safetensors", made(base), folder / "base.safetensors");
  BOOST_TEST(error_of([&] { load_generator(folder / "moved.safetensors"); }).find("belongs to another base") !=
             std::string::npos);
}

BOOST_AUTO_TEST_CASE(presets_are_found_by_name_or_path_and_listed_in_order) {
  const TemporaryFolder folder;
  const StyleGan2 base(test::random_stylegan2(small));
  for (const char* name : {"b", "a"})
    save_preset(folder / (std::string(name) + ".safetensors"), made(base), folder / "base.safetensors");
  BOOST_TEST(list_presets(folder.path()).size() == 2U);
  BOOST_TEST(list_presets(folder.path())[0] == folder / "a.safetensors");
  BOOST_TEST(find_preset("b", folder.path()) == folder / "b.safetensors");
  BOOST_TEST(find_preset((folder / "a.safetensors").string(), "nowhere") == folder / "a.safetensors");
  BOOST_TEST(error_of([&] { find_preset("c", folder.path()); }) == "there is no preset 'c'; there are a, b");
  BOOST_TEST(error_of([&] { find_preset("c", "nowhere"); }) == "there is no preset 'c'; there are none in nowhere");
  BOOST_TEST(error_of([&] { load_preset(folder / "missing.safetensors"); }).find("missing.safetensors") !=
             std::string::npos);
}

BOOST_AUTO_TEST_SUITE_END()
