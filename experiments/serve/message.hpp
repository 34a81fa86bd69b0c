/// Requests and answers, apart from the sockets on which they travel.
#pragma once
#include <algorithm>
#include <cctype>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace nada::serve {

/// Headers are names in lower case with their values, in the order in which they came.
using Headers = std::vector<std::pair<std::string, std::string>>;

/// Request is one request. The server fills the first members; Gate::settle() fills those of the client, which a trusted
/// proxy may tell.
struct Request {
  std::string method, path, query;  // the path as it came: percent signs are not decoded
  Headers headers;
  std::string body;
  std::uint64_t length = 0;          // of the body, as the head says
  std::string peer;                  // address of the other end of the connection
  std::string client, host, prefix;  // whom limits count, the name that was asked for, the path of a proxy
  bool secure = false;               // whether the client speaks HTTPS, to a proxy
  std::string owner;                 // token of the person; empty before Owners::settle()
  bool new_owner = false;            // whether the answer brings the token

  std::size_t count(std::string_view name) const {
    return static_cast<std::size_t>(
        std::count_if(headers.begin(), headers.end(), [&](const auto& header) { return header.first == name; }));
  }
  bool has(std::string_view name) const { return count(name) > 0; }
  /// Returns the first value of a header, an empty text where there is none.
  std::string_view header(std::string_view name) const {
    for (const auto& [key, value] : headers)
      if (key == name) return value;
    return {};
  }
};

/// BodyStream is an answer that goes on. The server asks for the next part a few times a second.
class BodyStream {
 public:
  BodyStream() = default;
  BodyStream(const BodyStream&) = delete;
  BodyStream& operator=(const BodyStream&) = delete;
  virtual ~BodyStream() = default;
  /// Adds what there is to send, possibly nothing; returns whether more will come.
  virtual bool next(std::string& out) = 0;
};

/// Response is one answer. Its body is `body`, or `bytes`, which `holder` keeps alive, or what `stream` gives.
struct Response {
  int status = 200;
  Headers headers;
  std::string body;
  std::span<const std::byte> bytes;
  std::shared_ptr<const void> holder;
  std::shared_ptr<BodyStream> stream;

  /// Sets a header, in the place of one of that name.
  void set(std::string_view name, std::string value) {
    for (auto& header : headers)
      if (header.first == name) {
        header.second = std::move(value);
        return;
      }
    headers.emplace_back(name, std::move(value));
  }
  bool has(std::string_view name) const {
    return std::any_of(headers.begin(), headers.end(), [&](const auto& header) { return header.first == name; });
  }
  std::span<const std::byte> content() const {
    return holder ? bytes : std::as_bytes(std::span(body.data(), body.size()));
  }
};

/// Answer takes the answer to a request, once, from any thread.
using Answer = std::function<void(Response)>;

inline std::string lower_case(std::string_view text) {
  std::string out(text);
  std::transform(out.begin(), out.end(), out.begin(), [](unsigned char c) { return std::tolower(c); });
  return out;
}

}  // namespace nada::serve
