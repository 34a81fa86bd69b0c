/// The settings of an encoder's training that change while it goes on: learning rate, adversarial changes, weights.
#pragma once
#include <algorithm>
#include <charconv>
#include <cstdint>
#include <string>
#include <string_view>
#include <system_error>
#include <utility>
#include <vector>

#include "nada/core/error.hpp"
#include "nada/pretraining/encoder_training.hpp"

namespace nada {

/// EncoderSchedule holds the settings that change in the course of a training. The learning rate and the radius follow
/// the length `steps`; shares are shares of this length.
struct EncoderSchedule {
  std::int64_t steps = 5000, warmup = 200;
  double lr = 0.001;                           // the largest rate
  double radius = 0;                           // the largest adversarial change, L2 in [-1, 1] units
  double radius_from = 0, radius_after = 0.2;  // shares between which the radius grows evenly
  double augmentation = 1;                     // share in [0, 1]
  double step_weight = 1, column_weight = 1, mix_weight = 0;

  /// Checks the numbers.
  /// Errors:  a number outside its range, naming the option.
  void check() const;

  /// Returns the learning rate of the step after `done` steps: it rises over the warm-up, then
  /// falls along a half cosine to 0.
  double rate(std::int64_t done) const;
  /// Returns the radius of the step after `done` steps.
  double radius_now(std::int64_t done) const;
  /// Sets the scheduled members of `settings` to their values in the step after `done` steps.
  void apply(EncoderTrainingSettings& settings, std::int64_t done) const;

 private:
  double part(std::int64_t done) const { return std::min(1.0, static_cast<double>(done) / static_cast<double>(steps)); }
};

/// StagedEncoderSchedule is a schedule in stages: each stage is the stage before with some numbers changed. A stage is
/// written "FROM NAME=VALUE ...": "6000 steps=14000 radius=0" holds from step 6,001 on, and each number holds until a
/// later stage names it. A stage from 0 changes the first numbers.
class StagedEncoderSchedule {
 public:
  /// `first` holds the first numbers, `stages` are the later stages in order, `all` is the number
  /// of steps of the whole training.
  /// Errors:  a text that is no stage; stages out of order; `steps` so few that the rate would be 0.
  StagedEncoderSchedule(const EncoderSchedule& first, const std::vector<std::string>& stages, std::int64_t all);

  /// Returns the numbers of the step after `done` steps.
  const EncoderSchedule& at(std::int64_t done) const;

 private:
  using Stage = std::pair<std::int64_t, EncoderSchedule>;

  template <class T>
  static T number(std::string_view text, const std::string& stage) {
    T value{};
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
    require(error == std::errc{} && end == text.data() + text.size(), "option stage: expected a number, found '", text,
            "' in '", stage, "'");
    return value;
  }

  static Stage read(const std::string& text, EncoderSchedule schedule);

  std::vector<Stage> stages_;
};

}  // namespace nada

#ifndef NADA_COMPILED
#include "nada/pretraining/encoder_schedule.ipp"
#endif
