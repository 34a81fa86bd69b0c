/// The text of HTTP/1.1 messages, without any socket.
#pragma once
#include <algorithm>
#include <cstddef>
#include <ctime>
#include <string>

#include "message.hpp"
#include "nada/core/error.hpp"

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

}  // namespace nada::serve
