/// Repairs of texts that passed through several programs: quotes, widths, ligatures, accents, controls.
///
/// Source:   ftfy 6.3.1 for which repairs there are and in what order; Unicode's normal forms through utf8proc.
/// Left out: ftfy's guessing at wrongly decoded text (`schÃ¶n` stays).
#pragma once
#include <string>
#include <string_view>

namespace nada::detail {

/// ftfy's repairs, repeated while they change something (32 times at most), line by line. From the first line on that
/// contains a `<`, references are left for later: the text is HTML and not a victim of it. ASCII that prints and has no
/// `&` stays as it is.
std::u32string repaired(std::u32string_view text);

}  // namespace nada::detail

#ifndef NADA_COMPILED
#include "nada/encoders/text_repairs.ipp"
#endif
