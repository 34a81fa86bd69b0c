/// The options that all ablation programs share.
#pragma once
#include <cstdint>
#include <filesystem>
#include <functional>
#include <string>
#include <vector>

#include "nada/experiment/adapt_options.hpp"
#include "nada/experiment/option_table.hpp"

namespace nada {

/// What all variants of an ablation share.
struct AblationOptions {
  static constexpr const char* example = "--targets sketch,zombie,statue --seeds 5";

  std::filesystem::path generator, measure, templates, target_list, twins, out;
  std::vector<EncoderChoice> encoders;
  std::string targets = "sketch,zombie,statue", source = "a cartoon portrait", only, power;
  std::int64_t seeds = 5, steps = 120, batch = 4, count = 200, jobs = 0, cell = -1;
  std::uint64_t twins_seed = 31;
  double lr = 0.002;
  std::filesystem::path vocabulary;      // byte-pair merges, where an encoder's file holds none; no option of ablations
  std::string precision = "float32";     // that encoders multiply in; no option of ablations
  std::vector<std::uint64_t> seed_list;  // other seeds than 0 to seeds - 1, as many; no option of ablations
  bool quick = false, deltas = false;
  MachineOptions machine;

  void declare(OptionTable& table);
  /// The options of declare() that say where cells go and how they run.
  void declare_run(OptionTable& table);

  /// Fills in the defaults that depend on where the embedded files are and on the program's name, and what --quick
  /// stands for, as far as `given` does not say that an option was given on the command line.
  /// Errors:  seeds, steps or batch < 1; fewer than 20 samples to measure; a measuring encoder that is trained against.
  void settle(const std::string& program, const std::function<bool(const std::string&)>& given = {});
};

/// Errors:  an encoder that is trained against is the one that measures.
void require_unseen(const std::vector<EncoderChoice>& encoders, const std::filesystem::path& measure);

}  // namespace nada

#ifndef NADA_COMPILED
#include "nada/experiment/ablation_options.ipp"
#endif
