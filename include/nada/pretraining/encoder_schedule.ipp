// Bodies of encoder_schedule.hpp.
#pragma once
#include "nada/pretraining/encoder_schedule.hpp"

#include <cmath>
#include <cstddef>
#include <iterator>

#include "nada/core/config.hpp"
#include "nada/pretraining/augmentation.hpp"

namespace nada {

NADA_INLINE void EncoderSchedule::check() const {
  require(steps >= 1 && warmup >= 0, "options steps and warmup are ", steps, " and ", warmup,
          ", expected 1 or more and 0 or more");
  require(std::isfinite(lr) && lr > 0, "option lr is ", lr, ", expected more than 0");
  require(radius >= 0 && std::isfinite(radius) && radius_from >= 0 && radius_from <= radius_after && radius_after <= 1,
          "options radius-from and radius-after are ", radius_from, " and ", radius_after,
          ", expected 0 <= radius-from <= radius-after <= 1, and a radius of 0 or more");
  require(augmentation >= 0 && augmentation <= 1, "option augmentation is ", augmentation, ", expected 0 to 1");
  for (const auto& [name, weight] :
       {std::pair{"step-weight", step_weight}, {"column-weight", column_weight}, {"mix-weight", mix_weight}})
    require(std::isfinite(weight) && weight >= 0, "option ", name, " is ", weight, ", expected 0 or more");
}

NADA_INLINE double EncoderSchedule::rate(std::int64_t done) const {
  const double rise = done < warmup ? static_cast<double>(done + 1) / static_cast<double>(warmup) : 1;
  return lr * rise * 0.5 * (1 + std::cos(M_PI * part(done)));
}

NADA_INLINE double EncoderSchedule::radius_now(std::int64_t done) const {
  const auto p = part(done);
  return radius * (p >= radius_after ? 1 : p > radius_from ? (p - radius_from) / (radius_after - radius_from) : 0);
}

NADA_INLINE void EncoderSchedule::apply(EncoderTrainingSettings& settings, std::int64_t done) const {
  settings.adam.rate = rate(done);
  settings.radius = radius_now(done);
  settings.augmentation = Augmentation{}.times(augmentation);
  settings.step_weight = step_weight;
  settings.column_weight = column_weight;
  settings.mix_weight = mix_weight;
}

NADA_INLINE StagedEncoderSchedule::StagedEncoderSchedule(const EncoderSchedule& first,
                                                         const std::vector<std::string>& stages, std::int64_t all) {
  first.check();
  stages_.push_back({0, first});
  for (const auto& text : stages) {
    auto next = read(text, stages_.back().second);
    require(next.first > stages_.back().first || (next.first == 0 && &text == &stages.front()), "option stage: '", text,
            "' begins after ", next.first, " steps, expected more than the ", stages_.back().first,
            " of the stage before");
    if (next.first == 0) stages_.clear();
    stages_.push_back(std::move(next));
  }
  for (std::size_t i = 0; i < stages_.size(); ++i) {
    const auto& [from, schedule] = stages_[i];
    schedule.check();
    const auto end = i + 1 < stages_.size() ? std::min(all, stages_[i + 1].first) : all;
    require(from >= all || schedule.steps >= end, "option stage: with steps = ", schedule.steps,
            " the learning rate is 0 before step ", end, ", where what begins after step ", from,
            " ends; give it more steps");
  }
}

NADA_INLINE const EncoderSchedule& StagedEncoderSchedule::at(std::int64_t done) const {
  const auto later = std::upper_bound(stages_.begin(), stages_.end(), done,
                                      [](std::int64_t value, const auto& stage) { return value < stage.first; });
  return std::prev(later)->second;
}

NADA_INLINE StagedEncoderSchedule::Stage StagedEncoderSchedule::read(const std::string& text,
                                                                     EncoderSchedule schedule) {
  static constexpr std::pair<std::string_view, double EncoderSchedule::*> names[] = {
      {"lr", &EncoderSchedule::lr},
      {"radius", &EncoderSchedule::radius},
      {"radius-from", &EncoderSchedule::radius_from},
      {"radius-after", &EncoderSchedule::radius_after},
      {"augmentation", &EncoderSchedule::augmentation},
      {"step-weight", &EncoderSchedule::step_weight},
      {"column-weight", &EncoderSchedule::column_weight},
      {"mix-weight", &EncoderSchedule::mix_weight}};
  std::int64_t from = -1;
  for (std::size_t at = text.find_first_not_of(' '); at < text.size(); at = text.find_first_not_of(' ', at)) {
    const auto word = std::string_view(text).substr(at, text.find(' ', at) - at);
    at += word.size();
    if (from < 0) {
      from = number<std::int64_t>(word, text);
      require(from >= 0, "option stage: '", text, "' begins after ", from, " steps, expected 0 or more");
      continue;
    }
    const auto equals = word.find('=');
    const auto name = word.substr(0, equals);
    require(equals != word.npos, "option stage: expected NAME=VALUE, found '", word, "' in '", text, "'");
    const auto value = word.substr(equals + 1);
    if (name == "steps") {
      schedule.steps = number<std::int64_t>(value, text);
      continue;
    }
    const auto found = std::find_if(std::begin(names), std::end(names), [&](auto& n) { return n.first == name; });
    if (found == std::end(names)) {
      std::string known = "steps";
      for (const auto& n : names) known += ", " + std::string(n.first);
      fail("option stage: '", name, "' in '", text, "' is nothing that changes; these do: ", known);
    }
    schedule.*found->second = number<double>(value, text);
  }
  require(from >= 0, "option stage: expected \"FROM NAME=VALUE ...\", found '", text, "'");
  return {from, schedule};
}

}  // namespace nada
