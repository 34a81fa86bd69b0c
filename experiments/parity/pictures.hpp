/// Pictures of checks, and what checks keep of pictures.
#pragma once
#include <torch/autograd.h>

#include <string>

#include "checks.hpp"
#include "nada/core/tensor.hpp"
#include "values.hpp"

namespace nada::parity {

/// Returns pictures [N, 3, H, W] in [-1, 1]: value v of an 8-bit one is v / 127.5 - 1.
inline Tensor pictures(const Call& call, const std::string& role) {
  auto x = call.tensor(role);
  if (!x.is_floating_point()) x = x.to(call.type) / 127.5 - 1;
  return x.dim() == 3 ? x.unsqueeze(0) : x;
}

/// Returns the numbers of a picture [1, 3, H, W] at the check's coordinates [K, 2] (y, x), [3, K].
inline Tensor samples(const Call& call, const Tensor& picture) {
  const auto at = call.tensor("coordinates").to(torch::kInt64);
  return picture[0].flatten(1).index_select(1, at.select(1, 0) * picture.size(3) + at.select(1, 1));
}

inline Tensor mean_abs(const Tensor& picture) { return picture[0].abs().mean(at::IntArrayRef{1, 2}); }

inline void add_gradient(const Call& call, const Tensor& loss, const Tensor& image, Results& out) {
  const auto gradient = torch::autograd::grad({loss}, {image})[0];
  out["gradient_samples"] = samples(call, gradient);
  out["gradient_mean_abs"] = mean_abs(gradient);
}

/// Whether the model of a manifest is made by a seed.
inline bool is_procedure(const Json& model) { return model.value("layout", "") == "procedure"; }

}  // namespace nada::parity
