#include "nada/encoders/clip_config.hpp"

#include <boost/test/unit_test.hpp>

#include <nlohmann/json.hpp>

#include <iostream>
#include <string>
#include <utility>

#include "nada/encoders/any_clip.hpp"
#include "nada/encoders/clip_names.hpp"
#include "nada/formats/file.hpp"
#include "nada/formats/model_file.hpp"
#include "nada/formats/tensor_file.hpp"
#include "support/files.hpp"
#include "support/random_clip.hpp"

BOOST_AUTO_TEST_SUITE(encoders_clip_config)

using namespace nada;
using nlohmann::json;

namespace {

/// The settings and depths that a configuration gives.
struct Read : ClipSettings {
  ClipDepths depths;
};
Read settings_of(const json& config) {
  const TemporaryFolder folder;
  write_text(folder / "config.json", config.dump());
  Read out;
  out.depths = read_clip_config(folder / "config.json", out);
  return out;
}
/// The error of a configuration, without the path.
std::string error_of_config(const json& config) {
  const auto text = error_of([&] { settings_of(config); });
  return text.empty() ? text : text.substr(text.find("config.json") + 11);
}

json huggingface() {
  return {{"model_type", "clip"},
          {"projection_dim", 6},
          {"logit_scale_init_value", 2.6592},
          {"architectures", {"CLIPModel"}},
          {"vision_config", {{"num_attention_heads", 2}, {"num_hidden_layers", 2}, {"image_size", 8}}},
          {"text_config", {{"num_attention_heads", 4}, {"num_hidden_layers", 2}, {"eos_token_id", 2}}}};
}
json openclip() {
  return {{"model_cfg",
           {{"embed_dim", 6},
            {"quick_gelu", true},
            {"vision_cfg", {{"image_size", 8}, {"layers", 2}, {"width", 128}, {"head_width", 32}, {"patch_size", 4}}},
            {"text_cfg", {{"context_length", 7}, {"vocab_size", 519}, {"width", 8}, {"heads", 2}, {"layers", 2}}}}},
          {"preprocess_cfg", {{"mean", {0.5, 0.25, 1}}, {"std", {1, 2, 3}}, {"interpolation", "bicubic"}}}};
}

/// What goes to stderr while this object lives.
class Told {
 public:
  Told() : before_(std::cerr.rdbuf(text_.rdbuf())) {}
  ~Told() { std::cerr.rdbuf(before_); }
  std::string text() const { return text_.str(); }

 private:
  std::ostringstream text_;
  std::streambuf* before_;
};

}  // namespace

BOOST_AUTO_TEST_CASE(what_hugging_face_leaves_out_has_its_defaults) {
  const auto given = settings_of(huggingface());
  BOOST_TEST(given.image_heads == 2);
  BOOST_TEST(given.text_heads == 4);
  BOOST_TEST((given.gelu == Gelu::quick));
  auto config = huggingface();
  config["vision_config"].erase("num_attention_heads");
  config["text_config"].erase("num_attention_heads");
  config["text_config"].erase("num_hidden_layers");
  BOOST_TEST(settings_of(config).image_heads == 12);
  BOOST_TEST(settings_of(config).text_heads == 8);
  BOOST_TEST(settings_of(config).depths.text == 12);
}

BOOST_AUTO_TEST_CASE(the_dict_of_hugging_face_has_the_last_word) {
  auto config = huggingface();
  config["vision_config_dict"] = {{"num_attention_heads", 4}, {"num_hidden_layers", 3}};
  BOOST_TEST(settings_of(config).image_heads == 4);
  BOOST_TEST(settings_of(config).depths.image == 3);
  config["vision_config_dict"] = json::object();  // with its own defaults
  BOOST_TEST(settings_of(config).image_heads == 12);
  config["vision_config_dict"] = nullptr;
  BOOST_TEST(settings_of(config).image_heads == 2);
  config["text_config_dict"] = {{"hidden_act", "gelu"}};
  BOOST_TEST(error_of_config(config) ==
             ": text_config.hidden_act is \"gelu\" and vision_config.hidden_act is \"quick_gelu\", expected one "
             "activation for both towers");
  config["vision_config_dict"] = {{"hidden_act", "gelu"}};
  BOOST_TEST((settings_of(config).gelu == Gelu::erf));
}

BOOST_AUTO_TEST_CASE(keys_that_change_what_is_computed_are_refused_by_name) {
  const auto with = [](const char* part, const char* key, json value) {
    auto config = huggingface();
    (*part ? config[part] : config)[key] = std::move(value);
    return error_of_config(config);
  };
  BOOST_TEST(with("text_config", "layer_norm_eps", 1e-6) ==
             ": text_config.layer_norm_eps is 1e-06, expected 1e-05, which is all that is computed here");
  BOOST_TEST(with("text_config", "layer_norm_eps", 1e-5) == "");
  BOOST_TEST(with("vision_config", "hidden_act", "gelu_new").starts_with(": vision_config.hidden_act is \"gelu_new\""));
  BOOST_TEST(with("vision_config", "num_channels", 1).starts_with(": vision_config.num_channels is 1"));
  BOOST_TEST(with("text_config", "pruned_heads", {{"0", {1}}}).starts_with(": text_config.pruned_heads is"));
  BOOST_TEST(with("text_config", "window", 3).starts_with(": text_config.window is 3, and is not known here"));
  BOOST_TEST(with("", "window", 3).starts_with(": window is 3, and is not known here"));
  BOOST_TEST(with("", "model_type", "blip") == ": model_type is \"blip\", expected \"clip\" or \"siglip\"");
}

BOOST_AUTO_TEST_CASE(openclips_configuration_is_honoured_or_refused_by_name) {
  const auto given = settings_of(openclip());
  BOOST_TEST((given.gelu == Gelu::quick));
  BOOST_TEST(given.image_heads == 4);
  BOOST_TEST(given.text_heads == 2);
  BOOST_TEST((given.preprocessing.mean == std::array<double, 3>{0.5, 0.25, 1}));
  BOOST_TEST((given.preprocessing.deviation == std::array<double, 3>{1, 2, 3}));
  auto left_out = openclip();
  left_out["model_cfg"].erase("quick_gelu");
  left_out["model_cfg"]["text_cfg"].erase("heads");
  BOOST_TEST((settings_of(left_out).gelu == Gelu::erf));
  BOOST_TEST(settings_of(left_out).text_heads == 8);
  auto residual = openclip();
  residual["model_cfg"]["vision_cfg"] = {{"layers", {3, 4, 6, 3}}, {"width", 64}, {"image_size", 224}};
  BOOST_TEST(settings_of(residual).image_heads == 32);
  const auto with = [](const char* part, const char* key, json value) {
    auto config = openclip();
    config["model_cfg"][part][key] = std::move(value);
    return error_of_config(config);
  };
  BOOST_TEST(with("text_cfg", "no_causal_mask", true) ==
             ": text_cfg.no_causal_mask is true, which is not computed here");
  BOOST_TEST(with("text_cfg", "no_causal_mask", false) == "");
  BOOST_TEST(
      with("text_cfg", "pool_type", "last").starts_with(": text_cfg.pool_type is \"last\", expected \"argmax\""));
  BOOST_TEST(with("vision_cfg", "pool_type", "avg").starts_with(": vision_cfg.pool_type is \"avg\", expected \"tok\""));
  BOOST_TEST(with("vision_cfg", "norm_kwargs", {{"eps", 1e-6}}).starts_with(": vision_cfg.norm_kwargs is"));
  BOOST_TEST(with("vision_cfg", "window", 3).starts_with(": vision_cfg.window is 3, and is not known here"));
  auto squashed = openclip();
  squashed["preprocess_cfg"]["resize_mode"] = "squash";
  BOOST_TEST(error_of_config(squashed).starts_with(": preprocess_cfg.resize_mode is \"squash\""));
}

BOOST_AUTO_TEST_CASE(a_folder_of_hugging_face_is_read_with_all_that_it_says) {
  const TemporaryFolder folder;
  const auto theirs = clip_to_huggingface(test::random_vit_clip(0, torch::kFloat32), "clip");
  save_tensors(folder / "model.safetensors", theirs, {});
  auto config = huggingface();
  config["text_config"]["num_attention_heads"] = 2;
  write_text(folder / "config.json", config.dump());
  write_text(folder / "merges.txt", test::small_merges);
  write_text(folder / "preprocessor_config.json",
             R"({"image_mean": [0.5, 0.25, 1], "image_std": [1, 2, 3.5], "size": 8})");
  const auto reference = test::small_clip_settings();
  auto settings = reference;
  settings.preprocessing.mean = {0.5, 0.25, 1};
  settings.preprocessing.deviation = {1, 2, 3.5};
  const auto expected = make_clip(test::random_vit_clip(0, torch::kFloat32), "clip", settings);
  const auto images = test::random({2, 3, 8, 8}, 1).to(torch::kFloat32);
  const std::vector<std::string> texts{"the cat"};
  const auto same = [&](const AnyClip& clip) {
    return test::largest_difference(clip.see(images).unit, expected.see(images).unit) < 1e-6 &&
           test::largest_difference(clip.read(clip.tokenize(texts)), expected.read(expected.tokenize(texts))) < 1e-6;
  };
  BOOST_TEST(same(load_clip(folder.path())));
  // Other heads are other numbers.
  config["text_config"]["num_attention_heads"] = 4;
  write_text(folder / "config.json", config.dump());
  BOOST_TEST(!same(load_clip(folder.path())));
  config["text_config"]["num_attention_heads"] = 2;
  config["text_config"]["num_hidden_layers"] = 1;
  write_text(folder / "config.json", config.dump());
  BOOST_TEST(error_of([&] { load_clip(folder.path()); })
                 .find("has 2 blocks in its text tower, and the configuration "
                       "beside it tells 1") != std::string::npos);
  // In two files, with an index.
  config["text_config"]["num_hidden_layers"] = 2;
  write_text(folder / "config.json", config.dump());
  std::filesystem::remove(folder / "model.safetensors");
  TensorMap parts[2];
  json map;
  for (const auto& [name, value] : theirs) {
    const bool second = name.starts_with("vision_model.");
    parts[second][name] = value;
    map[name] = second ? "model-2.safetensors" : "model-1.safetensors";
  }
  save_tensors(folder / "model-1.safetensors", parts[0], {});
  save_tensors(folder / "model-2.safetensors", parts[1], {});
  write_text(folder / "model.safetensors.index.json", json{{"metadata", json::object()}, {"weight_map", map}}.dump());
  BOOST_TEST(same(load_clip(folder.path())));
  map["logit_scale"] = "../model-1.safetensors";
  write_text(folder / "model.safetensors.index.json", json{{"weight_map", map}}.dump());
  BOOST_TEST(error_of([&] { load_clip(folder.path()); }).find("expected the name of a file beside it") !=
             std::string::npos);
  map["logit_scale"] = "model-2.safetensors";
  write_text(folder / "model.safetensors.index.json", json{{"weight_map", map}}.dump());
  BOOST_TEST(error_of([&] { load_clip(folder.path()); }).find("model-1.safetensors: has ") != std::string::npos);
  map["logit_scale"] = "model-1.safetensors";
  map["more"] = "model-1.safetensors";
  write_text(folder / "model.safetensors.index.json", json{{"weight_map", map}}.dump());
  BOOST_TEST(error_of([&] { load_clip(folder.path()); }).find("which does not have it") != std::string::npos);
}

BOOST_AUTO_TEST_CASE(of_two_files_in_a_folder_the_whole_clip_is_taken) {
  const TemporaryFolder folder;
  save_tensors(folder / "model.safetensors", {{"blocks.0.attn.qkv.weight", torch::ones({3, 1})}}, {});
  save_tensors(folder / "open_clip_model.safetensors", test::random_vit_clip(0, torch::kFloat32), {});
  BOOST_TEST(ModelFile::open(folder.path()).path() == folder / "open_clip_model.safetensors");
  BOOST_TEST((ModelFile::open(folder.path()).kind() == FileKind::openai_encoder));
}

BOOST_AUTO_TEST_CASE(what_is_guessed_is_told_once_with_the_way_to_say_otherwise) {
  const TemporaryFolder folder;
  const auto path = folder / "lone.safetensors";
  save_tensors(path, test::random_vit_clip(0, torch::kFloat32), {});
  const auto gelu = [&] { return read_clip(ModelFile::open(path)).second.gelu; };
  {
    const Told told;
    BOOST_TEST((gelu() == Gelu::quick));
    BOOST_TEST(told.text().starts_with("warning: " + path.string() + ": does not say its activation"));
    BOOST_TEST(told.text().find("quick GELU, which OpenAI's models have, was taken") != std::string::npos);
    BOOST_TEST(told.text().find("--gelu erf") != std::string::npos);
    const auto once = told.text();
    gelu();
    BOOST_TEST(told.text() == once);
  }
  {
    const Told told;
    told_gelu() = "erf";
    BOOST_TEST((gelu() == Gelu::erf));
    told_gelu() = "tanh";
    BOOST_TEST(error_of(gelu) == "option gelu: expected quick, erf or auto, found 'tanh'");
    told_gelu() = "auto";
    BOOST_TEST(told.text() == "");
  }
}

BOOST_AUTO_TEST_SUITE_END()
