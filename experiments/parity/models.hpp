/// The models of a check, with the names that their files give to parameters.
#pragma once
#include <torch/types.h>

#include <cstddef>
#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "nada/core/error.hpp"
#include "nada/formats/model_file.hpp"
#include "nada/formats/recognise.hpp"
#include "nada/generators/any_generator.hpp"
#include "nada/generators/nvidia.hpp"
#include "nada/generators/open_generator.hpp"
#include "nada/generators/rosinality.hpp"
#include "nada/generators/stylegan3_file.hpp"
#include "nada/pretraining/discriminator.hpp"
#include "nada/pretraining/discriminator_names.hpp"

namespace nada::parity {

/// LoadedGenerator is a generator with its parameters by the names and in the shapes of the file.
struct LoadedGenerator {
  struct Parameter {
    std::size_t layer, slot;
    std::vector<std::int64_t> shape;
  };
  AnyGenerator model;
  std::map<std::string, Parameter> parameters = {};

  LoadedGenerator(const ModelFile& file, torch::ScalarType type) : model(open_generator(file, {.type = type})) {
    for (const auto& view : file.tensors()) {
      const auto rosinality = from_rosinality(view.name);
      const auto native = is_stylegan3(file.kind()) ? stylegan3_native_name(view.name)
                          : rosinality              ? rosinality->native
                                                    : from_nvidia(view.name).value_or("");
      for (std::size_t k = 0; k < model.layers().size(); ++k)
        for (std::size_t s = 0; s < model.layers()[k].slots.size(); ++s)
          if (native == leaf_name({k, s, {}})) parameters[view.name] = {k, s, view.shape};
    }
  }
  std::string leaf_name(const Parameter& parameter) const {
    const auto& layer = model.layers()[parameter.layer];
    return join(layer.name, ".", layer.slots[parameter.slot]);
  }
  const Parameter& parameter(const std::string& name) const {
    const auto found = parameters.find(name);
    require(found != parameters.end(), "the generator has no parameter ", name);
    return found->second;
  }
};

/// LoadedDiscriminator is a discriminator with its parameters by the names of the file, beside their native names.
struct LoadedDiscriminator {
  StyleGan2Discriminator model;
  std::map<std::string, std::string> native = {};

  LoadedDiscriminator(const ModelFile& file, torch::ScalarType type) : model(load_discriminator(file, {.type = type})) {
    for (const auto& view : file.tensors())
      if (const auto name = native_discriminator_name(file, view.name); name && !name->empty())
        native[view.name] = *name;
  }
  const std::string& parameter(const std::string& name) const {
    const auto found = native.find(name);
    require(found != native.end(), "the discriminator has no parameter ", name);
    return found->second;
  }
};

}  // namespace nada::parity
