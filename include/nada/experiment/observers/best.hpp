/// An observer that keeps the best delta of a run.
#pragma once
#include <cstdint>
#include <string>
#include <vector>

#include "nada/adaptation/delta_file.hpp"
#include "nada/adaptation/observer.hpp"
#include "nada/core/tensor.hpp"
#include "nada/encoders/any_clip.hpp"
#include "nada/experiment/run_folder.hpp"
#include "nada/metrics/measure.hpp"
#include "nada/metrics/metric.hpp"
#include "nada/shifts/shift.hpp"

namespace nada {

/// MeasuringEncoder is an encoder that a run is not trained against, with the endpoints of the run's texts under it.
struct MeasuringEncoder {
  AnyClip encoder;
  Endpoints ends;
};

/// BestObserver measures every n steps the images of 64 samples, the same ones at each time, by a metric of every program
/// (docs/policies.md#metrics) under an encoder that the run is not trained against. The number is a column of metrics.csv;
/// best.safetensors is the delta of the step where it was best, the earlier one of equals, and its metadata tell metric,
/// step and value. A run that goes on takes the best value from there: steps that it repeats give the same numbers, so
/// the file ends as that of an unbroken run. The folder must outlive the observer.
/// Errors:  a metric that is not there or needs more than samples, sources and texts; n < 1; a file of another metric.
class BestObserver {
 public:
  static constexpr const char* file_name = "best.safetensors";
  static constexpr std::int64_t samples = 64;

  BestObserver(const RunFolder& folder, DeltaOrigin origin, std::string metric, std::int64_t every,
               MeasuringEncoder measuring);
  /// Refuses a metric that is not there, and n < 1.
  static void check(const std::string& metric, std::int64_t every);

  std::vector<std::string> columns() const { return {metric_}; }
  void on_start(RunAccess& run);
  void on_step(const Report& report, RunAccess& run);

 private:
  Measured measured(RunAccess& run);

  const RunFolder& folder_;
  DeltaOrigin origin_;
  std::string metric_;
  std::int64_t every_;
  MeasuringEncoder measuring_;
  Evidence evidence_;
  Tensor latents_;
  bool any_ = false;
  double best_ = 0;
};

}  // namespace nada

#ifndef NADA_COMPILED
#include "nada/experiment/observers/best.ipp"
#endif
