#include <boost/test/unit_test.hpp>

#include <stdexcept>
#include <string>
#include <vector>

#include "nada/adaptation/delta.hpp"
#include "nada/adaptation/observer.hpp"
#include "nada/adaptation/run.hpp"
#include "nada/adaptation/state.hpp"
#include "nada/core/error.hpp"
#include "nada/core/stop.hpp"
#include "nada/core/tensor.hpp"
#include "support/files.hpp"

BOOST_AUTO_TEST_SUITE(adaptation_run)

using namespace nada;

namespace {

/// Counts, and fails at one step: no generator, no encoder.
struct FakeStepper {
  std::int64_t done = 0, fails_at = -1;
  std::vector<std::int64_t> totals = {};  // that each step was told

  std::int64_t steps_done() const { return done; }
  std::int64_t latent_size() const { return 5; }
  Report step(std::int64_t total) {
    require(done + 1 != fails_at, "step ", fails_at, " failed");
    ++done;
    totals.push_back(total);
    Report out;
    out.step = done;
    out.total = total;
    return out;
  }
  Tensor source_images(const Tensor& z) const { return z + 1; }
  Tensor adapted_images(const Tensor& z) const { return z + static_cast<double>(done); }
  AdaptationState state() const {
    AdaptationState out;
    out.step = done;
    return out;
  }
  Delta delta() const { return {"hash", std::to_string(done), {}}; }
};

using Lines = std::vector<std::string>;

/// Writes down all that it is told.
struct Log {
  Lines* lines;
  std::string name = "";
  void on_start(RunAccess& access) { lines->push_back(join(name, "start ", access.step, " of ", access.total)); }
  void on_step(const Report& report, RunAccess& access) {
    lines->push_back(join(name, "step ", report.step, " ", access.step, " of ", report.total));
  }
  void on_finish(RunAccess& access) { lines->push_back(join(name, "finish ", access.step)); }
  void on_failure(RunAccess& access) {
    lines->push_back(join(name, "failure ", access.step, ", state of ", access.state().step));
  }
};

struct FailsToSave {
  void on_step(const Report&, RunAccess&) {}
  void on_failure(RunAccess&) { fail("the disk is full"); }
};

}  // namespace

BOOST_AUTO_TEST_CASE(takes_the_steps_that_are_left_and_tells_every_observer_in_order) {
  FakeStepper stepper{.done = 3};
  Lines lines;
  BOOST_TEST(run(stepper, 5, Log{&lines, "a "}, Log{&lines, "b "}));
  const Lines expected{"a start 3 of 5",  "b start 3 of 5",  "a step 4 4 of 5", "b step 4 4 of 5",
                       "a step 5 5 of 5", "b step 5 5 of 5", "a finish 5",      "b finish 5"};
  BOOST_TEST(lines == expected, boost::test_tools::per_element());
  BOOST_TEST(stepper.totals == (std::vector<std::int64_t>{5, 5}), boost::test_tools::per_element());
}

BOOST_AUTO_TEST_CASE(a_run_that_is_done_takes_no_step_and_one_without_observers_takes_them_all) {
  FakeStepper stepper;
  BOOST_TEST(run(stepper, 4));
  BOOST_TEST(stepper.done == 4);
  Lines lines;
  BOOST_TEST(run(stepper, 2, Log{&lines}));
  BOOST_TEST(stepper.done == 4);
  BOOST_TEST(lines == (Lines{"start 4 of 2", "finish 4"}), boost::test_tools::per_element());
}

BOOST_AUTO_TEST_CASE(an_observer_stops_it_after_the_step_of_which_all_are_still_told) {
  struct Stopper {
    void on_step(const Report& report, RunAccess& access) {
      if (report.step == 2) access.stop();
    }
  };
  FakeStepper stepper;
  Lines lines;
  BOOST_TEST(!run(stepper, 9, Stopper{}, Log{&lines}));
  BOOST_TEST(lines == (Lines{"start 0 of 9", "step 1 1 of 9", "step 2 2 of 9", "finish 2"}),
             boost::test_tools::per_element());
  FakeStepper last;
  BOOST_TEST(run(last, 2, Stopper{}));  // it stopped at its end: all were done
}

BOOST_AUTO_TEST_CASE(an_observer_sees_the_run_as_it_is_at_that_step) {
  struct Looker {
    std::vector<double> adapted;
    double source = 0;
    Lines deltas;
    void on_step(const Report&, RunAccess& access) {
      const auto z = torch::zeros({1, access.latent_size});
      BOOST_TEST(z.size(1) == 5);
      source = access.source_images(z)[0][0].item<double>();
      adapted.push_back(access.adapted_images(z)[0][0].item<double>());
      deltas.push_back(access.delta().parameterization);
    }
  };
  FakeStepper stepper;
  Looker looker;
  run(stepper, 3, looker);  // the observer itself, not a copy
  BOOST_TEST(looker.source == 1);
  BOOST_TEST(looker.adapted == (std::vector<double>{1, 2, 3}), boost::test_tools::per_element());
  BOOST_TEST(looker.deltas == (Lines{"1", "2", "3"}), boost::test_tools::per_element());
}

BOOST_AUTO_TEST_CASE(a_step_that_fails_is_told_to_all_before_its_error_goes_on) {
  FakeStepper stepper{.fails_at = 2};
  Lines lines;
  const auto error = error_of([&] { run(stepper, 4, FailsToSave{}, Log{&lines}); });
  BOOST_TEST(error == "step 2 failed");  // not that the disk is full
  BOOST_TEST(lines == (Lines{"start 0 of 4", "step 1 1 of 4", "failure 1, state of 1"}),
             boost::test_tools::per_element());
}

BOOST_AUTO_TEST_CASE(errors_of_any_kind_are_told) {
  struct Thrower {
    void on_step(const Report&, RunAccess&) { throw std::length_error("not ours"); }
  };
  FakeStepper stepper;
  Lines lines;
  BOOST_CHECK_THROW(run(stepper, 4, Thrower{}, Log{&lines}), std::length_error);
  BOOST_TEST(lines == (Lines{"start 0 of 4", "failure 1, state of 1"}), boost::test_tools::per_element());
}

BOOST_AUTO_TEST_CASE(a_stop_that_was_asked_for_before_ends_it_without_a_step) {
  FakeStepper stepper;
  Lines lines;
  StopToken::request();
  const bool all = run(stepper, 4, Log{&lines});
  StopToken::reset();
  BOOST_TEST(!all);
  BOOST_TEST(lines == (Lines{"start 0 of 4", "finish 0"}), boost::test_tools::per_element());
}

BOOST_AUTO_TEST_CASE(fewer_than_one_step_are_refused_and_nobody_is_told) {
  FakeStepper stepper;
  Lines lines;
  BOOST_TEST(error_of([&] { run(stepper, 0, Log{&lines}); }) == "the number of steps is 0, expected at least 1");
  BOOST_TEST(error_of([&] { run(stepper, -3); }) == "the number of steps is -3, expected at least 1");
  BOOST_TEST(lines.empty());
}

BOOST_AUTO_TEST_SUITE_END()
