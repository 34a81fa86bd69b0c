/// Repairs texts that passed through several programs: quotes, widths, ligatures, accents, controls.
///
/// Source:  ftfy 6.3.1 for the repairs and their order; Unicode's normal forms through utf8proc.
/// Left out: ftfy's guessing at wrongly decoded text (`schÃ¶n` stays).
#pragma once
#include <string>
#include <string_view>

namespace nada::detail {

/// Applies ftfy's repairs line by line, again and again while they change something (32 times at most). From the first
/// line on that contains a `<`, references are left for later: such a text is HTML itself, not a text that HTML
/// escaping damaged. Printable ASCII without `&` stays as it is.
std::u32string repaired(std::u32string_view text);

}  // namespace nada::detail

#ifndef NADA_COMPILED
#include "nada/encoders/text_repairs.ipp"
#endif
