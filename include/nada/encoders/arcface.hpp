/// ArcFace: an embedding of faces whose cosine says whether two pictures show one person.
/// Source:  Deng et al., ArcFace, arXiv:1801.07698; weights of TreB1eN/InsightFace_Pytorch, as the identity losses of pSp and
///          e4e use them (Richardson et al., Encoding in Style, arXiv:2008.00951).
#pragma once
#include <cstdint>
#include <filesystem>
#include <functional>
#include <string>

#include "nada/core/tensor.hpp"
#include "nada/encoders/feature_extractor.hpp"
#include "nada/encoders/ir_se.hpp"
#include "nada/formats/model_file.hpp"

namespace nada {

/// ArcFace is a FeatureExtractor: the squared distance of two embeddings is 2 - 2 cos.
///
///     const auto network = ArcFace::load("model_ir_se50.pth");
///     const auto cosine = (network(a) * network(b)).sum(1);      // a, b [N, 3, H, W]: aligned portraits, as FFHQ's
class ArcFace {
 public:
  /// Errors:  a tensor that is missing or of another shape.
  ArcFace(const TensorMap& tensors, const std::string& what, torch::TensorOptions options = torch::kFloat32);
  /// Reads `model_ir_se50.pth`. Errors:  another kind of file, NaN; those of the constructor.
  static ArcFace load(const ModelFile& file, torch::Device device = torch::kCPU,
                      torch::ScalarType type = torch::kFloat32);
  static ArcFace load(const std::filesystem::path& path, torch::Device device = torch::kCPU) {
    return load(ModelFile::open(path), device);
  }

  std::int64_t width() const { return dense_bias_.size(0); }  ///< E

  /// Cuts the face out of aligned portraits [N, 3, H, W] in [-1, 1], as FFHQ aligns them: averaged to 256 pixels where they
  /// have others, rows 35 to 222 and columns 32 to 219, averaged to [N, 3, 112, 112].
  static Tensor crop(const Tensor& images);

  /// Embeds faces [N, 3, 112, 112] in [-1, 1] to [N, E] of unit length; calls tap(k, result) for each block k of the body.
  /// Errors:  another shape.
  Tensor embed(const Tensor& faces, const std::function<void(int, const Tensor&)>& tap = {}) const;

  /// Embeds the faces of portraits [N, 3, H, W].
  Tensor operator()(const Tensor& images) const { return embed(crop(images)); }

 private:
  IrSeBody body_;
  BatchNorm before_, after_;
  Tensor dense_weight_, dense_bias_;
};
static_assert(FeatureExtractor<ArcFace>);

}  // namespace nada

#ifndef NADA_COMPILED
#include "nada/encoders/arcface.ipp"
#endif
