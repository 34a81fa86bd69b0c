/// Weights: the named tensors that an encoder is built from.
#pragma once
#include <cstddef>
#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "nada/core/error.hpp"
#include "nada/core/tensor.hpp"

namespace nada {

/// Weights are a checked view of named tensors: `weights("visual.proj", {128, -1})` returns that tensor in the wanted
/// type, or says which file lacks it or has it in another shape. With `products`, matrices and kernels (but not
/// embeddings) are returned in that type, and the parts that are built from them compute their products in it.
class Weights {
 public:
  Weights(const std::map<std::string, Tensor>& tensors, std::string what, torch::TensorOptions options,
          std::optional<torch::ScalarType> products = {})
      : tensors_(tensors), what_(std::move(what)), options_(options), products_(products) {}

  bool has(const std::string& name) const { return tensors_.count(name) > 0; }
  const std::string& what() const { return what_; }
  torch::TensorOptions options() const { return options_; }

  /// Returns a tensor. A shape entry of -1 matches all sizes.
  /// Errors:  a tensor that is missing, has another shape, or does not hold floating-point numbers.
  Tensor operator()(const std::string& name, const std::vector<std::int64_t>& shape) const {
    const auto found = tensors_.find(name);
    require(found != tensors_.end(), what_, ": tensor ", name, " is missing");
    const auto& value = found->second;
    bool fits = value.dim() == static_cast<std::int64_t>(shape.size());
    for (std::size_t i = 0; fits && i < shape.size(); ++i) fits = shape[i] < 0 || value.size(i) == shape[i];
    require(fits, what_, ": tensor ", name, " has shape ", shape_text(value.sizes()), ", expected ", shape_text(shape),
            " (-1: any)");
    require(value.is_floating_point(), what_, ": tensor ", name, " does not hold floating-point numbers");
    const bool multiplies = value.dim() >= 2 && name.ends_with("weight") && !name.ends_with("embedding.weight");
    return value.to(products_ && multiplies ? options_.dtype(*products_) : options_).contiguous();
  }

  /// Returns how many of prefix0, prefix1, ... have `suffix`.
  int count(const std::string& prefix, const std::string& suffix) const {
    int n = 0;
    while (has(prefix + std::to_string(n) + suffix)) ++n;
    return n;
  }

 private:
  const std::map<std::string, Tensor>& tensors_;
  std::string what_;
  torch::TensorOptions options_;
  std::optional<torch::ScalarType> products_;
};

/// Returns x weight' + bias, computed in the weight's type.
inline Tensor dense(const Tensor& x, const Tensor& weight, const Tensor& bias) {
  return at::linear(x.to(weight.scalar_type()), weight, bias.to(weight.scalar_type()));
}

}  // namespace nada
