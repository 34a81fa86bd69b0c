/// A check that the gradients of a step are finite.
#pragma once
#include <algorithm>
#include <cmath>
#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "nada/adaptation/bound_objective.hpp"
#include "nada/core/error.hpp"
#include "nada/core/tensor.hpp"

namespace nada {

/// Errors:  a gradient that is not finite, naming the step (counted from 1), the first such leaf in the order of `names`
///          and the terms' values.
inline void check_finite(const std::vector<std::string>& names, const std::map<std::string, Tensor>& gradients,
                         const TermValues& values, std::int64_t step) {
  Tensor sum;  // finite where all numbers are, unless it is too large; read once, because a read waits for the device
  for (const auto& [name, g] : gradients) sum = sum.defined() ? sum + g.sum() : g.sum();
  if (!sum.defined() || std::isfinite(sum.item<double>())) return;
  const auto bad = std::find_if(names.begin(), names.end(), [&](const auto& name) {
    const auto g = gradients.find(name);
    return g != gradients.end() && !g->second.isfinite().all().template item<bool>();
  });
  if (bad == names.end()) return;
  std::string terms;
  for (const auto& [term, value] : values.terms) terms += join(terms.empty() ? "" : ", ", term, " ", value);
  fail("step ", step, ": the gradient of ", *bad, " is not finite (terms: ", terms, "); the run cannot go on");
}

}  // namespace nada
