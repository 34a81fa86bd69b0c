/// Candidate layers: which layers of a generator may train, and how their leaves become effective tensors.
#pragma once
#include <algorithm>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <string>
#include <utility>
#include <vector>

#include "nada/core/error.hpp"
#include "nada/core/stream.hpp"
#include "nada/core/tensor.hpp"
#include "nada/generators/generator.hpp"
#include "nada/parameterization/parameterization.hpp"
#include "nada/selection/selector.hpp"
#include "nada/training/trained_leaves.hpp"

namespace nada {

/// CandidateLayers holds the slots that a generator starts from, and the layers that can train: the layers that are
/// visible through the exit and covered by the parameterization.
template <Generator G, Parameterization P>
class CandidateLayers {
 public:
  CandidateLayers(const G& start, P parameterization, int visible_resolution, std::uint64_t seed)
      : layers_(start.layers().begin(), start.layers().end()),
        parameterization_(std::move(parameterization)),
        seed_(seed) {
    for (std::size_t k = 0; k < layers_.size(); ++k) {
      auto& slots = base_.emplace_back();
      for (std::size_t s = 0; s < layers_[k].slots.size(); ++s) slots.push_back(start.slot(k, s).detach().clone());
      if (layers_[k].resolution <= visible_resolution && covers(k)) candidates_.push_back(k);
    }
  }

  const LayerSet& all() const { return candidates_; }
  std::size_t layer_count() const { return layers_.size(); }
  const Layer& layer(std::size_t k) const { return layers_[k]; }
  const P& parameterization() const { return parameterization_; }
  torch::TensorOptions options() const { return base_.front().front().options(); }
  bool covers(std::size_t k) const { return parameterization_.covers(layers_[k]); }

  /// Returns the names of a layer's leaves, `<layer>.<leaf>`, in the parameterization's order.
  std::vector<std::string> names(std::size_t k) const {
    std::vector<std::string> out;
    for (const auto& name : parameterization_.names(layers_[k])) out.push_back(layers_[k].name + "." + name);
    return out;
  }
  /// Returns the names of the leaves of several layers.
  std::vector<std::string> names(const LayerSet& layers) const {
    std::vector<std::string> out;
    for (const auto k : layers)
      for (auto& name : names(k)) out.push_back(std::move(name));
    return out;
  }
  /// Refuses a layer selector's choice that is empty, unsorted or no part of the candidates.
  void check_choice(const LayerSet& chosen) const {
    require(!chosen.empty() && std::is_sorted(chosen.begin(), chosen.end()),
            "the layer selector gave an empty or unsorted choice");
    require(std::includes(candidates_.begin(), candidates_.end(), chosen.begin(), chosen.end()),
            "the layer selector chose a layer that is no candidate");
  }
  /// Makes fresh leaves of a layer, which give the base.
  std::vector<Tensor> initial(std::size_t k) const {
    return parameterization_.leaves(layers_[k], base_[k], Stream{seed_, 0});
  }
  std::vector<Tensor> effective(std::size_t k, const std::vector<Tensor>& leaves) const {
    return parameterization_.effective(layers_[k], base_[k], leaves);
  }

  /// trained() says whether a layer's leaves are among `trained`; leaves() returns them.
  bool trained(std::size_t k, const TrainedLeaves& trained) const {
    return covers(k) && trained.has(layers_[k].name + "." + parameterization_.names(layers_[k]).front());
  }
  std::vector<Tensor> leaves(std::size_t k, const TrainedLeaves& trained) const {
    std::vector<Tensor> out;
    for (const auto& name : names(k)) out.push_back(trained[name]);
    return out;
  }
  LayerSet trained_layers(const TrainedLeaves& leaves) const {
    LayerSet out;
    for (std::size_t k = 0; k < layers_.size(); ++k)
      if (trained(k, leaves)) out.push_back(k);
    return out;
  }

  /// Adds fresh leaves of layer k.
  /// Errors:  a parameterization that names more or fewer leaves than it makes.
  void begin(std::size_t k, TrainedLeaves& trained) const {
    const auto names = this->names(k);
    const auto leaves = initial(k);
    require(names.size() == leaves.size(), "the parameterization ", name_of(parameterization_), " names ", names.size(),
            " leaves of ", layers_[k].name, " and makes ", leaves.size());
    for (std::size_t i = 0; i < names.size(); ++i) trained.put(names[i], leaves[i]);
  }

  /// Puts the effective tensors of these layers into the generator, with their graph or without.
  void put_effective(G& generator, const LayerSet& layers, const TrainedLeaves& trained, bool graph) const {
    const torch::AutoGradMode mode(graph);
    for (const auto k : layers) {
      const auto tensors = effective(k, leaves(k, trained));
      for (std::size_t s = 0; s < tensors.size(); ++s) generator.use(k, s, graph ? tensors[s] : tensors[s].detach());
    }
  }
  /// Returns |slots - base| / |base| of a layer of `generator`, all slots as one vector; 0 where nothing has moved,
  /// infinity where only zeros have.
  double change(const G& generator, std::size_t k) const {
    const torch::NoGradGuard no_grad;
    double moved = 0, size = 0;
    for (std::size_t s = 0; s < base_[k].size(); ++s) {
      moved += (generator.slot(k, s) - base_[k][s]).to(torch::kFloat64).square().sum().template item<double>();
      size += base_[k][s].to(torch::kFloat64).square().sum().template item<double>();
    }
    if (moved == 0) return 0;
    return size > 0 ? std::sqrt(moved / size) : std::numeric_limits<double>::infinity();
  }
  /// Puts the base into all layers of the generator.
  void put_base(G& generator) const {
    for (std::size_t k = 0; k < base_.size(); ++k)
      for (std::size_t s = 0; s < base_[k].size(); ++s) generator.use(k, s, base_[k][s]);
  }

 private:
  std::vector<Layer> layers_;
  P parameterization_;
  std::uint64_t seed_;
  std::vector<std::vector<Tensor>> base_;
  LayerSet candidates_;
};

}  // namespace nada
