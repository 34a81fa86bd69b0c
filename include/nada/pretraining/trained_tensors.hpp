/// The tensors that a training moves, with what the optimiser remembers of each.
#pragma once
#include <cmath>
#include <map>
#include <string>
#include <utility>
#include <vector>

#include "nada/adaptation/adam.hpp"
#include "nada/core/error.hpp"
#include "nada/core/tensor.hpp"
#include "nada/formats/tensor_file.hpp"

namespace nada {

/// Adam for a network that also takes steps of a penalty, one after `every` usual ones: both count as steps, so the
/// rate and the betas are brought to the power of every / (every + 1). `every` 0: as it is. Source: Karras et al.,
/// arXiv:1912.04958, appendix B (lazy regularization).
inline Adam lazy(Adam adam, std::int64_t every) {
  if (every <= 0) return adam;
  const double share = static_cast<double>(every) / static_cast<double>(every + 1);
  adam.rate *= share;
  adam.beta1 = std::pow(adam.beta1, share);
  adam.beta2 = std::pow(adam.beta2, share);
  return adam;
}

/// Leaves by name. What is saved and loaded is exact: a training that goes on takes the same steps.
class TrainedTensors {
 public:
  TrainedTensors() = default;
  explicit TrainedTensors(const TensorMap& values) {
    for (const auto& [name, value] : values) {
      leaves_[name] = value.detach().clone().contiguous().requires_grad_(true);
      moments_[name] = {};
    }
  }

  const TensorMap& leaves() const { return leaves_; }
  const Tensor& operator[](const std::string& name) const {
    const auto found = leaves_.find(name);
    require(found != leaves_.end(), "there is no trained tensor ", name);
    return found->second;
  }
  bool has(const std::string& name) const { return leaves_.count(name) > 0; }
  /// In the order of gradients.
  std::vector<Tensor> list() const {
    std::vector<Tensor> out;
    for (const auto& [name, leaf] : leaves_) out.push_back(leaf);
    return out;
  }

  /// One step of Adam. `gradients` as list(); undefined where a leaf had no part in the loss. `decay(name)`: share of a
  /// leaf, times the rate, that is taken away first (decoupled weight decay, arXiv:1711.05101).
  /// Errors: a gradient that is not finite, naming the leaf; nothing is moved then.
  template <class Decay>
  void update(const Adam& adam, const std::vector<Tensor>& gradients, Decay&& decay) {
    const torch::NoGradGuard no_grad;
    std::size_t i = 0;
    for (const auto& [name, leaf] : leaves_) {
      const auto& gradient = gradients.at(i++);
      require(!gradient.defined() || std::isfinite(gradient.sum().item<double>()), "the gradient of ", name,
              " is not finite");
    }
    i = 0;
    for (auto& [name, leaf] : leaves_) {
      const auto& gradient = gradients[i++];
      if (!gradient.defined()) continue;
      if (const double share = decay(name); share > 0) leaf.mul_(1 - adam.rate * share);
      adam.update(leaf, gradient, moments_[name]);
    }
  }
  void update(const Adam& adam, const std::vector<Tensor>& gradients) {
    update(adam, gradients, [](const std::string&) { return 0.0; });
  }

  void save(const std::string& prefix, TensorMap& out) const {
    for (const auto& [name, leaf] : leaves_) {
      out[prefix + name] = leaf.detach();
      const auto& moments = moments_.at(name);
      if (!moments.first.defined()) continue;
      out[prefix + name + "#first"] = moments.first;
      out[prefix + name + "#second"] = moments.second;
      out[prefix + name + "#steps"] = torch::full({}, moments.steps, torch::kInt64);
    }
  }
  /// Errors: a tensor that is missing or has another shape.
  void load(const std::string& prefix, const TensorMap& in, const std::string& what) {
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
      moments.first = at(name + "#first").to(leaf.options());
      moments.second = at(name + "#second").to(leaf.options());
      moments.steps = at(name + "#steps").item<std::int64_t>();
    }
  }

 private:
  TensorMap leaves_;
  std::map<std::string, Moments> moments_;
};

}  // namespace nada
