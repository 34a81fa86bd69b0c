// Bodies of report.hpp.
#pragma once
#include "nada/experiment/report.hpp"

#include <algorithm>
#include <array>
#include <cmath>
#include <cstdio>

#include "nada/core/config.hpp"
#include "nada/formats/base64.hpp"

namespace nada {

namespace detail::report {
NADA_INLINE std::string escape_html(std::string_view text) {
  std::string escaped;
  for (const char c : text) {
    switch (c) {
      case '&':
        escaped += "&amp;";
        break;
      case '<':
        escaped += "&lt;";
        break;
      case '>':
        escaped += "&gt;";
        break;
      case '"':
        escaped += "&quot;";
        break;
      case '\'':
        escaped += "&#39;";
        break;
      default:
        if (static_cast<unsigned char>(c) >= 0x20 || c == '\n' || c == '\t') escaped += c;
    }
  }
  return escaped;
}

NADA_INLINE std::string number_text(double value, int digits) {
  std::array<char, 40> text{};
  std::snprintf(text.data(), text.size(), "%.*g", digits, value == 0 ? 0.0 : value);
  return text.data();
}

NADA_INLINE bool drawable(const std::pair<double, double>& point) {
  constexpr double huge = 1e300;                                         // leaves room for arithmetic
  return std::abs(point.first) < huge && std::abs(point.second) < huge;  // false for NaN
}

NADA_INLINE std::vector<std::pair<double, double>> thin(std::span<const std::pair<double, double>> points,
                                                        std::size_t limit) {
  if (points.size() <= limit) return {points.begin(), points.end()};
  std::vector<std::pair<double, double>> kept;
  const std::size_t runs = limit / 2;
  for (std::size_t run = 0; run < runs; ++run) {
    const std::size_t begin = points.size() * run / runs, end = points.size() * (run + 1) / runs;
    std::size_t low = end, high = end;
    for (std::size_t i = begin; i < end; ++i) {
      if (!drawable(points[i])) continue;
      if (low == end || points[i].second < points[low].second) low = i;
      if (high == end || points[i].second > points[high].second) high = i;
    }
    if (low == end) {
      kept.emplace_back(points[begin].first, std::numeric_limits<double>::quiet_NaN());
      continue;
    }
    kept.push_back(points[std::min(low, high)]);
    if (low != high) kept.push_back(points[std::max(low, high)]);
  }
  return kept;
}

NADA_INLINE std::vector<std::pair<double, double>> smooth(std::span<const std::pair<double, double>> points) {
  const std::size_t size = points.size(), reach = std::max<std::size_t>(1, size / 40);
  std::vector<std::pair<double, double>> sums(size + 1);  // sum and count of the first i drawable values
  for (std::size_t i = 0; i < size; ++i) {
    const bool counts = drawable(points[i]);
    sums[i + 1] = {sums[i].first + (counts ? points[i].second : 0), sums[i].second + (counts ? 1 : 0)};
  }
  std::vector<std::pair<double, double>> means(points.begin(), points.end());
  for (std::size_t i = 0; i < size; ++i) {
    if (!drawable(points[i])) continue;
    const auto &before = sums[i - std::min(i, reach)], &after = sums[std::min(size, i + reach + 1)];
    means[i].second = (after.first - before.first) / (after.second - before.second);
  }
  return means;
}

NADA_INLINE void Range::add(double value) {
  low = std::min(low, value);
  high = std::max(high, value);
}

NADA_INLINE double tick_step(const Range& range, int count) {
  const double raw = range.span() / count;
  const double power = std::pow(10.0, std::floor(std::log10(raw)));
  for (const double factor : {1.0, 2.0, 5.0}) {
    if (factor * power >= raw * (1 - 1e-9)) return factor * power;
  }
  return 10 * power;
}

NADA_INLINE std::vector<ReportChart> group_curves(std::span<const ReportCurve> curves) {
  if (curves.empty()) return {};
  const auto named = std::find_if(curves.begin(), curves.end(), [](const auto& curve) { return curve.name == "loss"; });
  const ReportCurve* const main = named == curves.end() ? &curves.front() : &*named;
  std::vector<ReportChart> charts = {{"", {main}}};
  const auto size = [](const ReportCurve& curve) {  // -1 without values
    double largest = -1;
    for (const auto& point : curve.points) {
      if (drawable(point)) largest = std::max(largest, std::abs(point.second));
    }
    return largest;
  };
  for (const bool with_values : {true, false}) {  // curves without values only appear in a legend
    for (const ReportCurve& curve : curves) {
      const double own = size(curve);
      if (&curve == main || (own >= 0) != with_values) continue;
      const auto place = std::find_if(charts.begin() + 1, charts.end(), [&](const ReportChart& chart) {
        const double other = size(*chart.curves.front());
        return chart.curves.size() < 6 && (own < 0 || (own <= 8 * other && other <= 8 * own));
      });
      if (place != charts.end()) {
        place->curves.push_back(&curve);
      } else {
        charts.push_back({"", {&curve}});
      }
    }
  }
  for (ReportChart& chart : charts) {
    for (const ReportCurve* curve : chart.curves) chart.title += (chart.title.empty() ? "" : ", ") + curve->name;
  }
  return charts;
}

NADA_INLINE std::string coordinate(double value) {
  std::array<char, 40> text{};
  std::snprintf(text.data(), text.size(), "%.1f", value);
  return text.data();
}

/// The axes of a chart: where values lie in its drawing of 520 by 250.
struct ChartAxes {
  static constexpr double width = 520, height = 250, left = 52, right = 12, top = 12, bottom = 40;
  Range x, y;
  double step_x = 1, step_y = 1;  // between ticks
  bool empty = false;             // there is no value to draw

  ChartAxes(const ReportChart& chart, Range steps) : x(steps) {
    for (const ReportCurve* curve : chart.curves)
      for (const auto& point : curve->points)
        if (drawable(point)) y.add(point.second);
    empty = y.empty();
    if (empty) y = {0, 1};
    if (x.empty()) x = {0, 1};
    widen(x, 1e-3, 1);
    widen(y, 0.05, 1e-6);
    step_y = tick_step(y, 4);
    step_x = tick_step(x, 6);
    y.low = std::floor(y.low / step_y + 1e-6) * step_y;
    y.high = std::ceil(y.high / step_y - 1e-6) * step_y;
  }
  double at_x(double v) const { return left + (v - x.low) / x.span() * (width - left - right); }
  double at_y(double v) const { return height - bottom - (v - y.low) / y.span() * (height - top - bottom); }

 private:
  static void widen(Range& range, double relative, double least) {  // widens a range of one value
    const double size = std::max(std::abs(range.low), std::abs(range.high));
    if (range.span() > std::max(1e-12, 1e-9 * size)) return;
    const double margin = std::max(least, relative * size);
    range = {range.low - margin, range.high + margin};
  }
};

/// The grid of a chart with its labels.
NADA_INLINE std::string render_grid(const ChartAxes& axes) {
  using A = ChartAxes;
  std::string svg = "<g class=\"grid\">", labels = "<g class=\"ticks\">";
  for (int i = 0; i <= static_cast<int>(std::lround(axes.y.span() / axes.step_y)); ++i) {
    double value = axes.y.low + i * axes.step_y;
    if (std::abs(value) < 1e-9 * axes.step_y) value = 0;
    const std::string at = coordinate(axes.at_y(value));
    svg += "<line x1=\"" + coordinate(A::left) + "\" x2=\"" + coordinate(A::width - A::right) + "\" y1=\"" + at +
           "\" y2=\"" + at + "\"/>";
    labels += "<text class=\"y\" x=\"" + coordinate(A::left - 10) + "\" y=\"" + at + "\" dy=\".33em\">" +
              number_text(value) + "</text>";
  }
  const double first = std::ceil(axes.x.low / axes.step_x - 1e-6);
  for (int i = 0; i < 16 && (first + i) * axes.step_x <= axes.x.high + 1e-6 * axes.step_x; ++i) {
    const double value = (first + i) * axes.step_x;
    const std::string at = coordinate(axes.at_x(value));
    svg += "<line class=\"mark\" x1=\"" + at + "\" x2=\"" + at + "\" y1=\"" + coordinate(A::height - A::bottom) +
           "\" y2=\"" + coordinate(A::height - A::bottom + 5) + "\"/>";
    labels += "<text class=\"x\" x=\"" + at + "\" y=\"" + coordinate(A::height - A::bottom + 20) + "\">" +
              number_text(value, 7) + "</text>";
  }
  labels += "<text class=\"x name\" x=\"" + coordinate((A::left + A::width - A::right) / 2) + "\" y=\"" +
            coordinate(A::height - 4) + "\">step</text>";
  return svg + "</g>\n" + labels + "</g>\n";
}

/// One curve: a path for each run of points that can be drawn, a dot where one stands alone.
NADA_INLINE std::string render_curve(const ChartAxes& axes, std::span<const std::pair<double, double>> points,
                                     const std::string& style) {
  std::string path, dots, segment;
  int length = 0;
  const auto close = [&] {
    if (length > 1) path += segment;
    if (length == 1) {  // a path of one point would be invisible
      const auto comma = segment.find(' ', 1);
      dots += "<circle class=\"dot " + style + "\" cx=\"" + segment.substr(1, comma - 1) + "\" cy=\"" +
              segment.substr(comma + 1) + "\" r=\"3\"/>";
    }
    segment.clear();
    length = 0;
  };
  for (const auto& point : points) {
    if (!drawable(point)) {
      close();
      continue;
    }
    segment += (length++ ? "L" : "M") + coordinate(axes.at_x(point.first)) + " " + coordinate(axes.at_y(point.second));
  }
  close();
  return (path.empty() ? "" : "<path class=\"" + style + "\" d=\"" + path + "\"/>") + dots;
}

NADA_INLINE std::string render_chart(const ReportChart& chart, Range x) {
  const ChartAxes axes(chart, x);
  std::string svg = "<svg viewBox=\"0 0 520 250\" role=\"img\" aria-label=\"" + escape_html(chart.title) +
                    " by step\">\n" + render_grid(axes);
  if (axes.empty)
    svg += "<text class=\"none\" x=\"" + coordinate((axes.left + axes.width - axes.right) / 2) + "\" y=\"" +
           coordinate(axes.height / 2 - 20) + "\">no values were recorded</text>\n";
  std::string legend = "<ul class=\"legend\">";
  for (std::size_t i = 0; i < chart.curves.size(); ++i) {
    const ReportCurve& curve = *chart.curves[i];
    const std::string color = "c" + std::to_string(i);
    if (curve.points.size() >= kSmoothFrom) {
      svg += render_curve(axes, thin(curve.points), color + " raw");
      svg += render_curve(axes, thin(smooth(curve.points)), color);
    } else {
      svg += render_curve(axes, curve.points, color);
    }
    const auto last = std::find_if(curve.points.rbegin(), curve.points.rend(), drawable);
    legend +=
        "<li class=\"" + color + "\">" + escape_html(curve.name) + " <span>" +
        (last == curve.points.rend() ? "no values" : number_text(last->second) + " at " + number_text(last->first, 9)) +
        "</span></li>";
  }
  svg += "\n</svg>\n";
  return "<figure class=\"chart\">\n<figcaption>" + legend + "</ul></figcaption>\n" + svg + "</figure>\n";
}

NADA_INLINE std::string render_charts(std::span<const ReportCurve> curves) {
  if (curves.empty()) return "";
  Range x;
  bool smoothed = false;
  for (const ReportCurve& curve : curves) {
    smoothed = smoothed || curve.points.size() >= kSmoothFrom;
    for (const auto& point : curve.points) {
      if (drawable(point)) x.add(point.first);
    }
  }
  std::string html = "<section aria-labelledby=\"curves\">\n<h2 id=\"curves\">Training curves</h2>\n";
  if (smoothed)
    html += "<p class=\"note\">Pale lines show every step, strong ones the mean over a twentieth of the run.</p>\n";
  html += "<div class=\"charts\">\n";
  for (const ReportChart& chart : group_curves(curves)) html += render_chart(chart, x);
  return html + "</div>\n</section>\n";
}

NADA_INLINE std::string render_image(const ReportImage& image) {
  constexpr int column = 1080;
  const int scale = image.width > 0 ? std::clamp(column / image.width, 1, 3) : 1;
  const int width = std::max(1, image.width) * scale;
  const std::string alt = escape_html(image.caption);
  std::string size;
  if (image.width > 0 && image.height > 0) {
    size = " width=\"" + std::to_string(image.width) + "\" height=\"" + std::to_string(image.height) + "\"";
  }
  return "<figure class=\"picture\" style=\"width:" + std::to_string(width) +
         "px\">\n<div class=\"scroll\" tabindex=\"0\"><img" + size +
         " style=\"min-width:" + std::to_string(std::clamp(image.width, 1, 560)) +
         (image.width > column ? "px;image-rendering:auto" : "px") + "\" alt=\"" + alt +
         "\" src=\"data:image/png;base64," + base64(image.png) + "\"></div>\n" +
         (alt.empty() ? "" : "<figcaption>" + alt + "</figcaption>\n") + "</figure>\n";
}

NADA_INLINE std::string render_table(std::string_view id, std::string_view heading,
                                     std::span<const std::pair<std::string, std::string>> rows) {
  if (rows.empty()) return "";
  std::string html = "<section aria-labelledby=\"" + std::string(id) + "\">\n<h2 id=\"" + std::string(id) + "\">" +
                     std::string(heading) + "</h2>\n<table>\n<tbody>\n";
  for (const auto& [name, value] : rows) {
    html += "<tr><th scope=\"row\">" + escape_html(name) + "</th><td>" +
            (value.empty() ? "<span class=\"quiet\">none</span>" : escape_html(value)) + "</td></tr>\n";
  }
  return html + "</tbody>\n</table>\n</section>\n";
}

}  // namespace detail::report

NADA_INLINE std::string render_report(const ReportContent& content) {
  using detail::report::escape_html;
  const std::string title = escape_html(content.title.empty() ? "Report" : content.title);
  std::string html =
      "<!DOCTYPE html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n"
      "<meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n"
      "<meta name=\"generator\" content=\"nada\">\n<title>" +
      title + "</title>\n<style>" + std::string(detail::report::kReportStyle) +
      "</style>\n</head>\n<body>\n<main>\n<header>\n<h1>" + title + "</h1>\n";
  for (std::string_view rest = content.lead; !rest.empty();) {
    const auto end = rest.find("\n\n");
    const std::string_view paragraph = rest.substr(0, end);
    rest.remove_prefix(end == rest.npos ? rest.size() : end + 2);
    if (!paragraph.empty()) html += "<p class=\"lead\">" + escape_html(paragraph) + "</p>\n";
  }
  html += "</header>\n";
  if (!content.images.empty()) {
    html += "<section aria-labelledby=\"images\">\n<h2 id=\"images\">Images</h2>\n<div class=\"pictures\">\n";
    for (const ReportImage& image : content.images) html += detail::report::render_image(image);
    html += "</div>\n</section>\n";
  }
  html += detail::report::render_charts(content.curves);
  const std::string tables = detail::report::render_table("options", "Options", content.options) +
                             detail::report::render_table("facts", "This run", content.facts);
  if (!tables.empty()) html += "<div class=\"tables\">\n" + tables + "</div>\n";
  return html + "</main>\n</body>\n</html>\n";
}

}  // namespace nada
