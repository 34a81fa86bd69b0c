// Bodies of any_clip.hpp.
#pragma once
#include "nada/encoders/any_clip.hpp"

#include <nlohmann/json.hpp>

#include <algorithm>
#include <charconv>
#include <system_error>

#include "nada/core/config.hpp"
#include "nada/core/error.hpp"
#include "nada/core/warning.hpp"
#include "nada/encoders/clip_names.hpp"
#include "nada/encoders/piece_tokenizer.hpp"
#include "nada/encoders/siglip_config.hpp"
#include "nada/encoders/siglip_names.hpp"
#include "nada/encoders/transformer.hpp"
#include "nada/encoders/weights.hpp"
#include "nada/formats/hub.hpp"
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
  return visit([](const auto& c) -> const StepHead* {
    if constexpr (requires { c.step_head(); }) return c.step_head() ? &*c.step_head() : nullptr;
    return nullptr;
  });
}

NADA_INLINE double AnyClip::score_bias() const {
  return visit([](const auto& c) -> double {
    if constexpr (requires { c.score_bias(); }) return c.score_bias();
    return 0;
  });
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
  if (settings.siglip && weights.has("visual.head.probe")) return AnyClip(Siglip(weights, std::move(settings)));
  if (weights.has("visual.proj")) return AnyClip(Clip<VisionTransformer>(weights, std::move(settings)));
  if (weights.has("visual.layer1.0.conv1.weight")) return AnyClip(Clip<ModifiedResNet>(weights, std::move(settings)));
  fail(what,
       ": the image tower is neither a vision transformer (visual.proj) nor a modified residual network "
       "(visual.layer1.0.conv1.weight)");
}

NADA_INLINE std::string& told_gelu() {
  static std::string told = "auto";
  return told;
}

NADA_INLINE ClipDepths read_clip_config(const std::filesystem::path& path, ClipSettings& settings) {
  return detail::ClipConfig(path).read(settings);
}

NADA_INLINE bool is_siglip(const ModelFile& file) {
  return file.kind() == FileKind::siglip_encoder ||
         (file.kind() == FileKind::openclip_encoder && file.find("visual.trunk.attn_pool.latent") != nullptr);
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
  if (is_hub_address(path)) return open_vocabulary(local_path(path));
  if (path.extension() != ".json") return Tokenizer::open(path);
  const auto tokenizer = read_tokenizer_json(path);
  require(tokenizer.has_value(), path, ": holds no list model.merges, expected a byte-pair tokenizer");
  return *tokenizer;
}

/// Whether a tensor of that name belongs to a CLIP, whoever named it.
NADA_INLINE bool is_of_clip(std::string_view name) {
  constexpr std::string_view parts[] = {"visual",          "vision_model",         "text",     "transformer.",
                                        "token_embedding", "positional_embedding", "ln_final", "logit_"};
  return std::ranges::any_of(parts, [&](std::string_view part) { return name.starts_with(part); });
}

/// Guesses what a file without a configuration beside it does not say, and tells what was guessed.
NADA_INLINE void guess_clip_settings(const ModelFile& file, const std::filesystem::path& config,
                                     ClipSettings& settings) {
  const bool openclip = file.kind() == FileKind::openclip_encoder || file.container() != "safetensors";
  const auto& told = told_gelu();
  require(told == "auto" || told == "quick" || told == "erf", "option gelu: expected quick, erf or auto, found '", told,
          "'");
  settings.gelu = told == "erf" || (told == "auto" && openclip) ? Gelu::erf : Gelu::quick;
  if (told != "auto") return;
  warn(file.path(), ": does not say its activation, and there is no ", config.filename(), " beside it: ",
       settings.gelu == Gelu::erf
           ? "the exact GELU, which OpenCLIP's own models have, was taken (for OpenAI's say --gelu quick)"
           : "quick GELU, which OpenAI's models have, was taken (for LAION's and DataComp's say --gelu erf)",
       ", and attention heads of 64 numbers each (`convert --image-heads --text-heads` says otherwise)");
}

/// The same for a SigLIP.
NADA_INLINE void guess_siglip_settings(const ModelFile& file, const std::filesystem::path& config,
                                       ClipSettings& settings) {
  const bool openclip = file.kind() == FileKind::openclip_encoder;
  settings.siglip.emplace();
  settings.preprocessing = detail::siglip_preprocessing();
  const auto& told = told_gelu();
  settings.gelu = told == "quick" ? Gelu::quick : told == "erf" || openclip ? Gelu::erf : Gelu::tanh;
  settings.siglip->text_gelu = settings.gelu;
  if (openclip) settings.siglip->cleaning = PieceCleaning::openclip;
  warn(file.path(), ": there is no ", config.filename(), " beside it: ",
       settings.gelu == Gelu::quick ? "quick GELU"
       : settings.gelu == Gelu::erf ? "the exact GELU"
                                    : "GELU by tanh",
       ", attention heads of 64 numbers each and images of whole patches were taken");
}

/// Reads the configurations beside a file of another project's; returns the depths that they tell.
NADA_INLINE ClipDepths read_clip_beside(const ModelFile& file, bool siglip, ClipSettings& settings) {
  ClipDepths depths;
  const auto folder = file.path().parent_path();
  const bool theirs = file.kind() == FileKind::huggingface_encoder || file.kind() == FileKind::siglip_encoder;
  const auto config = folder / (theirs ? "config.json" : "open_clip_config.json");
  const bool configured = std::filesystem::exists(config);
  if (configured)
    depths = read_clip_config(config, settings);
  else if (siglip)
    guess_siglip_settings(file, config, settings);
  else
    guess_clip_settings(file, config, settings);
  require(settings.siglip.has_value() == siglip, config, ": is the configuration of a ", siglip ? "CLIP" : "SigLIP",
          ", and ", file.path(), " holds a ", siglip ? "SigLIP" : "CLIP");
  if (const auto images = folder / "preprocessor_config.json"; theirs && std::filesystem::exists(images)) {
    if (siglip)
      detail::read_siglip_image_config(images, settings);
    else
      detail::read_image_config(images, settings.preprocessing);
  }
  return depths;
}

/// Reads a SigLIP's vocabulary: the given one, else the one beside the file, if there is one.
NADA_INLINE void read_siglip_vocabulary(const std::filesystem::path& folder,
                                        const std::optional<std::filesystem::path>& vocabulary,
                                        SiglipSettings& settings) {
  std::filesystem::path path;
  if (vocabulary) path = local_path(*vocabulary);
  for (const char* name : {"spiece.model", "tokenizer.json", "tokenizer.model"})
    if (path.empty() && std::filesystem::exists(folder / name)) path = folder / name;
  if (path.empty()) return;
  auto tokenizer = PieceTokenizer::open(path);
  if (const auto config = path.parent_path() / "tokenizer_config.json"; std::filesystem::exists(config))
    tokenizer.configure(config);
  if (settings.cleaning) tokenizer.set_cleaning(*settings.cleaning);
  settings.tokenizer = std::move(tokenizer);
}

NADA_INLINE std::pair<TensorMap, ClipSettings> read_clip(const ModelFile& file,
                                                         const std::optional<std::filesystem::path>& vocabulary) {
  const auto what = file.path().string();
  require(is_encoder(file.kind()), what, " is ", name_of(file.kind()), ", expected a CLIP encoder");
  auto settings = clip_settings(file.kind() == FileKind::encoder ? file.metadata() : Metadata{}, what);
  ClipDepths depths;
  const auto folder = file.path().parent_path();
  const bool siglip = is_siglip(file);
  if (file.kind() == FileKind::openclip_encoder) settings.gelu = Gelu::erf;
  if (file.kind() != FileKind::encoder && (siglip || file.container() != "torchscript"))
    depths = read_clip_beside(file, siglip, settings);
  if (siglip) {
    read_siglip_vocabulary(folder, vocabulary, *settings.siglip);
  } else if (vocabulary) {
    settings.tokenizer = open_vocabulary(*vocabulary);
  }
  for (const char* name : {"merges.txt", "tokenizer.json", "bpe_simple_vocab_16e6.txt.gz"})
    if (const auto beside = folder / name; !siglip && !settings.tokenizer && std::filesystem::exists(beside))
      settings.tokenizer = beside.extension() == ".json" ? read_tokenizer_json(beside) : open_vocabulary(beside);
  for (const auto& [name, maker] : file.unreadable())
    require(!is_of_clip(name), what, ": tensor ", name, " is made by ", maker, ", which is not read");
  auto tensors = to_tensors(file);
  require_finite(tensors, what);
  detail::require_depths(tensors, depths, what);
  if (file.kind() == FileKind::siglip_encoder) return {siglip_from_huggingface(std::move(tensors), what), settings};
  if (siglip) return {siglip_from_openclip(std::move(tensors), what), settings};
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
