/// Weights by a seed: models of official sizes that a list of names, shapes and scales describes.
///
/// Element i of a tensor, in unsigned 64-bit arithmetic:
///     key = FNV-1a of "<seed>:<name>";  z = key + (i + 1) 9E3779B97F4A7C15;  z ^= z >> 30, times BF58476D1CE4E5B9;
///     z ^= z >> 27, times 94D049BB133111EB;  z ^= z >> 31;  r = (z >> 40) / 2^23 - 1;  value = offset + scale r
#pragma once
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "nada/core/error.hpp"
#include "nada/core/tensor.hpp"
#include "nada/formats/sha256.hpp"
#include "values.hpp"

namespace nada::parity {

/// Returns `count` numbers of a tensor as float32.
inline Tensor procedure_numbers(std::uint64_t seed, const std::string& name, std::int64_t count, double offset,
                                double scale) {
  std::uint64_t key = 0xcbf29ce484222325;
  for (const char c : std::to_string(seed) + ":" + name) key = (key ^ static_cast<unsigned char>(c)) * 0x100000001b3;
  auto out = torch::empty({count}, torch::kFloat32);
  auto* const numbers = out.data_ptr<float>();
  for (std::int64_t i = 0; i < count; ++i) {
    auto z = key + (static_cast<std::uint64_t>(i) + 1) * 0x9E3779B97F4A7C15;
    z = (z ^ (z >> 30)) * 0xBF58476D1CE4E5B9;
    z = (z ^ (z >> 27)) * 0x94D049BB133111EB;
    z = z ^ (z >> 31);
    numbers[i] = static_cast<float>(offset + scale * (static_cast<double>(z >> 40) / 8388608.0 - 1));
  }
  return out;
}

/// Procedure is a model that a list made.
struct Procedure {
  TensorMap tensors;
  std::string type;  // the class that it is of
};

/// Makes the model of a file X.procedure.json.
/// Errors:  a tensor whose numbers have another SHA-256 than the file says.
inline Procedure procedure(const fs::path& path) {
  const auto json = read_json(path);
  Procedure out{{}, as<std::string>(json, "class", path)};
  const auto seed = as<std::uint64_t>(json, "seed", path);
  for (const auto& entry : as<std::vector<Json>>(json, "tensors", path)) {
    if (entry.contains("dtype")) continue;  // counters of batch norms
    const auto name = as<std::string>(entry, "name", path);
    const auto shape = as<std::vector<std::int64_t>>(entry, "shape", name);
    std::int64_t count = 1;
    for (const auto side : shape) count *= side;
    const auto values =
        procedure_numbers(seed, name, count, as<double>(entry, "offset", name), as<double>(entry, "scale", name));
    Sha256 hash;
    hash.update(std::string_view(reinterpret_cast<const char*>(values.data_ptr<float>()),
                                 static_cast<std::size_t>(count) * sizeof(float)));
    require(hash.hex().substr(0, 12) == as<std::string>(entry, "sha256_12", name), path, ": tensor ", name,
            " has other numbers than the file says");
    out.tensors[name] = values.view(shape);
  }
  return out;
}

}  // namespace nada::parity
