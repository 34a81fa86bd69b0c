// A term of another encoder than those of the run.
#include "nada/adaptation/adaptation.hpp"
#include "nada/encoders/ensemble.hpp"
#include "nada/selection/all_layers.hpp"
#include "support/tiny.hpp"

struct OfPixels {
  static constexpr std::string_view name = "of pixels";
  static constexpr nada::Reads reads = nada::Reads::adapted;
  static constexpr bool per_sample = true;
  auto bind(const nada::test::PixelEncoder&, const auto& /*shift*/, const nada::Endpoints&) const {
    return [](auto& c) -> nada::Tensor { return c.adapted().unit.mean(); };
  }
};

using Encoders = nada::Members<nada::test::LinearEncoder>;
template class nada::Adaptation<nada::test::TinyGenerator, Encoders, nada::FixedShift, nada::Objective<OfPixels>,
                                nada::AllLayers>;
