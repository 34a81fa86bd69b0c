/// The tensors that a training moves, with what the optimiser remembers of each.
#pragma once
#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "nada/core/error.hpp"
#include "nada/core/tensor.hpp"
#include "nada/formats/tensor_file.hpp"
#include "nada/training/adam.hpp"
#include "nada/training/moments.hpp"
#include "nada/training/optimizer.hpp"

namespace nada {

/// Returns Adam for a network that also takes a step of a penalty after every `every` usual steps. Both kinds count as
/// steps, so the rate is multiplied by c = every / (every + 1), and the betas are raised to the power of c. With
/// `every` 0 Adam stays as it is.
/// Source:  Karras et al., arXiv:1912.04958, appendix B (lazy regularization).
Adam lazy(Adam adam, std::int64_t every);

/// TrainedLeaves hold leaves by name, in the order of their names. Saving and loading is exact: a training that goes on
/// takes the same steps. Adaptation and pre-training hold their leaves in this class.
class TrainedLeaves {
 public:
  TrainedLeaves() = default;
  /// Makes a leaf that requires a gradient from a copy of each of `values`.
  explicit TrainedLeaves(const TensorMap& values);

  const TensorMap& leaves() const { return leaves_; }
  const Tensor& operator[](const std::string& name) const;
  bool has(const std::string& name) const { return leaves_.count(name) > 0; }
  /// Returns how many numbers the leaves have together.
  std::int64_t count() const {
    std::int64_t out = 0;
    for (const auto& [name, leaf] : leaves_) out += leaf.numel();
    return out;
  }
  /// Returns the leaves in the order in which update() takes their gradients.
  std::vector<Tensor> list() const;
  const Moments& moments(const std::string& name) const { return moments_.at(name); }

  /// Adds a leaf, or replaces the leaf of that name, with the moments that the optimiser has kept of it.
  void put(const std::string& name, const Tensor& leaf, Moments moments = {});
  void erase(const std::string& name);

  /// Moves one leaf by a defined gradient.
  void update(const Adam& adam, const std::string& name, const Tensor& gradient);
  void update(const AnyOptimizer& optimizer, const std::string& name, const Tensor& gradient);

  /// Takes one step of Adam. `gradients` are in the order of list(); a gradient is undefined where its leaf had no
  /// part in the loss. decay(name) is a share, times the rate, of the leaf that is taken away first (decoupled
  /// weight decay, arXiv:1711.05101).
  /// Errors:  a gradient that is not finite, naming the leaf; no leaf is moved then.
  template <class Decay>
  void update(const Adam& adam, const std::vector<Tensor>& gradients, Decay&& decay) {
    const torch::NoGradGuard no_grad;
    check_finite(gradients);
    std::size_t i = 0;
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
  /// Takes leaves and moments from tensors that save() wrote under `prefix`; `what` names them in errors.
  /// Errors:  a tensor that is missing or has another shape.
  void load(const std::string& prefix, const TensorMap& in, const std::string& what);

 private:
  void check_finite(const std::vector<Tensor>& gradients) const;

  TensorMap leaves_;
  std::map<std::string, Moments> moments_;
};

}  // namespace nada

#ifndef NADA_COMPILED
#include "nada/training/trained_leaves.ipp"
#endif
