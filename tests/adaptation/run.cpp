#include <boost/test/unit_test.hpp>

#include <stdexcept>
#include <string>
#include <string_view>
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

/// Logs in every second step.
struct Half {
  static constexpr const char* columns[] = {"half"};
  void on_step(const Report& report, RunAccess& access) const {
    if (report.step % 2 == 0) access.log("half", static_cast<double>(report.step) / 2);
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
  // the other observers are told of the step, because it was taken
  BOOST_TEST(lines == (Lines{"start 0 of 4", "step 1 1 of 4", "failure 1, state of 1"}),
             boost::test_tools::per_element());
}

BOOST_AUTO_TEST_CASE(the_first_of_two_errors_is_told_and_all_may_finish) {
  struct Failing {
    std::string name;
    void on_step(const Report&, RunAccess&) {}
    void on_finish(RunAccess&) { fail(name, " failed"); }
  };
  FakeStepper stepper;
  Lines lines;
  BOOST_TEST(error_of([&] { run(stepper, 1, Failing{"one"}, Failing{"two"}, Log{&lines}); }) == "one failed");
  BOOST_TEST(lines == (Lines{"start 0 of 1", "step 1 1 of 1", "finish 1"}), boost::test_tools::per_element());
}

BOOST_AUTO_TEST_CASE(what_an_observer_logs_is_seen_by_those_behind_it_for_that_step) {
  struct Seeing {
    Lines* lines;
    void on_start(RunAccess& access) { tell("start", access); }
    void on_step(const Report&, RunAccess& access) { tell("step", access); }
    void tell(const char* when, const RunAccess& access) const {
      lines->push_back(when);
      for (const auto& column : access.logged.columns())
        lines->back() += join(" ", column.name, column.value ? join("=", *column.value) : "");
    }
  };
  FakeStepper stepper;
  Lines lines;
  run(stepper, 3, Half{}, Seeing{&lines});
  BOOST_TEST(lines == (Lines{"start half", "step half", "step half=1", "step half"}), boost::test_tools::per_element());
}

BOOST_AUTO_TEST_CASE(columns_are_declared_in_three_ways) {
  struct ByFunction {
    Lines names;
    const Lines& columns() const { return names; }
    void on_step(const Report&, RunAccess&) {}
  };
  struct ByLogging {
    void on_start(RunAccess& access) { access.log("logged", 1); }
    void on_step(const Report&, RunAccess& access) { access.log("logged", 2); }
  };
  struct ByMember {
    Lines columns{"member", "member too"};
    void on_step(const Report&, RunAccess&) {}
  };
  struct Counting {
    Lines names;
    void on_step(const Report&, RunAccess& access) {
      for (const auto& column : access.logged.columns()) names.push_back(column.name);
    }
  };
  FakeStepper stepper;
  Counting counting;
  run(stepper, 1, ByFunction{{"a", "b"}}, ByLogging{}, ByMember{}, counting);
  BOOST_TEST(counting.names == (Lines{"a", "b", "logged", "member", "member too"}), boost::test_tools::per_element());
}

BOOST_AUTO_TEST_CASE(a_number_that_no_column_can_hold_is_refused) {
  struct Logging {
    std::string start, step = "", finish = "";
    void on_start(RunAccess& access) {
      if (!start.empty()) access.log(start, 0);
    }
    void on_step(const Report&, RunAccess& access) {
      if (!step.empty()) access.log(step, 0);
    }
    void on_finish(RunAccess& access) {
      if (!finish.empty()) access.log(finish, 0);
    }
  };
  struct Named : FakeStepper {
    std::vector<std::string_view> term_names() const { return {"directional"}; }
  };
  const auto refused = [](auto... logging) {
    Named stepper;
    return error_of([&] { run(stepper, 2, logging...); });
  };
  BOOST_TEST(refused(Logging{"norm", "norm"}) == "");
  BOOST_TEST(
      refused(Logging{"", "norm"}) ==
      "the number \"norm\" was not declared before the first step: name it in the observer's `columns`, or log it "
      "in on_start too");
  BOOST_TEST(refused(Logging{"norm", "norm"}, Logging{"norm", "norm"}) ==
             "the number \"norm\" was logged twice in one step: do two observers share it?");
  BOOST_TEST(refused(Logging{"norm", "norm", "norm"}) ==
             "the number \"norm\" was logged after the last step: log it in on_step");
  for (const char* taken : {"step", "loss", "seconds", "directional"})
    BOOST_TEST(refused(Logging{taken}) ==
               join("no number can be logged as \"", taken, "\": metrics.csv has a column of that name already"));
  for (const std::string& name :
       {std::string("a,b"), std::string("a\nb"), std::string("say \"x\""), std::string("\xFF"), std::string(101, 'a')})
    BOOST_TEST(refused(Logging{name}).find("expected a name of 1 to 100 bytes of UTF-8") != std::string::npos);
  BOOST_TEST(refused(Logging{"grad/conv.4 \xC3\xA4"}) == "");
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
