/// Evaluations: generators measured against texts and real pictures, by the metrics of every program and by own ones.
#pragma once
#include <cstdint>
#include <filesystem>
#include <string>
#include <vector>

#include "nada/experiment/adapt_options.hpp"
#include "nada/experiment/option_table.hpp"
#include "nada/experiment/program.hpp"
#include "nada/metrics/measure.hpp"
#include "nada/metrics/metric.hpp"

namespace nada {

/// The options of an evaluation.
struct EvaluationOptions {
  static constexpr const char* about = "measures generators against texts and real pictures";
  static constexpr const char* example =
      "evaluate --generator runs/a-zombie-1/adapted.safetensors --real configs/avatars/targets/zombie.png --tile 64";
  std::vector<std::filesystem::path> generators;
  std::filesystem::path base, measure, vocabulary, templates, target_list, real, twins, codes, identity, inception,
      lpips, centres, sifid, hed, out = "evaluation";
  std::string source, target, resize = "torch";
  std::int64_t count = 500;
  int tile = 0;
  std::uint64_t seed = 1;
  double truncation = 1;
  MachineOptions machine;
  ClassOption category;

  void declare(OptionTable& table);
};

/// Measures the generators, writes <out>.md, <out>.csv and <out>.json, and prints the table: a row a generator, a column a
/// metric that the evidence was enough for; a note names the metrics that have no number, and what they need. Images are
/// kept for metrics of images as far as they hold no more numbers than `most_image_values`; a note tells where they do not.
/// Errors:  no generator, fewer than 2 samples, a file that cannot be read or written, a measuring encoder that a delta was
///          trained against.
int evaluate(EvaluationOptions& options, const MetricList& metrics);
inline constexpr std::int64_t most_image_values = std::int64_t{1} << 27;

/// An evaluation program: that of `evaluate`, with the metrics `own` as columns behind those of every program.
template <Metric... Own>
int run_evaluation(int argc, char** argv, const Own&... own) {
  return run_tool<EvaluationOptions>(
      argc, argv, [&](EvaluationOptions& options, OptionTable&) { return evaluate(options, metric_list(own...)); });
}

}  // namespace nada

#ifndef NADA_COMPILED
#include "nada/experiment/evaluation.ipp"
#endif
