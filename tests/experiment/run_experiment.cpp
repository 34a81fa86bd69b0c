#include "nada/experiment/run_experiment.hpp"

#include <boost/test/unit_test.hpp>
#include <cstdint>
#include <filesystem>
#include <iostream>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "nada/adaptation/observer.hpp"
#include "nada/adaptation/stepper.hpp"
#include "nada/core/tensor.hpp"
#include "nada/experiment/adapt_options.hpp"
#include "nada/experiment/option_table.hpp"
#include "nada/formats/csv.hpp"
#include "nada/formats/file.hpp"
#include "support/files.hpp"
#include "support/option_program.hpp"

BOOST_AUTO_TEST_SUITE(experiment_run_experiment)

using namespace nada;
namespace fs = std::filesystem;

namespace {

/// Counts steps: no generator, no encoder.
class CountingStepper final : public Stepper {
 public:
  Report step(std::int64_t total) override {
    ++step_;
    return {step_, total, 0.5, {{"directional", 0.25}}, 0.125, {}};
  }
  std::int64_t steps_done() const override { return step_; }
  std::vector<std::string_view> term_names() const override { return {"directional"}; }
  LayerSet preview() const override { return {}; }
  Probe probe(const Stream&) const override { fail("nobody asks for a probe"); }
  Delta delta() const override { return {"0123", "full", {{"leaf", torch::ones({2})}}}; }
  AdaptationState state() const override {
    AdaptationState out;
    out.step = step_;
    return out;
  }
  void restore(const AdaptationState& state) override { step_ = state.step; }
  int resolution() const override { return 8; }
  std::span<const Layer> layers() const override { return {}; }
  std::int64_t parameters(std::size_t) const override { return 0; }
  std::int64_t trained_parameters() const override { return 0; }
  std::int64_t latent_size() const override { return 4; }
  std::int64_t style_count() const override { return 1; }
  Tensor source_images(const Tensor& z, bool) const override { return torch::zeros({z.size(0), 3, 8, 8}); }
  Tensor adapted_images(const Tensor& z, bool) const override { return torch::ones({z.size(0), 3, 8, 8}); }

 private:
  std::int64_t step_ = 0;
};

/// Logs the square of each third step, and may fail at one step.
struct Squares {
  static constexpr const char* columns[] = {"square"};
  std::int64_t fails_at = -1;
  void on_step(const Report& report, RunAccess& run) const {
    require(report.step != fails_at, "no square of ", report.step);
    if (report.step % 3 == 0) run.log("square", static_cast<double>(report.step * report.step));
  }
};

struct Watching {
  int steps = 0;
  void on_step(const Report&, RunAccess&) { ++steps; }
};

struct Arguments {
  AdaptOptions options;
  OptionTable table{"program", "adapts", "program"};
  Arguments(const fs::path& folder, std::int64_t steps, bool resume = false) {
    options.declare(table);
    (resume ? options.resume : options.out) = folder;
    options.texts.targets = {"a sketch"};
    options.steps = steps;
    options.samples_every = options.state_every = 2;
  }
};

/// Runs to `steps` and returns the exit code; what a run says goes nowhere.
template <class... Given>
int run_session(const fs::path& folder, std::int64_t steps, bool resume, Given&&... given) {
  const test::Captured out(std::cout), notes(std::cerr);
  Arguments arguments(folder, steps, resume);
  CountingStepper stepper;
  return Session(arguments.options, arguments.table).run(stepper, given...);
}

/// metrics.csv without its last column.
std::string numbers_of(const fs::path& folder) {
  std::string out;
  for (const auto& line : split_at(read_text(folder / "metrics.csv"), '\n'))
    out += line.substr(0, line.rfind(',')) + '\n';
  return out;
}

}  // namespace

BOOST_AUTO_TEST_CASE(observers_of_a_program_are_told_of_every_step_and_what_they_log_is_in_the_folder) {
  const TemporaryFolder folder;
  Watching watching;
  BOOST_TEST(run_session(folder / "run", 4, false, Squares{}, watching) == 0);
  BOOST_TEST(watching.steps == 4);
  BOOST_TEST(numbers_of(folder / "run") ==
             "step,loss,directional,square\n"
             "1,0.5,0.25,\n2,0.5,0.25,\n3,0.5,0.25,9\n4,0.5,0.25,\n\n");
  const auto report = read_text(folder / "run" / "report.html");
  BOOST_TEST(report.find("square <span>9 at 3</span>") != std::string::npos);  // of its only point
  BOOST_TEST(!fs::exists(folder / "run" / "events.out.tfevents.0"));
}

BOOST_AUTO_TEST_CASE(observers_scores_and_neither_may_be_given) {
  const TemporaryFolder folder;
  const auto scores = [] { return std::vector<double>{}; };
  Watching watching;
  const Squares constant;
  BOOST_TEST(run_session(folder / "1", 1, false) == 0);
  BOOST_TEST(run_session(folder / "2", 1, false, scores) == 0);
  BOOST_TEST(run_session(folder / "3", 1, false, scores, watching, constant) == 0);
  BOOST_TEST(run_session(folder / "4", 1, false, constant, watching) == 0);
  BOOST_TEST(watching.steps == 2);
}

BOOST_AUTO_TEST_CASE(a_run_that_goes_on_has_the_same_numbers_and_needs_the_same_columns) {
  const TemporaryFolder folder;
  run_session(folder / "whole", 7, false, Squares{});
  run_session(folder / "parts", 4, false, Squares{});
  BOOST_TEST(error_of([&] { run_session(folder / "parts", 7, true, Watching{}); }) ==
             join(folder / "parts" / "metrics.csv", ": the columns are not those of this run"));
  run_session(folder / "parts", 7, true, Squares{});
  BOOST_TEST(numbers_of(folder / "parts") == numbers_of(folder / "whole"));
}

BOOST_AUTO_TEST_CASE(a_run_that_an_observer_ends_with_an_error_can_go_on) {
  const TemporaryFolder folder;
  run_session(folder / "whole", 7, false, Squares{});
  BOOST_TEST(error_of([&] { run_session(folder / "failed", 7, false, Squares{.fails_at = 5}); }) == "no square of 5");
  run_session(folder / "failed", 7, true, Squares{});  // step 5 has its row, without a square, which it never had
  BOOST_TEST(numbers_of(folder / "failed") == numbers_of(folder / "whole"));
}

BOOST_AUTO_TEST_SUITE_END()
