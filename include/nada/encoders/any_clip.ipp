// Bodies of any_clip.hpp.
#pragma once
#include "nada/encoders/any_clip.hpp"

#include <nlohmann/json.hpp>

#include <algorithm>
#include <charconv>
#include <system_error>

#include "nada/core/config.hpp"
#include "nada/core/error.hpp"
#include "nada/encoders/clip_names.hpp"
#include "nada/encoders/transformer.hpp"
#include "nada/encoders/weights.hpp"
#include "nada/formats/recognise.hpp"

namespace nada {

NADA_INLINE std::vector<Tensor> AnyClip::see_dense(const Tensor& images) const {
  return visit([&](const auto& c) -> std::vector<Tensor> {
    if constexpr (requires { c.see_dense(images); }) {
      return c.see_dense(images);
    } else {
      fail("a ", c.tower().name, " has no dense features; a modified residual network has");
    }
  });
}

NADA_INLINE std::vector<DenseLevel> AnyClip::dense_levels() const {
  return visit([](const auto& c) -> std::vector<DenseLevel> {
    if constexpr (requires { c.tower().dense_levels(); }) return c.tower().dense_levels();
    return {};
  });
}

NADA_INLINE const StepHead* AnyClip::step_head() const {
  return visit([](const auto& c) -> const StepHead* { return c.step_head() ? &*c.step_head() : nullptr; });
}

NADA_INLINE std::array<double, 3> three_numbers(const std::string& text, const std::string& what) {
  std::array<double, 3> out{};
  const char* at = text.data();
  const char* const end = at + text.size();
  for (auto& value : out) {
    while (at != end && *at == ' ') ++at;
    const auto [next, error] = std::from_chars(at, end, value);
    require(error == std::errc{}, what, " is '", text, "', expected three numbers");
    at = next;
  }
  require(at == end, what, " is '", text, "', expected three numbers");
  return out;
}

NADA_INLINE ClipSettings clip_settings(const Metadata& metadata, const std::string& what) {
  ClipSettings out;
  const auto number = [&](const char* key) -> std::int64_t {
    const auto text = value_or(metadata, key, "0");
    std::int64_t value = 0;
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
    require(error == std::errc{} && end == text.data() + text.size() && value >= 0, what, ": ", key, " is '", text,
            "', expected a number >= 0");
    return value;
  };
  const auto gelu = value_or(metadata, "nada.gelu", "quick");
  require(gelu == "quick" || gelu == "erf", what, ": nada.gelu is '", gelu, "', expected quick or erf");
  out.gelu = gelu == "quick" ? Gelu::quick : Gelu::erf;
  out.image_heads = number("nada.image_heads");
  out.text_heads = number("nada.text_heads");
  if (const auto mean = value_or(metadata, "nada.image_mean"); !mean.empty())
    out.preprocessing.mean = three_numbers(mean, what + ": nada.image_mean");
  if (const auto deviation = value_or(metadata, "nada.image_deviation"); !deviation.empty()) {
    out.preprocessing.deviation = three_numbers(deviation, what + ": nada.image_deviation");
    for (const double d : out.preprocessing.deviation) require(d > 0, what, ": nada.image_deviation must be > 0");
  }
  if (const auto merges = value_or(metadata, "nada.merges"); !merges.empty())
    out.tokenizer = Tokenizer::from_merges(merges, what + ": nada.merges");
  if (const auto phrases = value_or(metadata, "nada.phrases"); !phrases.empty()) {
    const auto json = nlohmann::json::parse(phrases, nullptr, /*allow_exceptions=*/false);
    require(json.is_array(), what, ": nada.phrases is not a JSON list");
    for (const auto& phrase : json) {
      require(phrase.is_string(), what, ": nada.phrases holds something that is no text");
      out.phrases.push_back(phrase.get<std::string>());
    }
  }
  return out;
}

NADA_INLINE AnyClip make_clip(const TensorMap& tensors, const std::string& what, ClipSettings settings,
                              torch::TensorOptions options) {
  const Weights weights(tensors, what, options, settings.products);
  if (weights.has("visual.proj")) return AnyClip(Clip<VisionTransformer>(weights, std::move(settings)));
  if (weights.has("visual.layer1.0.conv1.weight")) return AnyClip(Clip<ModifiedResNet>(weights, std::move(settings)));
  fail(what,
       ": the image tower is neither a vision transformer (visual.proj) nor a modified residual network "
       "(visual.layer1.0.conv1.weight)");
}

NADA_INLINE void read_clip_config(const std::filesystem::path& path, ClipSettings& settings) {
  const auto json = nlohmann::json::parse(read_text(path), nullptr, /*allow_exceptions=*/false);
  require(json.is_object(), path, ": is not a JSON object, expected the configuration of a CLIP");
  const auto object = [&](const nlohmann::json& in, const char* key) {
    return in.is_object() && in.contains(key) && in[key].is_object() ? in[key] : nlohmann::json::object();
  };
  const auto integer = [&](const nlohmann::json& in, const char* key) {
    if (!in.contains(key)) return std::int64_t{0};
    require(in[key].is_number_integer() && in[key].get<std::int64_t>() > 0, path, ": ", key, " is ", in[key].dump(),
            ", expected a number > 0");
    return in[key].get<std::int64_t>();
  };
  const auto three = [&](const nlohmann::json& in, const char* key, std::array<double, 3>& out) {
    if (!in.contains(key)) return;
    const auto& list = in[key];
    require(
        list.is_array() && list.size() == 3 && std::ranges::all_of(list, [](const auto& x) { return x.is_number(); }),
        path, ": ", key, " is ", list.dump(), ", expected three numbers");
    out = list.get<std::array<double, 3>>();
  };
  if (json.contains("vision_config")) {  // Hugging Face
    const auto vision = object(json, "vision_config"), text = object(json, "text_config");
    const auto act = vision.value("hidden_act", nlohmann::json("quick_gelu"));
    require(act == "quick_gelu" || act == "gelu", path, ": hidden_act is ", act.dump(),
            ", expected quick_gelu or gelu");
    settings.gelu = act == "gelu" ? Gelu::erf : Gelu::quick;
    settings.image_heads = integer(vision, "num_attention_heads");
    settings.text_heads = integer(text, "num_attention_heads");
    return;
  }
  const auto model = json.contains("model_cfg") ? object(json, "model_cfg") : json;
  const auto vision = object(model, "vision_cfg"), text = object(model, "text_cfg");
  settings.gelu = model.value("quick_gelu", nlohmann::json(false)) == true ? Gelu::quick : Gelu::erf;
  settings.text_heads = integer(text, "heads");
  if (const auto width = integer(vision, "head_width"); width > 0 && vision.contains("width"))
    settings.image_heads = std::max<std::int64_t>(1, integer(vision, "width") / width);
  const auto preprocess = object(json, "preprocess_cfg");
  three(preprocess, "mean", settings.preprocessing.mean);
  three(preprocess, "std", settings.preprocessing.deviation);
}

NADA_INLINE std::optional<Tokenizer> read_tokenizer_json(const std::filesystem::path& path) {
  const auto json = nlohmann::json::parse(read_text(path), nullptr, /*allow_exceptions=*/false);
  if (!json.is_object() || !json.contains("model") || !json["model"].is_object() || !json["model"].contains("merges") ||
      !json["model"]["merges"].is_array())
    return std::nullopt;
  std::string text = "#version: 0.2\n";
  for (const auto& merge : json["model"]["merges"]) {  // "a b", or ["a", "b"] in newer versions
    const bool pair = merge.is_array() && merge.size() == 2 && merge[0].is_string() && merge[1].is_string();
    require(pair || merge.is_string(), path, ": model.merges holds ", merge.dump(), ", expected two symbols");
    text += pair ? merge[0].get<std::string>() + " " + merge[1].get<std::string>() : merge.get<std::string>();
    text += '\n';
  }
  return Tokenizer::from_merges(text, path.string());
}

NADA_INLINE Tokenizer open_vocabulary(const std::filesystem::path& path) {
  if (path.extension() != ".json") return Tokenizer::open(path);
  const auto tokenizer = read_tokenizer_json(path);
  require(tokenizer.has_value(), path, ": holds no list model.merges, expected a byte-pair tokenizer");
  return *tokenizer;
}

NADA_INLINE std::pair<TensorMap, ClipSettings> read_clip(const ModelFile& file,
                                                         const std::optional<std::filesystem::path>& vocabulary) {
  const auto what = file.path().string();
  require(is_encoder(file.kind()), what, " is ", name_of(file.kind()), ", expected a CLIP encoder");
  auto settings = clip_settings(file.kind() == FileKind::encoder ? file.metadata() : Metadata{}, what);
  const auto folder = file.path().parent_path();
  const bool pickled = file.container() != "safetensors" && file.container() != "torchscript";
  if (file.kind() == FileKind::openclip_encoder || pickled) settings.gelu = Gelu::erf;
  if (file.kind() != FileKind::encoder && file.container() != "torchscript") {
    const auto* const name = file.kind() == FileKind::huggingface_encoder ? "config.json" : "open_clip_config.json";
    if (std::filesystem::exists(folder / name)) read_clip_config(folder / name, settings);
  }
  if (vocabulary) settings.tokenizer = open_vocabulary(*vocabulary);
  for (const char* name : {"merges.txt", "tokenizer.json", "bpe_simple_vocab_16e6.txt.gz"})
    if (const auto beside = folder / name; !settings.tokenizer && std::filesystem::exists(beside))
      settings.tokenizer = beside.extension() == ".json" ? read_tokenizer_json(beside) : open_vocabulary(beside);
  auto tensors = to_tensors(file);
  require_finite(tensors, what);
  return {file.kind() == FileKind::huggingface_encoder ? clip_from_huggingface(std::move(tensors), what)
                                                       : clip_from_openai(std::move(tensors)),
          std::move(settings)};
}

NADA_INLINE AnyClip load_clip(const std::filesystem::path& path, const std::optional<std::filesystem::path>& vocabulary,
                              torch::Device device, torch::ScalarType type, std::optional<torch::ScalarType> products) {
  const auto file = ModelFile::open(path);
  auto [tensors, settings] = read_clip(file, vocabulary);
  settings.products = products;
  return make_clip(tensors, file.path().string(), std::move(settings),
                   torch::TensorOptions().device(device).dtype(type));
}

#ifdef NADA_COMPILED
template class Clip<VisionTransformer>;
template class Clip<ModifiedResNet>;
#endif

}  // namespace nada
