/// An HED network of small widths.
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

/// Returns the tensors of an HED network with a sixteenth of the official channels and random numbers. Names and shapes are those of
/// the reference's list; names begin with `beginning` instead of "net".
inline TensorMap small_hed(const std::string& beginning = "net") {
  const auto list = nlohmann::json::parse(read_text(kept_golden() / "measures" / "hed.procedure.json"));
  TensorMap out;
  std::uint64_t seed = 500;
  for (const auto& entry : list.at("tensors")) {
    auto shape = entry.at("shape").get<std::vector<std::int64_t>>();
    for (std::size_t i = 0; i < shape.size() && i < 2; ++i)
      if (shape[i] % 16 == 0) shape[i] /= 16;
    const double scale = shape.size() < 4 ? 0.1 : std::sqrt(2.0 / static_cast<double>(shape[1] * shape[2] * shape[3]));
    const auto name = entry.at("name").get<std::string>();
    const bool score = name.find("Score") != std::string::npos;
    out[beginning + name.substr(3)] = ((score ? 0.02 : 1) * scale * random(shape, ++seed)).to(torch::kFloat32);
  }
  return out;
}

}  // namespace nada::test
