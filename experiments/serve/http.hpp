/// The checks that a request must pass before the server listens to it: addresses, names and sizes, without any socket.
#pragma once
#include <arpa/inet.h>

#include <algorithm>
#include <cctype>
#include <cstddef>
#include <stdexcept>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "nada/core/error.hpp"

namespace nada::serve {

/// Refusal is the refusal of a request: the status, and one sentence for the person who sent the request.
struct Refusal : std::runtime_error {
  Refusal(int code, const std::string& sentence) : std::runtime_error(sentence), status(code) {}
  int status;
  int retry_after = 5;  // seconds, where the status is 429 or 503
};

/// Throws Refusal{status, join(parts...)}.
template <class... Parts>
[[noreturn]] void refuse(int status, const Parts&... parts) {
  throw Refusal(status, join(parts...));
}

/// Names are the names by which clients may call this server.
struct Names {
  bool loopback = true;            // bound to this machine alone
  std::vector<std::string> other;  // --name
};

/// Returns the name in "name:port", "[v6]:port" or "name", in lower case; an empty text where the header
/// has another form.
inline std::string host_name(std::string_view host) {
  std::string out(host);
  std::transform(out.begin(), out.end(), out.begin(), [](unsigned char c) { return std::tolower(c); });
  std::string port;
  if (out.starts_with('[')) {
    const auto end = out.find(']');
    if (end == out.npos) return {};
    port = out.substr(end + 1);
    out.resize(end + 1);
  } else if (const auto colon = out.find(':'); colon != out.npos) {
    port = out.substr(colon);
    out.resize(colon);
  }
  if (!port.empty() && (port.size() < 2 || port.size() > 6 || port[0] != ':' ||
                        !std::all_of(port.begin() + 1, port.end(), [](unsigned char c) { return std::isdigit(c); })))
    return {};
  return out;
}

inline bool is_address(const std::string& name) {
  unsigned char bytes[16];
  if (name.size() > 2 && name.front() == '[' && name.back() == ']')
    return ::inet_pton(AF_INET6, name.substr(1, name.size() - 2).c_str(), bytes) == 1;
  return ::inet_pton(AF_INET, name.c_str(), bytes) == 1;
}

/// Returns by what limits count an address: itself, or the network of 64 bits of an IPv6 address, which one person may have
/// whole.
inline std::string counted_as(const std::string& address) {
  unsigned char bytes[16];
  if (::inet_pton(AF_INET6, address.c_str(), bytes) != 1) return address;
  std::fill(bytes + 8, bytes + 16, static_cast<unsigned char>(0));
  char text[INET6_ADDRSTRLEN];
  return ::inet_ntop(AF_INET6, bytes, text, sizeof text);
}

/// Returns a sentence with the names of files alone in the place of their absolute paths, which are no client's business.
inline std::string without_paths(std::string_view sentence) {
  std::string out;
  for (std::size_t at = 0; at < sentence.size();) {
    const bool begins =
        sentence[at] == '/' && (at == 0 || std::string_view(" \"'(").find(sentence[at - 1]) != std::string_view::npos);
    if (begins) {
      const auto end = std::min(sentence.find_first_of(" \"'):,;", at), sentence.size());
      const auto path = sentence.substr(at, end - at);
      out += path.substr(path.rfind('/') + 1);
      at = end;
    } else {
      out += sentence[at++];
    }
  }
  return out;
}

/// Returns whether a request's Host is one of this server's names. A page of another site that made its own name point
/// here (DNS rebinding) sends that name; addresses cannot be made to point elsewhere.
inline bool is_own_host(std::string_view host, const Names& names) {
  const auto name = host_name(host);
  if (name == "localhost" || name == "127.0.0.1" || name == "[::1]") return true;
  if (!names.loopback && is_address(name)) return true;
  return !name.empty() && std::find(names.other.begin(), names.other.end(), name) != names.other.end();
}

/// Returns whether a request's Origin, empty where a browser sends none, is the page that this server gave
/// out as `host`.
inline bool is_own_origin(std::string_view origin, std::string_view host) {
  if (origin.empty()) return true;
  for (const std::string_view scheme : {"http://", "https://"})  // the latter behind a proxy
    if (origin.starts_with(scheme) && origin.substr(scheme.size()) == host) return true;
  return false;
}

/// Returns the parts of a path between slashes: "/api/v2/runs" is api, v2, runs. Empty parts stay, so "//"
/// matches no route.
inline std::vector<std::string> path_parts(std::string_view path) {
  std::vector<std::string> out;
  if (path.starts_with('/')) path.remove_prefix(1);
  for (std::size_t at = 0; at <= path.size();) {
    const auto end = std::min(path.find('/', at), path.size());
    out.emplace_back(path.substr(at, end - at));
    at = end + 1;
  }
  return out;
}

/// Returns whether `text` may name a run or a preset: 1 to 80 characters of a-z, 0-9, - and _.
inline bool is_name(std::string_view text) {
  return !text.empty() && text.size() <= 80 &&
         text.find_first_not_of("abcdefghijklmnopqrstuvwxyz0123456789-_") == text.npos;
}

}  // namespace nada::serve
