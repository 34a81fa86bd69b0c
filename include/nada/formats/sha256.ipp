// Bodies of sha256.hpp.
#pragma once
#include "nada/formats/sha256.hpp"

#include <openssl/evp.h>

#include <array>

#include "nada/core/config.hpp"
#include "nada/core/error.hpp"
#include "nada/formats/file.hpp"

namespace nada {

namespace detail {
NADA_INLINE std::shared_ptr<EVP_MD_CTX> new_digest() {
  return {EVP_MD_CTX_new(), [](EVP_MD_CTX* state) { EVP_MD_CTX_free(state); }};
}
NADA_INLINE void check_digest(bool done) { require(done, "OpenSSL cannot compute SHA-256 on this machine"); }

NADA_INLINE std::string hexadecimal(std::span<const unsigned char> bytes) {
  std::string text;
  for (const unsigned char byte : bytes) {
    text += "0123456789abcdef"[byte >> 4];
    text += "0123456789abcdef"[byte & 15];
  }
  return text;
}
}  // namespace detail

NADA_INLINE Sha256::Sha256() {
  const auto state = detail::new_digest();
  detail::check_digest(state != nullptr && EVP_DigestInit_ex(state.get(), EVP_sha256(), nullptr) == 1);
  state_ = state;
}

NADA_INLINE void Sha256::update(std::span<const std::byte> bytes) {
  detail::check_digest(EVP_DigestUpdate(static_cast<EVP_MD_CTX*>(state_.get()), bytes.data(), bytes.size()) == 1);
}

NADA_INLINE std::string Sha256::hex() const {
  const auto copy = detail::new_digest();
  std::array<unsigned char, EVP_MAX_MD_SIZE> digest{};
  unsigned int size = 0;
  detail::check_digest(copy != nullptr &&
                       EVP_MD_CTX_copy_ex(copy.get(), static_cast<const EVP_MD_CTX*>(state_.get())) == 1 &&
                       EVP_DigestFinal_ex(copy.get(), digest.data(), &size) == 1);
  return detail::hexadecimal(std::span(digest).first(size));
}

NADA_INLINE std::string sha256_of_file(const std::filesystem::path& path) {
  Sha256 out;
  out.update(MappedFile(path).bytes());
  return out.hex();
}

}  // namespace nada
