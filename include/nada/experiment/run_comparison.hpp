/// Runs side by side: what run folders and cells of ablations and sweeps hold, as one table.
#pragma once
#include <cstdint>
#include <filesystem>
#include <map>
#include <string>
#include <utility>
#include <vector>

#include "nada/experiment/option_table.hpp"
#include "nada/experiment/table.hpp"
#include "nada/metrics/estimate.hpp"

namespace nada {

/// FinishedRun is what a folder or a cell's file says of one run. Losses are means over the last 10 steps.
struct FinishedRun {
  std::string name;                                       // the folder, or folder and cell
  std::map<std::string, std::string> options;             // values of several lines joined by blanks; paths resolved
  std::int64_t steps = 0;                                 // that were taken
  std::vector<std::pair<std::string, Estimate>> numbers;  // loss, terms, logged numbers, then measures
  double seconds = 0;
  std::string code;     // made_by() of the program that ran it; empty: unknown
  std::string trouble;  // what is unfinished, as the end of a sentence; empty: nothing
};

/// Reads the folder of a run with the tables that `evaluate` left in it (RUN/*.json) or beside it (RUN.json).
/// Errors:  a folder that holds no run; damaged options or metrics.
FinishedRun read_run(const std::filesystem::path& folder);

/// Reads a cell of the folder of an ablation or a sweep.
/// Errors:  a damaged file.
FinishedRun read_run_of_cell(const std::filesystem::path& folder, const std::filesystem::path& file);

/// Reads a run folder or all cells of an ablation's or a sweep's folder. What cannot be read, or is unfinished, is added to
/// `troubles` as a sentence.
std::vector<FinishedRun> read_runs(const std::filesystem::path& path, std::vector<std::string>& troubles);

/// Returns a row a run: options that differ between some of them, steps, losses and measures, seconds, code. With `group`,
/// a row for all runs that differ in nothing but their seed and in what changes no number: means with the t-interval of their
/// spread, and a column `runs`.
Table compare_runs(const std::vector<FinishedRun>& runs, bool group);

/// The options of `compare`.
struct CompareOptions {
  static constexpr const char* about = "puts runs side by side: what differs in their options, losses, measures, time";
  static constexpr const char* example = "compare runs/a-zombie-1 runs/a-zombie-2 --group";
  std::vector<std::filesystem::path> runs;
  bool group = false, csv = false;

  void declare(OptionTable& table);
};

/// Prints the table, and on stderr what cannot be read or is unfinished. Returns the exit code.
/// Errors:  no run was given, or none could be read.
int compare(CompareOptions& options, OptionTable& table);

}  // namespace nada

#ifndef NADA_COMPILED
#include "nada/experiment/run_comparison.ipp"
#endif
