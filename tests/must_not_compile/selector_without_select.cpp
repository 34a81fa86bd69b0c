// A layer selector with a method of another name.
#include "nada/selection/selector.hpp"

struct First {
  nada::LayerSet choose(const nada::Probe& probe) const { return {probe.candidates.front()}; }
};

static_assert(nada::explain_selector<First>());
