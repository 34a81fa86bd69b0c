/// Whose a run is: each browser keeps a token that nobody can guess.
#pragma once
#include <openssl/rand.h>

#include <algorithm>
#include <cstddef>
#include <string>
#include <string_view>

#include "message.hpp"
#include "nada/core/error.hpp"

namespace nada::serve {

/// Returns 32 hexadecimal digits by chance.
/// Errors:  a machine without chance.
inline std::string new_token() {
  unsigned char bytes[16];
  require(RAND_bytes(bytes, sizeof bytes) == 1, "OpenSSL has no random numbers");
  std::string out;
  for (const unsigned char byte : bytes)
    for (const int digit : {byte >> 4, byte & 15}) out += "0123456789abcdef"[digit];
  return out;
}

inline bool is_token(std::string_view text) {
  return text.size() == 32 && text.find_first_not_of("0123456789abcdef") == text.npos;
}

/// Fills in the owner of a request: the token of its cookie `nada-owner`, or a new one.
inline void settle_owner(Request& q) {
  for (const auto& [name, value] : q.headers) {
    if (name != "cookie") continue;
    for (std::string_view rest = value; !rest.empty();) {
      auto one = rest.substr(0, rest.find(';'));
      rest.remove_prefix(std::min(rest.size(), one.size() + 1));
      while (one.starts_with(' ')) one.remove_prefix(1);
      while (one.ends_with(' ')) one.remove_suffix(1);
      if (one.starts_with("nada-owner=") && is_token(one.substr(11))) q.owner = one.substr(11);
    }
  }
  if (!q.owner.empty()) return;
  q.owner = new_token();
  q.new_owner = true;
}

/// Returns the header Set-Cookie that keeps the owner of a request for a year: for this server alone, out of the reach
/// of scripts, sent by no page of another site.
inline std::string owner_cookie(const Request& q) {
  return "nada-owner=" + q.owner + "; Path=" + q.prefix + "/; Max-Age=31536000; HttpOnly; SameSite=Strict" +
         (q.secure ? "; Secure" : "");
}

}  // namespace nada::serve
