/// The text of HTTP/1.1 messages, without any socket.
#pragma once
#include <algorithm>
#include <charconv>
#include <cstddef>
#include <ctime>
#include <string>
#include <string_view>
#include <utility>

#include "http.hpp"
#include "message.hpp"
#include "nada/core/error.hpp"
#include "nada/formats/file.hpp"

namespace nada::serve {

inline const char* reason_of(int status) {
  switch (status) {
    case 200:
      return "OK";
    case 201:
      return "Created";
    case 202:
      return "Accepted";
    case 206:
      return "Partial Content";
    case 304:
      return "Not Modified";
    case 400:
      return "Bad Request";
    case 401:
      return "Unauthorized";
    case 403:
      return "Forbidden";
    case 404:
      return "Not Found";
    case 405:
      return "Method Not Allowed";
    case 408:
      return "Request Timeout";
    case 409:
      return "Conflict";
    case 410:
      return "Gone";
    case 411:
      return "Length Required";
    case 413:
      return "Content Too Large";
    case 415:
      return "Unsupported Media Type";
    case 416:
      return "Range Not Satisfiable";
    case 417:
      return "Expectation Failed";
    case 429:
      return "Too Many Requests";
    case 431:
      return "Request Header Fields Too Large";
    case 500:
      return "Internal Server Error";
    case 503:
      return "Service Unavailable";
    case 505:
      return "HTTP Version Not Supported";
    case 507:
      return "Insufficient Storage";
    default:
      return "";
  }
}

inline std::string date() {
  const auto now = std::time(nullptr);
  std::tm parts{};
  ::gmtime_r(&now, &parts);
  char text[40];
  return {text, std::strftime(text, sizeof text, "%a, %d %b %Y %H:%M:%S GMT", &parts)};
}

/// Returns the head of an answer. `length` is that of its body; a stream has none.
inline std::string head_of(const Response& r, std::size_t length, bool chunked, bool last) {
  auto out = join("HTTP/1.1 ", r.status, ' ', reason_of(r.status), "\r\ndate: ", date(), "\r\n");
  for (const auto& [name, value] : r.headers) out += name + ": " + value + "\r\n";
  if (chunked)
    out += "transfer-encoding: chunked\r\n";
  else if (!r.stream && r.status != 304 && r.status != 204)
    out += "content-length: " + std::to_string(length) + "\r\n";
  if (last) out += "connection: close\r\n";
  return out + "\r\n";
}

/// Puts the target of a request into `q`: a path with a query, or a whole address (RFC 9112, 3.2.2), whose name then
/// counts as the Host. Returns whether it is one of these.
inline bool read_target(std::string target, Request& q) {
  if (const auto scheme = lower_case(target.substr(0, 8)); scheme.starts_with("http://") || scheme == "https://") {
    const auto begin = target.find("//") + 2;
    const auto end = std::min(target.find_first_of("/?", begin), target.size());
    for (auto& [name, value] : q.headers)
      if (name == "host") value = target.substr(begin, end - begin);
    target.erase(0, end);
    if (!target.starts_with('/')) target.insert(0, "/");
  }
  const auto mark = std::min(target.find('?'), target.size());
  q.path = target.substr(0, mark);
  q.query = mark < target.size() ? target.substr(mark + 1) : std::string();
  return q.path.starts_with('/') || target == "*";
}

/// Returns the fields of a query, decoded, in their order.
/// Errors:  Refusal 400 for a field that comes twice or a percent sign that stands for no byte.
inline Headers fields_of(const std::string& query) {
  const auto decoded = [](std::string_view text) {
    std::string out;
    for (std::size_t i = 0; i < text.size(); ++i) {
      unsigned value = 0;
      if (text[i] == '%') {
        const auto* const begin = text.data() + i + 1;
        if (i + 2 >= text.size() || std::from_chars(begin, begin + 2, value, 16).ptr != begin + 2)
          refuse(400, "the address has a % that no two digits follow");
        out += static_cast<char>(value);
        i += 2;
      } else {
        out += text[i] == '+' ? ' ' : text[i];
      }
    }
    return out;
  };
  Headers out;
  for (std::string_view rest = query; !rest.empty();) {
    const auto part = rest.substr(0, rest.find('&'));
    rest.remove_prefix(std::min(rest.size(), part.size() + 1));
    if (part.empty()) continue;
    const auto equals = std::min(part.find('='), part.size());
    auto name = decoded(part.substr(0, equals));
    if (std::any_of(out.begin(), out.end(), [&](const auto& field) { return field.first == name; }))
      refuse(400, in_quotes(name), " is there twice");
    out.emplace_back(std::move(name), decoded(part.substr(std::min(part.size(), equals + 1))));
  }
  return out;
}

}  // namespace nada::serve
