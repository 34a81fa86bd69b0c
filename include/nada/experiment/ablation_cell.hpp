/// One cell of an ablation: what it starts from, how it runs, what it leaves.
#pragma once
#include <cstdint>
#include <filesystem>
#include <functional>
#include <limits>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "nada/adaptation/settings.hpp"
#include "nada/adaptation/stepper.hpp"
#include "nada/core/tensor.hpp"
#include "nada/encoders/any_clip.hpp"
#include "nada/encoders/ensemble.hpp"
#include "nada/experiment/ablation_plan.hpp"
#include "nada/generators/any_generator.hpp"
#include "nada/metrics/measure.hpp"
#include "nada/shifts/text_shift.hpp"

namespace nada {

/// One cell, as a variant sees it: where it starts, where to, and with which random numbers.
struct AblationCell {
  AnyGenerator source;
  std::vector<Member<AnyClip>> encoders;
  std::string source_text, target_text;
  std::vector<std::string> templates;
  Tensor pictures;         // of the target, [M, 3, H, W], to train with; others measure. Undefined: there are none
  Tensor source_pictures;  // of what the list calls by the source's text. Undefined: there are none
  AdaptationSettings settings;

  TextShift shift() const { return {source_text, target_text, templates}; }
};

/// Pictures of a target that variants may train with; those that follow are for measuring.
inline constexpr std::int64_t training_pictures = 16;

/// Samples in the picture of a cell, beside each other.
inline constexpr std::int64_t samples_of_picture = 12;

/// Makes a variant's adaptation of a cell.
using MakeStepper = std::function<std::unique_ptr<Stepper>(const std::string& variant, const AblationCell&)>;

/// One number that a cell measured.
struct CellMetric {
  std::string name;
  double value = 0;
  double low = std::numeric_limits<double>::quiet_NaN();  // of its interval over the cell's samples; NaN: it has none
  double high = std::numeric_limits<double>::quiet_NaN();
  std::int64_t share_of = 0;  // above 0: the value is a share of so many
};

/// What a cell's file says.
struct CellResult {
  std::string variant, target;
  std::uint64_t seed = 0;
  double loss = 0;              // of the last step
  double seconds = 0;           // that making the adaptation and its steps took
  std::int64_t parameters = 0;  // that the optimiser has moved
  double peak_mib = 0;          // most memory that the process held
  std::string made_by{};        // the code that ran the cell; empty: it did not say
  std::vector<std::pair<std::string, std::string>>
      options{};                      // by which its variant differs; empty: it has a name alone
  std::vector<CellMetric> metrics{};  // those that the evidence was enough for, then the loss terms, `term:<name>`

  /// Returns the metric of this name, or nullptr.
  const CellMetric* find(const std::string& name) const;
};

/// Steps at the end of a cell over which its loss terms are averaged.
inline constexpr std::int64_t steps_of_final_terms = 10;

/// Trains cell `cell` of a plan by the variant that `make` makes, measures it by `metrics`, and writes its picture, its
/// delta where the options ask for it, and last its file.
/// Errors:  a file that cannot be read or written, too few pictures of the target; those of a step; a metric that is not
///          finite.
void run_cell(const AblationPlan& plan, std::int64_t cell, const MakeStepper& make, const MetricList& metrics);

/// Returns a sentence about the cells of a plan that another version of the code made than plan.made_by(), and what to do for
/// cells of one version; empty where there are none. Damaged cells are passed over.
std::string made_by_others(const AblationPlan& plan);

/// Reads the file of a cell, also in the form that programs wrote at first: an object of numbers by name, which come in the
/// order of metric_list(), without intervals and loss terms. Errors:  a damaged file, naming it.
CellResult read_cell(const std::filesystem::path& path);

}  // namespace nada

#ifndef NADA_COMPILED
#include "nada/experiment/ablation_cell.ipp"
#endif
