/// A CLIP of the kind that its file says, and encoders from files.
#pragma once
#include <array>
#include <charconv>
#include <filesystem>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <utility>
#include <variant>
#include <vector>

#include <nlohmann/json.hpp>

#include "nada/core/error.hpp"
#include "nada/core/tensor.hpp"
#include "nada/encoders/clip.hpp"
#include "nada/encoders/ensemble.hpp"
#include "nada/formats/recognise.hpp"
#include "nada/formats/tensor_file.hpp"

namespace nada {

/// Clip<VisionTransformer> or Clip<ModifiedResNet>, decided when the file is read. Cheap to copy: copies share the
/// weights.
class AnyClip {
 public:
  using Variant = std::variant<Clip<VisionTransformer>, Clip<ModifiedResNet>>;
  explicit AnyClip(Variant clip) : clip_(std::make_shared<const Variant>(std::move(clip))) {}

  template <class Visit>
  decltype(auto) visit(Visit&& visit) const {
    return std::visit(std::forward<Visit>(visit), *clip_);
  }
  Features see(const Tensor& images, Wanted wanted = {}) const {
    return visit([&](const auto& c) { return c.see(images, wanted); });
  }
  Tensor tokenize(std::span<const std::string> texts) const {
    return visit([&](const auto& c) { return c.tokenize(texts); });
  }
  Tensor read(const Tensor& ids) const {
    return visit([&](const auto& c) { return c.read(ids); });
  }
  std::int64_t width() const {
    return visit([](const auto& c) { return c.width(); });
  }
  double score_scale() const {
    return visit([](const auto& c) { return c.score_scale(); });
  }
  const std::vector<std::string>& phrases() const {
    return visit([](const auto& c) -> const std::vector<std::string>& { return c.phrases(); });
  }
  std::int64_t resolution() const {
    return visit([](const auto& c) { return c.resolution(); });
  }

 private:
  std::shared_ptr<const Variant> clip_;
};

/// Three numbers from metadata such as "0.5 0.5 0.5".
inline std::array<double, 3> three_numbers(const std::string& text, const std::string& what) {
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

/// Settings from the metadata of a native encoder file.
inline ClipSettings clip_settings(const Metadata& metadata, const std::string& what) {
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

/// Builds a CLIP of the right kind from tensors with OpenAI's names.
inline AnyClip make_clip(const TensorMap& tensors, const std::string& what, ClipSettings settings,
                         torch::TensorOptions options = torch::kFloat32) {
  const Weights weights(tensors, what, options);
  if (weights.has("visual.proj")) return AnyClip(Clip<VisionTransformer>(weights, std::move(settings)));
  if (weights.has("visual.layer1.0.conv1.weight")) return AnyClip(Clip<ModifiedResNet>(weights, std::move(settings)));
  fail(what,
       ": the image tower is neither a vision transformer (visual.proj) nor a modified residual network "
       "(visual.layer1.0.conv1.weight)");
}

/// Reads a CLIP: a native file, or OpenAI's names in safetensors. A vocabulary comes from `vocabulary`, else from
/// inside the file, else from a file beside it (merges.txt or bpe_simple_vocab_16e6.txt.gz).
inline AnyClip load_clip(const std::filesystem::path& path, const std::optional<std::filesystem::path>& vocabulary = {},
                         torch::Device device = torch::kCPU, torch::ScalarType type = torch::kFloat32) {
  const auto file = Safetensors::open(path);
  const auto kind = recognise(file);
  require(kind == FileKind::encoder || kind == FileKind::openai_encoder, path, " is ", name_of(kind),
          ", expected a CLIP encoder");
  auto settings = clip_settings(kind == FileKind::encoder ? file.metadata() : Metadata{}, path.string());
  if (vocabulary) {
    settings.tokenizer = Tokenizer::open(*vocabulary);
  } else if (!settings.tokenizer) {
    for (const char* name : {"merges.txt", "bpe_simple_vocab_16e6.txt.gz"})
      if (const auto beside = path.parent_path() / name; !settings.tokenizer && std::filesystem::exists(beside))
        settings.tokenizer = Tokenizer::open(beside);
  }
  const auto tensors = to_tensors(file);
  require_finite(tensors, path.string());
  return make_clip(tensors, path.string(), std::move(settings), torch::TensorOptions().device(device).dtype(type));
}

}  // namespace nada
