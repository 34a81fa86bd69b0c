/// Observers whose types the loop need not know.
#pragma once
#include <iterator>
#include <memory>
#include <span>
#include <type_traits>

#include "nada/adaptation/observer.hpp"

namespace nada {

/// AnyObserver refers to an observer of any type, which must outlive it. The loop of a run is thus compiled once,
/// whatever watches the run.
class AnyObserver {
 public:
  template <class O>
  requires(!std::is_same_v<std::remove_const_t<O>, AnyObserver>) explicit AnyObserver(O& observer)
      : observer_(const_cast<void*>(static_cast<const void*>(std::addressof(observer)))), calls_(&calls_of<O>) {
    static_assert(explain_observer<O>());
  }

  /// Declares the columns that the observer names, then calls its on_start where there is one.
  void on_start(RunAccess& run) const { calls_->start(observer_, run); }
  void on_step(const Report& report, RunAccess& run) const { calls_->step(observer_, report, run); }
  void on_finish(RunAccess& run) const { calls_->finish(observer_, run); }
  void on_failure(RunAccess& run) const { calls_->failure(observer_, run); }

 private:
  struct Calls {
    void (*start)(void*, RunAccess&);
    void (*step)(void*, const Report&, RunAccess&);
    void (*finish)(void*, RunAccess&);
    void (*failure)(void*, RunAccess&);
  };

  template <class O>
  static void declare_columns(O& observer, RunAccess& run) {
    if constexpr (requires { std::begin(observer.columns()); }) {
      for (const auto& name : observer.columns()) run.logged.declare(name);
    } else if constexpr (requires { std::begin(observer.columns); }) {
      for (const auto& name : observer.columns) run.logged.declare(name);
    }
  }

  template <class O>
  static constexpr Calls calls_of = {
      [](void* observer, RunAccess& run) {
        auto& o = *static_cast<O*>(observer);
        declare_columns(o, run);
        if constexpr (requires { o.on_start(run); }) o.on_start(run);
      },
      [](void* observer, const Report& report, RunAccess& run) { static_cast<O*>(observer)->on_step(report, run); },
      [](void* observer, RunAccess& run) {
        [[maybe_unused]] auto& o = *static_cast<O*>(observer);
        if constexpr (requires { o.on_finish(run); }) o.on_finish(run);
      },
      [](void* observer, RunAccess& run) {
        [[maybe_unused]] auto& o = *static_cast<O*>(observer);
        if constexpr (requires { o.on_failure(run); }) o.on_failure(run);
      }};

  void* observer_;
  const Calls* calls_;
};

/// Tells all observers in their order, also where one of them fails, so that what they write agrees: a row of
/// metrics.csv for each step of the state. The first error goes on afterwards.
void tell_step(std::span<const AnyObserver> observers, const Report& report, RunAccess& run);
void tell_finish(std::span<const AnyObserver> observers, RunAccess& run);
/// Tells all observers; what they throw is dropped, because the error that stopped the run is the one to be told.
void tell_failure(std::span<const AnyObserver> observers, RunAccess& run);

}  // namespace nada

#ifndef NADA_COMPILED
#include "nada/adaptation/any_observer.ipp"
#endif
