/// A run of small parts around the part that is checked.
#pragma once
#include <filesystem>
#include <string>
#include <utility>

#include "nada/adaptation/adaptation.hpp"
#include "nada/checks/small_models.hpp"
#include "nada/core/tensor.hpp"
#include "nada/generators/generator.hpp"
#include "nada/losses/directional.hpp"
#include "nada/losses/global.hpp"
#include "nada/losses/term.hpp"
#include "nada/parameterization/parameterization.hpp"
#include "nada/selection/selector.hpp"
#include "nada/views/views.hpp"

namespace nada::checks {

/// Chooses whatever can train.
struct AllCandidates {
  LayerSet select(const Probe& probe) const { return probe.candidates; }
};

template <Generator G, Parameterization P>
using SmallRun = Adaptation<G, Members<SmallEncoder>, TextShift, Objective<Directional, Global>, AllCandidates, P>;

/// Returns the settings of a small run: two samples a step, and steps large enough to be seen.
inline AdaptationSettings small_settings() {
  AdaptationSettings out;
  out.adam.rate = 0.01;
  out.batch = 2;
  out.seed = 5;
  return out;
}

/// Makes a run in which every layer that the parameterization covers trains.
template <Generator G, Parameterization P>
SmallRun<G, P> small_run(const G& generator, const P& parameterization) {
  return {generator.clone(), small_encoders(), small_shift(), weigh(1.0, Directional{}) + weigh(0.5, Global{}),
          AllCandidates{},   parameterization, Plain{},       FullSize{},
          small_settings()};
}

/// Returns latents z [count, Z] for a generator.
template <Generator G>
Tensor latents_for(const G& generator, std::int64_t count, std::uint64_t seed = 40) {
  return random({count, generator.latent_size()}, seed).to(generator.slot(0, 0).options().requires_grad(false));
}

/// ScratchFolder is a folder for the time of a check.
class ScratchFolder {
 public:
  ScratchFolder();
  ScratchFolder(const ScratchFolder&) = delete;
  ScratchFolder& operator=(const ScratchFolder&) = delete;
  ~ScratchFolder();
  std::filesystem::path operator/(const std::string& name) const { return path_ / name; }

 private:
  std::filesystem::path path_;
};

}  // namespace nada::checks

#ifndef NADA_COMPILED
#include "nada/checks/small_run.ipp"
#endif
