/// From one text to another.
#pragma once
#include <filesystem>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "nada/core/error.hpp"
#include "nada/core/tensor.hpp"
#include "nada/formats/file.hpp"
#include "nada/shifts/shift.hpp"

namespace nada {

/// "a drawing of {}" with {} replaced.
inline std::string fill(std::string_view prompt_template, std::string_view text) {
  std::string out;
  for (std::size_t at = 0; at < prompt_template.size();) {
    if (prompt_template.substr(at, 2) == "{}") {
      out += text;
      at += 2;
    } else {
      out += prompt_template[at++];
    }
  }
  return out;
}

/// Prompt templates, one a line; blank lines and lines that start with # are left out.
/// Errors: a line without {}, no line at all.
inline std::vector<std::string> read_templates(const std::filesystem::path& path) {
  std::vector<std::string> out;
  const auto text = read_text(path);
  int number = 0;
  for (std::size_t at = 0; at < text.size();) {
    const auto end = std::min(text.find('\n', at), text.size());
    auto line = text.substr(at, end - at);
    at = end + 1;
    ++number;
    if (!line.empty() && line.back() == '\r') line.pop_back();
    if (line.empty() || line.front() == '#') continue;
    require(line.find("{}") != std::string::npos, path, ":", number,
            ": a prompt template needs {} where the text goes, found '", line, "'");
    out.push_back(std::move(line));
  }
  require(!out.empty(), path, ": no prompt template in it");
  return out;
}

/// Direction from source to target text, averaged over prompt templates:
///     direction = unit(mean_t(E(fill(t, target)) - E(fill(t, source)))),  E of unit length
///     source = unit(mean_t E(fill(t, source))), target alike
/// Source: Gal et al., StyleGAN-NADA, arXiv:2108.00946, section 4.1; the templates are CLIP's.
/// Errors: equal texts, an empty text, a text that the encoder cannot read, texts with the same embedding.
class TextShift {
 public:
  TextShift(std::string source, std::string target, std::vector<std::string> templates = {"{}"})
      : source_(std::move(source)), target_(std::move(target)), templates_(std::move(templates)) {
    require(!source_.empty(), "the source text is empty");
    require(!target_.empty(), "the target text is empty");
    require(source_ != target_, "source and target are the same text, '", source_,
            "': there is no direction between them");
    require(!templates_.empty(), "no prompt template");
  }

  std::string_view source() const { return source_; }
  std::string_view target() const { return target_; }
  std::span<const std::string> templates() const { return templates_; }

  template <TextImageEncoder E>
  Endpoints endpoints(const E& encoder, const Sampler&) const {
    const torch::NoGradGuard no_grad;
    const auto embed = [&](const std::string& text) {
      std::vector<std::string> texts;
      for (const auto& t : templates_) texts.push_back(fill(t, text));
      return encoder.read(encoder.tokenize(texts));  // [T, E]
    };
    return between(embed(source_), embed(target_), join("the texts '", source_, "' and '", target_, "'"));
  }

  /// The formula above on unit features [T, E] of both texts. Errors: no difference, naming `what`.
  static Endpoints between(const Tensor& source, const Tensor& target, const std::string& what) {
    const auto step = (target - source).mean(0, true);
    require(step.norm().item<double>() > 1e-6, what, " have the same embedding: there is no direction between them");
    return {unit(source.mean(0, true)), unit(target.mean(0, true)), unit(step)};
  }

 private:
  std::string source_, target_;
  std::vector<std::string> templates_;
};

}  // namespace nada
