/// Numbers as text that reads back as the same number.
#pragma once
#include <charconv>
#include <string>

namespace nada {

/// Returns the shortest text from which std::from_chars reads the same number: 0.26862954 stays 0.26862954. Streams
/// round to six digits; what a program reads back is written with this.
inline std::string number_text(double value) {
  char text[64];
  const auto [end, error] = std::to_chars(text, text + sizeof text, value);
  return {text, end};
}

}  // namespace nada
