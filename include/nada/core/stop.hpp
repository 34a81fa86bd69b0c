/// Stops a run from outside: the step in progress ends, its state is saved, the program leaves.
#pragma once
#include <array>
#include <atomic>
#include <csignal>  // with POSIX: sigaction

#include "nada/core/error.hpp"

namespace nada {

/// StopToken says whether somebody asked the program to stop. Long loops read it between steps.
class StopToken {
 public:
  static bool requested() noexcept { return requested_.load(std::memory_order_relaxed); }
  /// Asks the program to stop from inside (an observer that has seen enough, a test).
  static void request() noexcept { requested_.store(true, std::memory_order_relaxed); }
  /// Forgets earlier requests.
  static void reset() noexcept {
    requested_.store(false, std::memory_order_relaxed);
    signalled_.store(false, std::memory_order_relaxed);
  }

 private:
  friend class StopSignals;
  static inline std::atomic<bool> requested_ = false;
  static inline std::atomic<bool> signalled_ = false;
  static_assert(std::atomic<bool>::is_always_lock_free, "a signal handler writes these");
};

/// While a StopSignals object lives, SIGINT, SIGTERM and SIGHUP (a closed terminal) set StopToken; a SIGHUP that was
/// ignored before, as under nohup, stays ignored. A SIGINT after that ends the process at once by the default action, so
/// that a second Ctrl-C always works. SIGPIPE is ignored: a run does not end because nobody reads its progress any
/// more. The destructor puts the earlier handlers back.
class StopSignals {
 public:
  StopSignals() {
    for (auto& [signal, before] : before_) {
      struct sigaction action = {};
      action.sa_handler = signal == SIGPIPE ? SIG_IGN : handle;
      action.sa_flags = SA_RESTART;  // reads and writes in progress go on
      sigemptyset(&action.sa_mask);
      require(sigaction(signal, nullptr, &before) == 0, "cannot read the handler of signal ", signal);
      if (signal == SIGHUP && before.sa_handler == SIG_IGN) continue;
      require(sigaction(signal, &action, nullptr) == 0, "cannot install a handler for signal ", signal);
    }
  }
  StopSignals(const StopSignals&) = delete;
  StopSignals& operator=(const StopSignals&) = delete;
  ~StopSignals() {
    for (const auto& [signal, before] : before_) sigaction(signal, &before, nullptr);
  }

 private:
  static void handle(int signal) {
    if (StopToken::signalled_.exchange(true) && signal == SIGINT) {
      std::signal(SIGINT, SIG_DFL);
      std::raise(SIGINT);  // blocked while the handler runs; ends the process when the handler returns
    }
    StopToken::request();
  }

  struct Handler {
    int signal;
    struct sigaction before = {};
  };
  std::array<Handler, 4> before_ = {Handler{SIGINT}, Handler{SIGTERM}, Handler{SIGHUP}, Handler{SIGPIPE}};
};

}  // namespace nada
