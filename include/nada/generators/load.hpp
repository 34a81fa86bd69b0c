/// Generators from files and into files.
#pragma once
#include <charconv>
#include <filesystem>
#include <string>
#include <utility>

#include "nada/core/error.hpp"
#include "nada/core/stream.hpp"
#include "nada/core/tensor.hpp"
#include "nada/formats/recognise.hpp"
#include "nada/formats/tensor_file.hpp"
#include "nada/generators/rosinality.hpp"
#include "nada/generators/stylegan2.hpp"

namespace nada {

/// Where and in which type a model computes.
struct Placement {
  torch::Device device = torch::kCPU;
  torch::ScalarType type = torch::kFloat32;
};

/// A rosinality state dict by native names, FIR kernels checked and dropped.
inline NamedTensors from_rosinality(const TensorMap& tensors, const std::string& what) {
  NamedTensors out;
  for (const auto& [name, value] : tensors) {
    const auto place = from_rosinality(name);
    require(place.has_value(), what, ": tensor ", name,
            " has no place in a StyleGAN2 generator with rosinality's names");
    if (place->native.empty()) {
      const auto axis = torch::tensor({1.0, 3.0, 3.0, 1.0}, torch::kFloat64);
      const auto kernel = value.to(torch::kFloat64);
      require(kernel.dim() == 2 && at::allclose(kernel / kernel.sum(), at::outer(axis, axis) / 64), what, ": tensor ",
              name, " is not the FIR filter [1, 3, 3, 1], the only one that is known here");
      continue;
    }
    out[place->native] = value.view(native_shape(*place, value.sizes().vec(), join(what, ": tensor ", name)));
  }
  return out;
}

/// Multiplier of the mapping network's learning rate in a native file.
inline double mapping_lr(const Safetensors& file) {
  const auto text = value_or(file.metadata(), "nada.mapping_lr", "0.01");
  double value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  require(error == std::errc{} && end == text.data() + text.size() && value > 0, file.path(), ": nada.mapping_lr is '",
          text, "', expected a number > 0");
  return value;
}

/// Mean of w over 4096 latents, for rosinality files without `latent_avg`, as that project makes up for it. In double
/// and then rounded, so that it hardly depends on machine and threads (base_hash reads it). Undefined where the mapping
/// network is damaged.
inline Tensor estimated_mean_style(const NamedTensors& tensors, double lr) {
  const torch::NoGradGuard no_grad;
  Tensor x;
  for (int k = 0;; ++k) {
    const auto weight = tensors.find(join("mapping.", k, ".weight")), bias = tensors.find(join("mapping.", k, ".bias"));
    if (weight == tensors.end() || bias == tensors.end()) break;
    const auto w = weight->second.to(torch::kFloat64), b = bias->second.to(torch::kFloat64);
    if (w.dim() != 2 || b.dim() != 1 || b.size(0) != w.size(0)) return {};
    if (k == 0)
      x = stylegan2::normalize_latents(Stream{}.normal(Purpose::evaluation, {4096, w.size(1)}).to(torch::kFloat64));
    if (x.size(1) != w.size(1)) return {};
    x = stylegan2::activate(stylegan2::dense(x, w, b, lr));
  }
  return x.defined() ? x.mean(0).to(torch::kFloat32) : x;
}

/// Reads a StyleGAN2 generator, native or with rosinality's names.
/// Errors: not such a file, NaN, tensors that are missing or do not fit.
inline StyleGan2 load_stylegan2(const Safetensors& file, Placement place = {}) {
  const auto what = file.path().string();
  const auto kind = recognise(file);
  require(is_generator(kind), what, " is ", name_of(kind), ", expected a StyleGAN2 generator");
  auto tensors = to_tensors(file);
  require_finite(tensors, what);
  if (kind == FileKind::rosinality_generator) {
    tensors = from_rosinality(tensors, what);
    if (!tensors.count("mean_style"))
      if (auto mean = estimated_mean_style(tensors, mapping_lr(file)); mean.defined())
        tensors["mean_style"] = std::move(mean);
  }
  for (auto& [name, value] : tensors) {
    require(value.is_floating_point(), what, ": tensor ", name, " does not hold floating-point numbers");
    value = value.to(place.device, place.type);
  }
  return StyleGan2(std::move(tensors), what, mapping_lr(file));
}
inline StyleGan2 load_stylegan2(const std::filesystem::path& path, Placement place = {}) {
  return load_stylegan2(Safetensors::open(path), place);
}

/// Metadata of a native generator file; `more` adds about, licence, origin.
inline Metadata generator_metadata(const StyleGan2& generator, Metadata more = {}) {
  more["nada.kind"] = "generator";
  more["nada.format"] = format_version;
  more["nada.architecture"] = "stylegan2";
  more["nada.resolution"] = std::to_string(generator.resolution());
  more["nada.mapping_lr"] = join(generator.mapping_lr());
  return more;
}

/// SHA-256 that a delta keeps of its base.
inline std::string base_hash(const StyleGan2& generator) { return content_hash(generator.tensors()); }

}  // namespace nada
