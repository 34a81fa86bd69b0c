/// CLIP encodes images and texts into one space.
/// Source:  Radford et al., Learning Transferable Visual Models From Natural Language Supervision, arXiv:2103.00020.
#pragma once
#include <algorithm>
#include <cmath>
#include <concepts>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <type_traits>
#include <utility>
#include <vector>

#include "nada/core/error.hpp"
#include "nada/core/tensor.hpp"
#include "nada/encoders/encoder.hpp"
#include "nada/encoders/piece_tokenizer.hpp"
#include "nada/encoders/preprocessing.hpp"
#include "nada/encoders/step_head.hpp"
#include "nada/encoders/tokenizer.hpp"
#include "nada/encoders/transformer.hpp"
#include "nada/encoders/weights.hpp"

namespace nada {

/// SiglipSettings hold the facts about a SigLIP that a CLIP does not have.
struct SiglipSettings {
  Gelu text_gelu = Gelu::tanh;                   // activation of the text tower
  std::int64_t image_size = 0;                   // pixels of an edge; 0: the patches' grid times their size
  std::optional<PieceCleaning> cleaning = {};    // of texts; none: as the vocabulary's kind does it
  std::optional<PieceTokenizer> tokenizer = {};  // none: texts must be given as token ids
};

/// ClipSettings hold the facts about a CLIP that its tensors do not give.
struct ClipSettings {
  Gelu gelu = Gelu::quick;
  std::int64_t image_heads = 0, text_heads = 0;    // 0: derived from the widths, as in the official loader
  Preprocessing preprocessing = {};                // the size comes from the tensors
  std::optional<Tokenizer> tokenizer = {};         // none: texts must be given as token ids
  std::vector<std::string> phrases = {};           // phrases that the encoder was trained on; empty: unknown
  bool training = false;                           // batch norms use the batch's statistics
  std::optional<torch::ScalarType> products = {};  // type of matrix products and convolutions
  std::optional<SiglipSettings> siglip = {};       // the encoder is a SigLIP (siglip.hpp)
};

/// DenseTower: an image tower whose first levels keep the places of the image.
template <class Tower>
concept DenseTower = requires(const Tower& tower, const Tensor& images) {
  { tower.dense_features(images) } -> std::same_as<std::vector<Tensor>>;
  { tower.dense_levels() } -> std::same_as<std::vector<DenseLevel>>;
};

/// Clip is a CLIP with the image tower `Tower` (VisionTransformer or ModifiedResNet), built
/// from tensors with OpenAI's names.
template <class Tower>
class Clip {
 public:
  Clip(const Weights& weights, ClipSettings settings)
      : settings_(std::move(settings)), tower_(make_tower(weights, settings_)) {
    settings_.preprocessing.size = tower_.resolution();
    tokens_ = weights("token_embedding.weight", {-1, -1});
    const auto width = tokens_.size(1);
    positions_ = weights("positional_embedding", {-1, width});
    text_ = Transformer(weights, "transformer", width, settings_.text_heads, settings_.gelu);
    ln_final_ = LayerNorm(weights, "ln_final", width);
    projection_ = weights("text_projection", {width, tower_.width()});
    mask_ = causal_mask(positions_.size(0), weights.options());
    if constexpr (DenseTower<Tower>)
      if (StepHead::is_in(weights)) step_head_.emplace(weights, tower_.dense_levels());
    score_scale_ = std::exp(weights("logit_scale", {}).template item<double>());
    if (settings_.tokenizer)
      require(settings_.tokenizer->vocabulary_size() == tokens_.size(0), weights.what(), ": the vocabulary has ",
              settings_.tokenizer->vocabulary_size(), " entries, the encoder knows ", tokens_.size(0));
  }

  /// Encodes images [N, 3, H, W] in [-1, 1] to dense features at their own size, a map a level.
  std::vector<Tensor> see_dense(const Tensor& images) const requires DenseTower<Tower> {
    return tower_.dense_features(settings_.preprocessing.normalize(images));
  }
  /// Returns the head that predicts steps of dense features; none where the file holds none.
  const std::optional<StepHead>& step_head() const { return step_head_; }

  std::int64_t width() const { return tower_.width(); }            ///< E
  std::int64_t resolution() const { return tower_.resolution(); }  ///< R of the images that the tower sees
  std::int64_t context() const { return positions_.size(0); }      ///< tokens that a text may have, with start and end
  std::int64_t vocabulary_size() const { return tokens_.size(0); }
  double score_scale() const { return score_scale_; }
  const std::vector<std::string>& phrases() const { return settings_.phrases; }
  const ClipSettings& settings() const { return settings_; }
  const Tower& tower() const { return tower_; }

  /// Replaces the way to resize and normalise; the size stays the tower's.
  void set_preprocessing(const Preprocessing& preprocessing) {
    settings_.preprocessing = preprocessing;
    settings_.preprocessing.size = tower_.resolution();
  }

  /// Encodes images [N, 3, H, W] in [-1, 1], of any size.
  Features see(const Tensor& images, Wanted wanted = {}) const {
    return see_normalized(settings_.preprocessing(images), wanted, [](const std::string&, const Tensor&) {});
  }

  /// Encodes images as the tower takes them, [N, 3, R, R]. `tap(name, value)` is called with
  /// the tower's intermediate values.
  template <class Tap>
  Features see_normalized(const Tensor& images, Wanted wanted, Tap&& tap) const {
    require(
        images.dim() == 4 && images.size(1) == 3 && images.size(2) == resolution() && images.size(3) == resolution(),
        "normalised images of shape ", shape_text(images.sizes()), ", expected [N, 3, ", resolution(), ", ",
        resolution(), "]");
    auto [raw, tokens] = tower_(images, wanted.tokens, tap);
    raw = raw.to(images.scalar_type());
    return {unit(raw), raw, tokens};
  }

  /// Returns the token ids [T, context] of texts.
  /// Errors:  an empty text, a text that is too long, no vocabulary.
  Tensor tokenize(std::span<const std::string> texts) const {
    require(settings_.tokenizer.has_value(),
            "this encoder's file holds no vocabulary: give one with --vocabulary (for OpenAI's, "
            "bpe_simple_vocab_16e6.txt.gz)");
    auto ids = torch::zeros({static_cast<std::int64_t>(texts.size()), context()}, torch::kInt64);
    for (std::size_t t = 0; t < texts.size(); ++t) {
      require(texts[t].find_first_not_of(" \t\r\n") != std::string::npos, "an empty text cannot be encoded");
      const auto padded = settings_.tokenizer->padded(texts[t], context());
      std::copy(padded.begin(), padded.end(), ids[static_cast<std::int64_t>(t)].template data_ptr<std::int64_t>());
    }
    return ids;
  }

  /// Encodes token ids [T, context] to embeddings [T, E] of unit length.
  Tensor read(const Tensor& ids) const {
    // Tokens after the last end token have no influence: a token attends only to the tokens before it.
    const auto length = ids.dim() == 2 && ids.numel() > 0 ? ids.argmax(1).max().item<std::int64_t>() + 1 : 0;
    return unit(read_raw(length > 0 ? ids.narrow(1, 0, length) : ids, [](const std::string&, const Tensor&) {}));
  }

  /// Encodes token ids [T, context or fewer] to embeddings [T, E] as the text tower gives them. A text is read at its
  /// largest id, which is the end token.
  template <class Tap>
  Tensor read_raw(const Tensor& ids, Tap&& tap) const {
    require(ids.dim() == 2 && ids.size(1) >= 1 && ids.size(1) <= context(), "token ids of shape ",
            shape_text(ids.sizes()), ", expected [T, ", context(), "] or fewer tokens");
    const auto length = ids.size(1);
    const auto indices = ids.to(tokens_.device(), torch::kInt64);
    require(indices.numel() == 0 || (indices.min().template item<std::int64_t>() >= 0 &&
                                     indices.max().template item<std::int64_t>() < vocabulary_size()),
            "token ids outside the vocabulary of ", vocabulary_size());
    auto x = at::embedding(tokens_, indices) + positions_.narrow(0, 0, length);
    const auto mask = mask_.narrow(0, 0, length).narrow(1, 0, length);
    x = text_(x, mask, [&](std::size_t i, const Tensor& value) { tap("block" + std::to_string(i), value); });
    x = ln_final_(x);
    tap(std::string("ln_final"), x);
    const auto rows = torch::arange(ids.size(0), indices.options());
    return x.index({rows, indices.argmax(1)}).matmul(projection_);
  }

 private:
  static Tower make_tower(const Weights& weights, const ClipSettings& settings) {
    if constexpr (std::is_constructible_v<Tower, const Weights&, std::int64_t, Gelu, bool>)
      return Tower(weights, settings.image_heads, settings.gelu, settings.training);
    else
      return Tower(weights, settings.image_heads, settings.gelu);
  }

  ClipSettings settings_;
  Tower tower_;
  Tensor tokens_, positions_, projection_, mask_;
  Transformer text_;
  LayerNorm ln_final_;
  std::optional<StepHead> step_head_;
  double score_scale_ = 0;
};

}  // namespace nada
