/// An Inception network of small widths.
#pragma once
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "nada/core/tensor.hpp"
#include "nada/formats/file.hpp"
#include "support/golden.hpp"
#include "support/tiny.hpp"

namespace nada::test {

/// Returns the tensors of an Inception network with a sixteenth of the official channels, 128 at the end, with random numbers. Names
/// and shapes are those of the reference's list.
inline TensorMap small_inception() {
  const auto list = nlohmann::json::parse(read_text(kept_golden() / "measures" / "inception.procedure.json"));
  TensorMap out;
  std::uint64_t seed = 0;
  for (const auto& entry : list.at("tensors")) {
    const auto name = entry.at("name").get<std::string>();
    auto shape = entry.at("shape").get<std::vector<std::int64_t>>();
    for (std::size_t i = 0; i < shape.size() && i < 2; ++i)
      if (shape[i] % 16 == 0 && !(name.starts_with("fc.") && i == 0)) shape[i] /= 16;
    double scale = 0.1, middle = 0;
    if (shape.size() == 4) scale = std::sqrt(2.0 / static_cast<double>(shape[1] * shape[2] * shape[3]));
    if (name.ends_with("bn.weight") || name.ends_with("running_var")) middle = 1;
    out[name] = (middle + scale * random(shape, ++seed)).to(torch::kFloat32);
    if (middle == 1) out[name].abs_();
  }
  return out;
}

}  // namespace nada::test
