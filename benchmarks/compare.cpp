// Ratios of two benchmark results, with intervals. `./quickstart bench NAME --against ...` calls it.
// Run:  bench_compare BEFORE.json ... -- AFTER.json ...     (files of --benchmark_out, the n-th of each side made in turns)
#include <algorithm>
#include <cstdio>
#include <exception>
#include <fstream>
#include <map>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "nada/checks/in_turns.hpp"
#include "nada/core/error.hpp"

namespace {

using Times = std::map<std::string, std::vector<double>>;

/// Adds the processor times of a file, in milliseconds, by the benchmarks' names; `order` gets the names that are new.
/// Errors:  a file that is no result of Google Benchmark.
void read(const std::string& path, Times& times, std::vector<std::string>& order) {
  std::ifstream in(path);
  nada::require(in.good(), path, ": cannot be read");
  const auto json = nlohmann::json::parse(in, nullptr, /*allow_exceptions=*/false);
  nada::require(json.is_object() && json.contains("benchmarks"), path, ": expected a result of --benchmark_out, found ",
                "something else");
  for (const auto& run : json["benchmarks"]) {
    if (run.value("run_type", "") != "iteration" || run.contains("error_occurred")) continue;
    const auto unit = run.value("time_unit", "ns");
    const double factor = unit == "ns" ? 1e-6 : unit == "us" ? 1e-3 : unit == "ms" ? 1 : 1e3;
    const auto name = run.value("run_name", run.value("name", ""));
    if (!times.contains(name)) order.push_back(name);
    times[name].push_back(factor * run.value("cpu_time", 0.0));
  }
}

int compare(int argc, char** argv) {
  Times times[2];
  std::vector<std::string> order, other;
  bool after = false;
  for (int i = 1; i < argc; ++i) {
    if (std::string(argv[i]) == "--")
      after = true;
    else
      read(argv[i], times[after], after ? other : order);
  }
  nada::require(after && !order.empty() && !other.empty(), "usage: bench_compare BEFORE.json ... -- AFTER.json ...");
  std::printf("%-48s %12s %12s %8s   %s\n", "processor time", "before, ms", "after, ms", "ratio", "95% interval");
  std::size_t both = 0;
  for (const auto& name : order) {
    const auto found = times[1].find(name);
    if (found == times[1].end()) continue;
    ++both;
    auto first = times[0][name], second = found->second;
    const auto rounds = std::min(first.size(), second.size());
    first.resize(rounds);
    second.resize(rounds);
    const auto r = nada::checks::ratio_of_times(first, second);
    std::printf("%-48s %12.4g %12.4g %8.2f   %.2f to %.2f\n", name.c_str(), r.first, r.second, r.ratio, r.low, r.high);
  }
  nada::require(both > 0, "the two sides have no benchmark in common");
  return 0;
}

}  // namespace

int main(int argc, char** argv) {
  try {
    return compare(argc, argv);
  } catch (const std::exception& error) {
    std::fprintf(stderr, "error: %s\n", error.what());
    return 1;
  }
}
