/// HED: the edges of a picture, by the network of holistically-nested edge detection.
/// Source:  Xie and Tu, Holistically-Nested Edge Detection, arXiv:1504.06375; names, mean colour and resizing as in
///          sniklaus/pytorch-hed, whose file `network-bsds500.pytorch` has the authors' weights.
#pragma once
#include <array>
#include <cstdint>
#include <filesystem>
#include <functional>
#include <string>
#include <vector>

#include "nada/core/tensor.hpp"
#include "nada/encoders/weights.hpp"
#include "nada/formats/model_file.hpp"

namespace nada {

/// Hed gives the probability of an edge at each pixel. The five stages of VGG16 (without its last pooling) have a side output of one
/// channel each; the side outputs are enlarged to the picture's size, bilinear, and weighed:
///     e = sigmoid(b + sum_s w_s enlarge(side_s(picture)))            [N, 1, H, W], in (0, 1)
///
///     const auto network = Hed::load("network-bsds500.pytorch");
///     const auto edges = network(images);                            // [N, 3, H, W] in [-1, 1]
class Hed {
 public:
  static constexpr int stage_count = 5;

  /// Takes tensors `netVggOne.0.weight` ... `netVggFiv.5.bias`, `netScoreOne.*` to `netScoreFiv.*`, `netCombine.0.*`; "module" may
  /// stand for "net", as in the published file.
  /// Errors:  a tensor that is missing or of another shape.
  Hed(const TensorMap& tensors, const std::string& what, torch::TensorOptions options = torch::kFloat32);
  /// Reads a file. Errors:  another kind of file, NaN; those of the constructor.
  static Hed load(const ModelFile& file, torch::Device device = torch::kCPU, torch::ScalarType type = torch::kFloat32);
  static Hed load(const std::filesystem::path& path, torch::Device device = torch::kCPU) {
    return load(ModelFile::open(path), device);
  }

  /// Returns the edges of images [N, 3, H, W] in [-1, 1] at their own size, [N, 1, H, W]; calls tap(s, side output) for each stage,
  /// before it is enlarged.
  /// Errors:  another shape; a side of fewer than 16 pixels.
  Tensor operator()(const Tensor& images, const std::function<void(int, const Tensor&)>& tap = {}) const;

 private:
  struct Convolution {
    Tensor weight, bias;
  };
  static Convolution read(const Weights& weights, const std::string& name, std::int64_t out, std::int64_t in,
                          std::int64_t side);

  std::array<std::vector<Convolution>, stage_count> stages_;
  std::array<Convolution, stage_count> sides_;
  Convolution combine_;  // [1, 5, 1, 1]
};

/// Returns the tensors of an HED file under names that begin with "net".
TensorMap read_hed(const ModelFile& file);

}  // namespace nada

#ifndef NADA_COMPILED
#include "nada/encoders/hed.ipp"
#endif
