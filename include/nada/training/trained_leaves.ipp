// Bodies of trained_leaves.hpp.
#pragma once
#include "nada/training/trained_leaves.hpp"

#include <cmath>
#include <cstddef>
#include <utility>

#include "nada/core/config.hpp"

namespace nada {

NADA_INLINE Adam lazy(Adam adam, std::int64_t every) {
  if (every <= 0) return adam;
  const double share = static_cast<double>(every) / static_cast<double>(every + 1);
  adam.rate *= share;
  adam.beta1 = std::pow(adam.beta1, share);
  adam.beta2 = std::pow(adam.beta2, share);
  return adam;
}

NADA_INLINE TrainedLeaves::TrainedLeaves(const TensorMap& values) {
  for (const auto& [name, value] : values) {
    leaves_[name] = value.detach().clone().contiguous().requires_grad_(true);
    moments_[name] = {};
  }
}

NADA_INLINE const Tensor& TrainedLeaves::operator[](const std::string& name) const {
  const auto found = leaves_.find(name);
  require(found != leaves_.end(), "there is no trained tensor ", name);
  return found->second;
}

NADA_INLINE std::vector<Tensor> TrainedLeaves::list() const {
  std::vector<Tensor> out;
  for (const auto& [name, leaf] : leaves_) out.push_back(leaf);
  return out;
}

NADA_INLINE void TrainedLeaves::put(const std::string& name, const Tensor& leaf, Moments moments) {
  leaves_[name] = leaf;
  moments_[name] = std::move(moments);
}

NADA_INLINE void TrainedLeaves::erase(const std::string& name) {
  leaves_.erase(name);
  moments_.erase(name);
}

NADA_INLINE void TrainedLeaves::update(const Adam& adam, const std::string& name, const Tensor& gradient) {
  adam.update(leaves_.at(name), gradient, moments_.at(name));
}

NADA_INLINE void TrainedLeaves::update(const AnyOptimizer& optimizer, const std::string& name, const Tensor& gradient) {
  take_step(optimizer, leaves_.at(name), gradient, moments_.at(name));
}

NADA_INLINE void TrainedLeaves::check_finite(const std::vector<Tensor>& gradients) const {
  std::size_t i = 0;
  for (const auto& [name, leaf] : leaves_) {
    const auto& gradient = gradients.at(i++);
    require(!gradient.defined() || std::isfinite(gradient.sum().item<double>()), "the gradient of ", name,
            " is not finite");
  }
}

NADA_INLINE void TrainedLeaves::save(const std::string& prefix, TensorMap& out) const {
  for (const auto& [name, leaf] : leaves_) {
    out[prefix + name] = leaf.detach();
    const auto& moments = moments_.at(name);
    if (moments.steps == 0) continue;
    if (moments.first.defined()) out[prefix + name + "#first"] = moments.first;
    out[prefix + name + "#second"] = moments.second;
    out[prefix + name + "#steps"] = torch::full({}, moments.steps, torch::kInt64);
  }
}

NADA_INLINE void TrainedLeaves::load(const std::string& prefix, const TensorMap& in, const std::string& what) {
  const torch::NoGradGuard no_grad;
  const auto at = [&](const std::string& name) -> const Tensor& {
    const auto found = in.find(prefix + name);
    require(found != in.end(), what, ": tensor ", prefix, name, " is missing");
    return found->second;
  };
  for (auto& [name, leaf] : leaves_) {
    const auto& value = at(name);
    require(value.sizes() == leaf.sizes(), what, ": tensor ", prefix, name, " has shape ", shape_text(value.sizes()),
            ", expected ", shape_text(leaf.sizes()));
    leaf.copy_(value);
    auto& moments = moments_[name];
    moments = {};
    if (!in.count(prefix + name + "#steps")) continue;
    if (in.count(prefix + name + "#first"))  // kept where Adam's beta1 is above 0
      moments.first = at(name + "#first").to(leaf.options()).clone();
    moments.second = at(name + "#second").to(leaf.options()).clone();
    moments.steps = at(name + "#steps").item<std::int64_t>();
  }
}

}  // namespace nada
