/// What a table of measurements leaves out, and why.
#pragma once
#include <string>
#include <string_view>
#include <vector>

#include "nada/metrics/metric.hpp"

namespace nada {

/// Lack is what one row lacks for each metric of a list, in the list's order; nothing where the metric has its number.
struct Lack {
  std::string row;  // as the table calls it
  std::vector<Needs> of;
};

/// Says in one sentence which metrics have no number, what they need and which option of `evaluate` gives it; of metrics that only some
/// rows lack, in which rows. Metrics that lack the same are named together. Empty where every cell has its number.
///     "left out: FID and KID for want of real pictures (--real); identity in the row b.pt for want of a source generator (--base)"
std::string left_out(const std::vector<std::string>& metrics, const std::vector<Lack>& rows);

/// Returns what a need is, with the option of `evaluate` that brings it: "real pictures (--real)".
std::string_view option_for(Needs need);

}  // namespace nada

#ifndef NADA_COMPILED
#include "nada/experiment/left_out.ipp"
#endif
