#include "nada/experiment/observers/metrics.hpp"

#include <boost/test/unit_test.hpp>
#include <cstdint>
#include <string>
#include <vector>

#include "nada/adaptation/observer.hpp"
#include "nada/formats/file.hpp"
#include "support/files.hpp"

BOOST_AUTO_TEST_SUITE(experiment_observers_metrics)

using namespace nada;

namespace {

RunAccess run_at(std::int64_t step, const std::vector<std::string>& columns) {
  RunAccess run;
  run.step = step;
  for (const auto& name : columns) run.logged.declare(name);
  return run;
}

void step(MetricsObserver& metrics, RunAccess& run, std::int64_t number, double norm) {
  run.logged.begin_step();
  run.log("norm", norm);
  metrics.on_step({number, 9, 0.25, {{"global", 0.5}}, 0.125, {}}, run);
}

}  // namespace

BOOST_AUTO_TEST_CASE(logged_numbers_are_columns_between_the_terms_and_the_time) {
  const TemporaryFolder folder;
  auto run = run_at(0, {"norm", "rare"});
  MetricsObserver metrics(folder / "metrics.csv", {"global"});
  metrics.on_start(run);
  step(metrics, run, 1, 1.0 / 3);
  step(metrics, run, 2, 4);
  BOOST_TEST(read_text(folder / "metrics.csv") ==
             "step,loss,global,norm,rare,seconds\n"
             "1,0.25,0.5,0.333333333,,0.1250\n"
             "2,0.25,0.5,4,,0.1250\n");
}

BOOST_AUTO_TEST_CASE(a_run_that_goes_on_needs_the_same_columns) {
  const TemporaryFolder folder;
  const auto file = folder / "metrics.csv";
  const std::string text = "step,loss,global,norm,seconds\n1,0.25,0.5,3,0.1250\n";
  const auto resumed = [&](const std::vector<std::string>& columns) {
    write_text(file, text);
    return error_of([&] {
      auto run = run_at(1, columns);
      MetricsObserver metrics(file, {"global"});
      metrics.on_start(run);
      step(metrics, run, 2, 4);
    });
  };
  BOOST_TEST(resumed({"norm"}) == "");
  BOOST_TEST(read_text(file) == text + "2,0.25,0.5,4,0.1250\n");
  for (const auto& other : {std::vector<std::string>{}, {"other"}, {"norm", "other"}})
    BOOST_TEST(resumed(other) == join(file, ": the columns are not those of this run"));
}

BOOST_AUTO_TEST_CASE(a_column_that_comes_too_late_is_refused) {
  const TemporaryFolder folder;
  auto run = run_at(0, {});
  MetricsObserver metrics(folder / "metrics.csv", {"global"});
  metrics.on_start(run);
  run.logged.declare("norm");
  BOOST_TEST(error_of([&] { step(metrics, run, 1, 2); }) ==
             join(folder / "metrics.csv", ": an observer that logs must stand before the one that writes this table"));
}

BOOST_AUTO_TEST_SUITE_END()
