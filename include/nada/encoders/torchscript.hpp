/// Feature networks that come as TorchScript, such as those of NVIDIA's metrics. Loading a network runs the code in its
/// file, so programs load one only by an explicit option that names the file.
#pragma once
#include <filesystem>
#include <memory>

#include "nada/core/tensor.hpp"
#include "nada/encoders/feature_extractor.hpp"

namespace torch::jit {
struct Module;
}

namespace nada {

/// TorchScriptFeatures is a TorchScript module with the calling conventions of stylegan2-ada-pytorch's metrics:
///     lpips      vgg16.pt: forward(x, resize_images=False, return_lpips=True), x in [0, 255]; the squared distance of
///                two features is LPIPS. Images larger than 256 pixels are first averaged down to 256.
///     inception  inception-2015-12-05.pt: forward(x, return_features=True), x in [0, 255] rounded to 8 bits
///                -> [N, 2048]
/// Errors:  no such file; a file that is no TorchScript archive; a module that refuses the call.
class TorchScriptFeatures {
 public:
  enum class Convention { lpips, inception };

  /// Loads a network, which runs code of the file.
  static TorchScriptFeatures load(const std::filesystem::path& path, Convention convention,
                                  torch::Device device = torch::kCPU);

  Tensor operator()(const Tensor& images) const;

 private:
  TorchScriptFeatures() = default;
  std::shared_ptr<torch::jit::Module> module_;
  Convention convention_ = Convention::lpips;
  std::filesystem::path path_;
};
static_assert(FeatureExtractor<TorchScriptFeatures>);

}  // namespace nada

#ifndef NADA_COMPILED
#include "nada/encoders/torchscript.ipp"
#endif
