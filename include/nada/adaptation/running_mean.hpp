/// The running mean of a run's leaves.
#pragma once
#include <cmath>
#include <cstddef>
#include <string>

#include "nada/adaptation/candidate_layers.hpp"
#include "nada/adaptation/state.hpp"
#include "nada/core/error.hpp"
#include "nada/core/tensor.hpp"
#include "nada/selection/selector.hpp"
#include "nada/training/trained_leaves.hpp"

namespace nada {

/// RunningMean follows the leaves of a run: mean = d mean + (1 - d) leaf after each step, d = 2^(-1 / half_life). A leaf's
/// mean begins at the leaf's initial value.
/// Source:  Karras et al., arXiv:1710.10196, appendix A.2 (G_ema).
class RunningMean {
 public:
  /// `half_life` is in steps; 0: there is no mean.
  explicit RunningMean(double half_life) : keeps_(half_life > 0), share_(keeps_ ? 1 - std::exp2(-1 / half_life) : 1) {}

  bool kept() const { return keeps_; }
  const TrainedLeaves& leaves() const { return means_; }

  /// Follows a step in which the layers `begun` got their leaves.
  template <class G, class P>
  void update(const CandidateLayers<G, P>& candidates, const LayerSet& begun, const TrainedLeaves& leaves) {
    if (!keeps_) return;
    const torch::NoGradGuard no_grad;
    for (const auto k : begun) {
      const auto names = candidates.names(k);
      const auto initial = candidates.initial(k);
      for (std::size_t i = 0; i < names.size(); ++i) means_.put(names[i], initial[i].detach().clone());
    }
    for (const auto& [name, leaf] : leaves.leaves()) {
      Tensor mean = means_[name];
      mean.lerp_(leaf.detach(), share_);
    }
  }

  TensorMap state() const { return keeps_ ? means_.leaves() : TensorMap{}; }

  /// Returns the mean that a state holds of these leaves.
  /// Errors:  a mean that is missing or has another shape, naming the state and the tensor.
  RunningMean restored(const AdaptationState& state, const TrainedLeaves& leaves) const {
    auto out = *this;
    out.means_ = {};
    if (!keeps_) return out;
    for (const auto& [name, leaf] : leaves.leaves()) {
      const auto mean = state.means.find(name);
      require(mean != state.means.end(), state.origin, ": tensor mean.", name, " is missing");
      require(mean->second.sizes() == leaf.sizes(), state.origin, ": tensor mean.", name, " has shape ",
              shape_text(mean->second.sizes()), ", expected ", shape_text(leaf.sizes()));
      out.means_.put(name, mean->second.to(leaf.options().requires_grad(false)).clone());
    }
    return out;
  }

 private:
  bool keeps_;
  double share_;
  TrainedLeaves means_;
};

}  // namespace nada
