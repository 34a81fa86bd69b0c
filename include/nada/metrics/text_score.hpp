/// How near images are to a text.
#pragma once
#include <string_view>

#include "nada/metrics/metric.hpp"

namespace nada {

/// mean_n cos(E(adapted_n), target)                     [-1, 1]
/// Source: Hessel et al., CLIPScore, arXiv:2104.08718 (without its factor 2.5 and without cutting off below 0).
struct TextScore {
  static constexpr std::string_view name = "text_score";
  static constexpr bool higher_is_better = true;
  static constexpr Needs needs = Needs::target;
  Estimate operator()(const Evidence& e) const { return mean_estimate((e.adapted.unit * e.ends.target).sum(1)); }
};

}  // namespace nada
