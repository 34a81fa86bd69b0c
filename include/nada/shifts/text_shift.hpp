/// A shift from one text to another.
#pragma once
#include <filesystem>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "nada/core/error.hpp"
#include "nada/core/tensor.hpp"
#include "nada/encoders/encoder.hpp"
#include "nada/shifts/shift.hpp"

namespace nada {

/// Replaces each {} of a prompt template, such as "a drawing of {}", by `text`.
std::string fill(std::string_view prompt_template, std::string_view text);

/// Reads prompt templates, one a line; blank lines and lines that start with # are left out.
/// Errors:  a line without {}; a file without templates.
std::vector<std::string> read_templates(const std::filesystem::path& path);

/// Returns the unit features of `text` under each of T prompt templates, [T, E], without gradient.
/// Errors:  a text that the encoder cannot read.
template <TextImageEncoder E>
Tensor read_under(const E& encoder, std::span<const std::string> templates, std::string_view text) {
  const torch::NoGradGuard no_grad;
  std::vector<std::string> texts;
  for (const auto& t : templates) texts.push_back(fill(t, text));
  return encoder.read(encoder.tokenize(texts));
}

/// Returns the feature of a text under prompt templates: unit(mean_t E(fill(t, text))), [1, E]. With the templates of a
/// TextShift, the feature of its target is the target of its endpoints.
/// Errors:  a text that the encoder cannot read.
template <TextImageEncoder E>
Tensor text_feature(const E& encoder, std::string_view text, std::span<const std::string> templates) {
  return unit(read_under(encoder, templates, text).mean(0, /*keepdim=*/true));
}

/// Returns text_feature() of several texts: [T, E].
/// Errors:  no text; those of text_feature().
template <TextImageEncoder E>
Tensor text_features(const E& encoder, std::span<const std::string> texts, std::span<const std::string> templates) {
  require(!texts.empty(), "features of no text");
  std::vector<Tensor> out;
  for (const auto& text : texts) out.push_back(text_feature(encoder, text, templates));
  return torch::cat(out);
}

/// TextShift points from the source text to the target text, averaged over prompt templates:
///     direction = unit(mean_t(E(fill(t, target)) - E(fill(t, source)))),  E of unit length      [1, E]
///     source    = unit(mean_t E(fill(t, source))), target alike                                 [1, E]
/// Source:  Gal et al., StyleGAN-NADA, arXiv:2108.00946, section 4.1; the templates are CLIP's.
/// Errors:  equal texts; an empty text; a text that the encoder cannot read; texts with the same embedding.
class TextShift {
 public:
  TextShift(std::string source, std::string target, std::vector<std::string> templates = {"{}"});

  std::string_view source() const { return source_; }
  std::string_view target() const { return target_; }
  std::span<const std::string> templates() const { return templates_; }

  template <TextImageEncoder E>
  Endpoints endpoints(const E& encoder, const Sampler&) const {
    return between(read_under(encoder, templates_, source_), read_under(encoder, templates_, target_),
                   join("the texts '", source_, "' and '", target_, "'"));
  }

  /// Computes the formula above on the unit features [T, E] of both texts.
  /// Errors:  features without a difference, naming `what`.
  static Endpoints between(const Tensor& source, const Tensor& target, const std::string& what);

 private:
  std::string source_, target_;
  std::vector<std::string> templates_;
};

}  // namespace nada

#ifndef NADA_COMPILED
#include "nada/shifts/text_shift.ipp"
#endif
