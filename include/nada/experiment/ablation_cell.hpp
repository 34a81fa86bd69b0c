/// One cell of an ablation: what it starts from, how it runs, what it leaves.
#pragma once
#include <cstdint>
#include <filesystem>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "nada/adaptation/settings.hpp"
#include "nada/adaptation/stepper.hpp"
#include "nada/core/tensor.hpp"
#include "nada/encoders/any_clip.hpp"
#include "nada/encoders/ensemble.hpp"
#include "nada/experiment/ablation_plan.hpp"
#include "nada/generators/any_generator.hpp"
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

/// Makes a variant's adaptation of a cell.
using MakeStepper = std::function<std::unique_ptr<Stepper>(const std::string& variant, const AblationCell&)>;

/// What a cell's file says.
struct CellResult {
  std::string variant, target;
  std::uint64_t seed = 0;
  double loss = 0;                             // of the last step
  double seconds = 0;                          // that making the adaptation and its steps took
  std::int64_t parameters = 0;                 // that the optimiser has moved
  double peak_mib = 0;                         // most memory that the process held
  std::map<std::string, double> metrics = {};  // by name; those of real pictures only where the target has pictures
};

/// Trains cell `cell` of a plan by the variant that `make` makes, measures it, and writes its picture, its delta where
/// the options ask for it, and last its file.
/// Errors:  a file that cannot be read or written, too few pictures of the target; those of a step.
void run_cell(const AblationPlan& plan, std::int64_t cell, const MakeStepper& make);

/// Reads the file of a cell. Errors:  a damaged file, naming it.
CellResult read_cell(const std::filesystem::path& path);

/// Mean absolute difference of the values of two different images, over all pairs of the images [N, C, H, W] in [-1, 1],
/// N >= 2. In [0, 2]; 0: all images are the same. Unlike the other metrics it needs no encoder.
double pixel_distance(const Tensor& images);

}  // namespace nada

#ifndef NADA_COMPILED
#include "nada/experiment/ablation_cell.ipp"
#endif
