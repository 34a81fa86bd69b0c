#include <boost/test/unit_test.hpp>

#include <limits>
#include <string>

#include "nada/core/stream.hpp"
#include "nada/formats/file.hpp"
#include "nada/formats/model_file.hpp"
#include "nada/formats/recognise.hpp"
#include "nada/formats/safetensors.hpp"
#include "nada/formats/tensor_file.hpp"
#include "nada/generators/base_hash.hpp"
#include "nada/generators/load.hpp"
#include "nada/generators/stylegan2.hpp"
#include "support/files.hpp"
#include "support/random_stylegan2.hpp"

BOOST_AUTO_TEST_SUITE(generators_load)

using namespace nada;
using test::largest_difference;
using test::same_bits;

namespace {

/// The same weights with rosinality's names, shapes and FIR kernels (16 pixels).
TensorMap with_rosinality_names(const NamedTensors& native) {
  TensorMap out;
  const auto layer = [&](const std::string& ours, const std::string& theirs, bool rgb) {
    out[theirs + ".conv.weight"] = native.at(ours + ".weight").unsqueeze(0);
    out[theirs + ".conv.modulation.weight"] = native.at(ours + ".affine.weight");
    out[theirs + ".conv.modulation.bias"] = native.at(ours + ".affine.bias");
    if (rgb) {
      out[theirs + ".bias"] = native.at(ours + ".bias").view({1, 3, 1, 1});
    } else {
      out[theirs + ".activate.bias"] = native.at(ours + ".bias");
      out[theirs + ".noise.weight"] = native.at(ours + ".noise_strength").view({1});
    }
  };
  for (const char* k : {"0", "1"})
    for (const char* slot : {".weight", ".bias"})
      out[join("style.", k[0] - '0' + 1, slot)] = native.at(std::string("mapping.") + k + slot);
  out["input.input"] = native.at("const.weight").unsqueeze(0);
  out["latent_avg"] = native.at("mean_style");
  layer("conv.4.0", "conv1", false);
  layer("rgb.4", "to_rgb1", true);
  layer("conv.8.0", "convs.0", false);
  layer("conv.8.1", "convs.1", false);
  layer("rgb.8", "to_rgbs.0", true);
  layer("conv.16.0", "convs.2", false);
  layer("conv.16.1", "convs.3", false);
  layer("rgb.16", "to_rgbs.1", true);
  int k = 0;
  for (const char* place : {"4.0", "8.0", "8.1", "16.0", "16.1"}) {
    const auto map = native.at(std::string("noise.") + place);
    out[join("noises.noise_", k++)] = map.unsqueeze(0).unsqueeze(0);
  }
  const auto axis = torch::tensor({1.0F, 3.0F, 3.0F, 1.0F});
  for (const char* name : {"convs.0.conv.blur.kernel", "convs.2.conv.blur.kernel", "to_rgbs.0.upsample.kernel",
                           "to_rgbs.1.upsample.kernel"})
    out[name] = at::outer(axis, axis) / 16;
  return out;
}

/// The same weights with the names of NVIDIA's modules and FIR filters (16 pixels).
TensorMap with_nvidia_names(const NamedTensors& native) {
  TensorMap out;
  const auto axis = torch::tensor({1.0F, 3.0F, 3.0F, 1.0F});
  const auto filter = at::outer(axis, axis) / 64;
  for (const auto& [name, value] : native) {
    const auto rest = [&](std::size_t at) { return name.substr(at); };
    if (name == "mean_style") out["mapping.w_avg"] = value;
    if (name == "const.weight") out["synthesis.b4.const"] = value;
    if (name.starts_with("embed.")) out["mapping." + name] = value;
    if (name.starts_with("mapping.")) out["mapping.fc" + rest(8)] = value;
    for (const std::string r : {"4", "8", "16"}) {
      const auto block = "synthesis.b" + r + ".";
      out[block + "resample_filter"] = filter;
      if (name.starts_with("rgb." + r + ".")) out[block + "torgb." + rest(5 + r.size())] = value;
      for (const std::string k : {"0", "1"}) {
        const auto conv = block + (r == "4" ? "conv1" : "conv" + k) + ".";
        if (name == "noise." + r + "." + k) out[conv + "noise_const"] = value;
        if (!name.starts_with("conv." + r + "." + k + ".")) continue;
        out[conv + "resample_filter"] = filter;
        const auto slot = rest(8 + r.size());
        out[slot == "skip.weight" ? block + slot : conv + slot] = value;
      }
    }
  }
  return out;
}

const test::SmallStyleGan2 small{.type = torch::kFloat32};

std::string load_error(const std::filesystem::path& path) {
  const auto text = error_of([&] { load_stylegan2(path); });
  return text.find(path.string()) == 0 ? text.substr(path.string().size()) : "without the file: " + text;
}

}  // namespace

BOOST_AUTO_TEST_CASE(a_native_file_round_trip_keeps_every_bit_and_the_multiplier) {
  const TemporaryFolder folder;
  const auto path = folder / "g.safetensors";
  const StyleGan2 generator(test::random_stylegan2(small), "g", {.mapping_lr = 0.02});
  save_tensors(path, generator.tensors(), generator_metadata(generator, {{"nada.licence", "CC0"}}));
  const auto read = load_stylegan2(path);
  BOOST_TEST(read.settings().mapping_lr == 0.02);
  for (const auto& [name, value] : generator.tensors()) BOOST_TEST(same_bits(read.tensors().at(name), value), name);
  const auto metadata = Safetensors::open(path).metadata();
  BOOST_TEST(metadata.at("nada.kind") == "generator");
  BOOST_TEST(metadata.at("nada.resolution") == "16");
  BOOST_TEST(metadata.at("nada.licence") == "CC0");
}

BOOST_AUTO_TEST_CASE(a_file_loads_in_the_type_that_is_asked_for) {
  const TemporaryFolder folder;
  const auto path = folder / "g.safetensors";
  const StyleGan2 generator(test::random_stylegan2(small));
  save_tensors(path, generator.tensors(), generator_metadata(generator));
  const auto exact = load_stylegan2(path, {torch::kCPU, torch::kFloat64});
  BOOST_TEST((exact.synthesize(test::random_styles(exact, 1)).scalar_type() == torch::kFloat64));
  auto half = generator.tensors();
  for (auto& [name, value] : half) value = value.to(torch::kFloat16);
  save_tensors(path, half, generator_metadata(generator));
  BOOST_TEST((load_stylegan2(path).mean_style().scalar_type() == torch::kFloat32));
}

BOOST_AUTO_TEST_CASE(rosinality_names_give_the_same_generator) {
  const TemporaryFolder folder;
  const auto path = folder / "g.safetensors";
  const auto native = test::random_stylegan2(small);
  save_tensors(path, with_rosinality_names(native), {});
  const auto read = load_stylegan2(path).tensors();
  BOOST_TEST_REQUIRE(read.size() == native.size());
  for (const auto& [name, value] : native) BOOST_TEST(same_bits(read.at(name), value), name);
}

BOOST_AUTO_TEST_CASE(nvidias_names_give_the_same_generator) {
  const TemporaryFolder folder;
  const auto path = folder / "g.safetensors";
  for (const bool residual : {false, true}) {
    auto native = test::random_stylegan2(small);
    if (residual) native = test::residual_and_conditional(std::move(native));
    save_tensors(path, with_nvidia_names(native), {});
    BOOST_TEST((ModelFile::open(path).kind() == FileKind::nvidia_generator));
    const auto generator = load_stylegan2(path);
    BOOST_TEST(generator.is_residual() == residual);
    BOOST_TEST(generator.label_size() == (residual ? 4 : 0));
    BOOST_TEST(generator.latent_size() == 6);
    const auto read = generator.tensors();
    BOOST_TEST_REQUIRE(read.size() == native.size());
    for (const auto& [name, value] : native) BOOST_TEST(same_bits(read.at(name), value), name);
  }
}

BOOST_AUTO_TEST_CASE(a_name_that_nvidia_does_not_have_is_refused) {
  const TemporaryFolder folder;
  const auto path = folder / "g.safetensors";
  auto theirs = with_nvidia_names(test::random_stylegan2(small));
  theirs["synthesis.b8.conv0.gain"] = torch::ones({1});
  save_tensors(path, theirs, {});
  BOOST_TEST(load_error(path) ==
             ": tensor synthesis.b8.conv0.gain has no place in a StyleGAN2 generator with NVIDIA's names");
}

BOOST_AUTO_TEST_CASE(patterns_become_noise_maps_of_rosinality) {
  auto tensors = StyleGan2(test::random_stylegan2()).with_patterns().tensors();
  for (auto& [name, value] : tensors)
    if (name.ends_with(".pattern"))
      value = test::random(value.sizes().vec(), static_cast<std::uint64_t>(value.numel()));
  const StyleGan2 generator(tensors);
  const auto theirs = to_rosinality(tensors, generator, "g");
  const auto w = test::random({2, 6, 5}, 3);
  const auto folder = TemporaryFolder();
  save_tensors(folder / "g.safetensors", theirs, {});
  const auto again = load_stylegan2(folder / "g.safetensors");
  BOOST_TEST(!again.has_patterns());
  BOOST_TEST(test::largest_difference(again.synthesize(w.to(torch::kFloat32)), generator.synthesize(w)) < 1e-4);
}

BOOST_AUTO_TEST_CASE(going_back_to_rosinalitys_names_gives_its_own_state_dict) {
  const auto native = test::random_stylegan2(small);
  const auto theirs = with_rosinality_names(native), made = to_rosinality(native, StyleGan2(native), "g");
  BOOST_TEST_REQUIRE(made.size() == theirs.size());
  for (const auto& [name, value] : theirs) {
    BOOST_TEST_REQUIRE(made.count(name) == 1, name);
    BOOST_TEST(same_bits(made.at(name), value), name);
  }
  const auto other = test::residual_and_conditional(native);
  BOOST_TEST(error_of([&] { to_rosinality(other, StyleGan2(other), "g"); }).find("g: classes, residual blocks") == 0);
}

BOOST_AUTO_TEST_CASE(a_generator_without_noise_maps_has_none_after_rosinalitys_names) {
  const TemporaryFolder folder;
  const auto path = folder / "r.safetensors";
  auto size = small;
  size.noise_maps = false;
  const auto native = test::random_stylegan2(size);
  const auto theirs = to_rosinality(native, StyleGan2(native), "g");
  BOOST_TEST(theirs.count("noises.noise_0") == 1U);
  save_tensors(path, theirs, {});
  BOOST_TEST(!load_stylegan2(path).has_noise_maps());
  BOOST_TEST(base_hash(load_stylegan2(path)) == base_hash(StyleGan2(native)));
}

BOOST_AUTO_TEST_CASE(a_clamp_survives_the_native_file) {
  const TemporaryFolder folder;
  const auto path = folder / "g.safetensors";
  const StyleGan2 clamped(test::random_stylegan2(small), "g", {.conv_clamp = 0.75});
  save_tensors(path, clamped.tensors(), generator_metadata(clamped));
  BOOST_TEST(load_stylegan2(path).settings().conv_clamp.value_or(0) == 0.75);
}

BOOST_AUTO_TEST_CASE(a_missing_mean_style_of_rosinality_is_made_up_for_from_many_latents) {
  const TemporaryFolder folder;
  const auto path = folder / "g.safetensors";
  const auto native = test::random_stylegan2(small);
  auto theirs = with_rosinality_names(native);
  theirs.erase("latent_avg");
  save_tensors(path, theirs, {});
  const auto read = load_stylegan2(path);
  const auto z = Stream{99}.normal(Purpose::latents, {20000, 6});
  const auto w = StyleGan2(native).map(z).select(1, 0);
  const auto error = at::abs(read.mean_style() - w.mean(0)) / (w.std(0, true, false) / 64 + 1e-6);  // 4096 latents
  BOOST_TEST(test::number(error.max()) < 5);
}

BOOST_AUTO_TEST_CASE(another_fir_filter_is_refused) {
  const TemporaryFolder folder;
  const auto path = folder / "g.safetensors";
  auto theirs = with_rosinality_names(test::random_stylegan2(small));
  theirs["convs.0.conv.blur.kernel"] = torch::ones({4, 4});
  save_tensors(path, theirs, {});
  BOOST_TEST(load_error(path) ==
             ": tensor convs.0.conv.blur.kernel is not the FIR filter [1, 3, 3, 1], the only one that is known here");
}

BOOST_AUTO_TEST_CASE(a_name_that_rosinality_does_not_have_is_refused) {
  const TemporaryFolder folder;
  const auto path = folder / "g.safetensors";
  auto theirs = with_rosinality_names(test::random_stylegan2(small));
  theirs["convs.0.gain"] = torch::ones({1});
  save_tensors(path, theirs, {});
  BOOST_TEST(load_error(path) == ": tensor convs.0.gain has no place in a StyleGAN2 generator with rosinality's names");
}

BOOST_AUTO_TEST_CASE(a_file_of_another_kind_is_refused_with_what_it_is) {
  const TemporaryFolder folder;
  const auto path = folder / "g.safetensors";
  const TensorMap tensors{{"t", torch::ones({1})}};
  save_tensors(path, tensors, {{"nada.kind", "encoder"}, {"nada.format", "1"}});
  BOOST_TEST(load_error(path) == " is a CLIP encoder, expected a StyleGAN2 generator");
  save_tensors(path, tensors, {{"nada.kind", "delta"}, {"nada.format", "1"}});
  BOOST_TEST(load_error(path) == " is a delta of an adapted generator, expected a StyleGAN2 generator");
  save_tensors(path, tensors, {});
  BOOST_TEST(load_error(path) == " is no model file that is known here, expected a StyleGAN2 generator");
  save_tensors(path, tensors, {{"nada.kind", "generator"}, {"nada.format", "2"}});
  BOOST_TEST(load_error(path) == ": format 2, this version reads 1");
}

BOOST_AUTO_TEST_CASE(nan_integers_and_missing_tensors_are_errors_that_name_them) {
  const TemporaryFolder folder;
  const auto path = folder / "g.safetensors";
  const StyleGan2 generator(test::random_stylegan2(small));
  const auto error_with = [&](const std::function<void(TensorMap&)>& change, const Metadata& more = {}) {
    auto tensors = generator.tensors();
    change(tensors);
    auto metadata = generator_metadata(generator);
    for (const auto& [key, value] : more) metadata[key] = value;
    save_tensors(path, tensors, metadata);
    return load_error(path);
  };
  BOOST_TEST(error_with([](TensorMap& t) {
               auto bad = t.at("rgb.8.weight").clone();
               bad.view(-1)[2] = std::numeric_limits<float>::infinity();
               t["rgb.8.weight"] = bad;
             }) == ": tensor rgb.8.weight holds NaN or infinity, expected finite numbers");
  BOOST_TEST(error_with([](TensorMap& t) { t["rgb.8.bias"] = torch::ones({3}, torch::kInt32); }) ==
             ": tensor rgb.8.bias does not hold floating-point numbers");
  BOOST_TEST(error_with([](TensorMap& t) { t.erase("conv.8.0.affine.bias"); }) ==
             ": tensor conv.8.0.affine.bias is missing");
  for (const char* bad : {"0", "-1", "0.01x", "", "nan"})
    BOOST_TEST(error_with([](TensorMap&) {}, {{"nada.mapping_lr", bad}}) ==
               join(": nada.mapping_lr is '", bad, "', expected a number > 0"));
}

BOOST_AUTO_TEST_CASE(the_mean_of_w_is_one_row_or_equal_rows) {
  const TemporaryFolder folder;
  const auto path = folder / "g.safetensors";
  const auto native = test::random_stylegan2(small);
  auto theirs = with_rosinality_names(native);
  const auto mean = native.at("mean_style");
  for (const auto& form : {mean, mean.unsqueeze(0), mean.expand({6, -1}).contiguous()}) {
    theirs["latent_avg"] = form;
    save_tensors(path, theirs, {});
    BOOST_TEST(same_bits(load_stylegan2(path).mean_style(), mean));
  }
  theirs["latent_avg"] = torch::stack({mean, mean + 1});
  save_tensors(path, theirs, {});
  BOOST_TEST(load_error(path).starts_with(": tensor latent_avg has shape [2, 5] with rows that differ"));
  theirs["latent_avg"] = torch::ones({2, 2, 5});
  save_tensors(path, theirs, {});
  BOOST_TEST(load_error(path).starts_with(": tensor latent_avg has shape [2, 2, 5], expected"));
}

BOOST_AUTO_TEST_CASE(errors_on_other_projects_files_use_their_names) {
  const TemporaryFolder folder;
  const auto path = folder / "g.safetensors";
  const auto without = [&](TensorMap theirs, const char* name) {
    theirs.erase(name);
    save_tensors(path, theirs, {});
    return load_error(path);
  };
  const auto native = test::random_stylegan2(small);
  for (const char* name : {"convs.1.activate.bias", "to_rgbs.0.conv.modulation.weight", "style.2.bias"})
    BOOST_TEST(without(with_rosinality_names(native), name) == join(": tensor ", name, " is missing"));
  for (const char* name : {"synthesis.b4.conv1.bias", "synthesis.b8.conv0.affine.weight", "synthesis.b16.torgb.weight",
                           "mapping.fc1.bias"})
    BOOST_TEST(without(with_nvidia_names(native), name) == join(": tensor ", name, " is missing"));
  for (const auto& [name, value] : test::residual_and_conditional(native))
    BOOST_TEST(with_nvidia_names({{name, value}}).count(to_nvidia(name)) == 1U, name);
}

BOOST_AUTO_TEST_CASE(a_class_conditional_generator_that_lost_its_classes_is_refused) {
  const TemporaryFolder folder;
  const auto path = folder / "g.safetensors";
  auto theirs = with_rosinality_names(test::random_stylegan2(small));
  theirs["style.1.weight"] = torch::ones({5, 10});
  save_tensors(path, theirs, {});
  BOOST_TEST(
      load_error(path).starts_with(": tensor style.1.weight has shape [5, 10], expected [5, 5]: this was a "
                                   "class-conditional generator"));
}

BOOST_AUTO_TEST_CASE(a_generator_is_found_behind_a_prefix) {
  const TemporaryFolder folder;
  const auto path = folder / "g.safetensors";
  const auto native = test::random_stylegan2(small);
  const auto put = [](TensorMap& out, const TensorMap& from, const std::string& prefix) {
    for (const auto& [name, value] : from) out[prefix + name] = value;
  };
  TensorMap theirs{{"encoder.input_layer.0.weight", torch::ones({2, 3})}};
  put(theirs, with_rosinality_names(native), "decoder.");
  save_tensors(path, theirs, {});
  for (const char* component : {"", "decoder"}) {
    const auto file = ModelFile::open(path, component);
    BOOST_TEST(file.component() == "decoder");
    BOOST_TEST(same_bits(load_stylegan2(file).mean_style(), native.at("mean_style")));
  }
  BOOST_TEST(error_of([&] { ModelFile::open(path, "encoder"); }).find("has no component 'encoder'") !=
             std::string::npos);
  put(theirs, with_nvidia_names(native), "other.");
  save_tensors(path, theirs, {});
  BOOST_TEST(load_error(path) ==
             ": holds several models: decoder (a StyleGAN2 generator with rosinality's names), other (a StyleGAN2 "
             "generator with NVIDIA's names); name one with --component");
  BOOST_TEST((ModelFile::open(path, "other").kind() == FileKind::nvidia_generator));
  theirs.clear();  // of an averaged and a trained one, the averaged counts
  put(theirs, with_rosinality_names(native), "model.generator.");
  put(theirs, with_rosinality_names(native), "model.g_ema.");
  save_tensors(path, theirs, {});
  BOOST_TEST(ModelFile::open(path).component() == "model.g_ema");
}

BOOST_AUTO_TEST_CASE(one_channel_makes_grey_pictures) {
  auto native = test::random_stylegan2(small);
  const StyleGan2 colours(native);
  for (auto& [name, value] : native)
    if (name.starts_with("rgb.") && name.find("affine") == name.npos)
      value = value.narrow(0, 1, 1).contiguous();  // the green channel alone
  const TemporaryFolder folder;
  const auto path = folder / "g.safetensors";
  save_tensors(path, with_nvidia_names(native), {});
  const auto grey = load_stylegan2(path);
  const auto z = test::random({2, 6}, 3).to(torch::kFloat32);
  const auto image = grey.synthesize(grey.map(z));
  BOOST_TEST(image.sizes() == (std::vector<std::int64_t>{2, 3, 16, 16}));
  BOOST_TEST(largest_difference(image.select(1, 0), colours.synthesize(colours.map(z)).select(1, 1)) < 1e-5);
  BOOST_TEST(same_bits(image.select(1, 2).contiguous(), image.select(1, 0).contiguous()));
  native["rgb.8.weight"] = torch::ones({2, native.at("rgb.8.weight").size(1), 1, 1});
  save_tensors(path, with_nvidia_names(native), {});
  BOOST_TEST(load_error(path).starts_with(": tensor synthesis.b8.torgb.weight makes images of 2 channels"));
}

BOOST_AUTO_TEST_CASE(numbers_of_the_metadata_read_back_exactly) {
  const TemporaryFolder folder;
  const auto path = folder / "g.safetensors";
  const StyleGan2 generator(test::random_stylegan2(small), "g", {0.0123456789, 256.0078125});
  save_tensors(path, generator.tensors(), generator_metadata(generator));
  BOOST_TEST(load_stylegan2(path).settings().mapping_lr == 0.0123456789);
  BOOST_TEST(load_stylegan2(path).settings().conv_clamp.value() == 256.0078125);
}

BOOST_AUTO_TEST_CASE(the_hash_of_a_base_is_the_same_for_a_converted_file) {
  const TemporaryFolder folder;
  const auto native = test::random_stylegan2(small);
  save_tensors(folder / "r.safetensors", with_rosinality_names(native), {});
  BOOST_TEST(base_hash(load_stylegan2(folder / "r.safetensors")) == base_hash(StyleGan2(native)));
}

BOOST_AUTO_TEST_SUITE_END()
