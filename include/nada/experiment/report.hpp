/// The report of a run: one HTML file that needs no other file, to be read in a browser, mailed or kept.
#pragma once
#include <cstddef>
#include <limits>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace nada {

/// ReportImage is a picture: the bytes of a PNG file and its size in pixels. The caption is also the alternative text.
struct ReportImage {
  std::string caption;
  std::vector<std::byte> png;
  int width, height;
};

/// ReportCurve is a line of (x, y) by growing x, usually (step, value). Values that are not finite leave a gap.
struct ReportCurve {
  std::string name;
  std::vector<std::pair<double, double>> points;
};

/// ReportContent holds the parts of a report from top to bottom; empty parts are left out. All texts are UTF-8 and may
/// hold any characters.
struct ReportContent {
  std::string title, lead;          // the lead is a sentence or two; blank lines part paragraphs
  std::vector<ReportImage> images;  // the first is the main one
  std::vector<ReportCurve> curves;  // the one called `loss` (else the first) gets its own chart
  std::vector<std::pair<std::string, std::string>> options;  // name, value
  std::vector<std::pair<std::string, std::string>> facts;    // code version, processor, times, ...
};

namespace detail::report {

/// Returns text as HTML, for elements and quoted attributes; control characters that HTML forbids are dropped.
std::string escape_html(std::string_view text);

/// Returns a number as short as a chart needs it: 0.25, 300, 1.2e-05.
std::string number_text(double value, int digits = 4);

/// Returns whether a chart can show the point: both numbers are finite, with room for arithmetic.
bool drawable(const std::pair<double, double>& point);

/// Returns at most `limit` points that look like `points`: the lowest and the highest of each run of neighbours, in
/// order. A run without a finite value stays as one gap.
std::vector<std::pair<double, double>> thin(std::span<const std::pair<double, double>> points, std::size_t limit = 500);

/// Returns the mean over a window of a twentieth of the curve around each point; the window is cut off at the ends,
/// and gaps stay.
std::vector<std::pair<double, double>> smooth(std::span<const std::pair<double, double>> points);

/// Range is the finite range of a set of curves, made non-empty.
struct Range {
  double low = std::numeric_limits<double>::infinity(), high = -std::numeric_limits<double>::infinity();
  void add(double value);
  bool empty() const { return !(low <= high); }
  double span() const { return high - low; }
};

/// Returns a round step that divides `range` into about `count` parts: 1, 2 or 5 times a power of ten.
double tick_step(const Range& range, int count);

/// ReportChart holds curves that one chart can show together.
struct ReportChart {
  std::string title;
  std::vector<const ReportCurve*> curves;
};

/// Groups the curves: the loss alone; then the other curves, together where their sizes compare (within a factor of
/// eight), at most six in a chart.
std::vector<ReportChart> group_curves(std::span<const ReportCurve> curves);

/// Curves with at least this many points are drawn pale, under their mean.
inline constexpr std::size_t kSmoothFrom = 60;

std::string coordinate(double value);

/// Returns one chart as a figure: names and last values as text, then axes, ticks and lines as SVG. All charts share
/// the range `x`.
std::string render_chart(const ReportChart& chart, Range x);

/// Returns all charts over one range of steps.
std::string render_charts(std::span<const ReportCurve> curves);

/// Returns one picture as a figure: small pictures are enlarged by a whole factor, so that pixels stay square; large
/// pictures shrink to the column.
std::string render_image(const ReportImage& image);

std::string render_table(std::string_view id, std::string_view heading,
                         std::span<const std::pair<std::string, std::string>> rows);

inline constexpr std::string_view kReportStyle = R"css(
:root {
  color-scheme: light dark;
  --paper: #fdfcfa; --ink: #1d1c1a; --soft: #6b6760; --rule: #e2ded6; --faint: #eeebe4;
  --c0: #24598f; --c1: #b5532a; --c2: #3f7d4e; --c3: #7b5299; --c4: #94761a; --c5: #a83e63;
}
@media (prefers-color-scheme: dark) {
  :root {
    --paper: #171716; --ink: #e6e2da; --soft: #9d978c; --rule: #3a3834; --faint: #262522;
    --c0: #7db2e8; --c1: #e8976d; --c2: #84c694; --c3: #bd9bdc; --c4: #d4b75a; --c5: #e88aab;
  }
}
* { box-sizing: border-box; }
html { -webkit-text-size-adjust: 100%; }
body {
  margin: 0; background: var(--paper); color: var(--ink);
  font: 1.0625rem/1.55 Charter, "Bitstream Charter", "Iowan Old Style", "Palatino Linotype", Palatino, Georgia, serif;
}
main { max-width: 72.5rem; margin: 0 auto; padding: clamp(1.5rem, 5vw, 4.5rem) clamp(1rem, 4vw, 2.5rem) 4rem; }
h1 {
  margin: 0; max-width: 24em; font-weight: 600; font-size: clamp(1.6rem, 1.1rem + 2.2vw, 2.5rem); line-height: 1.15;
  letter-spacing: -.012em; overflow-wrap: anywhere; text-wrap: balance;
}
h2 { margin: 0 0 .9rem; font-size: 1.25rem; font-weight: 600; line-height: 1.3; }
.lead { max-width: 40em; margin: 1rem 0 0; color: var(--soft); font-size: 1.15rem; overflow-wrap: anywhere; }
section { margin-top: 3.25rem; min-width: 0; }
figure { margin: 0; min-width: 0; max-width: 100%; }
figcaption, table, svg, .note { font-family: ui-sans-serif, system-ui, -apple-system, "Segoe UI", Roboto, sans-serif; }
figcaption { margin-top: .6rem; color: var(--soft); font-size: .875rem; line-height: 1.45; overflow-wrap: anywhere; }
.note { margin: -.5rem 0 1.4rem; color: var(--soft); font-size: .875rem; }
.chart figcaption { margin: 0 0 .5rem; }
.pictures { display: flex; flex-wrap: wrap; gap: 2rem 1.5rem; align-items: flex-start; }
.scroll { overflow-x: auto; }
img { display: block; width: 100%; height: auto; image-rendering: pixelated; background: var(--faint); }
.charts { display: grid; grid-template-columns: repeat(auto-fill, minmax(min(100%, 27rem), 1fr)); gap: 2rem 2.5rem; }
svg { display: block; width: 100%; height: auto; overflow: visible; }
.grid line { stroke: var(--rule); stroke-width: 1; }
.grid .mark { stroke: var(--soft); }
.ticks text { fill: var(--soft); font-size: 13px; font-variant-numeric: tabular-nums; }
.ticks .y { text-anchor: end; }
.ticks .x, .none { text-anchor: middle; }
.none { fill: var(--soft); font-size: 15px; }
path { fill: none; stroke: var(--c); stroke-width: 2; stroke-linejoin: round; stroke-linecap: round; }
path.raw { stroke-width: 1; opacity: .35; }
.dot { fill: var(--c); }
.dot.raw { opacity: .35; }
.c0 { --c: var(--c0); } .c1 { --c: var(--c1); } .c2 { --c: var(--c2); }
.c3 { --c: var(--c3); } .c4 { --c: var(--c4); } .c5 { --c: var(--c5); }
.legend { display: flex; flex-wrap: wrap; gap: .15rem 1.25rem; margin: 0; padding: 0; list-style: none; color: var(--ink); }
.legend li::before {
  content: ""; display: inline-block; width: 1.1em; height: 0; margin-right: .5em; vertical-align: .28em;
  border-top: 3px solid var(--c); border-radius: 2px;
}
.legend span { color: var(--soft); font-variant-numeric: tabular-nums; }
.tables { display: grid; grid-template-columns: repeat(auto-fit, minmax(min(100%, 26rem), 1fr)); gap: 0 3.5rem; align-items: start; }
table { width: 100%; border-collapse: collapse; font-size: .9rem; line-height: 1.4; table-layout: fixed; }
tr { border-top: 1px solid var(--rule); }
tr:last-child { border-bottom: 1px solid var(--rule); }
th, td { padding: .4rem 0; text-align: left; vertical-align: top; overflow-wrap: anywhere; white-space: pre-wrap; }
th { width: 36%; padding-right: 1rem; font-weight: 400; color: var(--soft); }
td { font-variant-numeric: tabular-nums; }
.quiet { color: var(--soft); }
@media print { main { max-width: none; padding: 0; } section { break-inside: avoid; } }
)css";

}  // namespace detail::report

/// Returns the report as one HTML file: pictures are inside as data and curves as SVG; the file has no script and loads
/// nothing from elsewhere. The page is light or dark as the reader's system, and readable on a phone.
std::string render_report(const ReportContent& content);

}  // namespace nada

#ifndef NADA_COMPILED
#include "nada/experiment/report.ipp"
#endif
