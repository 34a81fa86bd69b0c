// Bodies of hed.hpp.
#pragma once
#include "nada/encoders/hed.hpp"

#include <cstddef>
#include <string_view>

#include "nada/core/config.hpp"
#include "nada/core/error.hpp"
#include "nada/encoders/weights.hpp"
#include "nada/formats/recognise.hpp"
#include "nada/formats/tensor_file.hpp"

namespace nada {

namespace detail {
/// The stages of VGG16: what their names end with, and how many convolutions they have.
struct HedStage {
  const char* name;
  int depth;
};
inline constexpr std::array<HedStage, Hed::stage_count> hed_stages = {
    {{"One", 2}, {"Two", 2}, {"Thr", 3}, {"Fou", 3}, {"Fiv", 3}}};

/// Returns tensors with "net" where their names begin with "module".
NADA_INLINE TensorMap hed_names(const TensorMap& tensors) {
  constexpr std::string_view theirs = "module";
  TensorMap out;
  for (const auto& [name, value] : tensors)
    out[name.starts_with(theirs) ? "net" + name.substr(theirs.size()) : name] = value;
  return out;
}
}  // namespace detail

NADA_INLINE Hed::Convolution Hed::read(const Weights& weights, const std::string& name, std::int64_t out,
                                       std::int64_t in, std::int64_t side) {
  Convolution made;
  made.weight = weights(name + ".weight", {out, in, side, side});
  made.bias = weights(name + ".bias", {made.weight.size(0)});
  return made;
}

NADA_INLINE Hed::Hed(const TensorMap& tensors, const std::string& what, torch::TensorOptions options) {
  const auto named = detail::hed_names(tensors);
  const Weights weights(named, what, options);
  std::int64_t width = 3;
  for (std::size_t s = 0; s < stages_.size(); ++s) {
    const auto& [name, depth] = detail::hed_stages[s];
    const int first = s == 0 ? 0 : 1;  // behind the pooling, which is a part of the stage
    for (int k = 0; k < depth; ++k) {
      stages_[s].push_back(read(weights, join("netVgg", name, ".", first + 2 * k), -1, width, 3));
      width = stages_[s].back().weight.size(0);
    }
    sides_[s] = read(weights, join("netScore", name), 1, width, 1);
  }
  combine_ = read(weights, "netCombine.0", 1, stage_count, 1);
}

NADA_INLINE TensorMap read_hed(const ModelFile& file) {
  const auto what = file.path().string();
  require(file.kind() == FileKind::edge_network, what, " is ", name_of(file.kind()),
          ", expected an HED edge network (network-bsds500.pytorch)");
  auto out = detail::hed_names(to_tensors(file));
  require_finite(out, what);
  return out;
}

NADA_INLINE Hed Hed::load(const ModelFile& file, torch::Device device, torch::ScalarType type) {
  return {read_hed(file), file.path().string(), torch::TensorOptions().device(device).dtype(type)};
}

NADA_INLINE Tensor Hed::operator()(const Tensor& images, const std::function<void(int, const Tensor&)>& tap) const {
  require(images.dim() == 4 && images.size(1) == 3 && images.size(2) >= 16 && images.size(3) >= 16, "images of shape ",
          shape_text(images.sizes()), ", expected [N, 3, H, W] of 16 pixels or more");
  const auto options = combine_.weight.options();
  const auto means = torch::tensor({104.00698793, 116.66876762, 122.67891434}, torch::kFloat64);  // blue, green, red
  auto x = (images.to(options) + 1) * 127.5;
  x = x.flip(1) - means.to(options).view({1, 3, 1, 1});
  std::vector<Tensor> sides;
  for (std::size_t s = 0; s < stages_.size(); ++s) {
    if (s > 0) x = at::max_pool2d(x, 2, 2);
    for (const auto& convolution : stages_[s]) x = at::relu(at::conv2d(x, convolution.weight, convolution.bias, 1, 1));
    const auto side = at::conv2d(x, sides_[s].weight, sides_[s].bias);
    if (tap) tap(static_cast<int>(s), side);
    sides.push_back(at::upsample_bilinear2d(side, {images.size(2), images.size(3)}, /*align_corners=*/false));
  }
  return at::conv2d(torch::cat(sides, 1), combine_.weight, combine_.bias).sigmoid();
}

}  // namespace nada
