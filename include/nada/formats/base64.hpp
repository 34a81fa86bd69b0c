/// Bytes as text: base64.
#pragma once
#include <cstddef>
#include <span>
#include <string>

namespace nada {

/// Returns `bytes` in the alphabet A-Z a-z 0-9 + /, padded with = to a multiple of four characters, without line ends.
/// Source:  RFC 4648, section 4.
std::string base64(std::span<const std::byte> bytes);

}  // namespace nada

#ifndef NADA_COMPILED
#include "nada/formats/base64.ipp"
#endif
