// Bodies of adaptation_report.hpp.
#pragma once
#include "nada/experiment/adaptation_report.hpp"

#include <algorithm>
#include <cctype>
#include <cstddef>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <string>
#include <vector>

#include "nada/core/config.hpp"
#include "nada/core/device.hpp"
#include "nada/core/error.hpp"
#include "nada/experiment/report.hpp"
#include "nada/formats/csv.hpp"
#include "nada/formats/file.hpp"
#include "nada/formats/images.hpp"

namespace nada {

namespace detail {
/// Returns the steps of which a folder has a picture, in rising order.
NADA_INLINE std::vector<std::int64_t> drawn_steps(const std::filesystem::path& samples) {
  std::vector<std::int64_t> steps;
  for (const auto& entry : std::filesystem::directory_iterator(samples)) {
    const auto name = entry.path().stem().string();
    if (entry.path().extension() == ".png" && name.size() >= 6 &&
        std::all_of(name.begin(), name.end(), [](unsigned char c) { return std::isdigit(c); }))
      steps.push_back(std::stoll(name));
  }
  std::sort(steps.begin(), steps.end());
  return steps;
}

/// Returns a curve for each column between `step` and `seconds`. Empty cells, of numbers that a step did not log, are no
/// points, so that a number of every tenth step is a line too.
NADA_INLINE std::vector<ReportCurve> curves_of(const std::filesystem::path& metrics) {
  std::vector<ReportCurve> curves;
  CsvTail table(metrics);
  const auto rows = table.more();
  for (std::size_t c = 1; c + 1 < table.header().size(); ++c) {
    auto& curve = curves.emplace_back(ReportCurve{table.header()[c], {}});
    for (const auto& row : rows) {
      if (row[c].empty()) continue;
      curve.points.emplace_back(std::strtod(row[0].c_str(), nullptr), std::strtod(row[c].c_str(), nullptr));
    }
  }
  return curves;
}
}  // namespace detail

NADA_INLINE void write_adaptation_report(const RunFolder& folder, std::int64_t step, std::int64_t total,
                                         double seconds) {
  ReportContent content;
  content.title = folder.notes().title;
  content.lead = step >= total ? join("All ", total, " steps are done.")
                               : join("Stopped after ", step, " of ", total, " steps; --resume goes on.");
  content.lead += " The upper row shows the source generator, the lower row the adapted one, with the same latents.";
  const auto add = [&](std::int64_t at) {
    const auto file = folder.picture(at);
    const auto png = MappedFile(file);
    const auto shown = read_picture(file);
    content.images.push_back(
        {join("After ", at, " steps"), {png.bytes().begin(), png.bytes().end()}, shown.width, shown.height});
  };
  add(step);
  for (const auto earlier : detail::drawn_steps(folder / "samples"))
    if (earlier != 0 && earlier < step) add(earlier);
  content.curves = detail::curves_of(folder / "metrics.csv");
  content.options = folder.notes().options;
  content.facts = folder.notes().facts;
  const auto fact = [&](const char* name, double value, const char* unit) {
    char text[64];
    std::snprintf(text, sizeof text, "%.1f %s", value, unit);
    content.facts.emplace_back(name, text);
  };
  fact("time of the last sitting", seconds, "s");
  fact("peak memory", peak_memory_mb(), "MB");
  write_text(folder / "report.html", render_report(content));
}

}  // namespace nada
