/// The checks on a request before its body is read.
#pragma once
#include <openssl/crypto.h>
#include <openssl/evp.h>

#include <algorithm>
#include <cctype>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "clients.hpp"
#include "http.hpp"
#include "message.hpp"
#include "nada/core/error.hpp"

namespace nada::serve {

inline constexpr std::size_t json_limit = std::size_t{64} << 10;     // bytes of a JSON body
inline constexpr std::size_t picture_limit = std::size_t{16} << 20;  // bytes of a picture

/// Gate decides by the head of a request alone whether the request may be answered.
class Gate {
 public:
  /// `trusted` are the addresses of proxies, `password` what clients must know, empty: nothing.
  Gate(Names names, std::vector<std::string> trusted, std::string password, Clients& clients)
      : names_(std::move(names)), trusted_(std::move(trusted)), password_(std::move(password)), clients_(clients) {}

  /// Fills in who asks, and returns why the request is refused, or nothing.
  std::optional<Refusal> refusal(Request& q) const try {
    settle(q);
    q.client = counted_as(q.client);
    if (q.path == "/healthz") return {};
    clients_.ask(q.client, q.length);
    check_origin(q);
    check_password(q);
    check_kind(q);
    check_body(q);
    return {};
  } catch (const Refusal& refused) {
    return refused;
  }

 private:
  bool trusts(std::string_view address) const {
    return std::find(trusted_.begin(), trusted_.end(), address) != trusted_.end();
  }

  /// Fills in who asks: the other end of the connection, or whom a trusted proxy tells.
  void settle(Request& q) const {
    q.client = q.peer;
    q.host = q.header("host");
    if (!trusts(q.peer)) return;
    const auto last = [](std::string_view list) {
      const auto comma = list.rfind(',');
      auto one = comma == list.npos ? list : list.substr(comma + 1);
      while (one.starts_with(' ')) one.remove_prefix(1);
      while (one.ends_with(' ')) one.remove_suffix(1);
      return std::string(one);
    };
    if (q.count("x-forwarded-for") == 1) {  // from the right, past proxies that are trusted too
      std::string_view list = q.header("x-forwarded-for");
      for (;;) {
        const auto one = last(list);
        if (is_address(one) || is_address("[" + one + "]")) q.client = one;
        const auto comma = list.rfind(',');
        if (!trusts(one) || comma == list.npos) break;
        list = list.substr(0, comma);
      }
    }
    if (q.count("x-forwarded-host") == 1) q.host = last(q.header("x-forwarded-host"));
    q.secure = last(q.header("x-forwarded-proto")) == "https";
    const auto prefix = q.header("x-forwarded-prefix");
    if (prefix.starts_with('/') && prefix.size() <= 200 &&
        std::all_of(prefix.begin(), prefix.end(),
                    [](unsigned char c) { return std::isalnum(c) || c == '/' || c == '-' || c == '_' || c == '.'; }))
      q.prefix = prefix;
    while (q.prefix.ends_with('/')) q.prefix.pop_back();
  }
  void check_origin(const Request& q) const {
    if (q.count("host") != 1) refuse(400, "a request has one Host");
    if (!is_own_host(q.host, names_))
      refuse(403, "this server is not called so: the Host of the request is not one of its names");
    if (!is_own_origin(q.header("origin"), q.host)) refuse(403, "requests from pages of other sites are refused");
    if (q.path.starts_with("/api/") && q.header("sec-fetch-site") == "cross-site")
      refuse(403, "requests from pages of other sites are refused");
  }
  void check_password(const Request& q) const {
    if (password_.empty()) return;
    const auto header = q.header("authorization");
    std::string text;
    if (lower_case(header.substr(0, 6)) == "basic " && header.size() <= 1000 && (header.size() - 6) % 4 == 0) {
      text.resize((header.size() - 6) / 4 * 3 + 1);
      const int n = EVP_DecodeBlock(reinterpret_cast<unsigned char*>(text.data()),
                                    reinterpret_cast<const unsigned char*>(header.data() + 6),
                                    static_cast<int>(header.size() - 6));
      text.resize(static_cast<std::size_t>(std::max(0, n)));
      for (auto pads = std::count(header.end() - std::min<std::ptrdiff_t>(2, n), header.end(), '=');
           pads > 0 && !text.empty(); --pads)
        text.pop_back();
    }
    const auto colon = text.find(':');
    const auto given = colon == text.npos ? std::string() : text.substr(colon + 1);
    if (given.size() == password_.size() && CRYPTO_memcmp(given.data(), password_.data(), given.size()) == 0) return;
    if (!header.empty()) clients_.fine(q.client, clients_.limits().requests / 2);
    refuse(401, "this server asks for a password");
  }
  static void check_kind(const Request& q) {
    if (q.method != "GET" && q.method != "HEAD" && q.method != "POST" && q.method != "DELETE")
      refuse(405, "only GET, HEAD, POST and DELETE are answered here");
    if (q.path.size() > 300) refuse(404, "there is nothing of that name");
    if (q.has("transfer-encoding")) refuse(411, "a body must come with its Content-Length");
    if (q.has("content-encoding")) refuse(415, "compressed bodies are not taken");
    if (q.has("expect") && lower_case(q.header("expect")) != "100-continue")
      refuse(417, "only 100-continue may be expected");
    if (q.method == "POST" && !q.has("content-length")) refuse(411, "a body must come with its Content-Length");
  }
  static void check_body(const Request& q) {
    if (q.method != "POST") {
      if (q.length > 0) refuse(400, "only a POST request has a body");
      return;
    }
    const auto parts = path_parts(q.path);
    const bool picture = parts.size() == 3 && parts[0] == "api" && parts[2] == "stylize";
    const auto type = media_type(q.header("content-type"));
    if (picture ? type != "image/png" && type != "image/jpeg" && type != "image/jpg"
                : q.length > 0 && type != "application/json")
      refuse(415, picture ? "expected a picture, image/png or image/jpeg" : "expected application/json");
    if (const auto most = picture ? picture_limit : json_limit; q.length > most)
      refuse(413, "the body has ", q.length, " bytes, at most ", most, " are taken");
  }
  /// Returns the media type alone: "Image/PNG ; a=b" gives image/png.
  static std::string media_type(std::string_view text) {
    text = text.substr(0, text.find(';'));
    while (text.ends_with(' ')) text.remove_suffix(1);
    return lower_case(text);
  }

  Names names_;
  std::vector<std::string> trusted_;
  std::string password_;
  Clients& clients_;
};

}  // namespace nada::serve
