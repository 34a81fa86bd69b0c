/// A shift from generated images, or from pictures, to pictures.
#pragma once
#include <algorithm>
#include <cstdint>
#include <utility>

#include "nada/core/error.hpp"
#include "nada/core/tensor.hpp"
#include "nada/encoders/encoder.hpp"
#include "nada/shifts/shift.hpp"

namespace nada {

/// Returns the mean of the unit features of images [N, 3, H, W], which are encoded `piece` at a
/// time: [1, E], not at unit length.
template <TextImageEncoder E>
Tensor mean_feature(const E& encoder, const Tensor& images, std::int64_t piece = 16) {
  const torch::NoGradGuard no_grad;
  Tensor sum;
  for (std::int64_t at = 0; at < images.size(0); at += piece) {
    const auto seen =
        encoder.see(images.narrow(0, at, std::min(piece, images.size(0) - at)), Wanted{}).unit.sum(0, true);
    sum = sum.defined() ? sum + seen : seen;
  }
  return sum / static_cast<double>(images.size(0));
}

/// Makes endpoints from mean features [1, E]: direction = unit(target - source).
/// Errors:  means that agree, naming `what`.
inline Endpoints between_means(const Tensor& source, const Tensor& target, const char* what) {
  const auto step = target - source;
  require(step.norm().item<double>() > 1e-6, what, " look the same to the encoder: there is no direction between them");
  return {unit(source), unit(target), unit(step)};
}

/// ImageShift points from the anchor generator's images to a few pictures of the target, or from
/// one set of pictures to another:
///     direction = unit(mean_m E(picture_m) - mean_n E(source_n)),  E of unit length       [1, E]
/// Source:  Gal et al., StyleGAN-NADA, arXiv:2108.00946, section 4.1 (few-shot direction by images); with one
///          picture the shift is the global direction of Zhang et al., DiFa, arXiv:2207.08736. The official
///          code takes 16 generated images.
/// Facts:   exchanging the sets turns the direction around; the number of pictures of a set
///          does not matter, only their mean.
/// Errors:  no pictures; sets that look the same to an encoder.
class ImageShift {
 public:
  /// `target` are pictures [M, 3, H, W] in [-1, 1]; the source is `samples` images of the anchor generator.
  explicit ImageShift(Tensor target, std::int64_t samples = 64) : target_(std::move(target)), samples_(samples) {
    check(target_, "target");
    require(samples_ >= 1, "ImageShift: ", samples_, " samples of the anchor, expected at least 1");
  }
  /// `source` and `target` are both pictures [M, 3, H, W] in [-1, 1].
  ImageShift(Tensor source, Tensor target) : source_(std::move(source)), target_(std::move(target)) {
    check(source_, "source");
    check(target_, "target");
  }

  template <TextImageEncoder E>
  Endpoints endpoints(const E& encoder, const Sampler& anchor) const {
    const auto source = source_.defined() ? source_ : anchor(samples_).clamp(-1, 1);
    return between_means(mean_feature(encoder, source), mean_feature(encoder, target_), "source and target pictures");
  }

 private:
  static void check(const Tensor& pictures, const char* which) {
    require(pictures.defined() && pictures.dim() == 4 && pictures.size(0) > 0 && pictures.size(1) == 3,
            "ImageShift: ", which, " pictures of shape ", pictures.defined() ? shape_text(pictures.sizes()) : "nothing",
            ", expected [M, 3, H, W]");
  }
  Tensor source_, target_;
  std::int64_t samples_ = 0;
};

}  // namespace nada
