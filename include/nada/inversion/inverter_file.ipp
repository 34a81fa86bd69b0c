// Bodies of inverter_file.hpp.
#pragma once
#include "nada/inversion/inverter_file.hpp"

#include <charconv>
#include <utility>

#include "nada/core/config.hpp"
#include "nada/core/error.hpp"
#include "nada/encoders/weights.hpp"
#include "nada/formats/model_file.hpp"
#include "nada/formats/recognise.hpp"
#include "nada/formats/safetensors.hpp"
#include "nada/formats/tensor_file.hpp"

namespace nada {

NADA_INLINE InverterFile InverterFile::load(const std::filesystem::path& path, torch::Device device) {
  const auto file = Safetensors::open(model_path(path));
  require(recognise(file) == FileKind::inverter, path, " is ", name_of(recognise(file)), ", expected an inverter");
  const auto tensors = to_tensors(file);
  require_finite(tensors, path.string());
  const auto text = value_or(file.metadata(), "nada.passes");
  std::int64_t passes = 0;
  const auto end = std::from_chars(text.data(), text.data() + text.size(), passes);
  require(end.ec == std::errc() && end.ptr == text.data() + text.size() && passes >= 1, path,
          ": nada.passes: expected a number from 1, found '", text, "'");
  const auto options = torch::TensorOptions(torch::kFloat32).device(device);
  InverterFile out{StyleEncoder(Weights(tensors, path.string(), options), passes),
                   value_or(file.metadata(), "nada.base_sha256"),
                   {},
                   value_or(file.metadata(), "nada.measure_sha256")};
  if (const auto found = tensors.find("domain.features"); found != tensors.end()) {
    require(found->second.dim() == 2 && found->second.size(0) >= 2, path, ": domain.features has shape ",
            shape_text(found->second.sizes()), ", expected at least two rows");
    out.domain_features = found->second.to(options);
  }
  return out;
}

NADA_INLINE void save_inverter(const std::filesystem::path& path, const TensorMap& tensors, std::int64_t passes,
                               const std::string& base_sha256, Metadata more) {
  TensorMap stored;
  for (const auto& [name, value] : tensors)
    stored[name] = (value.dim() >= 2 ? value.detach().to(torch::kFloat16) : value.detach()).cpu().contiguous();
  more["nada.kind"] = "inverter";
  more["nada.format"] = std::string(format_version);
  more["nada.passes"] = std::to_string(passes);
  more["nada.base_sha256"] = base_sha256;
  save_tensors(path, stored, more);
}

}  // namespace nada
