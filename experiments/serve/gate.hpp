/// The checks on a request before its body is read.
#pragma once
#include <algorithm>
#include <cctype>
#include <charconv>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <system_error>
#include <utility>

#include <httplib.h>

#include "http.hpp"
#include "nada/core/error.hpp"

namespace nada::serve {

inline constexpr std::size_t json_limit = std::size_t{64} << 10;     // bytes of a JSON body
inline constexpr std::size_t picture_limit = std::size_t{16} << 20;  // bytes of a picture

/// Gate decides by the head of a request alone whether the request may be answered.
class Gate {
 public:
  explicit Gate(Names names) : names_(std::move(names)) {}

  /// Returns why a request is refused, or nothing.
  std::optional<Refusal> refusal(const httplib::Request& q) const try {
    check_origin(q);
    check_kind(q);
    check_body(q, length_of(q));
    return {};
  } catch (const Refusal& refused) {
    return refused;
  }

 private:
  void check_origin(const httplib::Request& q) const {
    if (q.get_header_value_count("Host") != 1 || !is_own_host(q.get_header_value("Host"), names_))
      refuse(403, "this server is not called so: the Host of the request is not one of its names");
    if (!is_own_origin(q.get_header_value("Origin"), q.get_header_value("Host")))
      refuse(403, "requests from pages of other sites are refused");
    if (q.path.starts_with("/api/") && q.get_header_value("Sec-Fetch-Site") == "cross-site")
      refuse(403, "requests from pages of other sites are refused");
  }
  static void check_kind(const httplib::Request& q) {
    if (q.method != "GET" && q.method != "HEAD" && q.method != "POST")
      refuse(405, "only GET, HEAD and POST are answered here");
    if (q.path.size() > 300) refuse(404, "there is nothing of that name");
    if (q.has_header("Transfer-Encoding")) refuse(411, "a body must come with its Content-Length");
    if (q.has_header("Content-Encoding")) refuse(415, "compressed bodies are not taken");
  }
  /// Returns the bytes of the body, 0 where the head gives no length.
  static std::uint64_t length_of(const httplib::Request& q) {
    std::uint64_t length = 0;
    if (q.has_header("Content-Length")) {
      const auto text = q.get_header_value("Content-Length");
      const auto [end, bad] = std::from_chars(text.data(), text.data() + text.size(), length);
      if (q.get_header_value_count("Content-Length") != 1 || bad != std::errc{} || end != text.data() + text.size())
        refuse(bad == std::errc::result_out_of_range ? 413 : 400, "the Content-Length is not a length");
    } else if (q.method == "POST") {
      refuse(411, "a body must come with its Content-Length");
    }
    return length;
  }
  static void check_body(const httplib::Request& q, std::uint64_t length) {
    if (q.method != "POST") {
      if (length > 0) refuse(400, "a GET request has no body");
      return;
    }
    const auto parts = path_parts(q.path);
    const bool picture = parts.size() == 3 && parts[0] == "api" && parts[2] == "stylize";
    const auto type = media_type(q.get_header_value("Content-Type"));
    if (picture ? type != "image/png" && type != "image/jpeg" && type != "image/jpg" : length > 0 && type != "application/json")
      refuse(415, picture ? "expected a picture, image/png or image/jpeg" : "expected application/json");
    if (const auto most = picture ? picture_limit : json_limit; length > most)
      refuse(413, "the body has ", length, " bytes, at most ", most, " are taken");
  }
  /// Returns the media type alone: "Image/PNG ; a=b" gives image/png.
  static std::string media_type(std::string text) {
    text.resize(std::min(text.size(), text.find(';')));
    while (text.ends_with(' ')) text.pop_back();
    std::transform(text.begin(), text.end(), text.begin(), [](unsigned char c) { return std::tolower(c); });
    return text;
  }

  Names names_;
};

}  // namespace nada::serve
