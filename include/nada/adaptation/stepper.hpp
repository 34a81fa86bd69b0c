/// Stepper: what the loop, observers and programs know of an adaptation, whatever its parts.
#pragma once
#include <cstdint>
#include <span>
#include <string_view>
#include <utility>
#include <vector>

#include "nada/adaptation/delta.hpp"
#include "nada/adaptation/observer.hpp"
#include "nada/adaptation/run.hpp"
#include "nada/adaptation/state.hpp"
#include "nada/core/stream.hpp"
#include "nada/core/tensor.hpp"
#include "nada/generators/generator.hpp"
#include "nada/selection/selector.hpp"

namespace nada {

/// Stepper is the interface of an Adaptation. Code that runs or watches an adaptation is
/// compiled once for all compositions.
class Stepper {
 public:
  Stepper() = default;
  Stepper(const Stepper&) = delete;
  Stepper& operator=(const Stepper&) = delete;
  virtual ~Stepper() = default;

  /// Takes one step of `total`.
  /// Errors:  a loss or gradient that is not finite, naming step and term or leaf; the run is
  ///          then as it was before the step.
  virtual Report step(std::int64_t total = 0) = 0;
  virtual std::int64_t steps_done() const = 0;
  /// Returns whether the run is to stop before its next step, where several processes compute it: whether one of them
  /// wants to. All ask before each step.
  virtual bool agree_to_stop(bool wanted) const { return wanted; }
  /// Returns the names of the terms of weight > 0, and of those that are logged; they are columns of metrics.csv.
  virtual std::vector<std::string_view> term_names() const = 0;
  /// Returns the layers that the next step would choose.
  virtual LayerSet preview() const = 0;
  /// Returns the probe that the selector gets at the step of `stream`.
  virtual Probe probe(const Stream& stream) const = 0;
  /// What the run has changed so far, and all that its next step depends on. Both share memory with the run: they are
  /// to be written before the next step, or their tensors cloned. A delta can be read by every program: see
  /// make_delta().
  virtual Delta delta() const = 0;
  virtual AdaptationState state() const = 0;
  /// Continues from a saved state.
  /// Errors:  a state of another base, seed or parameterization, or a state that does not
  ///          fit; the run is then as it was.
  virtual void restore(const AdaptationState& state) = 0;
  virtual int resolution() const = 0;  ///< of the images that the run renders
  virtual std::span<const Layer> layers() const = 0;
  virtual std::int64_t parameters(std::size_t layer) const = 0;
  /// Returns how many numbers the optimiser has moved so far: the sizes of the leaves of
  /// every layer that was ever chosen.
  virtual std::int64_t trained_parameters() const = 0;
  virtual std::int64_t latent_size() const = 0;
  virtual std::int64_t style_count() const = 0;
  /// source_images() and adapted_images() render latents z [N, Z] without gradient, at the run's exit or, if `whole`, at
  /// the generator's own size.
  virtual Tensor source_images(const Tensor& z, bool whole = false) const = 0;
  virtual Tensor adapted_images(const Tensor& z, bool whole = false) const = 0;

  /// Calls nada::run(*this, total, observers...).
  template <class... Observers>
  bool run(std::int64_t total, Observers&&... observers) {
    return nada::run(*this, total, std::forward<Observers>(observers)...);
  }
};

}  // namespace nada
