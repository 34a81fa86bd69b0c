// Bodies of text_mixture.hpp.
#pragma once
#include "nada/shifts/text_mixture.hpp"

#include <charconv>
#include <cmath>
#include <system_error>

#include "nada/core/config.hpp"

namespace nada {

NADA_INLINE WeightedText read_weighted_text(const std::string& text) {
  WeightedText out{text, 1};
  if (const auto colon = text.rfind(':'); colon != std::string::npos) {
    const char *begin = text.data() + colon + 1, *end = text.data() + text.size();
    double weight = 0;
    const auto [stop, error] = std::from_chars(begin, end, weight);
    if (error == std::errc{} && stop == end && begin != end) out = {text.substr(0, colon), weight};
  }
  require(!out.text.empty(), "the target '", text, "' has no text, expected TEXT or TEXT:weight");
  require(out.weight > 0 && std::isfinite(out.weight), "the target '", text, "' has the weight ", out.weight,
          ", expected above 0");
  return out;
}

}  // namespace nada
