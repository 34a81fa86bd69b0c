/// A layer selector chosen at run time by its name.
#pragma once
#include <cstdint>
#include <string>
#include <utility>
#include <variant>

#include "nada/selection/adaptive_top_k.hpp"
#include "nada/selection/all_layers.hpp"
#include "nada/selection/by_change.hpp"
#include "nada/selection/gradient_top_k.hpp"
#include "nada/selection/named_layers.hpp"
#include "nada/selection/official_index.hpp"
#include "nada/selection/random_k.hpp"
#include "nada/selection/selector.hpp"

namespace nada {

/// AnySelector is a menu: a LayerSelector that holds one selector of the list `Choice`. A new selector
/// is added to `Choice` and to `named()`. No selector of the list remembers anything: Every{n,
/// AnySelector} keeps a choice for n steps.
class AnySelector {
 public:
  using Choice = std::variant<AllLayers, NamedLayers, AdaptiveTopK, GradientTopK, RandomK, OfficialIndex<AdaptiveTopK>,
                              MostChanged, LeastChanged>;

  AnySelector(Choice choice = AllLayers{}) : choice_(std::move(choice)) {}

  /// Work says how much a choice of layers by gradients computes: samples, and samples at once (0: as many as fill eight
  /// pictures of 256 px).
  struct Work {
    std::int64_t batch = 8, at_once = 0;
  };

  /// Reads a selector from its text: "all", "adaptive[:K]", "gradient[:K]", "random[:K]", "most-changed[:K]" (after
  /// 10 steps of all convolutions), "least-changed[:K]" (without K: two thirds; K/N in the place of K: K of every N), or
  /// names and groups of layers with commas between them.
  /// Errors:  a K or N that is not a whole number from 1; K > N; a batch below 1.
  static AnySelector named(const std::string& text) { return named(text, Work{}); }
  static AnySelector named(const std::string& text, Work work);

  const Choice& choice() const { return choice_; }
  /// Whether the choice of layers may differ from one step to the next.
  bool changes() const { return choice_.index() >= 2; }
  LayerSet select(const Probe& probe);

 private:
  Choice choice_;
};

}  // namespace nada

#ifndef NADA_COMPILED
#include "nada/selection/any_selector.ipp"
#endif
