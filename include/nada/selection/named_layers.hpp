/// Chooses layers by name.
#pragma once
#include <algorithm>
#include <cstddef>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "nada/core/error.hpp"
#include "nada/generators/generator.hpp"
#include "nada/selection/selector.hpp"

namespace nada {

/// Whether a layer belongs to a group of convolutions: coarse (resolutions 4 and 8: pose, shape), medium (16 and 32:
/// features, hair) or fine (64 and more: colours, texture).
/// Source:  Karras et al., arXiv:1812.04948, section 3.1.
inline bool in_group(const Layer& layer, std::string_view group) {
  if (layer.kind != LayerKind::convolution) return false;
  if (group == "coarse") return layer.resolution <= 8;
  if (group == "medium") return layer.resolution == 16 || layer.resolution == 32;
  return group == "fine" && layer.resolution >= 64;
}

/// Returns the range [first, last) of convolutions that a phase of the official training adds to the constant and
/// conv.4.0. The convolutions after conv.4.0 are counted from 0: conv.8.0, conv.8.1, conv.16.0, ...
/// Source:  rinongal/StyleGAN-nada, ZSSGAN/model/ZSSGAN.py, get_training_layers; the phase `all`
///          of that function is every layer.
inline std::optional<std::pair<std::size_t, std::size_t>> official_phase(std::string_view name) {
  if (name == "phase:shape") return std::pair<std::size_t, std::size_t>{0, 2};
  if (name == "phase:shape-expanded") return std::pair<std::size_t, std::size_t>{0, 3};
  if (name == "phase:texture") return std::pair<std::size_t, std::size_t>{2, 10};
  if (name == "phase:no-fine") return std::pair<std::size_t, std::size_t>{0, 10};
  return {};
}

/// NamedLayers chooses layers by name ("conv.16.0", "rgb.64", "mapping.3", "const"), by kind ("mapping", "constant",
/// "convolution", "rgb"), by group ("coarse", "medium", "fine") or by phase of the official training ("phase:shape",
/// "phase:shape-expanded", "phase:texture", "phase:no-fine").
/// Errors:  a name that no layer has, listing the layers; a layer that is no candidate (above the
///          exit); a group without candidates.
struct NamedLayers {
  std::vector<std::string> names;

  LayerSet select(const Probe& probe) const {
    std::set<std::size_t> chosen;
    for (const auto& name : names) {
      bool kind = false;
      for (const auto i : probe.candidates)
        if (name_of(probe.layers[i].kind) == name) chosen.insert(i), kind = true;
      if (kind) continue;
      if (name == "coarse" || name == "medium" || name == "fine") {
        const auto before = chosen.size();
        for (const auto i : probe.candidates)
          if (in_group(probe.layers[i], name)) chosen.insert(i);
        require(chosen.size() > before, "NamedLayers: no ", name, " convolution can train here");
        continue;
      }
      if (const auto range = official_phase(name)) {
        std::size_t place = 0;
        for (std::size_t i = 0; i < probe.layers.size(); ++i) {
          const auto& layer = probe.layers[i];
          bool in =
              layer.kind == LayerKind::constant || (layer.kind == LayerKind::convolution && layer.resolution == 4);
          if (layer.kind == LayerKind::convolution && layer.resolution > 4) {
            in = place >= range->first && place < range->second;
            ++place;
          }
          if (in && std::find(probe.candidates.begin(), probe.candidates.end(), i) != probe.candidates.end())
            chosen.insert(i);
        }
        continue;
      }
      const auto i = place_of(probe, name);
      require(std::find(probe.candidates.begin(), probe.candidates.end(), i) != probe.candidates.end(), "layer ", name,
              " cannot train here: it lies above the exit, or the parameterization does not cover it");
      chosen.insert(i);
    }
    require(!chosen.empty(), "NamedLayers: no layer was named");
    return {chosen.begin(), chosen.end()};
  }

 private:
  /// Errors:  those of find_layer(), with what else a choice of layers may say.
  static std::size_t place_of(const Probe& probe, const std::string& name) {
    try {
      return find_layer(probe.layers, name);
    } catch (const Error& error) {
      fail(error.what(),
           "; besides, there are the kinds mapping, constant, convolution and rgb, the groups coarse, medium and fine, "
           "the phases phase:shape, phase:shape-expanded, phase:texture and phase:no-fine, and the rules all and "
           "adaptive[:K]");
    }
  }
};

}  // namespace nada
