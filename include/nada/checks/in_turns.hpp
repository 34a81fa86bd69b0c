/// Times of two ways to compute the same, measured in turns.
#pragma once
#include <ctime>

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <vector>

#include "nada/core/error.hpp"
#include "nada/metrics/estimate.hpp"

namespace nada::checks {

/// TimeRatio says how many times faster the second way is than the first, with the interval of Estimate::confidence; the
/// interval is (0, infinity) where there is one round alone.
struct TimeRatio {
  double ratio = 1, low = 0, high = INFINITY;
  double first = 0, second = 0;  // geometric mean time of either way, as it was measured
};

/// Returns the ratio of times that were measured in turns: first[i] and second[i] next to each other. Its interval is the
/// t-interval of the mean of log(first[i] / second[i]), so that what slows both ways of a round does not count.
/// Errors:  no rounds; lists of different lengths; a time that is not above 0.
inline TimeRatio ratio_of_times(const std::vector<double>& first, const std::vector<double>& second) {
  require(!first.empty() && first.size() == second.size(), "times in turns: ", first.size(), " of the first way and ",
          second.size(), " of the second, expected as many, at least one");
  std::vector<double> logs;
  TimeRatio out;
  const auto share = 1 / static_cast<double>(first.size());
  for (std::size_t i = 0; i < first.size(); ++i) {
    require(first[i] > 0 && second[i] > 0, "times in turns: a time is not above 0");
    logs.push_back(std::log(first[i] / second[i]));
    out.first += share * std::log(first[i]);
    out.second += share * std::log(second[i]);
  }
  out.first = std::exp(out.first);
  out.second = std::exp(out.second);
  const auto mean = mean_estimate(logs);
  out.ratio = std::exp(mean.value);
  if (!mean.has_interval()) return out;
  out.low = std::exp(mean.low());
  out.high = std::exp(mean.high());
  return out;
}

/// Turns say how long two ways are measured.
struct Turns {
  int rounds = 9;              // rounds of both ways; one round more comes first and does not count
  double least_seconds = 0.1;  // of the first way in a round, which sets how often either way is called in it
};

/// Measures two ways in turns, in seconds of processor time of all threads a call: other programs on the machine count
/// little then. Both ways are called equally often.
///     compare_in_turns([&] { mine(x); }, [&] { theirs(x); })
/// Errors:  fewer than one round.
template <class First, class Second>
TimeRatio compare_in_turns(First&& first, Second&& second, Turns turns = {}) {
  require(turns.rounds >= 1, "in turns: ", turns.rounds, " rounds, expected at least 1");
  const auto seconds = [](auto& way, int calls) {
    const auto now = [] {
      timespec time{};
      clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &time);
      return static_cast<double>(time.tv_sec) + 1e-9 * static_cast<double>(time.tv_nsec);
    };
    const double begin = now();
    for (int i = 0; i < calls; ++i) way();
    return (now() - begin) / calls;
  };
  const double once = seconds(first, 1);
  seconds(second, 1);
  const int calls = once >= turns.least_seconds ? 1 : static_cast<int>(turns.least_seconds / std::max(once, 1e-7)) + 1;
  std::vector<double> times[2];
  for (int round = 0; round < turns.rounds; ++round) {
    times[0].push_back(seconds(first, calls));
    times[1].push_back(seconds(second, calls));
  }
  return ratio_of_times(times[0], times[1]);
}

}  // namespace nada::checks
