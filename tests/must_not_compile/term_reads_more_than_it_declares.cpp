// A term that looks at the anchor's images without saying so, in a run.
#include "nada/adaptation/adaptation.hpp"
#include "nada/encoders/ensemble.hpp"
#include "nada/selection/all_layers.hpp"
#include "support/tiny.hpp"

struct Drift {
  static constexpr std::string_view name = "drift";
  static constexpr nada::Reads reads = nada::Reads::adapted;
  static constexpr bool per_sample = true;
  auto bind(const auto& /*encoder*/, const auto& /*shift*/, const nada::Endpoints&) const {
    return [](auto& c) -> nada::Tensor { return (c.adapted().unit - c.anchor().unit).square().mean(); };
  }
};

using Encoders = nada::Members<nada::test::LinearEncoder>;
template class nada::Adaptation<nada::test::TinyGenerator, Encoders, nada::FixedShift, nada::Objective<Drift>,
                                nada::AllLayers>;
