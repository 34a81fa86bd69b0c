/// The first layers of Inception-v3: what stands before its second pooling, a vector for each place of an image.
/// Source:  Szegedy et al., arXiv:1512.00567; names and weights of torchvision, `inception_v3_google-0cc3c7bd.pth`, or of
///          mseitzer/pytorch-fid, `pt_inception-2015-12-05-6726825d.pth`: two trainings of one architecture.
#pragma once
#include <cstdint>
#include <filesystem>
#include <functional>
#include <string>
#include <vector>

#include "nada/core/tensor.hpp"
#include "nada/encoders/ir_se.hpp"
#include "nada/encoders/weights.hpp"
#include "nada/formats/model_file.hpp"

namespace nada {

/// InceptionUnit is a convolution without bias, a batch norm and a ReLU.
struct InceptionUnit {
  /// Shape is a kernel's; with stride 2 it has no padding.
  struct Shape {
    std::int64_t height, width, stride = 1;
    bool padded = true;
  };

  /// Reads the unit `name`, which sees `in` channels. Errors:  a tensor that is missing or of another shape.
  static InceptionUnit read(const Weights& weights, const std::string& name, Shape shape, std::int64_t in);
  Tensor operator()(const Tensor& x) const;
  std::int64_t width() const { return weight.size(0); }

  Tensor weight;
  BatchNorm norm;
  std::int64_t stride = 1;
  std::vector<std::int64_t> padding;
};

/// InceptionStem gives the features before the second pooling (behind Conv2d_4a_3x3) of images of any size.
class InceptionStem {
 public:
  static constexpr std::int64_t least = 23;  // pixels of a side: fewer leave one place alone

  InceptionStem() = default;
  /// Takes tensors `Conv2d_1a_3x3.*` to `Conv2d_4a_3x3.*`; others do not matter.
  /// Errors:  a tensor that is missing or of another shape.
  explicit InceptionStem(const Weights& weights);
  /// Reads a file of torchvision's or of pytorch-fid's network. Errors:  another kind of file, NaN; those of the constructor.
  static InceptionStem load(const ModelFile& file, torch::Device device = torch::kCPU,
                            torch::ScalarType type = torch::kFloat32);
  static InceptionStem load(const std::filesystem::path& path, torch::Device device = torch::kCPU) {
    return load(ModelFile::open(path), device);
  }

  /// Returns the features of images [N, 3, H, W], nominally in [-1, 1], at their own size: [N, C, h, w] with
  /// h = (H - 3) / 4 - 3 in integers; calls tap(result) behind the first pooling.
  /// Errors:  another shape; a side of fewer than `least` pixels.
  Tensor operator()(const Tensor& images, const std::function<void(const Tensor&)>& tap = {}) const;

  std::int64_t width() const { return units_.back().width(); }  ///< C, 192 of the official networks
  torch::TensorOptions options() const { return units_.front().weight.options(); }

 private:
  std::vector<InceptionUnit> units_;  // five
};

}  // namespace nada

#ifndef NADA_COMPILED
#include "nada/encoders/inception_stem.ipp"
#endif
