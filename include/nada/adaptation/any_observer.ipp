// Bodies of any_observer.hpp.
#pragma once
#include "nada/adaptation/any_observer.hpp"

#include <exception>
#include <functional>

#include "nada/core/config.hpp"

namespace nada {

namespace detail {
NADA_INLINE void tell_all(std::span<const AnyObserver> observers, const std::function<void(const AnyObserver&)>& tell) {
  std::exception_ptr first;
  for (const auto& observer : observers) {
    try {
      tell(observer);
    } catch (...) {
      if (!first) first = std::current_exception();
    }
  }
  if (first) std::rethrow_exception(first);
}
}  // namespace detail

NADA_INLINE void tell_step(std::span<const AnyObserver> observers, const Report& report, RunAccess& run) {
  detail::tell_all(observers, [&](const auto& observer) { observer.on_step(report, run); });
}

NADA_INLINE void tell_finish(std::span<const AnyObserver> observers, RunAccess& run) {
  detail::tell_all(observers, [&](const auto& observer) { observer.on_finish(run); });
}

NADA_INLINE void tell_failure(std::span<const AnyObserver> observers, RunAccess& run) {
  try {
    detail::tell_all(observers, [&](const auto& observer) { observer.on_failure(run); });
  } catch (const std::exception&) {  // a full disk, say
  }
}

}  // namespace nada
