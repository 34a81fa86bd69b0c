// A term that scores nothing, in a run.
#include "nada/adaptation/adaptation.hpp"
#include "nada/encoders/ensemble.hpp"
#include "nada/selection/all_layers.hpp"
#include "support/tiny.hpp"

struct Brightness {
  static constexpr std::string_view name = "brightness";
  static constexpr nada::Reads reads = nada::Reads::adapted;
  static constexpr bool per_sample = true;
};

using Encoders = nada::Members<nada::test::LinearEncoder>;
template class nada::Adaptation<nada::test::TinyGenerator, Encoders, nada::FixedShift, nada::Objective<Brightness>,
                                nada::AllLayers>;
