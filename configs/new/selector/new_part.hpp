// A selector of one's own.
#pragma once
#include <nada/core/error.hpp>
#include <nada/selection/selector.hpp>

#include <cstdint>

/// Convolutions train from coarse to fine: at first those of 4 px, after every `every` steps those of twice the size too.
/// What it chooses depends on the step alone, so it needs no state; a selector that remembers has `state` and `restore`
/// (docs/policies.md#selection).
struct NewPart {
  std::int64_t every = 10;
  nada::LayerSet select(const nada::Probe& probe) const {
    int up_to = 4;
    for (auto step = probe.stream.step; step >= every && up_to < 4096; step -= every) up_to *= 2;
    nada::LayerSet chosen;
    for (const auto i : probe.candidates)
      if (probe.layers[i].kind == nada::LayerKind::convolution && probe.layers[i].resolution <= up_to)
        chosen.push_back(i);
    nada::require(!chosen.empty(), "new_part: no convolution of up to ", up_to, " px can train");
    return chosen;
  }
};
static_assert(nada::LayerSelector<NewPart>);
