// A layer selector whose state is saved and never read back.
#include "nada/selection/selector.hpp"

struct Turns {
  std::int64_t asked = 0;
  nada::LayerSet select(const nada::Probe& probe) { return {probe.candidates[asked++ % probe.candidates.size()]}; }
  nada::TensorMap state() const { return {{"asked", torch::tensor({asked})}}; }
};

static_assert(nada::explain_selector<Turns>());
