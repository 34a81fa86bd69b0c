/// A CLIP or SigLIP whose kind its file decides, and the reading of encoders from files.
#pragma once
#include <array>
#include <cstdint>
#include <filesystem>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <utility>
#include <variant>
#include <vector>

#include "nada/core/tensor.hpp"
#include "nada/encoders/clip.hpp"
#include "nada/encoders/clip_config.hpp"
#include "nada/encoders/encoder.hpp"
#include "nada/encoders/modified_resnet.hpp"
#include "nada/encoders/siglip.hpp"
#include "nada/encoders/step_head.hpp"
#include "nada/encoders/tokenizer.hpp"
#include "nada/encoders/vision_transformer.hpp"
#include "nada/formats/file.hpp"
#include "nada/formats/model_file.hpp"
#include "nada/formats/tensor_file.hpp"

namespace nada {

/// AnyClip is a Clip<VisionTransformer>, a Clip<ModifiedResNet> or a Siglip, decided when the file is read. It is cheap
/// to copy: copies share the weights.
class AnyClip {
 public:
  using Variant = std::variant<Clip<VisionTransformer>, Clip<ModifiedResNet>, Siglip>;
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
  /// Returns embeddings as the text tower gives them, [T, E], not at unit length.
  Tensor read_raw(const Tensor& ids) const {
    return visit([&](const auto& c) { return c.read_raw(ids, [](const std::string&, const Tensor&) {}); });
  }
  /// Encodes images [N, 3, H, W] in [-1, 1] to dense features at their own size, a map a level.
  /// Errors:  an encoder whose tower has none.
  std::vector<Tensor> see_dense(const Tensor& images) const;
  /// Returns the levels of dense features; empty where the tower has none.
  std::vector<DenseLevel> dense_levels() const;
  /// Returns the head that predicts steps of dense features; nullptr where the file holds none.
  const StepHead* step_head() const;
  std::int64_t width() const {
    return visit([](const auto& c) { return c.width(); });
  }
  double score_scale() const {
    return visit([](const auto& c) { return c.score_scale(); });
  }
  /// Returns what is added to scaled scores before a sigmoid; 0 for encoders without such a bias.
  double score_bias() const;
  const std::vector<std::string>& phrases() const {
    return visit([](const auto& c) -> const std::vector<std::string>& { return c.phrases(); });
  }
  std::int64_t resolution() const {
    return visit([](const auto& c) { return c.resolution(); });
  }

 private:
  std::shared_ptr<const Variant> clip_;
};

/// Reads three numbers from metadata such as "0.5 0.5 0.5".
std::array<double, 3> three_numbers(const std::string& text, const std::string& what);

/// Reads settings from the metadata of a native encoder file.
ClipSettings clip_settings(const Metadata& metadata, const std::string& what);

/// Builds a CLIP from tensors with OpenAI's names, or a SigLIP from those of siglip_names.hpp; the names decide its kind.
AnyClip make_clip(const TensorMap& tensors, const std::string& what, ClipSettings settings,
                  torch::TensorOptions options = torch::kFloat32);

/// Returns the word of the user on the activation of files that do not say theirs, to read and to set: "quick", "erf", or
/// "auto", with which read_clip() guesses, and tells so. It holds for the whole process; programs bind --gelu to it.
std::string& told_gelu();

/// Reads settings from a Hugging Face config.json or an OpenCLIP open_clip_config.json (clip_config.hpp,
/// siglip_config.hpp). Settings that the file does not give are those that its project means by that. Returns the depths of the towers that it tells.
/// Errors:  a key that changes what is computed and is not honoured here, or is not known; the sentence names the key.
ClipDepths read_clip_config(const std::filesystem::path& path, ClipSettings& settings);

/// Whether a file holds a SigLIP, with Hugging Face's names or OpenCLIP's.
bool is_siglip(const ModelFile& file);

/// Reads the merges of a Hugging Face tokenizer.json; nothing where the file is another JSON or has no merges.
std::optional<Tokenizer> read_tokenizer_json(const std::filesystem::path& path);

/// Reads a vocabulary from a file of merges, plain or gzip, or from a tokenizer.json.
Tokenizer open_vocabulary(const std::filesystem::path& path);

/// Reads a CLIP file's tensors by OpenAI's names, each finite, and the settings that the file and the files beside
/// it give. The vocabulary comes from `vocabulary`, else from inside the file, else from a file beside it
/// (merges.txt, tokenizer.json or bpe_simple_vocab_16e6.txt.gz). The activation comes from a configuration beside
/// the file; without a configuration it is told_gelu(), or else OpenAI's quick GELU, or the erf GELU for state dicts that
/// OpenCLIP writes (pickles, names under "text."), and a warning says what was guessed. Mean and deviation come from
/// preprocessor_config.json or open_clip_config.json beside the file.
/// A SigLIP's tensors come by the names of siglip_names.hpp. Its vocabulary is `vocabulary`, else a file beside it
/// (spiece.model, tokenizer.json or tokenizer.model), with what a tokenizer_config.json beside the vocabulary says.
/// Errors:  another kind of file, NaN, tensors without a place, a damaged configuration.
std::pair<TensorMap, ClipSettings> read_clip(const ModelFile& file,
                                             const std::optional<std::filesystem::path>& vocabulary = {});

/// Reads a CLIP from a native file, OpenAI's archive, a Hugging Face folder or an OpenCLIP state dict, or a SigLIP from
/// one of the latter two; see read_clip().
/// With `products`, matrix products and convolutions compute in that type.
/// Errors:  as read_clip().
AnyClip load_clip(const std::filesystem::path& path, const std::optional<std::filesystem::path>& vocabulary = {},
                  torch::Device device = torch::kCPU, torch::ScalarType type = torch::kFloat32,
                  std::optional<torch::ScalarType> products = {});

}  // namespace nada

#ifndef NADA_COMPILED
#include "nada/encoders/any_clip.ipp"
#else
namespace nada {
extern template class Clip<VisionTransformer>;
extern template class Clip<ModifiedResNet>;
}  // namespace nada
#endif
