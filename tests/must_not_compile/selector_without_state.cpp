// A layer selector that is restored from a state of another type than is saved.
#include <map>
#include <string>

#include "nada/selection/selector.hpp"

struct Turns {
  std::int64_t asked = 0;
  nada::LayerSet select(const nada::Probe& probe) { return {probe.candidates[asked++ % probe.candidates.size()]}; }
  std::map<std::string, double> state() const { return {{"asked", static_cast<double>(asked)}}; }
  void restore(const nada::TensorMap& state) { asked = state.at("asked").item<std::int64_t>(); }
};

static_assert(nada::explain_selector<Turns>());
