// Bodies of schedule.hpp.
#pragma once
#include "nada/training/schedule.hpp"

#include <algorithm>
#include <charconv>
#include <cmath>
#include <cstddef>
#include <string_view>
#include <system_error>

#include "nada/core/config.hpp"
#include "nada/core/error.hpp"

namespace nada {

NADA_INLINE double Schedule::factor(std::int64_t step) const {
  const auto at = static_cast<double>(step);
  double out = warmup > 0 ? std::min(1.0, (at + 1) / static_cast<double>(warmup)) : 1;
  if (shape == Shape::cosine || shape == Shape::linear) {
    const double length = static_cast<double>(std::max<std::int64_t>(end - warmup, 1));
    const double share = std::clamp((at - static_cast<double>(warmup)) / length, 0.0, 1.0);
    constexpr double pi = 3.14159265358979323846;
    out *= shape == Shape::linear ? 1 - (1 - floor) * share : floor + (1 - floor) * 0.5 * (1 + std::cos(pi * share));
  }
  if (shape != Shape::points) return out;
  const auto next = std::upper_bound(points.begin(), points.end(), step,
                                     [](std::int64_t value, const auto& point) { return value < point.first; });
  if (next == points.begin()) return out * points.front().second;
  if (next == points.end()) return out * points.back().second;
  const auto& [s0, f0] = *(next - 1);
  const auto& [s1, f1] = *next;
  return out * (f0 + (f1 - f0) * static_cast<double>(step - s0) / static_cast<double>(s1 - s0));
}

NADA_INLINE void Schedule::check(const std::string& what) const {
  require(warmup >= 0, what, ": expected a warm-up of 0 steps or more, found ", warmup);
  if (shape == Shape::cosine || shape == Shape::linear) {
    require(std::isfinite(floor) && floor >= 0, what, ": expected a last factor >= 0, found ", floor);
    require(end > warmup, what, ": expected an end behind the warm-up of ", warmup, " steps, found ", end);
  }
  require(shape != Shape::points || !points.empty(), what, ": expected at least one point");
  for (std::size_t i = 0; i < points.size(); ++i) {
    require(std::isfinite(points[i].second) && points[i].second >= 0, what, ": expected a factor >= 0, found ",
            points[i].second);
    require(points[i].first >= 0 && (i == 0 || points[i - 1].first < points[i].first), what,
            ": expected rising steps from 0 on, found ", points[i].first);
  }
}

namespace detail {
template <class T>
T schedule_number(std::string_view text, const std::string& what) {
  T value{};
  const auto* const end = text.data() + text.size();
  const auto [stop, error] = std::from_chars(text.data(), end, value);
  require(error == std::errc{} && stop == end, what, ": expected a number, found '", std::string(text), "'");
  return value;
}

NADA_INLINE void read_schedule_shape(Schedule& out, std::string_view part, std::int64_t steps,
                                     const std::string& what) {
  const auto colon = part.find(':');
  const auto name = part.substr(0, colon);
  require((name == "cosine" || name == "linear") && colon != std::string_view::npos, what,
          ": expected constant, warmup:STEPS, cosine:FLOOR[:END], linear:FLOOR[:END] or STEP=FACTOR, found '",
          std::string(part), "'");
  out.shape = name == "cosine" ? Schedule::Shape::cosine : Schedule::Shape::linear;
  const auto rest = part.substr(colon + 1);
  const auto second = rest.find(':');
  out.floor = schedule_number<double>(rest.substr(0, second), what);
  out.end = second == std::string_view::npos ? steps : schedule_number<std::int64_t>(rest.substr(second + 1), what);
}
}  // namespace detail

NADA_INLINE Schedule read_schedule(const std::string& text, std::int64_t steps, const std::string& what) {
  Schedule out;
  std::string_view rest = text;
  bool shaped = false;
  while (true) {
    const auto comma = rest.find(',');
    const auto part = rest.substr(0, comma);
    if (const auto equals = part.find('='); equals != std::string_view::npos) {
      require(!shaped || out.shape == Schedule::Shape::points, what, ": has two shapes, expected one");
      out.shape = Schedule::Shape::points;
      out.points.emplace_back(detail::schedule_number<std::int64_t>(part.substr(0, equals), what),
                              detail::schedule_number<double>(part.substr(equals + 1), what));
      shaped = true;
    } else if (part.starts_with("warmup:")) {
      out.warmup = detail::schedule_number<std::int64_t>(part.substr(7), what);
    } else {
      require(!shaped, what, ": has two shapes, expected one");
      if (part != "constant") detail::read_schedule_shape(out, part, steps, what);
      shaped = true;
    }
    if (comma == std::string_view::npos) break;
    rest.remove_prefix(comma + 1);
  }
  out.check(what);
  return out;
}

}  // namespace nada
