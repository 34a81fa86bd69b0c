/// Image steps should not go toward a text.
#pragma once
#include <string>
#include <string_view>

#include "nada/core/error.hpp"
#include "nada/core/tensor.hpp"
#include "nada/encoders/encoder.hpp"
#include "nada/losses/term.hpp"
#include "nada/shifts/shift.hpp"
#include "nada/shifts/text_shift.hpp"

namespace nada {

/// The part of an image's step that leads toward `text` costs; what leads away from it, or across, is free.
///     dI = E(adapted) - E(anchor),  e = dI / max(|dI|, min_length)                            [N, E]
///     d  = unit(mean over templates of (E(text_t) - E(source_t)))                             [1, E]
///     L  = mean_n max(0, e_n . d)                                                             []  in [0, 1]
/// Source:  ours, after the directional term.
/// Facts:   equal images give 0; with the shift's own target as `text` and |dI| >= min_length, L is 1 minus the
///          directional term where that is below 1.
/// Errors:  a shift that has no texts; a text that is empty, equal to the source, or that the encoder cannot read.
struct Away {
  static constexpr std::string_view name = "away";
  static constexpr Reads reads = Reads::adapted | Reads::anchor;
  static constexpr bool per_sample = true;
  std::string text;
  double min_length = 0.2;  // smallest |dI| that is divided by, in unit features

  template <TextImageEncoder E, class S>
  auto bind(const E& encoder, const S& shift, const Endpoints&) const {
    static_assert(TextualShift<S>, "Away: needs the source's text, so the shift must be textual: TextShift");
    require(!text.empty(), "away: no text was given");
    const auto direction = TextShift::between(read_under(encoder, shift.templates(), shift.source()),
                                              read_under(encoder, shift.templates(), text),
                                              join("the texts '", std::string(shift.source()), "' and '", text, "'"))
                               .direction;
    return [direction, floor = min_length](auto& c) -> Tensor {
      const auto step = c.adapted().unit - c.anchor().unit;
      const auto e = step / step.norm(2, /*dim=*/1, /*keepdim=*/true).clamp_min(floor);
      return (e * direction).sum(1).clamp_min(0).mean();
    };
  }
};

}  // namespace nada
