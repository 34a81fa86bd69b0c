/// The error type and the functions that throw it: one clear sentence for the person in front of the program.
#pragma once
#include <filesystem>
#include <ostream>
#include <sstream>
#include <stdexcept>
#include <string>
#include <utility>

namespace nada {

/// Error is a mistake in the program's input: a file, an option, a text, a shape. The message is one
/// sentence that says where the mistake is, what was expected and what was found. Programs print the message
/// after `error: ` and exit with 1.
struct Error : std::runtime_error {
  using std::runtime_error::runtime_error;
};

namespace detail {
inline void put(std::ostream& out, const std::filesystem::path& path) { out << path.string(); }
template <class T>
void put(std::ostream& out, const T& part) {
  out << part;
}
}  // namespace detail

/// Joins its arguments as text; paths appear without quotes.
template <class... Parts>
std::string join(const Parts&... parts) {
  std::ostringstream out;
  (detail::put(out, parts), ...);
  return std::move(out).str();
}

/// Throws Error{join(parts...)}.
template <class... Parts>
[[noreturn]] void fail(const Parts&... parts) {
  throw Error(join(parts...));
}

/// Calls fail(parts...) unless `condition` holds.
template <class... Parts>
void require(bool condition, const Parts&... parts) {
  if (!condition) fail(parts...);
}

/// Returns the first line of LibTorch's exception texts, whose further lines are a stack trace.
inline std::string first_line(const std::string& text) { return text.substr(0, text.find('\n')); }

}  // namespace nada
