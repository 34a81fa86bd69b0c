/// The report of an adaptation, report.html.
#pragma once
#include <cstdint>

#include "nada/experiment/run_folder.hpp"

namespace nada {

/// Writes report.html: the last sample grid, the earlier grids, the curves of metrics.csv, options and facts. `seconds`
/// is the time of the last sitting.
void write_adaptation_report(const RunFolder& folder, std::int64_t step, std::int64_t total, double seconds);

}  // namespace nada

#ifndef NADA_COMPILED
#include "nada/experiment/adaptation_report.ipp"
#endif
