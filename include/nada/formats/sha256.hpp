/// SHA-256, which names a file by its content.
#pragma once
#include <openssl/evp.h>

#include <array>
#include <cstddef>
#include <memory>
#include <span>
#include <string>
#include <string_view>

#include "nada/core/error.hpp"

namespace nada {

/// A running SHA-256 (FIPS 180-4) of all bytes given so far; how they were cut into updates does not matter.
class Sha256 {
 public:
  Sha256() : state_(EVP_MD_CTX_new()) {
    check(state_ != nullptr && EVP_DigestInit_ex(state_.get(), EVP_sha256(), nullptr) == 1);
  }

  void update(std::span<const std::byte> bytes) {
    check(EVP_DigestUpdate(state_.get(), bytes.data(), bytes.size()) == 1);
  }
  void update(std::string_view text) { update(std::as_bytes(std::span(text.data(), text.size()))); }

  /// 64 lower-case hexadecimal digits; more may be added afterwards.
  std::string hex() const {
    const State copy(EVP_MD_CTX_new());
    std::array<unsigned char, EVP_MAX_MD_SIZE> digest{};
    unsigned int size = 0;
    check(copy != nullptr && EVP_MD_CTX_copy_ex(copy.get(), state_.get()) == 1 &&
          EVP_DigestFinal_ex(copy.get(), digest.data(), &size) == 1);
    std::string text;
    for (const unsigned char byte : std::span(digest).first(size)) {
      text += "0123456789abcdef"[byte >> 4];
      text += "0123456789abcdef"[byte & 15];
    }
    return text;
  }

 private:
  struct Free {
    void operator()(EVP_MD_CTX* state) const { EVP_MD_CTX_free(state); }
  };
  using State = std::unique_ptr<EVP_MD_CTX, Free>;
  static void check(bool done) { require(done, "OpenSSL cannot compute SHA-256 on this machine"); }
  State state_;
};

}  // namespace nada
