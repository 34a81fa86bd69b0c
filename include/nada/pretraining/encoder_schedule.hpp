/// What of an encoder's training changes while it goes on: learning rate, adversarial changes, weights.
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

/// Numbers of a training that may be others after a while. `steps` is the length that the learning rate and the radius
/// follow; shares are shares of it.
struct EncoderSchedule {
  std::int64_t steps = 5000, warmup = 200;
  double lr = 0.001;                           // the largest rate
  double radius = 0;                           // the largest adversarial change, L2 in [-1, 1] units
  double radius_from = 0, radius_after = 0.2;  // shares between which it grows evenly
  double augmentation = 1;                     // share in [0, 1]
  double step_weight = 1, column_weight = 1, mix_weight = 0;

  /// Errors: what cannot be.
  void check() const;

  /// Learning rate of the step after `done` ones: up over the warm-up, then along a half cosine to 0.
  double rate(std::int64_t done) const;
  /// Radius of the step after `done` ones.
  double radius_now(std::int64_t done) const;
  /// Gives `settings` what it is in the step after `done` ones.
  void apply(EncoderTrainingSettings& settings, std::int64_t done) const;

 private:
  double part(std::int64_t done) const { return std::min(1.0, static_cast<double>(done) / static_cast<double>(steps)); }
};

/// A schedule in stages: each is the one before with some numbers changed. Written "FROM NAME=VALUE ...":
/// "6000 steps=14000 radius=0" holds from step 6,001 on, each number until a later stage names it. One from 0 changes
/// the first numbers.
class StagedEncoderSchedule {
 public:
  /// The first numbers, and the stages in order. `all`: steps of the whole training.
  /// Errors: text that is no stage; stages out of order; steps that would have a rate of 0.
  StagedEncoderSchedule(const EncoderSchedule& first, const std::vector<std::string>& stages, std::int64_t all);

  /// The numbers of the step after `done` ones.
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
