// Every keeps what the selector inside remembers, so the selector needs both functions too.
#include "nada/selection/every.hpp"

struct Turns {
  std::int64_t asked = 0;
  nada::LayerSet select(const nada::Probe& probe) { return {probe.candidates[asked++ % probe.candidates.size()]}; }
  nada::TensorMap state() const { return {{"asked", torch::tensor({asked})}}; }
};

nada::Every<Turns> turns(10);
