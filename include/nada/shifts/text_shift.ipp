// Bodies of text_shift.hpp.
#pragma once
#include "nada/shifts/text_shift.hpp"

#include <algorithm>
#include <cstddef>
#include <utility>

#include "nada/core/config.hpp"
#include "nada/formats/file.hpp"

namespace nada {

NADA_INLINE std::string fill(std::string_view prompt_template, std::string_view text) {
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

NADA_INLINE std::vector<std::string> read_templates(const std::filesystem::path& path) {
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

NADA_INLINE TextShift::TextShift(std::string source, std::string target, std::vector<std::string> templates)
    : source_(std::move(source)), target_(std::move(target)), templates_(std::move(templates)) {
  require(!source_.empty(), "the source text is empty");
  require(!target_.empty(), "the target text is empty");
  require(source_ != target_, "source and target are the same text, '", source_,
          "': there is no direction between them");
  require(!templates_.empty(), "no prompt template");
}

NADA_INLINE Endpoints TextShift::between(const Tensor& source, const Tensor& target, const std::string& what) {
  const auto step = (target - source).mean(0, true);
  require(step.norm().item<double>() > 1e-6, what, " have the same embedding: there is no direction between them");
  return {unit(source.mean(0, true)), unit(target.mean(0, true)), unit(step)};
}

}  // namespace nada
