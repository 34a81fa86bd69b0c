// Bodies of http.hpp.
#pragma once
#include "nada/formats/http.hpp"

#include <curl/curl.h>

#include <algorithm>
#include <array>
#include <cctype>
#include <cstdlib>
#include <exception>
#include <memory>

#include "nada/core/config.hpp"
#include "nada/core/stop.hpp"

namespace nada {

namespace detail {

NADA_INLINE std::string environment(const char* name) {
  const char* const value = std::getenv(name);
  return value == nullptr ? "" : value;
}

/// Transfer is one request on its way: what libcurl's callbacks are given.
class Transfer {
 public:
  explicit Transfer(const HttpRequest& request) : request_(request), handle_(make_handle(), curl_easy_cleanup) {
    require(handle_ != nullptr, "libcurl cannot be started");
  }

  HttpAnswer run();

 private:
  static CURL* make_handle() {
    static const bool ready = curl_global_init(CURL_GLOBAL_DEFAULT) == CURLE_OK;
    return ready ? curl_easy_init() : nullptr;
  }
  template <class Value>
  void set(CURLoption option, Value value) {
    require(curl_easy_setopt(handle_.get(), option, value) == CURLE_OK, "libcurl does not take the option ",
            static_cast<int>(option));
  }
  void set_all();
  void set_surroundings();

  /// Runs `act`, keeps what it throws for run(), and returns whether it threw nothing: no exception may pass through
  /// libcurl.
  template <class Act>
  bool guard(Act&& act) {
    try {
      act();
      return true;
    } catch (...) {
      thrown_ = std::current_exception();
      return false;
    }
  }
  void take_header(std::string_view line);
  void take_body(std::span<const std::byte> bytes);

  static std::size_t on_header(char* data, std::size_t, std::size_t size, void* self) {
    auto& transfer = *static_cast<Transfer*>(self);
    return transfer.guard([&] { transfer.take_header({data, size}); }) ? size : 0;
  }
  static std::size_t on_body(char* data, std::size_t, std::size_t size, void* self) {
    auto& transfer = *static_cast<Transfer*>(self);
    const auto bytes = std::as_bytes(std::span(data, size));
    return transfer.guard([&] { transfer.take_body(bytes); }) ? size : 0;
  }
  static int on_progress(void*, curl_off_t, curl_off_t, curl_off_t, curl_off_t) {
    return StopToken::requested() ? 1 : 0;
  }

  const HttpRequest& request_;
  std::unique_ptr<CURL, void (*)(CURL*)> handle_;
  std::unique_ptr<curl_slist, void (*)(curl_slist*)> headers_{nullptr, curl_slist_free_all};
  std::array<char, CURL_ERROR_SIZE> reason_{};
  HttpAnswer answer_;
  bool begun_ = false;
  std::exception_ptr thrown_;
};

NADA_INLINE void Transfer::take_header(std::string_view line) {
  while (!line.empty() && std::isspace(static_cast<unsigned char>(line.back()))) line.remove_suffix(1);
  if (line.starts_with("HTTP/")) {  // of a proxy, of "100 Continue", then of the answer itself
    answer_.headers.clear();
    return;
  }
  const auto colon = line.find(':');
  if (colon == line.npos) return;
  std::string name(line.substr(0, colon));
  std::ranges::transform(name, name.begin(), [](unsigned char c) { return static_cast<char>(std::tolower(c)); });
  auto value = line.substr(colon + 1);
  while (!value.empty() && (value.front() == ' ' || value.front() == '\t')) value.remove_prefix(1);
  answer_.headers[std::move(name)] = value;
}

NADA_INLINE void Transfer::take_body(std::span<const std::byte> bytes) {
  long status = 0;
  curl_easy_getinfo(handle_.get(), CURLINFO_RESPONSE_CODE, &status);
  if (status != 200 && status != 206) return;
  answer_.status = static_cast<int>(status);
  if (!begun_ && request_.begin) request_.begin(answer_);
  begun_ = true;
  if (request_.body) request_.body(bytes);
}

NADA_INLINE void Transfer::set_surroundings() {
  for (const auto* name : {"REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE", "SSL_CERT_FILE"})
    if (const auto file = environment(name); !file.empty()) {
      set(CURLOPT_CAINFO, file.c_str());
      break;
    }
  // libcurl reads http_proxy in small letters alone, because web servers make HTTP_PROXY of a header of their clients.
  if (const auto proxy = environment("HTTP_PROXY"); !proxy.empty() && environment("http_proxy").empty() &&
                                                    environment("REQUEST_METHOD").empty() &&
                                                    request_.url.starts_with("http:"))
    set(CURLOPT_PROXY, proxy.c_str());
}

NADA_INLINE void Transfer::set_all() {
  set(CURLOPT_URL, request_.url.c_str());
#if LIBCURL_VERSION_NUM >= 0x075500
  set(CURLOPT_PROTOCOLS_STR, "http,https");
#else
  set(CURLOPT_PROTOCOLS, static_cast<long>(CURLPROTO_HTTP | CURLPROTO_HTTPS));
#endif
  set(CURLOPT_FOLLOWLOCATION, 0L);
  set(CURLOPT_NOSIGNAL, 1L);
  set(CURLOPT_USERAGENT, "nada");
  set(CURLOPT_NOBODY, request_.head ? 1L : 0L);
  set(CURLOPT_CONNECTTIMEOUT_MS, static_cast<long>(1000 * request_.timeout));
  set(CURLOPT_LOW_SPEED_LIMIT, 1L);
  set(CURLOPT_LOW_SPEED_TIME, std::max(1L, static_cast<long>(request_.timeout)));
  set(CURLOPT_BUFFERSIZE, 512L << 10);
  set(CURLOPT_ERRORBUFFER, reason_.data());
  set(CURLOPT_HEADERFUNCTION, &Transfer::on_header);
  set(CURLOPT_HEADERDATA, this);
  set(CURLOPT_WRITEFUNCTION, &Transfer::on_body);
  set(CURLOPT_WRITEDATA, this);
  set(CURLOPT_NOPROGRESS, 0L);
  set(CURLOPT_XFERINFOFUNCTION, &Transfer::on_progress);
  for (const auto& header : request_.headers) {
    auto* const longer = curl_slist_append(headers_.get(), header.c_str());
    require(longer != nullptr, "libcurl has no memory for a header");
    headers_.release();
    headers_.reset(longer);
  }
  set(CURLOPT_HTTPHEADER, headers_.get());
  set_surroundings();
}

NADA_INLINE HttpAnswer Transfer::run() {
  set_all();
  const auto code = curl_easy_perform(handle_.get());
  if (thrown_) std::rethrow_exception(thrown_);
  if (code == CURLE_ABORTED_BY_CALLBACK) fail("the download was stopped; what has come is kept, and the next goes on");
  if (code != CURLE_OK) throw NoAnswer(reason_[0] != '\0' ? reason_.data() : curl_easy_strerror(code));
  long status = 0;
  curl_easy_getinfo(handle_.get(), CURLINFO_RESPONSE_CODE, &status);
  answer_.status = static_cast<int>(status);
  return std::move(answer_);
}

/// ParsedUrl is an address in parts.
class ParsedUrl {
 public:
  explicit ParsedUrl(const std::string& url) : text_(url), url_(curl_url(), curl_url_cleanup) {
    put(url);
    const auto scheme = part(CURLUPART_SCHEME);
    require(scheme == "http" || scheme == "https", url, ": expected an address http://... or https://...");
  }
  void put(const std::string& url) {
    require(url_ != nullptr && curl_url_set(url_.get(), CURLUPART_URL, url.c_str(), 0) == CURLUE_OK, text_,
            ": expected an address http://... or https://...");
  }
  std::string part(CURLUPart which, unsigned int flags = 0) const {
    char* text = nullptr;
    if (curl_url_get(url_.get(), which, &text, flags) != CURLUE_OK) return {};
    const std::unique_ptr<char, void (*)(void*)> owner(text, curl_free);
    return text;
  }

 private:
  std::string text_;
  std::unique_ptr<CURLU, void (*)(CURLU*)> url_;
};

}  // namespace detail

NADA_INLINE std::string HttpAnswer::header(const std::string& name) const {
  const auto found = headers.find(name);
  return found == headers.end() ? "" : found->second;
}

NADA_INLINE HttpAnswer ask(const HttpRequest& request) { return detail::Transfer(request).run(); }

NADA_INLINE std::string url_origin(const std::string& url) {
  const detail::ParsedUrl parsed(url);
  auto host = parsed.part(CURLUPART_HOST);
  std::ranges::transform(host, host.begin(), [](unsigned char c) { return static_cast<char>(std::tolower(c)); });
  return parsed.part(CURLUPART_SCHEME) + "://" + host + ":" + parsed.part(CURLUPART_PORT, CURLU_DEFAULT_PORT);
}

NADA_INLINE std::string redirected(const std::string& url, const std::string& location) {
  detail::ParsedUrl parsed(url);
  parsed.put(location);
  return parsed.part(CURLUPART_URL);
}

NADA_INLINE std::string in_url(std::string_view path, bool keep_slashes) {
  std::string out;
  for (const char c : path) {
    const auto byte = static_cast<unsigned char>(c);
    if (std::isalnum(byte) || std::string_view("-._~").find(c) != std::string_view::npos ||
        (keep_slashes && c == '/')) {
      out += c;
      continue;
    }
    out += '%';
    out += "0123456789ABCDEF"[byte >> 4];
    out += "0123456789ABCDEF"[byte & 15];
  }
  return out;
}

}  // namespace nada
