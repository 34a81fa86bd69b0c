#include "nada/experiment/run_comparison.hpp"

#include <boost/test/unit_test.hpp>
#include <cmath>
#include <cstddef>
#include <filesystem>
#include <string>
#include <vector>

#include "nada/core/error.hpp"
#include "nada/formats/file.hpp"
#include "support/ablation_example.hpp"
#include "support/files.hpp"

BOOST_AUTO_TEST_SUITE(experiment_run_comparison, *boost::unit_test::tolerance(1e-9))

using namespace nada;
using Words = std::vector<std::string>;

namespace {

/// Writes the folder of a finished run with a loss of `loss` in each of its 12 steps but the first two, where it is 100.
std::filesystem::path write_run(const TemporaryFolder& folder, const std::string& name, const std::string& options,
                                double loss) {
  const auto path = folder / name;
  std::filesystem::create_directories(path);
  write_text(path / "options.cfg",
             "# adapt of nada 1.2.3 (abc); --config with this file repeats the run\nsteps = 12\n" + options);
  std::string metrics = "step,loss,global,mine,seconds\n";
  for (int step = 1; step <= 12; ++step)
    metrics += join(step, ",", step <= 2 ? 100 : loss, ",", 2 * loss, ",", step == 12 ? "" : "3", ",0.5\n");
  write_text(path / "metrics.csv", metrics);
  write_text(path / "adapted.safetensors", "a delta");
  return path;
}

const Cell& cell(const Table& table, std::size_t row, const std::string& column) {
  const auto place = std::find(table.columns.begin(), table.columns.end(), column);
  BOOST_TEST_REQUIRE((place != table.columns.end()), column);
  return table.rows.at(row).at(static_cast<std::size_t>(place - table.columns.begin()));
}

}  // namespace

BOOST_AUTO_TEST_CASE(a_run_has_the_means_of_its_last_steps) {
  const TemporaryFolder folder;
  const auto run = read_run(write_run(folder, "a", "lr = 0.1\nterm = x=1\nterm = y=1\n", 4));
  BOOST_TEST(run.steps == 12);
  BOOST_TEST(run.seconds == 6);
  BOOST_TEST(run.code == "adapt of nada 1.2.3 (abc)");
  BOOST_TEST(run.trouble.empty());
  BOOST_TEST(run.options.at("term") == "x=1 y=1");
  BOOST_TEST_REQUIRE(run.numbers.size() == 3U);
  BOOST_TEST(run.numbers[0].first == "loss");
  BOOST_TEST(run.numbers[0].second.value == 4);
  BOOST_TEST(run.numbers[1].second.value == 8);
  BOOST_TEST(run.numbers[2].second.value == 3);  // of the steps that have it
}

BOOST_AUTO_TEST_CASE(only_options_that_differ_are_columns_and_one_file_has_one_name) {
  const TemporaryFolder folder;
  const auto one = write_run(folder, "one", "lr = 0.1\nseed = 1\ngenerator = ../models/g.pt\nmine = 3\n", 1);
  const auto two = write_run(folder, "deep/two", "lr = 0.2\nseed = 1\ngenerator = ../../models/g.pt\nmine = 4\n", 2);
  const auto table = compare_runs({read_run(one), read_run(two)}, false);
  BOOST_TEST(table.columns == (Words{"run", "lr", "mine", "steps", "loss", "global", "mine", "seconds", "code"}),
             boost::test_tools::per_element());
  BOOST_TEST(cell(table, 0, "lr").text == "0.1");
  BOOST_TEST(cell(table, 1, "loss").estimate.value == 2);
  BOOST_TEST(!cell(table, 1, "loss").estimate.has_interval());
}

BOOST_AUTO_TEST_CASE(seeds_of_the_same_options_are_one_row_of_means) {
  const TemporaryFolder folder;
  std::vector<FinishedRun> runs;
  for (int seed = 0; seed < 3; ++seed)
    runs.push_back(read_run(
        write_run(folder, join("a", seed), join("lr = 0.1\nthreads = ", seed, "\nseed = ", seed, "\n"), seed)));
  runs.push_back(read_run(write_run(folder, "b", "lr = 0.2\nthreads = 1\nseed = 0\n", 7)));
  const auto table = compare_runs(runs, true);
  BOOST_TEST(Words(table.columns.begin(), table.columns.begin() + 5) == (Words{"run", "runs", "lr", "steps", "loss"}),
             boost::test_tools::per_element());
  BOOST_TEST_REQUIRE(table.rows.size() == 2U);
  BOOST_TEST(cell(table, 0, "runs").text == "3");
  BOOST_TEST(cell(table, 0, "loss").estimate.value == 1);
  BOOST_TEST(cell(table, 0, "loss").estimate.half_width == 4.302652729749464 / std::sqrt(3.0));  // t of 2 degrees
  BOOST_TEST(cell(table, 1, "runs").text == "1");
  BOOST_TEST(!cell(table, 1, "loss").estimate.has_interval());
  BOOST_TEST(compare_runs(runs, false).rows.size() == 4U);
}

BOOST_AUTO_TEST_CASE(measures_of_evaluate_are_found_in_the_folder_and_beside_it) {
  const TemporaryFolder folder;
  const auto path = write_run(folder, "a", "seed = 1\n", 1);
  const auto delta = (path / "adapted.safetensors").string();
  write_text(path / "evaluation.json",
             R"([{"generator": "other.safetensors", "found": {"value": 0.1}},
                 {"generator": ")" +
                 delta + R"(", "samples": "200", "found": {"value": 0.95, "low": 0.91, "high": 0.97}}])");
  write_text(folder / "a.json", R"([{"generator": ")" + delta + R"(", "frechet": {"value": 3, "low": 2, "high": 4}}])");
  const auto run = read_run(path);
  BOOST_TEST_REQUIRE(run.numbers.size() == 5U);
  BOOST_TEST(run.numbers[3].first == "found");
  BOOST_TEST(run.numbers[3].second.value == 0.95);
  BOOST_TEST(run.numbers[3].second.low() == 0.91);
  BOOST_TEST(run.numbers[3].second.high() == 0.97);
  BOOST_TEST(run.numbers[3].second.share_of == 200);
  BOOST_TEST(run.numbers[4].first == "frechet");
  BOOST_TEST(run.numbers[4].second.half_width == 1);
}

BOOST_AUTO_TEST_CASE(what_is_unfinished_or_damaged_is_told) {
  const TemporaryFolder folder;
  Words troubles;
  const auto unfinished = write_run(folder, "unfinished", "seed = 1\n", 1);
  write_text(unfinished / "metrics.csv", "step,loss,seconds\n1,2,0.5\n");
  BOOST_TEST(read_runs(unfinished, troubles).size() == 1U);
  const auto without = write_run(folder, "without", "seed = 1\n", 1);
  std::filesystem::remove(without / "adapted.safetensors");
  BOOST_TEST(read_runs(without.string() + "/", troubles).size() == 1U);
  const auto damaged = write_run(folder, "damaged", "seed = 1\n", 1);
  write_text(damaged / "metrics.csv", "step,loss,seconds\n1,two,0.5\n");
  BOOST_TEST(read_runs(damaged, troubles).empty());
  BOOST_TEST(read_runs(folder / "missing", troubles).empty());
  BOOST_TEST(troubles == (Words{join(unfinished.string(), " is unfinished: 1 of 12 steps"),
                                join(without.string(), " is unfinished: it has no adapted.safetensors"),
                                join(damaged / "metrics.csv", " is damaged: found 'two', expected a number"),
                                join(folder / "missing", " is no folder of a run")}),
             boost::test_tools::per_element());
}

BOOST_AUTO_TEST_CASE(cells_of_an_ablation_are_runs) {
  const test::AblationExample example;
  const auto plan = example.plan({"a", "b"});
  write_text(example.options.out / "options.cfg", "targets = zombie\nsteps = 9\nlr = 0.5\n");
  for (std::int64_t n = 0; n < 4; ++n)
    test::write_cell(plan, n, {}, "[" + test::metric_json("found", n < 2 ? 1 : 0.5, 50) + "]");
  write_text(plan.file(4), "{");
  Words troubles;
  const auto runs = read_runs(example.options.out, troubles);
  BOOST_TEST_REQUIRE(runs.size() == 4U);
  BOOST_TEST(troubles == (Words{join(plan.file(4), " is damaged; remove it to run the cell again")}),
             boost::test_tools::per_element());
  const auto table = compare_runs(runs, true);
  BOOST_TEST(table.columns == (Words{"run", "runs", "variant", "steps", "loss", "found", "seconds", "code"}),
             boost::test_tools::per_element());
  BOOST_TEST_REQUIRE(table.rows.size() == 2U);
  BOOST_TEST(cell(table, 0, "run").text == (example.options.out / "a.zombie.0").string());
  BOOST_TEST(cell(table, 0, "found").estimate.value == 0.75);
  BOOST_TEST(cell(table, 0, "found").estimate.share_of == 50);
  BOOST_TEST(cell(table, 0, "steps").text == "9");
}

BOOST_AUTO_TEST_SUITE_END()
