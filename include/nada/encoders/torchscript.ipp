// Bodies of torchscript.hpp.
#pragma once
#include "nada/encoders/torchscript.hpp"

#include <torch/csrc/jit/api/module.h>
#include <torch/csrc/jit/serialization/import.h>

#include <algorithm>
#include <stdexcept>
#include <string>
#include <unordered_map>
#include <utility>
#include <vector>

#include "nada/core/config.hpp"
#include "nada/core/error.hpp"
#include "nada/formats/model_file.hpp"

namespace nada {

NADA_INLINE TorchScriptFeatures TorchScriptFeatures::load(const std::filesystem::path& path, Convention convention,
                                                          torch::Device device) {
  const auto file = model_path(path);
  require(std::filesystem::is_regular_file(file), path, ": no such file, expected a TorchScript network");
  TorchScriptFeatures out;
  try {
    out.module_ = std::make_shared<torch::jit::Module>(torch::jit::load(file.string(), device));
  } catch (const c10::Error&) {
    fail(path, ": is no TorchScript archive that this LibTorch can load");
  }
  out.module_->eval();
  for (auto parameter : out.module_->parameters()) parameter.set_requires_grad(false);
  out.convention_ = convention;
  out.path_ = path;
  return out;
}

NADA_INLINE Tensor TorchScriptFeatures::operator()(const Tensor& images) const {
  require(images.dim() == 4 && images.size(1) == 3, path_, ": images of shape ", shape_text(images.sizes()),
          ", expected [N, 3, H, W]");
  auto x = (images + 1) * 127.5;
  std::vector<c10::IValue> arguments;
  std::unordered_map<std::string, c10::IValue> named;
  if (convention_ == Convention::lpips) {
    if (std::max(x.size(2), x.size(3)) > 256) x = at::adaptive_avg_pool2d(x, {256, 256});
    named = {{"resize_images", false}, {"return_lpips", true}};
  } else {
    x = x.round().clamp(0, 255).to(torch::kUInt8);
    named = {{"return_features", true}};
  }
  arguments.emplace_back(std::move(x));
  try {
    // forward() changes nothing of a module in evaluation mode, but is not const.
    return module_->forward(std::move(arguments), named).toTensor().flatten(1);
  } catch (const c10::Error& error) {
    const std::string what = error.what_without_backtrace();
    fail(path_, ": the network refused the call (", what.substr(0, what.find('\n')), ")");
  } catch (const std::runtime_error& error) {
    const std::string what = error.what();
    fail(path_, ": the network refused the call (", what.substr(0, what.find('\n')), ")");
  }
}

}  // namespace nada
