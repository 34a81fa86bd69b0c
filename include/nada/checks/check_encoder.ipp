// Bodies of check_encoder.hpp.
#pragma once
#include "nada/checks/check_encoder.hpp"

#include <array>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <exception>

#include "nada/checks/agreement.hpp"
#include "nada/checks/small_models.hpp"
#include "nada/core/config.hpp"
#include "nada/core/error.hpp"

namespace nada::checks {

class EncoderCheck {
 public:
  EncoderCheck(const EncoderForm& encoder, const std::vector<std::string>& texts)
      : encoder_(encoder),
        texts_(texts),
        type_(image_type([&](const Tensor& images) { return encoder.see(images, Wanted{}); })) {}

  void run() const {
    std::int64_t width = -1;
    for (const std::int64_t size : {32, 64, 100}) {
      const auto found = check_images(size);
      require(width < 0 || found == width, "the encoder gives features of ", found, " numbers for images of ", size,
              " pixels, and of ", width, " for others");
      width = found;
    }
    check_texts(width);
    require_gradient(
        "the encoder: the gradient of its features in the images",
        [&](const Tensor& x) {
          const auto seen = encoder_.see(x, Wanted{}).unit;
          return (seen * random(seen.sizes(), 30).to(seen.options().requires_grad(false))).sum();
        },
        random_images(2, 64, 8).to(type_));
    const double scale = encoder_.score_scale();
    require(std::isfinite(scale) && scale > 0, "the encoder's score_scale is ", scale, ", expected a number above 0");
  }

 private:
  static constexpr std::int64_t count = 3;

  Features see(const Tensor& images, Wanted wanted = {}) const {
    return telling(join("the encoder cannot see images of ", images.size(2), " pixels"),
                   [&] { return encoder_.see(images, wanted); });
  }
  static void check_unit(const std::string& what, const Tensor& unit_features, std::int64_t rows) {
    require(unit_features.defined() && unit_features.dim() == 2 && unit_features.size(0) == rows, "the encoder gives ",
            what, " features of shape ", unit_features.defined() ? shape_text(unit_features.sizes()) : "[?]",
            ", expected [", rows, ", E]");
    require(is_finite(unit_features), "the encoder's ", what, " features are not finite");
    const auto off = (unit_features.norm(2, 1) - 1).abs().max().item<double>();
    require(off <= 1e-4, "the encoder's ", what, " features are not of unit length: one is off by ", off);
  }
  static void agree(const char* what, const Tensor& alone, const Tensor& inside) {
    const auto off = largest_difference(alone, inside);
    require(off <= 1e-4, "the encoder's features of ", what,
            " depend on the batch: one alone and in a batch differ by ", off);
  }

  std::int64_t check_images(std::int64_t size) const {
    const torch::NoGradGuard no_grad;
    const auto images = random_images(count, size, 1).to(type_);
    const auto features = see(images);
    check_unit("image", features.unit, count);
    require(features.raw.defined() && features.raw.sizes() == features.unit.sizes() && is_finite(features.raw),
            "the encoder's raw features have shape ", features.raw.defined() ? shape_text(features.raw.sizes()) : "[?]",
            ", expected finite numbers of shape ", shape_text(features.unit.sizes()));
    require(largest_difference(unit(features.raw), features.unit) <= 1e-4,
            "the encoder's unit features do not point where its raw features do");
    require(same_bits(features.unit, see(images).unit), "the encoder sees the same images differently the second time");
    require(largest_difference(features.unit.narrow(0, 0, 1), features.unit.narrow(0, 1, 1)) > 0,
            "the encoder sees different images as the same");
    for (std::int64_t n = 0; n < count; ++n)
      agree("images", see(images.narrow(0, n, 1)).unit, features.unit.narrow(0, n, 1));
    const auto with_tokens = see(images, Wanted{true});
    require(same_bits(features.unit, with_tokens.unit), "the encoder's features change where its tokens are wanted");
    if (const auto& tokens = with_tokens.tokens; tokens.defined())
      require(tokens.dim() == 3 && tokens.size(0) == count && is_finite(tokens), "the encoder's tokens have shape ",
              shape_text(tokens.sizes()), ", expected finite numbers of shape [", count, ", T, C]");
    return features.unit.size(1);
  }

  Tensor read(std::span<const std::string> texts) const {
    const auto ids =
        telling("the encoder cannot tokenize '" + texts.front() + "'", [&] { return encoder_.tokenize(texts); });
    require(ids.defined() && ids.scalar_type() == torch::kInt64 && ids.dim() >= 1 &&
                ids.size(0) == static_cast<std::int64_t>(texts.size()),
            "the encoder's tokenize gives ids of shape ", ids.defined() ? shape_text(ids.sizes()) : "[?]",
            ", expected int64 of shape [", texts.size(), ", context]");
    return telling("the encoder cannot read '" + texts.front() + "'", [&] { return encoder_.read(ids); });
  }
  void check_texts(std::int64_t width) const {
    require(texts_.size() >= 2, "check_part: an encoder is checked on two texts or more");
    const torch::NoGradGuard no_grad;
    const auto features = read(texts_);
    check_unit("text", features, static_cast<std::int64_t>(texts_.size()));
    require(features.size(1) == width, "the encoder gives features of ", features.size(1),
            " numbers for texts, and of ", width, " for images");
    require(same_bits(features, read(texts_)), "the encoder reads the same texts differently the second time");
    require(largest_difference(features.narrow(0, 0, 1), features.narrow(0, 1, 1)) > 0, "the encoder reads '",
            texts_[0], "' and '", texts_[1], "' as the same");
    for (std::size_t t = 0; t < texts_.size(); ++t)
      agree("texts", read(std::span(texts_).subspan(t, 1)), features.narrow(0, static_cast<std::int64_t>(t), 1));
    const std::array<std::string, 1> nothing{""};
    bool refused = false;
    try {
      encoder_.tokenize(nothing);
    } catch (const std::exception&) {
      refused = true;
    }
    require(refused, "the encoder's tokenize takes an empty text, which it must refuse");
  }

  const EncoderForm& encoder_;
  const std::vector<std::string>& texts_;
  torch::ScalarType type_;  // of images
};

NADA_INLINE void check_encoder(const EncoderForm& encoder, const std::vector<std::string>& texts) {
  EncoderCheck(encoder, texts).run();
}

}  // namespace nada::checks
