// Bodies of step_head_training.hpp.
#pragma once
#include "nada/pretraining/step_head_training.hpp"

#include <torch/autograd.h>

#include <algorithm>
#include <cmath>
#include <map>
#include <set>

#include "nada/core/config.hpp"
#include "nada/core/error.hpp"
#include "nada/losses/learned_step.hpp"

namespace nada {

namespace detail {

/// Returns the true steps of each level, f(after) - f(before).
NADA_INLINE std::vector<Tensor> true_steps(const AnyClip& encoder, const StepHead& head, const StepPairs& pairs) {
  const torch::NoGradGuard no_grad;
  const auto before = stepping_features(encoder, head, pairs.before);
  const auto after = stepping_features(encoder, head, pairs.after);
  std::vector<Tensor> out;
  for (std::size_t l = 0; l < before.size(); ++l) out.push_back(after[l] - before[l]);
  return out;
}

/// Returns the numbers of the captions that both pictures have and that differ.
NADA_INLINE std::vector<std::size_t> different(const std::vector<std::string>& a, const std::vector<std::string>& b) {
  std::vector<std::size_t> out;
  for (std::size_t k = 0; k < std::min(a.size(), b.size()); ++k)
    if (a[k] != b[k]) out.push_back(k);
  return out;
}

}  // namespace detail

NADA_INLINE StepHeadTraining::StepHeadTraining(AnyClip encoder, const TensorMap& head,
                                               StepHeadTrainingSettings settings)
    : encoder_(std::move(encoder)), settings_(settings) {
  settings_.adam.check();
  auto trained = head;
  scale_ = trained.at("step_head.scale");
  directions_ = trained.at("step_head.directions");
  trained.erase("step_head.scale");
  trained.erase("step_head.directions");
  leaves_ = TrainedLeaves(trained);
  (void)this->head();  // refuses tensors that do not fit
}

NADA_INLINE TensorMap StepHeadTraining::tensors() const {
  TensorMap out;
  for (const auto& [name, leaf] : leaves_.leaves()) out[name] = leaf.detach();
  out["step_head.scale"] = scale_;
  out["step_head.directions"] = directions_;
  return out;
}

NADA_INLINE StepHead StepHeadTraining::head() const {
  const auto held = tensors();
  return StepHead(Weights(held, "the step head", torch::kFloat32), encoder_.dense_levels());
}

NADA_INLINE double StepHeadTraining::step(const StepPairs& pairs) {
  auto held = leaves_.leaves();
  held["step_head.scale"] = scale_;
  held["step_head.directions"] = directions_;
  const StepHead head(Weights(held, "the step head", torch::kFloat32), encoder_.dense_levels());
  const auto truth = detail::true_steps(encoder_, head, pairs);
  if (steps_ == 0)
    for (std::size_t l = settings_.measured; l < truth.size(); ++l)
      scale_[static_cast<std::int64_t>(l)] = truth[l].square().mean().sqrt().clamp_min(1e-6);
  const Stream stream{settings_.seed, steps_ + 1};
  const auto width = static_cast<double>(pairs.step.size(1));
  const auto noise = stream.normal(Purpose::evaluation, pairs.step.sizes().vec(), 0, 7) *
                     (settings_.text_noise * std::sqrt(128 / width));
  const auto predicted = head(pairs.before, unit(pairs.step + noise));
  Tensor loss;
  for (std::size_t l = 0; l < truth.size(); ++l) {
    const auto one = (predicted[l] - truth[l] / scale_[static_cast<std::int64_t>(l)]).square().mean();
    loss = loss.defined() ? loss + one : one;
  }
  loss = loss / static_cast<double>(truth.size());
  const auto value = loss.item<double>();
  require(std::isfinite(value), "step ", steps_ + 1, ": the loss is ", value, "; the training cannot go on");
  auto gradients = torch::autograd::grad({loss}, leaves_.list());
  double energy = 0;
  for (const auto& g : gradients) energy += g.square().sum().item<double>();
  if (const double norm = std::sqrt(energy); norm > settings_.clip)
    for (auto& g : gradients) g = g * (settings_.clip / norm);
  leaves_.update(settings_.adam, gradients);
  ++steps_;
  return value;
}

NADA_INLINE TensorMap StepHeadTraining::state() const {
  TensorMap out;
  leaves_.save("head.", out);
  out["scale"] = scale_.clone();
  out["steps"] = torch::tensor(steps_);
  return out;
}

NADA_INLINE void StepHeadTraining::restore(const TensorMap& state, const std::string& what) {
  require(state.contains("scale") && state.contains("steps"), what, ": is no state of a step head's training");
  leaves_.load("head.", state, what);
  scale_ = state.at("scale").clone();
  steps_ = state.at("steps").item<std::int64_t>();
}

NADA_INLINE std::vector<double> explained_energy(const AnyClip& encoder, const StepHead& head, const StepPairs& pairs) {
  const torch::NoGradGuard no_grad;
  const auto truth = detail::true_steps(encoder, head, pairs);
  const auto predicted = head(pairs.before, pairs.step);
  std::vector<double> out;
  for (std::size_t l = 0; l < truth.size(); ++l) {
    const auto left = truth[l] - predicted[l] * head.scale()[static_cast<std::int64_t>(l)];
    out.push_back(1 - (left.square().sum() / truth[l].square().sum()).item<double>());
  }
  return out;
}

NADA_INLINE StepPairSource::StepPairSource(const ImageSet& set, const AnyClip& encoder) : set_(set), encoder_(encoder) {
  for (const auto& [group, members] : set.groups())
    for (std::size_t i = 1; i < members.size(); ++i)
      if (!detail::different(set[members[0]].captions, set[members[i]].captions).empty())
        pairs_.emplace_back(members[0], members[i]);
  require(!pairs_.empty(),
          "no pairs to learn steps from: expected pictures that share a `group` and have other captions");
}

NADA_INLINE Tensor StepPairSource::read_steps(const std::vector<std::pair<std::string, std::string>>& captions) const {
  const torch::NoGradGuard no_grad;
  std::vector<std::string> texts;
  for (const auto& [from, to] : captions) texts.push_back(from);
  for (const auto& [from, to] : captions) texts.push_back(to);
  const auto features = encoder_.read(encoder_.tokenize(texts));
  const auto n = static_cast<std::int64_t>(captions.size());
  return unit(features.narrow(0, n, n) - features.narrow(0, 0, n));
}

NADA_INLINE StepPairs StepPairSource::draw(std::int64_t count, bool flips, const Stream& stream) const {
  const auto u = stream.uniform(Purpose::evaluation, {count, 4});
  std::vector<std::int64_t> before, after;
  std::vector<std::pair<std::string, std::string>> captions;
  for (std::int64_t i = 0; i < count; ++i) {
    const auto below = [&](std::int64_t column, std::size_t n) {
      return std::min(n - 1, static_cast<std::size_t>(u[i][column].item<double>() * static_cast<double>(n)));
    };
    const auto& [a, b] = pairs_[below(0, pairs_.size())];
    const auto &from = set_[a].captions, &to = set_[b].captions;
    const auto differ = detail::different(from, to);
    const auto k = differ[below(1, differ.size())];
    before.push_back(a);
    after.push_back(b);
    captions.emplace_back(from[k], to[k]);
  }
  StepPairs out{set_.images(before), set_.images(after), read_steps(captions)};
  if (flips) {
    const auto which = (u.select(1, 2) < 0.5).view({count, 1, 1, 1});
    out.before = torch::where(which, out.before.flip(3), out.before);
    out.after = torch::where(which, out.after.flip(3), out.after);
  }
  return out;
}

NADA_INLINE StepPairs StepPairSource::at(const std::vector<std::int64_t>& numbers) const {
  std::vector<std::int64_t> before, after;
  std::vector<std::pair<std::string, std::string>> captions;
  for (const auto n : numbers) {
    const auto& [a, b] = pairs_.at(static_cast<std::size_t>(n));
    before.push_back(a);
    after.push_back(b);
    const auto &from = set_[a].captions, &to = set_[b].captions;
    const auto k = detail::different(from, to).front();
    captions.emplace_back(from[k], to[k]);
  }
  return {set_.images(before), set_.images(after), read_steps(captions)};
}

NADA_INLINE std::vector<std::int64_t> StepPairSource::with_text(const std::string& column, const std::string& text,
                                                                std::int64_t count) const {
  std::vector<std::int64_t> out;
  for (std::int64_t i = 0; i < size() && static_cast<std::int64_t>(out.size()) < count; ++i) {
    const auto& texts = set_[pairs_[static_cast<std::size_t>(i)].second].texts;
    const auto& before = set_[pairs_[static_cast<std::size_t>(i)].first].texts;
    const auto found = texts.find(column), was = before.find(column);
    if (found != texts.end() && found->second == text && (was == before.end() || was->second != text)) out.push_back(i);
  }
  return out;
}

NADA_INLINE Tensor StepPairSource::directions(std::int64_t count, std::uint64_t seed) const {
  std::map<std::pair<std::string, std::string>, std::int64_t> found;
  for (const auto& [a, b] : pairs_)
    for (const auto& [column, text] : set_[b].texts)
      if (const auto was = set_[a].texts.find(column); was != set_[a].texts.end() && was->second != text)
        --found[{was->second, text}];
  if (found.empty()) return draw(count, false, Stream{seed, 0}).step;
  std::vector<std::pair<std::int64_t, std::pair<std::string, std::string>>> ranked;
  for (const auto& [texts, number] : found) ranked.emplace_back(number, texts);
  std::sort(ranked.begin(), ranked.end());
  std::vector<std::pair<std::string, std::string>> texts;
  for (const auto& [number, pair] : ranked)
    if (static_cast<std::int64_t>(texts.size()) < count) texts.push_back(pair);
  return read_steps(texts);
}

NADA_INLINE std::vector<std::string> StepPairSource::texts(const std::string& column) const {
  std::set<std::string> out;
  for (const auto& [a, b] : pairs_)
    if (const auto found = set_[b].texts.find(column); found != set_[b].texts.end()) out.insert(found->second);
  return {out.begin(), out.end()};
}

NADA_INLINE void StepPairSource::leave_out(const std::string& column, const std::string& text) {
  std::erase_if(pairs_, [&](const auto& pair) {
    const auto& texts = set_[pair.second].texts;
    const auto found = texts.find(column);
    return found != texts.end() && found->second == text;
  });
}

}  // namespace nada
