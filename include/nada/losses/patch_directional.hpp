/// The directional term on parts of the image.
#pragma once
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "nada/core/error.hpp"
#include "nada/core/tensor.hpp"
#include "nada/encoders/encoder.hpp"
#include "nada/losses/patches.hpp"
#include "nada/losses/term.hpp"
#include "nada/shifts/shift.hpp"
#include "nada/shifts/text_shift.hpp"

namespace nada {

/// Returns the directions of the parts, [parts, E]: each part template is filled with both texts, and the filled texts
/// go through the shift's templates.
/// Errors:  as TextShift.
template <TextImageEncoder E>
Tensor part_directions(const E& encoder, std::string_view source, std::string_view target,
                       const std::vector<std::string>& templates, const std::vector<std::string>& parts) {
  require(!parts.empty(), "patches: no part template");
  std::vector<Tensor> out;
  for (const auto& part : parts)
    out.push_back(TextShift(fill(part, source), fill(part, target), templates).endpoints(encoder, {}).direction);
  return torch::cat(out);
}

/// Each part of the image should move the way some part of the texts moves.
///     e_i = unit(E(patch_i of adapted) - E(patch_i of anchor)),  d_j = direction of part j      i in N p, j in parts
///     L   = mean_{i,j} (1 - e_i . d_j) softmax_j(e_i . d_j)                                     []
/// Both images are cut at the same places, which are drawn anew in each step. The patches come from the plain images
/// that the encoders see, not from their views.
/// Source:  rinongal/StyleGAN-nada, ZSSGAN/criteria/clip_loss.py, patch_directional_loss (one patch an image, of 510
///          pixels of 1024). The floor `min_length` is ours; 0 reproduces the official code.
/// Facts:   with one part and patches as large as the image the term is Directional; the
///          gradient flows through the softmax.
/// Errors:  a patch that is larger than the image; a shift that has no texts (when compiled).
struct PatchDirectional {
  static constexpr std::string_view name = "patches";
  static constexpr Reads reads = Reads::adapted | Reads::anchor;
  static constexpr bool per_sample = true;
  std::int64_t size = 32, count = 1;  // pixels, even; patches an image
  std::vector<std::string> parts = face_part_templates();
  double min_length = 0.2;

  template <TextImageEncoder E, class S>
  auto bind(const E& encoder, const S& shift, const Endpoints&) const {
    static_assert(TextualShift<S>, "PatchDirectional: makes texts of its own, so the shift must be textual: TextShift");
    const torch::NoGradGuard no_grad;
    const std::vector<std::string> templates(shift.templates().begin(), shift.templates().end());
    return [directions = part_directions(encoder, shift.source(), shift.target(), templates, parts), size = size,
            count = count, floor = min_length](auto& c) -> Tensor {
      const auto& images = c.adapted_images();
      const auto centers = draw_patch_centers(c.stream(), images.size(0), count, images.size(2), images.size(3), size);
      return score(c.encoder(), images, c.anchor_images(), centers, size, directions, floor);
    };
  }

  /// Computes the formula at given centres [N p, 2] with given directions [parts, E].
  template <TextImageEncoder E>
  static Tensor score(const E& encoder, const Tensor& adapted, const Tensor& anchor, const Tensor& centers,
                      std::int64_t size, const Tensor& directions, double min_length) {
    Tensor before;
    {
      const torch::NoGradGuard no_grad;
      before = encoder.see(cut_patches(anchor, centers, size), Wanted{}).unit;
    }
    const auto step = encoder.see(cut_patches(adapted, centers, size), Wanted{}).unit - before;
    const auto e = step / step.norm(2, 1, true).clamp_min(min_length);
    const auto cosines = e.matmul(directions.t());  // [N p, parts]
    return ((1 - cosines) * cosines.softmax(1)).mean();
  }
};

/// Each part of the image should keep its score: a patch is scored with the parts of the source text before, and with
/// the parts of the target text after.
///     L = mean_{i,j} |E(patch_i of adapted) . t_j - E(patch_i of anchor) . s_j|                 []
/// Here t_j and s_j are the text features of the filled part templates, not at unit length
/// where the encoder has read_raw().
/// Source:  rinongal/StyleGAN-nada, ZSSGAN/criteria/clip_loss.py, patch_scores and clip_patch_similarity (four
///          patches of 196 pixels an image).
/// Errors:  as PatchDirectional.
struct PatchSimilarity {
  static constexpr std::string_view name = "patch_similarity";
  static constexpr Reads reads = Reads::adapted | Reads::anchor;
  static constexpr bool per_sample = true;
  std::int64_t size = 32, count = 4;
  std::vector<std::string> parts = face_part_templates();

  template <TextImageEncoder E, class S>
  auto bind(const E& encoder, const S& shift, const Endpoints&) const {
    static_assert(TextualShift<S>, "PatchSimilarity: makes texts of its own, so the shift must be textual: TextShift");
    const torch::NoGradGuard no_grad;
    return [source = part_features(encoder, shift.source(), parts),
            target = part_features(encoder, shift.target(), parts), size = size, count = count](auto& c) -> Tensor {
      const auto& images = c.adapted_images();
      const auto centers = draw_patch_centers(c.stream(), images.size(0), count, images.size(2), images.size(3), size);
      return score(c.encoder(), images, c.anchor_images(), centers, size, source, target);
    };
  }

  /// Returns the features of the filled part templates, [parts, E].
  template <TextImageEncoder E>
  static Tensor part_features(const E& encoder, std::string_view text, const std::vector<std::string>& parts) {
    require(!parts.empty(), "patches: no part template");
    std::vector<std::string> texts;
    for (const auto& part : parts) texts.push_back(fill(part, text));
    const auto ids = encoder.tokenize(texts);
    if constexpr (requires { encoder.read_raw(ids); }) {
      return encoder.read_raw(ids);
    } else {
      return encoder.read(ids);
    }
  }

  /// Computes the formula at given centres [N p, 2] with given text features [parts, E].
  template <TextImageEncoder E>
  static Tensor score(const E& encoder, const Tensor& adapted, const Tensor& anchor, const Tensor& centers,
                      std::int64_t size, const Tensor& source, const Tensor& target) {
    Tensor before;
    {
      const torch::NoGradGuard no_grad;
      before = encoder.see(cut_patches(anchor, centers, size), Wanted{}).unit.matmul(source.t());
    }
    const auto after = encoder.see(cut_patches(adapted, centers, size), Wanted{}).unit.matmul(target.t());
    return (after - before).abs().mean();
  }
};

}  // namespace nada
