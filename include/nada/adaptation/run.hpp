/// The loop of an adaptation.
#pragma once
#include <array>
#include <cstdint>
#include <span>
#include <type_traits>

#include "nada/adaptation/any_observer.hpp"
#include "nada/adaptation/observer.hpp"
#include "nada/adaptation/run_log.hpp"
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
  if constexpr (requires { stepper.term_names(); }) out.logged = RunLog(stepper.term_names());
  return out;
}

/// Takes steps until `total` are done or somebody asks to stop, and tells the observers of each step, in their order.
/// What an observer logs is seen by those behind it.
/// Returns whether all steps were done.
/// Errors:  total < 1; the errors of a step, which the observers are told first; the first error of an observer, after
///          the other observers were told of the step.
template <class S>
bool run_observed(S& stepper, std::int64_t total, std::span<const AnyObserver> observers) {
  require(total >= 1, "the number of steps is ", total, ", expected at least 1");
  auto access = access_to(stepper, total);
  bool stop = false;
  access.stop = [&stop] { stop = true; };
  for (const auto& observer : observers) observer.on_start(access);
  try {
    const auto stopped = [&] {
      const bool wanted = stop || StopToken::requested();
      if constexpr (requires { stepper.agree_to_stop(wanted); }) return stepper.agree_to_stop(wanted);
      return wanted;
    };
    while (stepper.steps_done() < total && !stopped()) {
      const auto report = stepper.step(total);
      access.step = stepper.steps_done();
      access.logged.begin_step();
      tell_step(observers, report, access);
    }
  } catch (...) {
    tell_failure(observers, access);
    throw;
  }
  access.logged.end();
  tell_finish(observers, access);
  return stepper.steps_done() >= total;
}

/// Calls run_observed() with observers of any types.
template <class S, class... Observers>
bool run(S& stepper, std::int64_t total, Observers&&... observers) {
  static_assert((explain_observer<std::remove_reference_t<Observers>>() && ...));
  const std::array<AnyObserver, sizeof...(Observers)> told{AnyObserver(observers)...};
  return run_observed(stepper, total, told);
}

}  // namespace nada
