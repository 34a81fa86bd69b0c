/// How near images are to texts.
#pragma once
#include <cstdint>
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

/// Share of samples whose nearest text, of several, is the one that was wanted.     [0, 1]
/// The interval is that of a mean of zeros and ones.
struct Found {
  static constexpr std::string_view name = "found";
  static constexpr bool higher_is_better = true;
  static constexpr Needs needs = Needs::nothing;
  Tensor texts;             // [T, E], unit length
  std::int64_t wanted = 0;  // row of the text
  Estimate operator()(const Evidence& e) const {
    return mean_estimate((e.adapted.unit.matmul(texts.t()).argmax(1) == wanted).to(torch::kFloat64));
  }
};

}  // namespace nada
