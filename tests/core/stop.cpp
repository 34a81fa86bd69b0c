#include "nada/core/stop.hpp"

#include <sys/wait.h>
#include <unistd.h>

#include <boost/test/unit_test.hpp>

BOOST_AUTO_TEST_SUITE(core_stop)

using nada::StopSignals;
using nada::StopToken;

namespace {

// How a child process ends that runs `body`: its wait status.
template <class Body>
int status_of(Body body) {
  const pid_t child = fork();
  if (child == 0) {
    body();
    _exit(0);
  }
  int status = -1;
  waitpid(child, &status, 0);
  return status;
}

}  // namespace

BOOST_AUTO_TEST_CASE(an_interrupt_or_termination_sets_the_flag_and_the_program_goes_on) {
  for (const int signal : {SIGINT, SIGTERM, SIGHUP}) {
    const int status = status_of([signal] {
      const StopSignals signals;
      const bool before = StopToken::requested();
      std::raise(signal);
      _exit(!before && StopToken::requested() ? 7 : 1);
    });
    BOOST_TEST((WIFEXITED(status) && WEXITSTATUS(status) == 7));
  }
}

BOOST_AUTO_TEST_CASE(a_second_interrupt_ends_the_process_by_the_default_action) {
  for (const int first : {SIGINT, SIGTERM}) {
    const int status = status_of([first] {
      const StopSignals signals;
      std::raise(first);
      std::raise(SIGINT);
    });
    BOOST_TEST((WIFSIGNALED(status) && WTERMSIG(status) == SIGINT));
  }
}

BOOST_AUTO_TEST_CASE(a_repeated_termination_keeps_waiting_and_a_request_from_inside_leaves_the_first_interrupt_free) {
  const int status = status_of([] {
    const StopSignals signals;
    StopToken::request();
    std::raise(SIGINT);
    std::raise(SIGTERM);
    std::raise(SIGTERM);
    _exit(7);
  });
  BOOST_TEST((WIFEXITED(status) && WEXITSTATUS(status) == 7));
}

BOOST_AUTO_TEST_CASE(a_hangup_that_was_ignored_and_a_closed_pipe_change_nothing) {
  const int status = status_of([] {
    std::signal(SIGHUP, SIG_IGN);
    {
      const StopSignals signals;
      std::raise(SIGHUP);
      std::raise(SIGPIPE);
      if (StopToken::requested()) _exit(1);
    }
    std::raise(SIGPIPE);
  });
  BOOST_TEST((WIFSIGNALED(status) && WTERMSIG(status) == SIGPIPE));
}

BOOST_AUTO_TEST_CASE(the_old_handlers_come_back) {
  const int status = status_of([] {
    std::signal(SIGINT, SIG_IGN);
    { const StopSignals signals; }
    std::raise(SIGINT);
    const bool ignored = !StopToken::requested();
    std::signal(SIGTERM, SIG_DFL);
    { const StopSignals signals; }
    if (ignored) std::raise(SIGTERM);
  });
  BOOST_TEST((WIFSIGNALED(status) && WTERMSIG(status) == SIGTERM));
}

BOOST_AUTO_TEST_CASE(a_request_can_be_forgotten) {
  StopToken::request();
  BOOST_TEST(StopToken::requested());
  StopToken::reset();
  BOOST_TEST(!StopToken::requested());
}

BOOST_AUTO_TEST_SUITE_END()
