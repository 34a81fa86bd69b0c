/// SHA-256, which names a file by its content.
#pragma once
#include <cstddef>
#include <filesystem>
#include <memory>
#include <span>
#include <string>
#include <string_view>

namespace nada {

/// Sha256 is a running SHA-256 (FIPS 180-4) of all bytes given so far; how the bytes were cut into updates
/// does not matter.
/// Errors:  OpenSSL cannot compute SHA-256 on this machine.
class Sha256 {
 public:
  Sha256();

  void update(std::span<const std::byte> bytes);
  void update(std::string_view text) { update(std::as_bytes(std::span(text.data(), text.size()))); }

  /// Returns 64 lower-case hexadecimal digits; more bytes may be added afterwards.
  std::string hex() const;

 private:
  std::shared_ptr<void> state_;  // an EVP_MD_CTX
};

namespace detail {
/// Returns two lower-case hexadecimal digits a byte.
std::string hexadecimal(std::span<const unsigned char> bytes);
}  // namespace detail

/// Returns the digits of all bytes of a file.
/// Errors:  a file that cannot be read.
std::string sha256_of_file(const std::filesystem::path& path);

}  // namespace nada

#ifndef NADA_COMPILED
#include "nada/formats/sha256.ipp"
#endif
