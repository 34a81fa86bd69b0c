// Bodies of lpips.hpp.
#pragma once
#include "nada/encoders/lpips.hpp"

#include <algorithm>
#include <array>
#include <cmath>
#include <cstddef>
#include <system_error>

#include "nada/core/config.hpp"
#include "nada/core/error.hpp"
#include "nada/encoders/weights.hpp"
#include "nada/formats/recognise.hpp"
#include "nada/formats/tensor_file.hpp"

namespace nada {

namespace detail {
/// The convolutions of VGG16: place in torchvision's `features`, and the layer of LPIPS, from 1.
struct VggPlace {
  int features, layer;
};
inline constexpr std::array<VggPlace, 13> vgg_places = {
    {{0, 1}, {2, 1}, {5, 2}, {7, 2}, {10, 3}, {12, 3}, {14, 3}, {17, 4}, {19, 4}, {21, 4}, {24, 5}, {26, 5}, {28, 5}}};
inline constexpr const char* vgg_file = "vgg16-397923af.pth";

NADA_INLINE std::string vgg_name(const VggPlace& place) { return join("net.slice", place.layer, ".", place.features); }
}  // namespace detail

NADA_INLINE Lpips::Lpips(const TensorMap& tensors, const std::string& what, torch::TensorOptions options) {
  const Weights weights(tensors, what, options);
  std::int64_t width = 3;
  for (std::size_t k = 0; k < detail::vgg_places.size(); ++k) {
    const auto& place = detail::vgg_places[k];
    const auto name = detail::vgg_name(place);
    Convolution convolution;
    convolution.weight = weights(name + ".weight", {-1, width, 3, 3});
    width = convolution.weight.size(0);
    convolution.bias = weights(name + ".bias", {width});
    convolution.ends_layer = k + 1 == detail::vgg_places.size() || detail::vgg_places[k + 1].layer != place.layer;
    convolutions_.push_back(convolution);
    if (!convolution.ends_layer) continue;
    const auto learned = join("lin", place.layer - 1, ".model.1.weight");
    const auto weight = weights(learned, {1, width, 1, 1});
    require(weight.min().item<double>() >= 0, what, ": tensor ", learned, " has numbers below 0");
    weights_.push_back(weight.sqrt());
  }
}

NADA_INLINE Lpips Lpips::load(const ModelFile& file, torch::Device device, torch::ScalarType type) {
  const auto what = file.path().string();
  const auto tensors = read_lpips(file);
  require_finite(tensors, what);
  return {tensors, what, torch::TensorOptions().device(device).dtype(type)};
}

NADA_INLINE Lpips Lpips::load(const std::filesystem::path& path, torch::Device device) {
  return load(ModelFile::open(path), device);
}

NADA_INLINE std::vector<Tensor> Lpips::layers(const Tensor& images) const {
  require(images.dim() == 4 && images.size(1) == 3 && images.size(2) >= 16 && images.size(3) >= 16, "images of shape ",
          shape_text(images.sizes()), ", expected [N, 3, H, W] of 16 pixels or more");
  const auto options = convolutions_[0].weight.options();
  const auto row = [&](double r, double g, double b) {
    return torch::tensor({r, g, b}, torch::kFloat64).to(options).view({1, 3, 1, 1});
  };
  auto x = (images.to(options) - row(-0.030, -0.088, -0.188)) / row(0.458, 0.448, 0.450);
  std::vector<Tensor> out;
  bool pool = false;
  for (const auto& convolution : convolutions_) {
    if (pool) x = at::max_pool2d(x, 2, 2);
    x = at::relu(at::conv2d(x, convolution.weight, convolution.bias, 1, 1));
    pool = convolution.ends_layer;
    if (!pool) continue;
    const auto lengths = x.norm(2, /*dim=*/1, /*keepdim=*/true) + 1e-10;
    const auto pixels = static_cast<double>(x.size(2) * x.size(3));
    out.push_back(x / lengths * (weights_[out.size()] / std::sqrt(pixels)));
  }
  return out;
}

NADA_INLINE Tensor Lpips::per_layer(const Tensor& a, const Tensor& b) const {
  require(a.sizes() == b.sizes(), "LPIPS of images of shapes ", shape_text(a.sizes()), " and ", shape_text(b.sizes()));
  const auto x = layers(a), y = layers(b);
  std::vector<Tensor> out;
  for (std::size_t l = 0; l < x.size(); ++l) out.push_back((x[l] - y[l]).square().sum(at::IntArrayRef{1, 2, 3}));
  return torch::stack(out);
}

NADA_INLINE Tensor Lpips::operator()(const Tensor& images) const {
  constexpr std::int64_t most = 256;
  require(images.dim() == 4, "images of shape ", shape_text(images.sizes()), ", expected [N, 3, H, W]");
  const bool large = std::max(images.size(2), images.size(3)) > most;
  auto all = layers(large ? at::adaptive_avg_pool2d(images, {most, most}) : images);
  for (auto& layer : all) layer = layer.flatten(1);
  return torch::cat(all, 1);
}

NADA_INLINE TensorMap read_lpips(const ModelFile& file) {
  const auto what = file.path().string();
  require(file.kind() == FileKind::lpips_network, what, " is ", name_of(file.kind()),
          ", expected an LPIPS network with VGG16 (vgg.pth of richzhang/PerceptualSimilarity)");
  TensorMap out;
  for (const auto& tensor : file.tensors())
    if (tensor.name.starts_with("net.") || (tensor.name.starts_with("lin") && tensor.name.find('.') == 4 &&
                                            tensor.name[3] != 's'))  // lins: the same again
      out[tensor.name] = to_tensor(tensor);
  if (std::ranges::any_of(out, [](const auto& entry) { return entry.first.starts_with("net."); })) return out;
  const auto beside = file.path().parent_path() / detail::vgg_file;
  std::error_code missing;
  require(std::filesystem::is_regular_file(beside, missing), what,
          ": holds LPIPS' learned weights alone; put torchvision's ", detail::vgg_file, " beside it");
  const auto vgg = ModelFile::open(beside);
  for (const auto& place : detail::vgg_places)
    for (const auto* part : {".weight", ".bias"}) {
      const auto name = join("features.", place.features, part);
      const auto* const found = vgg.find(name);
      require(found != nullptr, beside, ": tensor ", name, " is missing");
      out[detail::vgg_name(place) + part] = to_tensor(*found);
    }
  return out;
}

}  // namespace nada
