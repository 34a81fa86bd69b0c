/// Inception-v3 as FID uses it: the network in whose features FID, KID and the Inception score are measured.
/// Source:  Szegedy et al., arXiv:1512.00567; Heusel et al., arXiv:1706.08500 (FID). Names and weights are those of
///          mseitzer/pytorch-fid, `pt_inception-2015-12-05-6726825d.pth`; resizing also as in GaParmar/clean-fid (Parmar et
///          al., arXiv:2104.11222).
#pragma once
#include <cstdint>
#include <filesystem>
#include <functional>
#include <string>
#include <vector>

#include "nada/core/tensor.hpp"
#include "nada/encoders/feature_extractor.hpp"
#include "nada/encoders/inception_stem.hpp"
#include "nada/formats/model_file.hpp"

namespace nada {

/// Inception is a FeatureExtractor: images [N, 3, H, W] in [-1, 1] -> [N, 2048], the means over the pixels of its last block.
///
///     const auto network = Inception::load("pt_inception-2015-12-05-6726825d.pth");
///     frechet_distance(network(a), network(b));                  // FID of two sets of images
///
/// It differs from torchvision's Inception-v3: average pooling inside of the blocks does not count the padding, and the last
/// block pools by maxima.
class Inception {
 public:
  static constexpr std::int64_t side = 299;  // pixels that the network sees

  /// How images become 299 x 299:
  ///     torch   bilinear, without antialias, as pytorch-fid does it
  ///     clean   bicubic with antialias, as Pillow does it on float32 numbers, and as clean-fid does it
  enum class Resizing { torch, clean };

  /// Errors:  a tensor that is missing or of another shape; torchvision's own Inception-v3, which is another network.
  Inception(const TensorMap& tensors, const std::string& what, torch::TensorOptions options = torch::kFloat32);
  /// Reads the file of pytorch-fid. Errors:  another kind of file, NaN; those of the constructor.
  static Inception load(const ModelFile& file, torch::Device device = torch::kCPU,
                        torch::ScalarType type = torch::kFloat32);
  static Inception load(const std::filesystem::path& path, torch::Device device = torch::kCPU) {
    return load(ModelFile::open(path), device);
  }

  /// Resizes images [N, 3, H, W] in [-1, 1] to [N, 3, 299, 299]; the clean way clamps them to [-1, 1].
  static Tensor resize(const Tensor& images, Resizing way);

  /// Pools what the network sees in `inputs` [N, 3, H, W] of at least 75 pixels, nominally in [-1, 1], to [N, P]; calls
  /// tap(k, result) behind blocks 0 and 1 (the two pooling layers), 2 (Mixed_6e) and 3 (the means).
  Tensor pool(const Tensor& inputs, const std::function<void(int, const Tensor&)>& tap = {}) const;

  /// Pools images: resized, and in the clean way scaled to (v - 128) / 128 of values v in [0, 255], as clean-fid's network
  /// takes them.
  Tensor operator()(const Tensor& images) const;

  std::int64_t width() const { return width_; }  ///< P
  /// Whether the file has the classifier `fc`, of 1008 classes.
  bool has_classifier() const { return classifier_.defined(); }
  /// Returns the logits [N, 1008] of pooled features, without the classifier's bias, as the Inception score takes them.
  Tensor logits(const Tensor& pooled) const;

  Resizing resizing = Resizing::torch;

 private:
  /// Units one after the other; at the end two beside each other where there is a fork.
  struct Branch {
    std::vector<InceptionUnit> chain, fork;
  };
  enum class Pooling { average, maximum, halving };
  /// Branches whose results stand one after the other, the last behind a pooling.
  struct Mixed {
    std::vector<Branch> branches;
    Pooling pooling = Pooling::average;
    Branch behind_pooling;  // empty: the pooled input itself
    Tensor operator()(const Tensor& x) const;
  };

  /// Reads the parts of the network from a file; `width` is that of what the next part sees.
  class Reader;

  InceptionStem stem_;
  std::vector<Mixed> blocks_;  // Mixed_5b to Mixed_7c
  Tensor classifier_;          // [1008, P]
  std::int64_t width_ = 0;
};
static_assert(FeatureExtractor<Inception>);

}  // namespace nada

#ifndef NADA_COMPILED
#include "nada/encoders/inception.ipp"
#endif
