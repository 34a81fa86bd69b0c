/// SigLIP and SigLIP 2 (of fixed resolution) encode images and texts into one space.
///
///     images  patches with learned positions, no class token -> blocks -> norm -> attention of one learned query over
///             all patches -> x + perceptron(norm(x))                                                       [N, E]
///     texts   tokens padded to the context, which all see each other -> blocks -> norm of the last token -> linear
///     logits  exp(logit_scale) cos(image, text) + logit_bias, of which the sigmoid is the probability of a pair
///
/// Sources: Zhai et al., Sigmoid Loss for Language Image Pre-Training, arXiv:2303.15343; Tschannen et al., SigLIP 2,
///          arXiv:2502.14786; transformers 4.49, models/siglip/modeling_siglip.py.
/// Facts:   norms have an epsilon of 1e-6; padding is read like other tokens, so that a text that is padded less is
///          another text.
#pragma once
#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "nada/core/error.hpp"
#include "nada/core/tensor.hpp"
#include "nada/encoders/clip.hpp"
#include "nada/encoders/encoder.hpp"
#include "nada/encoders/preprocessing.hpp"
#include "nada/encoders/transformer.hpp"
#include "nada/encoders/weights.hpp"

namespace nada {

/// SiglipVision is SigLIP's image tower, built from the tensors `visual.*` (siglip_names.hpp).
class SiglipVision {
 public:
  static constexpr std::string_view name = "SigLIP vision transformer";

  /// `heads` 0 means width / 64; `image_size` 0 means the size of the whole grid. Pixels right of and below the last
  /// whole patch are not seen.
  SiglipVision(const Weights& weights, std::int64_t heads, Gelu kind, std::int64_t image_size);

  std::int64_t resolution() const { return image_size_; }
  std::int64_t width() const { return patches_.size(0); }
  std::size_t depth() const { return transformer_.depth(); }

  /// Encodes normalised images [N, 3, R, R] to {embeddings [N, E], patch tokens [N, T, E] after the last norm if
  /// wanted}. `tap(name, value)` is called with "block<i>" and "ln_post" [N, T, E].
  template <class Tap>
  std::pair<Tensor, Tensor> operator()(const Tensor& images, bool tokens, Tap&& tap) const {
    auto x = embed(images);
    x = transformer_(x, {}, [&](std::size_t i, const Tensor& value) { tap("block" + std::to_string(i), value); });
    x = ln_post_(x);
    tap(std::string("ln_post"), x);
    return {pool(x), tokens ? x : Tensor{}};
  }

 private:
  Tensor embed(const Tensor& images) const;  // [N, T, E]
  Tensor pool(const Tensor& x) const;        // [N, E]

  Tensor patches_, patch_bias_, positions_;
  Transformer transformer_;
  LayerNorm ln_post_;
  Tensor probe_, in_weight_, in_bias_, out_weight_, out_bias_, fc_weight_, fc_bias_, proj_weight_, proj_bias_;
  LayerNorm head_norm_;
  std::int64_t heads_ = 0, grid_ = 0, image_size_ = 0;
  Gelu gelu_ = Gelu::tanh;
};

/// Siglip is a whole SigLIP.
class Siglip {
 public:
  /// Takes tensors by the names of siglip_names.hpp. Settings without a SigLIP's part have its defaults.
  /// Errors:  tensors that are missing or do not fit.
  Siglip(const Weights& weights, ClipSettings settings);

  std::int64_t width() const { return tower_.width(); }            ///< E
  std::int64_t resolution() const { return tower_.resolution(); }  ///< R of the images that the tower sees
  std::int64_t context() const { return positions_.size(0); }      ///< tokens that every text is padded to
  std::int64_t vocabulary_size() const { return tokens_.size(0); }
  double score_scale() const { return score_scale_; }
  double score_bias() const { return score_bias_; }
  const std::vector<std::string>& phrases() const { return settings_.phrases; }
  const ClipSettings& settings() const { return settings_; }
  const SiglipVision& tower() const { return tower_; }

  /// Replaces the way to resize and normalise; the size stays the tower's.
  void set_preprocessing(const Preprocessing& preprocessing);

  /// Encodes images [N, 3, H, W] in [-1, 1], of any size.
  Features see(const Tensor& images, Wanted wanted = {}) const {
    return see_normalized(settings_.preprocessing(images), wanted, [](const std::string&, const Tensor&) {});
  }

  /// Encodes images as the tower takes them, [N, 3, R, R]. `tap(name, value)` is called with the tower's intermediate
  /// values.
  template <class Tap>
  Features see_normalized(const Tensor& images, Wanted wanted, Tap&& tap) const {
    require_images(images);
    auto [raw, tokens] = tower_(images, wanted.tokens, tap);
    raw = raw.to(images.scalar_type());
    return {unit(raw), raw, tokens};
  }

  /// Returns the token ids [T, context] of texts, with end and padding.
  /// Errors:  an empty text, a text that is too long, no vocabulary, another encoder's vocabulary.
  Tensor tokenize(std::span<const std::string> texts) const;

  /// Encodes token ids [T, context] to embeddings [T, E] of unit length.
  Tensor read(const Tensor& ids) const {
    return unit(read_raw(ids, [](const std::string&, const Tensor&) {}));
  }

  /// Encodes token ids [T, context or fewer] to embeddings [T, E] as the text tower gives them.
  template <class Tap>
  Tensor read_raw(const Tensor& ids, Tap&& tap) const {
    auto x = embed(ids);
    x = text_(x, {}, [&](std::size_t i, const Tensor& value) { tap("block" + std::to_string(i), value); });
    x = ln_final_(x);
    tap(std::string("ln_final"), x);
    return dense(x.select(1, x.size(1) - 1), projection_, projection_bias_).to(tokens_.scalar_type());
  }

 private:
  void require_images(const Tensor& images) const;
  Tensor embed(const Tensor& ids) const;  // [T, context, C]

  ClipSettings settings_;
  SiglipVision tower_;
  Tensor tokens_, positions_, projection_, projection_bias_;
  Transformer text_;
  LayerNorm ln_final_;
  double score_scale_ = 0, score_bias_ = 0;
};

}  // namespace nada

#ifndef NADA_COMPILED
#include "nada/encoders/siglip.ipp"
#endif
