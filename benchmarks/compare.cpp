// Ratios of two benchmark results, with intervals. `./quickstart bench NAME --against ...` calls it.
// Run:  bench_compare BEFORE.json ... -- AFTER.json ...     (files of --benchmark_out, the n-th of each side made in turns)
//       bench_compare --table RESULT.json ...              (what the files hold, as a table for docs/performance.md)
#include <algorithm>
#include <cstdio>
#include <exception>
#include <fstream>
#include <map>
#include <nlohmann/json.hpp>
#include <string>
#include <string_view>
#include <vector>

#include "nada/checks/in_turns.hpp"
#include "nada/core/error.hpp"

namespace {

using Times = std::map<std::string, std::vector<double>>;

/// Returns a file's content.
/// Errors:  a file that is no result of Google Benchmark.
nlohmann::json open(const std::string& path) {
  std::ifstream in(path);
  nada::require(in.good(), path, ": cannot be read");
  auto json = nlohmann::json::parse(in, nullptr, /*allow_exceptions=*/false);
  nada::require(json.is_object() && json.contains("benchmarks") && json.contains("context"), path,
                ": expected a result of --benchmark_out");
  return json;
}

bool measured(const nlohmann::json& run) {
  return run.value("run_type", "") == "iteration" && !run.contains("error_occurred");
}
/// Returns a time of a run in milliseconds.
double milliseconds(const nlohmann::json& run, const char* which) {
  const auto unit = run.value("time_unit", "ns");
  return (unit == "ns" ? 1e-6 : unit == "us" ? 1e-3 : unit == "ms" ? 1 : 1e3) * run.value(which, 0.0);
}
std::string name_of(const nlohmann::json& run) { return run.value("run_name", run.value("name", "")); }

/// Adds the processor times of a file, in milliseconds, by the benchmarks' names; `order` gets the names that are new.
void read(const std::string& path, Times& times, std::vector<std::string>& order) {
  for (const auto& run : open(path)["benchmarks"]) {
    if (!measured(run)) continue;
    const auto name = name_of(run);
    if (!times.contains(name)) order.push_back(name);
    times[name].push_back(milliseconds(run, "cpu_time"));
  }
}

/// Prints what a file holds as a Markdown table, under a line on the machine.
void print_table(const std::string& path) {
  const auto json = open(path);
  const auto& context = json["context"];
  std::printf("%s, %s threads, LibTorch %s, %s", context.value("processor", "?").c_str(),
              context.value("threads", "?").c_str(), context.value("LibTorch", "?").c_str(),
              context.value("date", "?").substr(0, 10).c_str());
  if (context.contains("ceiling, GFLOP/s"))
    std::printf("; ceilings of the run: %.0f GFLOP/s, %.1f GB/s", std::stod(context.value("ceiling, GFLOP/s", "0")),
                std::stod(context.value("ceiling, GB/s", "0")));
  std::printf("\n\n| part | ms | CPU-ms | speed | of the ceiling |\n|---|---|---|---|---|\n");
  for (const auto& run : json["benchmarks"]) {
    if (!measured(run)) continue;
    auto name = name_of(run);
    for (const std::string_view tail : {"/real_time", "/process_time"})
      if (const auto at = name.find(tail); at != name.npos) name.erase(at, tail.size());
    std::printf("| %s | %.3g | %.3g |", name.c_str(), milliseconds(run, "real_time"), milliseconds(run, "cpu_time"));
    for (const char* speed : {"GFLOP/s", "GB/s"})
      if (run.contains(speed)) std::printf(" %.3g %s |", run.value(speed, 0.0), speed);
    if (run.contains("of ceiling"))
      std::printf(" %.0f%% |\n", 100 * run.value("of ceiling", 0.0));
    else
      std::printf(" | |\n");
  }
}

int compare(int argc, char** argv) {
  Times times[2];
  std::vector<std::string> order, other;
  if (argc >= 3 && std::string(argv[1]) == "--table") {
    for (int i = 2; i < argc; ++i) print_table(argv[i]);
    return 0;
  }
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
