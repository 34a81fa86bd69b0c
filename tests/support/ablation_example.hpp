/// An ablation whose cells are files alone, for tests of what is made of them.
#pragma once
#include <cstdint>
#include <filesystem>
#include <string>
#include <vector>

#include "nada/core/error.hpp"
#include "nada/experiment/ablation_options.hpp"
#include "nada/experiment/ablation_plan.hpp"
#include "nada/formats/file.hpp"
#include "support/files.hpp"

namespace nada::test {

/// A folder with a list of four targets, and options of an ablation of two of them with two seeds each.
struct AblationExample {
  TemporaryFolder folder;
  AblationOptions options;

  AblationExample() {
    write_text(folder / "targets.json",
               R"([{"name": "portrait", "text": "a portrait"}, {"name": "sketch", "text": "a sketch"},
                   {"name": "zombie", "text": "a zombie"}, {"name": "ink", "text": "an ink drawing"}])");
    options.target_list = folder / "targets.json";
    options.out = folder / "out";
    options.targets = "zombie,sketch";
    options.seeds = 2;
    options.measure = "models/held.safetensors";
    std::filesystem::create_directories(options.out / "cells");
  }
  AblationPlan plan(const std::vector<std::string>& variants = {"a", "b", "c"}) const { return {options, variants}; }
};

/// What a cell cost.
struct CellCost {
  double seconds = 1;
  std::int64_t parameters = 10;
  double peak_mib = 100;
};

/// Writes the file of a cell as a run leaves it; `metrics` is JSON: the list of a cell's metrics, or an object of the first
/// form of these files.
inline void write_cell(const AblationPlan& plan, std::int64_t n, const CellCost& cost, const std::string& metrics) {
  write_text(plan.file(n),
             join(R"({"variant": ")", plan.variant(n), R"(", "target": ")", plan.target(n).name, R"(", "seed": )",
                  plan.seed(n), R"(, "loss": 0.5, "seconds": )", cost.seconds, R"(, "parameters": )", cost.parameters,
                  R"(, "peak_mib": )", cost.peak_mib, R"(, "metrics": )", metrics, "}"));
}

/// One metric of a cell's list.
inline std::string metric_json(const std::string& name, double value, std::int64_t share_of = 0) {
  return join(R"({"name": ")", name, R"(", "value": )", value, share_of > 0 ? join(R"(, "share_of": )", share_of) : "",
              "}");
}

}  // namespace nada::test
