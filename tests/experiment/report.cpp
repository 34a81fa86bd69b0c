#include "nada/experiment/report.hpp"

#include <algorithm>
#include <boost/test/unit_test.hpp>
#include <cmath>
#include <limits>
#include <random>
#include <string>
#include <string_view>
#include <vector>

BOOST_AUTO_TEST_SUITE(experiment_report)

using namespace nada;

namespace {

constexpr double kNan = std::numeric_limits<double>::quiet_NaN();
constexpr double kInfinity = std::numeric_limits<double>::infinity();

std::size_t count(std::string_view text, std::string_view part) {
  std::size_t n = 0;
  for (auto at = text.find(part); at != text.npos; at = text.find(part, at + part.size())) ++n;
  return n;
}
bool has(std::string_view text, std::string_view part) { return text.find(part) != text.npos; }

// What is wrong with the tags of a page, or "": every tag closes the one opened last, attributes are quoted and unique.
std::string fault(std::string_view html) {
  std::vector<std::string> open;
  const std::vector<std::string> empty_elements = {"meta", "img", "line", "path", "circle"};
  for (std::size_t i = html.find('<'); i != html.npos; i = html.find('<', i)) {
    const std::size_t end = html.find('>', i);
    if (end == html.npos) return "a tag without end";
    std::string_view tag = html.substr(i + 1, end - i - 1);
    i = end;
    if (tag.starts_with('!')) continue;
    if (tag.starts_with('/')) {
      if (open.empty() || open.back() != tag.substr(1)) return "unexpected </" + std::string(tag.substr(1)) + ">";
      open.pop_back();
      continue;
    }
    if (count(tag, "\"") % 2 != 0) return "unbalanced quotes in <" + std::string(tag.substr(0, 80)) + ">";
    const std::string name(tag.substr(0, tag.find_first_of(" /")));
    if (std::find(empty_elements.begin(), empty_elements.end(), name) != empty_elements.end()) continue;
    open.push_back(name);
    if (name == "style") i = html.find("</style>", i);
  }
  return open.empty() ? "" : "<" + open.back() + "> stays open";
}

std::vector<std::byte> decode(std::string_view text) {
  const std::string_view digits = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
  std::vector<std::byte> bytes;
  std::uint32_t bits = 0;
  int held = 0;
  for (const char c : text) {
    if (c == '=') break;
    bits = bits << 6 | static_cast<std::uint32_t>(digits.find(c));
    if ((held += 6) >= 8) bytes.push_back(static_cast<std::byte>(bits >> (held -= 8) & 0xFF));
  }
  return bytes;
}

ReportImage picture(std::string caption, std::size_t bytes) {
  ReportImage image{std::move(caption), std::vector<std::byte>(bytes), 64, 32};
  std::mt19937 random(static_cast<unsigned>(bytes));
  for (std::byte& b : image.png) b = static_cast<std::byte>(random() & 0xFF);
  return image;
}

ReportCurve line(std::string name, int points, double size = 1) {
  ReportCurve curve{std::move(name), {}};
  for (int i = 1; i <= points; ++i) curve.points.emplace_back(i, size / i);
  return curve;
}

ReportContent example() {
  return {.title = "A face → a sketch",
          .lead = "One paragraph.\n\nAnother.",
          .images = {picture("Before & after", 1000), picture("", 1001), picture("third", 1002)},
          .curves = {line("loss", 300), line("directional", 300), line("global", 20), line("penalty", 300, 1e-3)},
          .options = {{"target", "a sketch"}, {"config", ""}},
          .facts = {{"LibTorch", "1.13.0"}}};
}

}  // namespace

BOOST_AUTO_TEST_CASE(a_page_is_well_formed) {
  const std::string html = render_report(example());
  BOOST_TEST(fault(html) == "");
  BOOST_TEST(html.starts_with("<!DOCTYPE html>\n<html lang=\"en\">"));
  BOOST_TEST(count(html, "<h1>") == 1U);
  BOOST_TEST(count(html, "<p class=\"lead\">") == 2U);
  BOOST_TEST(count(html, "<svg ") == 3U);  // the loss, two terms of like size, the small one
  BOOST_TEST(count(html, "<img ") == count(html, " alt=\""));
  BOOST_TEST(has(html, "prefers-color-scheme: dark"));
  BOOST_TEST(has(html, "image-rendering: pixelated"));
}

BOOST_AUTO_TEST_CASE(an_empty_report_is_a_page_without_sections) {
  const std::string html = render_report({});
  BOOST_TEST(fault(html) == "");
  BOOST_TEST(!has(html, "<section"));
  BOOST_TEST(has(html, "<title>Report</title>"));
}

BOOST_AUTO_TEST_CASE(texts_from_outside_stay_texts) {
  const std::string evil = "<script>alert(\"x\" & 'y')</script>\x01";
  ReportContent content = example();
  content.title = content.lead = content.images[0].caption = content.curves[0].name = content.curves[1].name = evil;
  content.options = {{evil, evil}};
  content.facts = {{evil, evil}};
  const std::string html = render_report(content);
  BOOST_TEST(!has(html, "<script"));
  BOOST_TEST(!has(html, "\x01"));
  BOOST_TEST(has(html, "<td>&lt;script&gt;alert(&quot;x&quot; &amp; &#39;y&#39;)&lt;/script&gt;</td>"));
  BOOST_TEST(fault(html) == "");
}

BOOST_AUTO_TEST_CASE(pictures_are_inside_and_decode_to_their_bytes) {
  const ReportContent content = example();
  const std::string html = render_report(content);
  const std::string_view start = "src=\"data:image/png;base64,";
  std::size_t at = 0;
  for (const ReportImage& image : content.images) {
    at = html.find(start, at);
    BOOST_REQUIRE(at != std::string::npos);
    at += start.size();
    BOOST_TEST((decode(std::string_view(html).substr(at, html.find('"', at) - at)) == image.png));
  }
}

BOOST_AUTO_TEST_CASE(nothing_is_loaded_from_elsewhere) {
  const std::string html = render_report(example());
  for (const std::string_view part : {"http", "//", "url(", "@import", "<link", "<script", "<iframe", "href"}) {
    BOOST_TEST(!has(html.substr(0, html.find("src=\"data:")), part), part);
  }
  BOOST_TEST(!has(html, "http"));
  BOOST_TEST(count(html, "src=\"") == count(html, "src=\"data:image/png;base64,"));
}

BOOST_AUTO_TEST_CASE(odd_curves_are_drawn_as_far_as_they_go) {
  ReportContent content;
  content.curves = {{"loss", {{1, 0.5}}},
                    {"empty", {}},
                    {"nan", {{1, kNan}, {2, kNan}}},
                    {"gaps", {{1, 0.1}, {2, kNan}, {3, 0.3}, {4, 0.4}, {5, kInfinity}, {6, -kInfinity}, {kNan, 1}}},
                    {"flat", {{1, 0}, {2, 0}, {3, 0}}},
                    {"huge", {{1, 1e308}, {2, 1e299}, {3, -1e299}}},
                    {"tiny", {{1, 1e-308}, {2, 5e-324}}}};
  const std::string html = render_report(content);
  BOOST_TEST(fault(html) == "");
  const std::string body = html.substr(html.find("<svg "));
  for (const std::string_view part : {"=\"nan", "=\"-nan", "=\"inf", "Lnan", "Mnan", " nan\"", "inf\"", " nan<"}) {
    BOOST_TEST(!has(body, part), part);
  }
  BOOST_TEST(has(html, "empty <span>no values</span>"));
  BOOST_TEST(has(html, "nan <span>no values</span>"));
  BOOST_TEST(has(html, "loss <span>0.5 at 1</span>"));
  BOOST_TEST(has(html, "gaps <span>0.4 at 4</span>"));
  BOOST_TEST(count(html, "<circle ") >= 2U);  // the single loss and the lone first point before a gap

  content.curves = {{"loss", {}}};
  BOOST_TEST(has(render_report(content), "no values were recorded"));
  BOOST_TEST(fault(render_report(content)) == "");
  content.curves = {{"loss", {{1e20, 1}, {1e20 + 16384, 2}}}};  // steps that doubles hardly tell apart
  BOOST_TEST(fault(render_report(content)) == "");
}

BOOST_AUTO_TEST_CASE(long_curves_are_thinned_and_keep_their_extremes) {
  std::vector<std::pair<double, double>> points;
  for (int i = 0; i < 100'003; ++i) points.emplace_back(i, std::sin(i * 0.001));
  points[50'001].second = 9;
  points[70'001].second = -9;
  const auto thinned = nada::detail::report::thin(points);
  BOOST_TEST(thinned.size() <= 500U);
  BOOST_TEST(thinned.size() >= 400U);
  BOOST_TEST(std::is_sorted(thinned.begin(), thinned.end(), [](auto a, auto b) { return a.first < b.first; }));
  const auto [low, high] =
      std::minmax_element(thinned.begin(), thinned.end(), [](auto a, auto b) { return a.second < b.second; });
  BOOST_TEST(low->second == -9);
  BOOST_TEST(high->second == 9);
  ReportContent content;
  content.curves = {{"loss", points}};
  BOOST_TEST(render_report(content).size() < 40'000U);
}

BOOST_AUTO_TEST_CASE(smoothing_keeps_a_line_a_line_and_gaps_gaps) {
  std::vector<std::pair<double, double>> points;
  for (int i = 0; i < 200; ++i) points.emplace_back(i, 3);
  points[100].second = kNan;
  const auto means = nada::detail::report::smooth(points);
  for (std::size_t i = 0; i < points.size(); ++i) {
    if (i == 100) continue;
    BOOST_TEST(means[i].second == 3, boost::test_tools::tolerance(1e-12));
  }
  BOOST_TEST(std::isnan(means[100].second));
}

BOOST_AUTO_TEST_SUITE_END()
