#include "nada/experiment/ablation_results.hpp"

#include <array>
#include <boost/test/unit_test.hpp>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <string>
#include <vector>

#include "nada/core/error.hpp"
#include "nada/experiment/ablation_cell.hpp"
#include "nada/experiment/ablation_plan.hpp"
#include "nada/experiment/ablation_power.hpp"
#include "nada/experiment/table.hpp"
#include "nada/formats/file.hpp"
#include "nada/metrics/estimate.hpp"
#include "support/ablation_example.hpp"
#include "support/files.hpp"

BOOST_AUTO_TEST_SUITE(experiment_ablation_results, *boost::unit_test::tolerance(1e-9))

using namespace nada;
using test::AblationExample;
using test::metric_json;
using test::write_cell;
using Names = std::vector<std::string>;

namespace {

constexpr double t1 = 12.706204736174698, t2 = 4.302652729749464;  // limits of t with 1 and 2 degrees at 95%

/// The cells of control and other on zombie and sketch. By the order of the plan the score is
///     zombie.0, zombie.1, sketch.0, sketch.1:     control 1 2 3 4,  other 2 2 5 5
/// Cells of sketch lack the Frechet distance, and each variant has a term of its own beside one of both.
void write_cells(const AblationPlan& plan) {
  const std::array<double, 8> scores{1, 2, 2, 2, 3, 5, 4, 5};
  for (std::int64_t n = 0; n < 8; ++n)
    write_cell(plan, n, {n % 2 == 0 ? 1. : 2., n % 2 == 0 ? 10 : n / 4 + 20, 100 + static_cast<double>(n) / 4},
               join("[", metric_json("text_score", scores.at(static_cast<std::size_t>(n))), ", ",
                    n < 4 ? metric_json("frechet", 3) + ", " : "", metric_json("pixels", 0.25), ", ",
                    metric_json("spread", 7), ", ", metric_json("term:range", 0.5), ", ",
                    metric_json(n % 2 == 0 ? "term:global" : "term:mine", 0.125), "]"));
}

std::string damaged(const std::filesystem::path& file) {
  return join(file, " is damaged; remove it to run the cell again");
}

void check(const Cell& cell, double mean, double half_width) {
  BOOST_TEST_REQUIRE(cell.is_number);
  BOOST_TEST(cell.estimate.value == mean);
  BOOST_TEST(cell.estimate.half_width == half_width);
}

}  // namespace

BOOST_AUTO_TEST_CASE(columns_are_what_all_cells_of_some_variant_hold) {
  const AblationExample example;
  const auto plan = example.plan({"control", "other"});
  write_cells(plan);
  const AblationResults results(plan);
  BOOST_TEST(results.metrics() == (Names{"text_score", "pixels", "spread", "term:range", "term:mine", "term:global"}),
             boost::test_tools::per_element());
  BOOST_TEST(results.count("frechet") == 4U);
  BOOST_TEST(
      results.cells().csv() ==
      "variant,target,seed,seconds,parameters,peak_mib,text_score,pixels,spread,term:range,term:mine,term:global\n"
      "control,zombie,0,1,10,100,1,0.25,7,0.5,,0.125\n"
      "other,zombie,0,2,20,100.25,2,0.25,7,0.5,0.125,\n"
      "control,zombie,1,1,10,100.5,2,0.25,7,0.5,,0.125\n"
      "other,zombie,1,2,20,100.75,2,0.25,7,0.5,0.125,\n"
      "control,sketch,0,1,10,101,3,0.25,7,0.5,,0.125\n"
      "other,sketch,0,2,21,101.25,5,0.25,7,0.5,0.125,\n"
      "control,sketch,1,1,10,101.5,4,0.25,7,0.5,,0.125\n"
      "other,sketch,1,2,21,101.75,5,0.25,7,0.5,0.125,\n");
  BOOST_TEST(results.means().rows[0][5].text.empty());
  BOOST_TEST(!results.means().rows[0][5].is_number);
  check(results.means().rows[1][5], 0.125, 0);
  BOOST_TEST(!results.differences().rows[0][5].is_number);
}

BOOST_AUTO_TEST_CASE(means_and_differences_are_over_targets_of_means_over_seeds) {
  const AblationExample example;
  const auto plan = example.plan({"control", "other"});
  write_cells(plan);
  const AblationResults results(plan);
  const auto means = results.means();
  BOOST_TEST_REQUIRE(means.rows.size() == 2U);
  BOOST_TEST(means.rows[0][0].text == "control");
  check(means.rows[0][1], 2.5, t1 * 1);    // 1.5 and 3.5
  check(means.rows[1][1], 3.5, t1 * 1.5);  // 2 and 5
  const auto differences = results.differences();
  BOOST_TEST_REQUIRE(differences.rows.size() == 1U);
  BOOST_TEST(differences.rows[0][0].text == "other");
  check(differences.rows[0][1], 1, t1 * 0.5);  // 1 0 and 2 1: narrower than either mean's
  check(differences.rows[0][2], 0, 0);
  const auto costs = results.costs();
  check(costs.rows[1][1], 2, 0);
  BOOST_TEST(costs.rows[1][2].text == "21");   // the mean of 20 20 21 21, rounded
  BOOST_TEST(costs.rows[1][3].text == "102");  // the most of 100.25 ... 101.75
}

BOOST_AUTO_TEST_CASE(the_page_says_what_was_measured_and_shows_the_tables) {
  const AblationExample example;
  const auto plan = example.plan({"control", "other"});
  write_cells(plan);
  BOOST_TEST(
      AblationResults(plan).page() ==
      "Mean over 2 targets (zombie, sketch) of the mean over 2 seeds; 120 steps of 4, 200 samples measured by "
      "held.safetensors. ± is the 95% t-interval over the 2 targets; shares, as low to high, have Wilson's, of as "
      "many samples as their spread over the 2 targets is worth.\n\n"
      "| variant | text_score | pixels | spread |\n|---|---|---|---|\n"
      "| control | 2 ± 13 | 0.25 ± 0 | 7 ± 0 |\n"
      "| other | 4 ± 19 | 0.25 ± 0 | 7 ± 0 |\n"
      "\nDifferences to `control` on the same target and seed; * marks what stands at 0.05, by Holm's correction "
      "for the 3 comparisons of this table:\n\n"
      "| variant | text_score | pixels | spread |\n|---|---|---|---|\n"
      "| other | 1.0 ± 6.4 | 0 ± 0 | 0 ± 0 |\n"
      "\nCost of a cell (one thread; most memory over the cells):\n\n"
      "| variant | seconds | parameters | peak_mib |\n|---|---|---|---|\n"
      "| control | 1 ± 0 | 10 | 102 |\n"
      "| other | 2 ± 0 | 21 | 102 |\n");
}

BOOST_AUTO_TEST_CASE(one_target_is_over_its_seeds_and_says_so) {
  AblationExample example;
  example.options.targets = "ink";
  example.options.seeds = 3;
  const auto plan = example.plan({"control"});
  for (std::int64_t n = 0; n < 3; ++n)
    write_cell(plan, n, {}, "[" + metric_json("identity", static_cast<double>(n)) + "]");
  const AblationResults results(plan);
  check(results.means().rows[0][1], 1, t2 * std::sqrt(1.0 / 3));
  BOOST_TEST(results.page().find("Mean over 1 target (ink) of the mean over 3 seeds; ") == 0U);
  BOOST_TEST(
      results.page().find("t-interval over the 3 seeds of this one target, and says nothing of other targets;") !=
      std::string::npos);
}

BOOST_AUTO_TEST_CASE(a_single_cell_has_intervals_of_shares_alone) {
  AblationExample example;
  example.options.targets = "ink";
  example.options.seeds = 1;
  const auto plan = example.plan({"control"});
  write_cell(plan, 0, {}, "[" + metric_json("found", 1, 200) + ", " + metric_json("identity", 0.5) + "]");
  const AblationResults results(plan);
  BOOST_TEST(results.means().rows[0][1].estimate.low() == 0.9811546736227335);  // binomtest(200, 200), Wilson, of SciPy
  BOOST_TEST(results.means().csv().find("control,1,0.98") != std::string::npos);
  BOOST_TEST(!results.means().rows[0][2].estimate.has_interval());
  BOOST_TEST(results.differences().rows.empty());
  BOOST_TEST(results.page().find("only shares have an interval") != std::string::npos);
  BOOST_TEST(results.page().find("Differences") == std::string::npos);
}

BOOST_AUTO_TEST_CASE(shares_of_one_are_never_certain) {
  AblationExample example;
  example.options.targets = "ink,sketch,zombie";
  const auto plan = example.plan({"control", "other"});
  for (std::int64_t n = 0; n < plan.size(); ++n)
    write_cell(plan, n, {}, "[" + metric_json("found", 1, 200) + ", " + metric_json("recall", 0, 48) + "]");
  const AblationResults results(plan);
  const auto found = results.means().rows[0][1].estimate, recall = results.means().rows[0][2].estimate;
  BOOST_TEST(found.low() == 600 / (600 + t2 * t2));  // the samples of a target count once, whatever the seeds
  BOOST_TEST(found.high() == 1);
  BOOST_TEST(recall.high() == 1 - 144 / (144 + t2 * t2));
  BOOST_TEST(results.differences().rows[0][1].estimate.half_width > 0);
  BOOST_TEST(results.page().find("1 ± 0 |\n| other") == std::string::npos);
}

BOOST_AUTO_TEST_CASE(comparisons_are_corrected_together_and_stars_mark_those_that_stand) {
  AblationExample example;
  example.options.targets = "ink,sketch,zombie";
  example.options.seeds = 1;
  const auto plan = example.plan({"control", "clear", "vague"});
  const std::array<double, 3> clear{1.00, 1.01, 0.99}, vague{0.5, 0.1, 0.4};
  for (std::int64_t n = 0; n < plan.size(); ++n) {
    const auto target = static_cast<std::size_t>(n / 3);
    const double score = n % 3 == 0 ? 0 : n % 3 == 1 ? clear.at(target) : vague.at(target);
    write_cell(plan, n, {}, "[" + metric_json("text_score", score) + ", " + metric_json("pairwise", n % 3 == 2) + "]");
  }
  const AblationResults results(plan);
  const auto compared = results.comparisons();
  BOOST_TEST_REQUIRE(compared.size() == 2U);  // pairwise is on no page
  // scipy.stats.ttest_1samp([1, 1.01, 0.99], 0) and ([0.5, 0.1, 0.4], 0) of SciPy 1.17
  BOOST_TEST(compared[0].p == 3.3331666759253925e-05, boost::test_tools::tolerance(1e-8));
  BOOST_TEST(compared[0].p_holm == 2 * compared[0].p);
  BOOST_TEST(compared[1].p == 0.10912919362525206);
  BOOST_TEST(compared[1].p_holm == compared[1].p);
  BOOST_TEST(results.page().find("| clear | 1.000 ± 0.025* |") != std::string::npos);
  BOOST_TEST(results.page().find("| vague | 0.33 ± 0.52 |") != std::string::npos);
}

BOOST_AUTO_TEST_CASE(cells_of_the_first_form_are_read) {
  AblationExample example;
  const auto plan = example.plan({"control", "other"});
  for (std::int64_t n = 0; n < plan.size(); ++n)
    write_cell(plan, n, {}, R"({"cmmd": 2, "found": 1, "pixels": 0.25, "text_score": 3, "unknown": 7})");
  const AblationResults results(plan);
  BOOST_TEST(results.metrics() == (Names{"found", "text_score", "cmmd", "pixels", "unknown"}),
             boost::test_tools::per_element());
  BOOST_TEST(results.means().rows[0][1].estimate.low() == 400 / (400 + t1 * t1));
}

BOOST_AUTO_TEST_CASE(a_damaged_cell_is_named) {
  const AblationExample example;
  const auto plan = example.plan({"control", "other"});
  write_cells(plan);
  const auto file = plan.file(3);
  const auto whole = read_text(file);
  for (const std::string& text :
       {std::string(), whole.substr(0, whole.size() / 2), std::string("[1]"), std::string(R"({"variant": "other"})"),
        whole.substr(0, whole.find("\"metrics")) + "\"metrics\": 3}",
        whole.substr(0, whole.find("\"metrics")) + "\"metrics\": [3]}",
        whole.substr(0, whole.find("\"metrics")) + R"("metrics": [{"name": "found"}]})",
        whole.substr(0, whole.find("0.25")) + "null}]}",
        whole.substr(0, whole.find("\"metrics")) + R"("metrics": {"found": null}})"}) {
    write_text(file, text);
    BOOST_TEST(error_of([&] { AblationResults{plan}; }) == damaged(file), text);
  }
  std::filesystem::remove(file);
  BOOST_TEST(error_of([&] { AblationResults{plan}; }).find(file.string()) != std::string::npos);
}

BOOST_AUTO_TEST_CASE(power_counts_targets_from_the_cells_that_are_there) {
  AblationExample example;
  example.options.seeds = 2;
  const auto plan = example.plan({"control", "other"});
  BOOST_TEST(error_of([&] { power_page(plan, "1"); }).find("no cell is in") != std::string::npos);
  write_cells(plan);
  // Differences 1 0 and 2 1: within 0.5, between 0.5 - 0.5 / 2; counted up with scipy.stats.nct of SciPy 1.17
  const auto page = power_page(plan, "text_score=1");
  BOOST_TEST(page.find("| text_score | between targets | within targets | 1 seed | 3 seeds | 5 seeds | 10 seeds |\n"
                       "|---|---|---|---|---|---|---|\n"
                       "| other | 0.5 | 0.7071 | 9 | 6 | 5 | 5 |\n") != std::string::npos,
             page);
  BOOST_TEST(page.find("pixels") == std::string::npos);
  BOOST_TEST(power_page(plan, "1").find("pixels") != std::string::npos);
  std::filesystem::remove(plan.file(7));  // a difference less
  BOOST_TEST(power_page(plan, "text_score=1") != page);
  BOOST_TEST(error_of([&] { power_page(plan, "nothing=1"); }) == "option power: no cell has the metric 'nothing'");
  BOOST_TEST(error_of([&] { power_page(plan, "text_score=x"); }) == "option power: expected a number, found 'x'");
  BOOST_TEST(error_of([&] { power_page(plan, "0"); }) == "option power: expected a difference > 0, found 0");
  for (std::int64_t n = 4; n < 7; ++n) std::filesystem::remove(plan.file(n));
  BOOST_TEST(error_of([&] { power_page(plan, "1"); }).find("on two targets or more") != std::string::npos);
}

BOOST_AUTO_TEST_CASE(plots_draw_each_metric_with_its_interval) {
  const TemporaryFolder folder;
  Estimate wide;
  wide.value = 1.5;
  wide.half_width = 0.5;
  Table means{{"variant", "found", "recall", "pixels", "identity"}};
  means.add({"control", wide, Cell::number(2), Cell::number(3), Cell::number(4)});
  means.add({"other", Cell::number(3), Cell::number(4), Cell::number(5), Cell::number(6)});
  const auto drawn = plot_means(means, folder.path());
  BOOST_TEST(drawn == std::filesystem::exists(folder / "plot.png"));
  BOOST_TEST(read_text(folder / "plot.dat") ==
             "# variant found low high recall low high pixels low high identity low high\n"
             "control 1.5 1 2 2 2 2 3 3 3 4 4 4\n"
             "other 3 3 3 4 4 4 5 5 5 6 6 6\n");
  const auto script = read_text(folder / "plot.gp");
  BOOST_TEST(script.find("size 1500,520 ") != std::string::npos);  // two rows of charts
  BOOST_TEST(script.find("set multiplot layout 2,3\n") != std::string::npos);
  BOOST_TEST(script.find("set title 'identity' noenhanced\nplot 'plot.dat' using 0:11:12:13:xtic(1) ") !=
             std::string::npos);
}

BOOST_AUTO_TEST_SUITE_END()
