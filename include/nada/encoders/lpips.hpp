/// LPIPS with VGG16: how different two pictures look.
/// Source:  Zhang et al., The Unreasonable Effectiveness of Deep Features as a Perceptual Metric, arXiv:1801.03924, version 0.1
///          (richzhang/PerceptualSimilarity); Simonyan and Zisserman, arXiv:1409.1556 (VGG16).
#pragma once
#include <cstdint>
#include <filesystem>
#include <string>
#include <vector>

#include "nada/core/tensor.hpp"
#include "nada/encoders/feature_extractor.hpp"
#include "nada/formats/model_file.hpp"

namespace nada {

/// Lpips is a FeatureExtractor: the squared distance of two features is LPIPS.
///     d(a, b) = sum_l mean_pixels sum_c w_lc (u_lc(a) - u_lc(b))^2      u_l: unit vectors of five layers of VGG16, w >= 0
///
///     const auto network = Lpips::load("vgg.pth");       // beside it vgg16-397923af.pth
///     network.distance(a, b);                            // a, b [N, 3, H, W] in [-1, 1] -> [N]
class Lpips {
 public:
  static constexpr int layer_count = 5;

  /// Takes tensors `net.slice1.0.weight` ... `net.slice5.28.bias` and `lin0.model.1.weight` to `lin4`.
  /// Errors:  a tensor that is missing or of another shape; a weight of a layer below 0.
  Lpips(const TensorMap& tensors, const std::string& what, torch::TensorOptions options = torch::kFloat32);
  /// Reads a file as read_lpips() does. Errors:  another kind of file, NaN; those of the constructor.
  static Lpips load(const ModelFile& file, torch::Device device = torch::kCPU,
                    torch::ScalarType type = torch::kFloat32);
  static Lpips load(const std::filesystem::path& path, torch::Device device = torch::kCPU);

  /// Returns the five layers of images [N, 3, H, W] in [-1, 1] of at least 16 pixels: unit vectors, times the square root of
  /// the layer's weights over its pixels, [N, C, h, w] each.
  std::vector<Tensor> layers(const Tensor& images) const;
  /// Returns what each layer adds to the distances of images, [5, N].
  Tensor per_layer(const Tensor& a, const Tensor& b) const;
  /// Returns the distances [N] of images [N, 3, H, W] at their own size.
  Tensor distance(const Tensor& a, const Tensor& b) const { return per_layer(a, b).sum(0); }

  /// Returns all layers in one row, [N, F]. Images larger than 256 pixels are averaged down to 256 first, as
  /// stylegan2-ada-pytorch's losses and path lengths do it.
  Tensor operator()(const Tensor& images) const;

 private:
  struct Convolution {
    Tensor weight, bias;
    bool ends_layer = false;
  };
  std::vector<Convolution> convolutions_;  // 13
  std::vector<Tensor> weights_;            // square roots of the layers' weights, [1, C, 1, 1]
};
static_assert(FeatureExtractor<Lpips>);

/// Returns the tensors of an LPIPS network: a whole one, as LPIPS(net="vgg").state_dict() has it, or its learned weights
/// `vgg.pth` alone, beside which torchvision's `vgg16-397923af.pth` lies.
/// Errors:  another kind of file; no file of torchvision beside it.
TensorMap read_lpips(const ModelFile& file);

}  // namespace nada

#ifndef NADA_COMPILED
#include "nada/encoders/lpips.ipp"
#endif
