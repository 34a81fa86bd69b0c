// A parameterization that deltas could not name.
#include "nada/parameterization/full_weights.hpp"

struct Halves {
  bool covers(const nada::Layer&) const { return true; }
  std::vector<std::string> names(const nada::Layer& layer) const { return layer.slots; }
  std::vector<nada::Tensor> leaves(const nada::Layer&, std::span<const nada::Tensor>, const nada::Stream&) const {
    return {};
  }
  std::vector<nada::Tensor> effective(const nada::Layer&, std::span<const nada::Tensor>,
                                      std::span<const nada::Tensor>) const {
    return {};
  }
};

static_assert(nada::explain_parameterization<nada::FullWeights>());
static_assert(nada::explain_parameterization<Halves>());
