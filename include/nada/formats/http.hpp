/// One request over HTTP or HTTPS, through libcurl.
#pragma once
#include <cstddef>
#include <functional>
#include <map>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "nada/core/error.hpp"

namespace nada {

namespace detail {
/// Returns the value of a variable of the environment; empty where it is not set.
std::string environment(const char* name);
}  // namespace detail

/// NoAnswer is a request that no server answered: no network, a host that is not there, a connection that was cut.
struct NoAnswer : Error {
  using Error::Error;
};

/// HttpRequest is one request. Redirects are not followed: whoever asks decides what the next host is told.
struct HttpRequest {
  std::string url;                        // http:// or https://
  bool head = false;                      // HEAD instead of GET
  std::vector<std::string> headers = {};  // "Name: value"
  double timeout = 10;                    // seconds to connect in, and of silence after which it is given up
  /// Takes the parts of the body of an answer with status 200 or 206; what it throws ends the request. Other bodies
  /// are passed over. It is told the status and the headers, which have come before.
  std::function<void(std::span<const std::byte>)> body = {};
  /// Is called with the status and the headers before the first part of a body.
  std::function<void(const struct HttpAnswer&)> begin = {};
};

struct HttpAnswer {
  int status = 0;
  std::map<std::string, std::string> headers = {};  // names in lower case

  /// Returns the value of a header, whose name is given in lower case; empty where there is none.
  std::string header(const std::string& name) const;
};

/// Sends a request and reads its answer. The environment's proxies are obeyed (HTTP_PROXY, HTTPS_PROXY, ALL_PROXY,
/// NO_PROXY, in capitals or not), and its file of certificates (REQUESTS_CA_BUNDLE, CURL_CA_BUNDLE, SSL_CERT_FILE).
/// Errors:  NoAnswer; a request to stop the program (core/stop.hpp); what `body` or `begin` throws.
HttpAnswer ask(const HttpRequest& request);

/// Returns scheme, host and port of an address: "https://huggingface.co:443". Two addresses of one origin are answered
/// by the same server.
/// Errors:  a text that is no address of HTTP or HTTPS.
std::string url_origin(const std::string& url);

/// Returns the address that the header `location` of an answer from `url` means.
/// Errors:  as url_origin().
std::string redirected(const std::string& url, const std::string& location);

/// Returns a path with what has a meaning in addresses written as %XX; slashes stay where `keep_slashes` says so.
std::string in_url(std::string_view path, bool keep_slashes);

}  // namespace nada

#ifndef NADA_COMPILED
#include "nada/formats/http.ipp"
#endif
