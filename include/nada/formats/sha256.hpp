/// SHA-256, which names a file by its content.
#pragma once
#include <cstddef>
#include <memory>
#include <span>
#include <string>
#include <string_view>

namespace nada {

/// A running SHA-256 (FIPS 180-4) of all bytes given so far; how they were cut into updates does not matter.
/// Errors:  OpenSSL cannot compute it on this machine.
class Sha256 {
 public:
  Sha256();

  void update(std::span<const std::byte> bytes);
  void update(std::string_view text) { update(std::as_bytes(std::span(text.data(), text.size()))); }

  /// 64 lower-case hexadecimal digits; more may be added afterwards.
  std::string hex() const;

 private:
  std::shared_ptr<void> state_;  // an EVP_MD_CTX
};

}  // namespace nada

#ifndef NADA_COMPILED
#include "nada/formats/sha256.ipp"
#endif
