/// The common parts of all answers: JSON bodies, pictures in parts, validators, ranges, and one sentence where a request
/// went wrong.
#pragma once
#include <sys/stat.h>
#include <algorithm>
#include <charconv>
#include <cstddef>
#include <exception>
#include <filesystem>
#include <iostream>
#include <memory>
#include <new>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <system_error>
#include <utility>

#include <nlohmann/json.hpp>

#include "http.hpp"
#include "http_text.hpp"
#include "message.hpp"
#include "nada/core/error.hpp"
#include "nada/experiment/program.hpp"
#include "nada/formats/file.hpp"
#include "nada/formats/sha256.hpp"

namespace nada::serve {

using nlohmann::json;

/// Returns JSON in the form that is sent: on one line; bytes that are not UTF-8 become U+FFFD.
inline std::string text_of(const json& value) { return value.dump(-1, ' ', false, json::error_handler_t::replace); }

inline Response give(const json& body, int status = 200) {
  return {.status = status,
          .headers = {{"content-type", "application/json"}},
          .body = text_of(body),
          .bytes = {},
          .holder = {},
          .stream = {}};
}
inline Response give_text(std::string body, const std::string& type, int status = 200) {
  return {.status = status,
          .headers = {{"content-type", type}},
          .body = std::move(body),
          .bytes = {},
          .holder = {},
          .stream = {}};
}

/// Answers with an error: {"error": sentence}. Where the client should come back, `Retry-After` says when.
inline Response say(int status, const std::string& sentence, int retry_after = 0) {
  auto r = give({{"error", sentence}}, status);
  if (status == 429 || status == 503) r.set("retry-after", std::to_string(std::max(1, retry_after)));
  return r;
}

/// Answers with the meaning of an exception. An exception that is no fault of the request is written to stderr with its
/// text; the client only learns that there was an error.
inline Response say_problem(const std::exception_ptr& error) {
  try {
    std::rethrow_exception(error);
  } catch (const Refusal& refused) {
    return say(refused.status, refused.what(), refused.retry_after);
  } catch (const Error& wrong) {
    return say(400, without_paths(wrong.what()));
  } catch (const std::bad_alloc&) {
    return say(500, "out of memory");
  } catch (const std::exception& other) {
    std::cerr << "error: " << first_line(other.what()) << std::endl;
    return say(500, "something went wrong here; the server's own output says what");
  }
}

/// Errors:  Refusal 405 where the method is none of those given.
inline void expect(const Request& q, std::initializer_list<const char*> methods) {
  std::string allowed;
  for (const char* method : methods) {
    if (q.method == method || (q.method == "HEAD" && method == std::string_view("GET"))) return;
    allowed += (allowed.empty() ? "" : " or ") + std::string(method);
  }
  refuse(405, "expected a ", allowed, " request here");
}

/// Returns the validator of some bytes.
inline std::string etag_of(std::span<const std::byte> bytes) {
  Sha256 hash;
  hash.update(bytes);
  return '"' + hash.hex().substr(0, 24) + '"';
}

/// Answers with a file. nada replaces files and never changes one in place but metrics.csv, which only grows: time, size
/// and inode tell versions apart.
/// Errors:  as MappedFile.
inline Response give_file(const std::filesystem::path& path, const std::string& type) {
  struct stat about {};
  if (::stat(path.c_str(), &about) != 0) refuse(404, "this file is gone");
  Response r{.status = 200, .headers = {{"content-type", type}}, .body = {}, .bytes = {}, .holder = {}, .stream = {}};
  r.set("etag", join('"', std::hex, about.st_mtim.tv_sec, '-', about.st_mtim.tv_nsec, '-', about.st_size, '-',
                     about.st_ino, '"'));
  r.set("accept-ranges", "bytes");
  if (path.extension() == ".csv") {  // it grows, so it is read, not mapped
    r.body = read_text(path);
    return r;
  }
  const auto file = std::make_shared<MappedFile>(path);
  r.bytes = file->bytes();
  r.holder = file;
  return r;
}

/// Whether a list of validators, as If-None-Match has it, names `etag`.
inline bool names_etag(std::string_view list, std::string_view etag) {
  while (!list.empty()) {
    auto part = list.substr(0, list.find(','));
    list.remove_prefix(std::min(list.size(), part.size() + 1));
    while (part.starts_with(' ') || part.starts_with('\t')) part.remove_prefix(1);
    while (part.ends_with(' ') || part.ends_with('\t')) part.remove_suffix(1);
    if (part.starts_with("W/")) part.remove_prefix(2);
    if (part == etag || part == "*") return true;
  }
  return false;
}

/// ByteRange is a part of a body.
struct ByteRange {
  std::size_t first = 0, size = 0;
};

/// Returns the one range that a Range header asks of `total` bytes; nothing where the header has another form, several
/// ranges among them, which means the whole; a range of size 0 where it lies beyond the end.
inline std::optional<ByteRange> read_range(std::string_view text, std::size_t total) {
  if (!text.starts_with("bytes=")) return {};
  text.remove_prefix(6);
  const auto dash = text.find('-');
  if (dash == text.npos || text.find(',') != text.npos) return {};
  const auto number = [](std::string_view digits, std::size_t& out) {
    const auto [end, bad] = std::from_chars(digits.data(), digits.data() + digits.size(), out);
    return bad == std::errc{} && end == digits.data() + digits.size();
  };
  std::size_t first = 0, last = 0;
  const auto begin = text.substr(0, dash), end = text.substr(dash + 1);
  if (begin.empty()) {  // the last bytes
    if (!number(end, last)) return {};
    const auto size = std::min(last, total);
    return ByteRange{total - size, size};
  }
  if (!number(begin, first) || (!end.empty() && !number(end, last))) return {};
  if (end.empty()) last = total == 0 ? 0 : total - 1;
  if (!end.empty() && last < first) return {};
  if (first >= total) return ByteRange{total, 0};
  return ByteRange{first, std::min(last, total - 1) - first + 1};
}

/// Gives a good answer to GET its validator, and makes of it a 304 or a part where the request says so (RFC 9110, 13
/// and 14).
inline void apply_conditions(const Request& q, Response& r) {
  if ((q.method != "GET" && q.method != "HEAD") || r.status != 200 || r.stream) return;
  const auto content = r.content();
  if (!r.has("etag")) r.set("etag", etag_of(content));
  std::string etag;
  for (const auto& [name, value] : r.headers)
    if (name == "etag") etag = value;
  if (q.has("if-none-match") && names_etag(q.header("if-none-match"), etag)) {
    r.status = 304;
    std::erase_if(r.headers, [](const auto& header) { return header.first == "content-type"; });
    return;
  }
  if (q.method == "HEAD" || !r.has("accept-ranges") || !q.has("range")) return;
  if (q.has("if-range") && q.header("if-range") != etag) return;
  const auto range = read_range(q.header("range"), content.size());
  if (!range) return;
  if (range->size == 0) {
    r = say(416, "the range lies beyond the end");
    r.set("content-range", join("bytes */", content.size()));
    return;
  }
  r.status = 206;
  r.set("content-range", join("bytes ", range->first, '-', range->first + range->size - 1, '/', content.size()));
  if (r.holder)
    r.bytes = r.bytes.subspan(range->first, range->size);
  else
    r.body = r.body.substr(range->first, range->size);
}

/// Returns what has a name in the answer multipart/form-data (RFC 7578), which browsers read by themselves.
class Parts {
 public:
  void add(std::string_view name, std::string_view file, std::string_view type, std::string_view content) {
    body_ += join("--", boundary, "\r\ncontent-disposition: form-data; name=\"", name, '"');
    if (!file.empty()) body_ += join("; filename=\"", file, '"');
    body_ += join("\r\ncontent-type: ", type, "\r\n\r\n");
    body_ += content;
    body_ += "\r\n";
  }
  Response finish() {
    body_ += join("--", boundary, "--\r\n");
    return give_text(std::move(body_), join("multipart/form-data; boundary=", boundary));
  }

 private:
  // No PNG holds it but by a chance of 1 in 2^120 a byte; pictures are made here, not sent by clients.
  static constexpr const char* boundary = "nada-7f3a9c51e0b84d62a1f6c08e5d94b327";
  std::string body_;
};

}  // namespace nada::serve
