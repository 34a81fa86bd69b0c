/// The loop of an adaptation.
#pragma once
#include <cstdint>
#include <exception>
#include <type_traits>

#include "nada/adaptation/observer.hpp"
#include "nada/core/error.hpp"
#include "nada/core/stop.hpp"
#include "nada/core/tensor.hpp"

namespace nada {

/// Returns the functions that observers may call on a run in progress.
template <class S>
RunAccess access_to(S& stepper, std::int64_t total) {
  RunAccess out;
  out.step = stepper.steps_done();
  out.total = total;
  out.latent_size = stepper.latent_size();
  out.source_images = [&stepper](const Tensor& z) { return stepper.source_images(z); };
  out.adapted_images = [&stepper](const Tensor& z) { return stepper.adapted_images(z); };
  out.state = [&stepper] { return stepper.state(); };
  out.delta = [&stepper] { return stepper.delta(); };
  return out;
}

/// Takes steps until `total` are done or somebody asks to stop, and tells the observers of each step.
/// Returns whether all steps were done.
/// Errors:  total < 1; the errors of a step, which the observers are told first.
template <class S, class... Observers>
bool run(S& stepper, std::int64_t total, Observers&&... observers) {
  static_assert((explain_observer<std::decay_t<Observers>>() && ...));
  require(total >= 1, "the number of steps is ", total, ", expected at least 1");
  auto access = access_to(stepper, total);
  bool stop = false;
  access.stop = [&stop] { stop = true; };
  const auto tell = [&](auto&& what) { (what(observers), ...); };
  tell([&](auto& o) {
    if constexpr (requires { o.on_start(access); }) o.on_start(access);
  });
  try {
    while (stepper.steps_done() < total && !stop && !StopToken::requested()) {
      const auto report = stepper.step(total);
      access.step = stepper.steps_done();
      tell([&](auto& o) { o.on_step(report, access); });
    }
  } catch (...) {
    tell([&](auto& o) {
      if constexpr (requires { o.on_failure(access); }) {
        try {
          o.on_failure(access);
        } catch (const std::exception&) {  // a full disk, say; what stopped the run is told
        }
      }
    });
    throw;
  }
  tell([&](auto& o) {
    if constexpr (requires { o.on_finish(access); }) o.on_finish(access);
  });
  return stepper.steps_done() >= total;
}

}  // namespace nada
