/// The tensors that a training moves, with what the optimiser remembers of each.
#pragma once
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "nada/adaptation/adam.hpp"
#include "nada/core/error.hpp"
#include "nada/core/tensor.hpp"
#include "nada/formats/tensor_file.hpp"

namespace nada {

/// Adam for a network that also takes steps of a penalty, one after `every` usual ones: both count as steps, so the
/// rate and the betas are brought to the power of every / (every + 1). `every` 0: as it is. Source: Karras et al.,
/// arXiv:1912.04958, appendix B (lazy regularization).
Adam lazy(Adam adam, std::int64_t every);

/// Leaves by name. What is saved and loaded is exact: a training that goes on takes the same steps.
class TrainedTensors {
 public:
  TrainedTensors() = default;
  explicit TrainedTensors(const TensorMap& values);

  const TensorMap& leaves() const { return leaves_; }
  const Tensor& operator[](const std::string& name) const;
  bool has(const std::string& name) const { return leaves_.count(name) > 0; }
  /// In the order of gradients.
  std::vector<Tensor> list() const;

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

  void save(const std::string& prefix, TensorMap& out) const;
  /// Errors: a tensor that is missing or has another shape.
  void load(const std::string& prefix, const TensorMap& in, const std::string& what);

 private:
  TensorMap leaves_;
  std::map<std::string, Moments> moments_;
};

}  // namespace nada

#ifndef NADA_COMPILED
#include "nada/pretraining/trained_tensors.ipp"
#endif
