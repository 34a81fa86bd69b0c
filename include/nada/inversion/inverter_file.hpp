/// Files of style encoders.
#pragma once
#include <cstdint>
#include <filesystem>
#include <string>

#include "nada/core/device.hpp"
#include "nada/core/tensor.hpp"
#include "nada/formats/file.hpp"
#include "nada/inversion/style_encoder.hpp"

namespace nada {

/// InverterFile is a style encoder's file: the network, the generator that it belongs to, and features of samples of the
/// generator that tell how far a picture is from its domain.
struct InverterFile {
  StyleEncoder encoder;
  std::string base_sha256;     // base_hash() of the generator
  Tensor domain_features;      // [S, E] of samples in the measuring encoder; undefined: none
  std::string measure_sha256;  // content hash of that encoder's file

  /// Errors:  another kind of file; a tensor that is missing, not finite or does not fit.
  static InverterFile load(const std::filesystem::path& path, torch::Device device = torch::kCPU);
};

/// Writes the tensors of a style encoder, matrices and kernels in half precision.
void save_inverter(const std::filesystem::path& path, const TensorMap& tensors, std::int64_t passes,
                   const std::string& base_sha256, Metadata more = {});

}  // namespace nada

#ifndef NADA_COMPILED
#include "nada/inversion/inverter_file.ipp"
#endif
