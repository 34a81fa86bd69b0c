#include "nada/experiment/ablation.hpp"

#include <array>
#include <boost/test/unit_test.hpp>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <iostream>
#include <memory>
#include <set>
#include <string>
#include <vector>

#include "nada/adaptation/stepper.hpp"
#include "nada/experiment/ablation_cell.hpp"
#include "nada/experiment/ablation_options.hpp"
#include "nada/experiment/ablation_plan.hpp"
#include "nada/experiment/ablation_results.hpp"
#include "nada/experiment/ablation_runner.hpp"
#include "nada/experiment/option_table.hpp"
#include "nada/experiment/table.hpp"
#include "nada/formats/file.hpp"
#include "nada/metrics/estimate.hpp"
#include "support/files.hpp"
#include "support/option_program.hpp"
#include "support/random_stylegan2.hpp"

BOOST_AUTO_TEST_SUITE(experiment_ablation, *boost::unit_test::tolerance(1e-12))

using namespace nada;

namespace {

using Names = std::vector<std::string>;

/// A folder with a list of four targets, and options of an ablation of two of them with two seeds each.
struct Example {
  TemporaryFolder folder;
  AblationOptions options;

  Example() {
    write_text(folder / "targets.json",
               R"([{"name": "portrait", "text": "a portrait"}, {"name": "sketch", "text": "a sketch"},
                   {"name": "zombie", "text": "a zombie"}, {"name": "ink", "text": "an ink drawing"}])");
    options.target_list = folder / "targets.json";
    options.out = folder / "out";
    options.targets = "zombie,sketch";
    options.seeds = 2;
    options.measure = "models/held.safetensors";
    std::filesystem::create_directories(options.out / "cells");
  }
  AblationPlan plan(const Names& variants = {"a", "b", "c"}) const { return {options, variants}; }
};

/// Writes the file of a cell as a run leaves it; `metrics` is what stands between the braces.
void write_cell(const AblationPlan& plan, std::int64_t n, double seconds, std::int64_t parameters, double peak,
                const std::string& metrics) {
  write_text(plan.file(n),
             join(R"({"variant": ")", plan.variant(n), R"(", "target": ")", plan.target(n).name, R"(", "seed": )",
                  plan.seed(n), R"(, "loss": 0.5, "seconds": )", seconds, R"(, "parameters": )", parameters,
                  R"(, "peak_mib": )", peak, R"(, "metrics": {)", metrics, "}}"));
}

/// The cells of control and other on zombie and sketch. By the order of the plan the score is
///     zombie.0, zombie.1, sketch.0, sketch.1:     control 1 2 3 4,  other 2 2 5 5
/// Cells of sketch lack the Frechet distance; the metric `unknown` is none of ours.
void write_cells(const AblationPlan& plan) {
  const std::array<double, 8> scores{1, 2, 2, 2, 3, 5, 4, 5};
  for (std::int64_t n = 0; n < 8; ++n)
    write_cell(plan, n, n % 2 == 0 ? 1 : 2, n % 2 == 0 ? 10 : n / 4 + 20, 100 + static_cast<double>(n) / 4,
               join(R"("pixels": 0.25, "unknown": 7, "text_score": )", scores.at(static_cast<std::size_t>(n)),
                    n < 4 ? R"(, "frechet": 3)" : ""));
}

/// What an option file says after a command line.
std::string rendered(std::vector<const char*> arguments) {
  AblationOptions options;
  options.generator = "generator.safetensors";
  OptionTable table{"ablate", "compares", "ablate"};
  options.declare(table);
  arguments.insert(arguments.begin(), "ablate");
  table.read_command_line(static_cast<int>(arguments.size()), arguments.data(), "program 1");
  return table.render("");
}

std::string damaged(const std::filesystem::path& file) {
  return join(file, " is damaged; remove it to run the cell again");
}

}  // namespace

BOOST_AUTO_TEST_CASE(cells_are_all_variants_of_a_seed_then_all_seeds_of_a_target) {
  const Example example;
  const auto plan = example.plan();
  BOOST_TEST_REQUIRE(plan.size() == 12);
  std::int64_t n = 0;
  for (const std::string target : {"zombie", "sketch"})
    for (std::uint64_t seed = 0; seed < 2; ++seed)
      for (const std::string variant : {"a", "b", "c"}) {
        BOOST_TEST(plan.target(n).name == target);
        BOOST_TEST(plan.seed(n) == seed);
        BOOST_TEST(plan.variant(n) == variant);
        BOOST_TEST(plan.place(n) == (target == "zombie" ? 2U : 1U));
        ++n;
      }
  BOOST_TEST(plan.targets() == (Names{"zombie", "sketch"}), boost::test_tools::per_element());
  BOOST_TEST(plan.list().size() == 4U);
}

BOOST_AUTO_TEST_CASE(every_cell_has_files_of_its_own) {
  const Example example;
  const auto plan = example.plan();
  std::set<std::string> names;
  for (std::int64_t n = 0; n < plan.size(); ++n) names.insert(plan.name(n));
  BOOST_TEST(names.size() == 12U);
  const auto cells = example.options.out / "cells";
  BOOST_TEST(plan.name(10) == "b.sketch.1");
  BOOST_TEST(plan.file(10) == cells / "b.sketch.1.json");
  BOOST_TEST(plan.picture(10) == cells / "b.sketch.1.png");
  BOOST_TEST(plan.delta(10) == cells / "b.sketch.1.safetensors");
  const auto dotted = example.plan({"l1.5"});  // what follows the last point of a name is no ending
  BOOST_TEST(dotted.picture(0) == cells / "l1.5.zombie.0.png");
}

BOOST_AUTO_TEST_CASE(only_chooses_variants_and_keeps_their_order) {
  Example example;
  example.options.only = "c,,a,";
  BOOST_TEST(example.plan().variants() == (Names{"a", "c"}), boost::test_tools::per_element());
  example.options.only = ",";
  BOOST_TEST(example.plan().variants().size() == 3U);
  example.options.only = "a,nothing";
  BOOST_TEST(error_of([&] { example.plan(); }) == "option only: there is no variant 'nothing'; they are a, b, c");
}

BOOST_AUTO_TEST_CASE(targets_must_be_in_the_list) {
  Example example;
  example.options.targets = "ink,";
  BOOST_TEST(example.plan().size() == 6);
  example.options.targets = "ink,nobody";
  BOOST_TEST(error_of([&] { example.plan(); }) == join(example.options.target_list, " has no target called 'nobody'"));
  example.options.targets = "";
  BOOST_TEST(error_of([&] { example.plan(); }) == "option targets: no target was named");
  example.options.target_list = example.folder / "missing.json";
  BOOST_TEST(error_of([&] { example.plan(); }).find("missing.json") != std::string::npos);
}

BOOST_AUTO_TEST_CASE(cells_without_a_file_are_missing) {
  const Example example;
  const auto plan = example.plan({"a"});
  write_text(plan.file(0), "{}");
  write_text(plan.file(2), "{}");
  write_text(plan.picture(1), "a picture is written before the file");
  BOOST_TEST(plan.missing() == (std::vector<std::int64_t>{1, 3}), boost::test_tools::per_element());
}

BOOST_AUTO_TEST_CASE(the_command_of_a_cell_counts_cells_as_the_plan_does) {
  Example example;
  example.options.only = "c,a";
  const auto out = example.options.out.string();
  BOOST_TEST(example.plan().command(5) ==
                 (Names{"/proc/self/exe", "--config", out + "/options.cfg", "--out", out, "--targets", "zombie,sketch",
                        "--seeds", "2", "--only", "a,c", "--cell", "5", "--threads", "1"}),
             boost::test_tools::per_element());
}

BOOST_AUTO_TEST_CASE(other_cells_and_machines_may_share_a_folder_and_other_trainings_may_not) {
  const auto ours = rendered({});
  BOOST_TEST(same_cells(ours, ours));
  const std::vector<std::vector<const char*>> same{{"--targets", "ink"}, {"--seeds", "9"},    {"--only", "all"},
                                                   {"--threads", "3"},   {"--device", "cpu"}, {"--deltas"},
                                                   {"--jobs", "4"},      {"--cell", "2"},     {"--out", "there"}};
  for (const auto& arguments : same) BOOST_TEST(same_cells(ours, rendered(arguments)), arguments.front());
  const std::vector<std::vector<const char*>> other{{"--steps", "9"},
                                                    {"--batch", "9"},
                                                    {"--lr", "9"},
                                                    {"--generator", "other"},
                                                    {"--encoder", "other"},
                                                    {"--quick"},
                                                    {"--count", "99"},
                                                    {"--measure", "other"},
                                                    {"--templates", "other"},
                                                    {"--source", "us"},
                                                    {"--target-list", "other.json"}};
  for (const auto& arguments : other) BOOST_TEST(!same_cells(ours, rendered(arguments)), arguments.front());
}

BOOST_AUTO_TEST_CASE(a_folder_keeps_its_first_options) {
  const TemporaryFolder folder;
  const auto ours = rendered({});
  keep_options(folder.path(), ours);
  BOOST_TEST(read_text(folder / "options.cfg") == ours);
  keep_options(folder.path(), rendered({"--seeds", "9"}));
  BOOST_TEST(read_text(folder / "options.cfg") == ours);
  BOOST_TEST(error_of([&] {
               keep_options(folder.path(), rendered({"--lr", "9"}));
             }) == join(folder / "options.cfg",
                        " says that the cells in this folder were run with other options; give another --out"));
  BOOST_TEST(read_text(folder / "options.cfg") == ours);
}

BOOST_AUTO_TEST_CASE(options_are_settled_and_checked) {
  const TemporaryFolder folder;
  write_text(folder / "seen", "");
  write_text(folder / "unseen", "");
  AblationOptions given;
  given.encoders = {{folder / "seen", 1.0}};
  given.measure = folder / "unseen";
  const auto settled = [&](auto change) {
    auto options = given;
    change(options);
    options.settle("ablate_all");
    return options;
  };
  const auto refused = [&](auto change) { return error_of([&] { settled(change); }); };

  const auto plain = settled([](auto&) {});
  BOOST_TEST(plain.out == "runs/ablate_all");
  BOOST_TEST(!plain.generator.empty());
  BOOST_TEST(!plain.templates.empty());
  BOOST_TEST(!plain.target_list.empty());
  BOOST_TEST(plain.machine.threads == 0);
  BOOST_TEST(settled([](auto& o) { o.cell = 0; }).machine.threads == 1);
  const auto quick = settled([](auto& o) { o.quick = true; });
  BOOST_TEST(quick.targets == "sketch");
  BOOST_TEST(quick.seeds == 2);
  BOOST_TEST(quick.steps == 3);
  BOOST_TEST(quick.batch == 2);
  BOOST_TEST(quick.count == 24);

  BOOST_TEST(refused([](auto& o) { o.count = 19; }) == "option count: expected at least 20, found 19");
  BOOST_TEST(settled([](auto& o) { o.count = 20; }).count == 20);
  const std::string least = "options seeds, steps and batch: expected at least 1";
  BOOST_TEST(refused([](auto& o) { o.seeds = 0; }) == least);
  BOOST_TEST(refused([](auto& o) { o.steps = 0; }) == least);
  BOOST_TEST(refused([](auto& o) { o.batch = 0; }) == least);
  BOOST_TEST(refused([&](auto& o) { o.measure = folder / "seen"; }).find("trained against: it cannot measure") !=
             std::string::npos);
}

BOOST_AUTO_TEST_CASE(variants_make_what_their_name_says) {
  const AblationCell cell{test::small_stylegan2(), {}, "a portrait", "a sketch", {"{}"}, {}, {}, {}};
  const auto variant = [](std::string name, bool active) {
    return Variant{
        name,
        [name](const AblationCell& seen) -> std::unique_ptr<Stepper> { fail("made ", name, " of ", seen.target_text); },
        active};
  };
  const Variants variants{variant("first", true), variant("second", false), variant("third", true)};
  BOOST_TEST(variants.names() == (Names{"first", "third"}), boost::test_tools::per_element());
  BOOST_TEST(error_of([&] { variants.make("third", cell); }) == "made third of a sketch");
  BOOST_TEST(error_of([&] { variants.make("fourth", cell); }) == "there is no variant 'fourth'");
}

BOOST_AUTO_TEST_CASE(a_cell_that_there_is_not_is_refused) {
  Example example;
  OptionTable table{"ablate", "compares", "ablate"};
  example.options.declare(table);
  const auto run = [&] { return run_variants(example.options, table, {"a", "b"}, {}); };
  example.options.cell = 8;
  BOOST_TEST(error_of(run) == "option cell: expected 0 to 7, found 8");
  example.options.cell = 7;
  write_text(example.plan({"a", "b"}).file(7), "{}");
  BOOST_TEST(run() == 0);  // the cell is done: nothing is made
  BOOST_TEST(!std::filesystem::exists(example.options.out / "table.md"));
}

BOOST_AUTO_TEST_CASE(nothing_runs_where_all_cells_are_there) {
  const Example example;
  const auto plan = example.plan({"control", "other"});
  write_cells(plan);
  write_text(example.options.out / "cells" / ".other.zombie.0.json.123.tmp", "left by a killed run");
  const test::Captured errors(std::cerr);
  BOOST_TEST(run_missing_cells(plan));
  BOOST_TEST(!std::filesystem::exists(example.options.out / "cells" / ".other.zombie.0.json.123.tmp"));
}

BOOST_AUTO_TEST_CASE(pixel_distance_is_the_mean_over_pairs_of_different_images) {
  // |a - b| = 1/2, |a - c| = 1/2, |b - c| = 1 a value
  const auto images = torch::tensor({0.F, 0.F, 1.F, 0.F, 0.F, -1.F}).view({3, 1, 1, 2});
  BOOST_TEST(pixel_distance(images) == 2.0 / 3, boost::test_tools::tolerance(1e-6));
  BOOST_TEST(pixel_distance(torch::full({4, 3, 2, 2}, 0.3F)) == 0.0);
  BOOST_TEST(pixel_distance(at::stack({torch::full({3, 2, 2}, -1.F), torch::full({3, 2, 2}, 1.F)})) == 2.0);
}

BOOST_AUTO_TEST_CASE(a_metric_that_a_target_lacks_is_in_no_table) {
  const Example example;
  const auto plan = example.plan({"control", "other"});
  write_cells(plan);
  const AblationResults results(plan);
  BOOST_TEST(results.metrics() == (Names{"text_score", "pixels"}), boost::test_tools::per_element());
  BOOST_TEST(results.cells().csv() ==
             "variant,target,seed,seconds,parameters,peak_mib,text_score,pixels\n"
             "control,zombie,0,1,10,100,1,0.25\n"
             "other,zombie,0,2,20,100.25,2,0.25\n"
             "control,zombie,1,1,10,100.5,2,0.25\n"
             "other,zombie,1,2,20,100.75,2,0.25\n"
             "control,sketch,0,1,10,101,3,0.25\n"
             "other,sketch,0,2,21,101.25,5,0.25\n"
             "control,sketch,1,1,10,101.5,4,0.25\n"
             "other,sketch,1,2,21,101.75,5,0.25\n");
}

BOOST_AUTO_TEST_CASE(means_and_paired_differences_are_those_of_the_cells) {
  const Example example;
  const auto plan = example.plan({"control", "other"});
  write_cells(plan);
  const AblationResults results(plan);
  const double t = 3.182446305284263;  // of 3 degrees of freedom at 95%
  const auto check = [&](const Cell& cell, double mean, double half_width) {
    BOOST_TEST_REQUIRE(cell.is_number);
    BOOST_TEST(cell.estimate.value == mean);
    BOOST_TEST(cell.estimate.half_width == half_width, boost::test_tools::tolerance(1e-9));
  };
  const auto means = results.means();
  BOOST_TEST_REQUIRE(means.rows.size() == 2U);
  BOOST_TEST(means.rows[0][0].text == "control");
  check(means.rows[0][1], 2.5, t * std::sqrt(5.0 / 3 / 4));  // 1 2 3 4
  check(means.rows[1][1], 3.5, t * std::sqrt(9.0 / 3 / 4));  // 2 2 5 5
  const auto differences = results.differences();
  BOOST_TEST_REQUIRE(differences.rows.size() == 1U);
  BOOST_TEST(differences.rows[0][0].text == "other");
  check(differences.rows[0][1], 1, t * std::sqrt(2.0 / 3 / 4));  // 1 0 2 1: narrower than either mean's
  check(differences.rows[0][2], 0, 0);
  const auto costs = results.costs();
  check(costs.rows[1][1], 2, 0);
  BOOST_TEST(costs.rows[1][2].text == "21");   // the mean of 20 20 21 21, rounded
  BOOST_TEST(costs.rows[1][3].text == "102");  // the most of 100.25 ... 101.75
}

BOOST_AUTO_TEST_CASE(the_page_says_what_was_measured_and_shows_the_tables) {
  const Example example;
  const auto plan = example.plan({"control", "other"});
  write_cells(plan);
  BOOST_TEST(AblationResults(plan).page() ==
             "Mean over 4 cells (targets zombie, sketch; 2 seeds each), 120 steps of 4, 200 samples measured by "
             "held.safetensors; ± is the 95% t-interval over cells.\n\n"
             "| variant | text_score | pixels |\n|---|---|---|\n"
             "| control | 2.5 ± 2.1 | 0.25 ± 0 |\n"
             "| other | 3.5 ± 2.8 | 0.25 ± 0 |\n"
             "\nPaired differences to `control`:\n\n"
             "| variant | text_score | pixels |\n|---|---|---|\n"
             "| other | 1.0 ± 1.3 | 0 ± 0 |\n"
             "\nCost of a cell (one thread; most memory over the cells):\n\n"
             "| variant | seconds | parameters | peak_mib |\n|---|---|---|---|\n"
             "| control | 1 ± 0 | 10 | 102 |\n"
             "| other | 2 ± 0 | 21 | 102 |\n");
}

BOOST_AUTO_TEST_CASE(one_cell_has_no_interval_and_one_variant_no_difference) {
  Example example;
  example.options.targets = "ink";
  example.options.seeds = 1;
  const auto plan = example.plan({"control"});
  write_cell(plan, 0, 1, 10, 100, R"("identity": 0.5, "found": 1)");
  const AblationResults results(plan);
  BOOST_TEST(results.means().csv() == "variant,found,identity\ncontrol,1,0.5\n");
  BOOST_TEST(results.differences().rows.empty());
  BOOST_TEST(results.page().find("Paired") == std::string::npos);
}

BOOST_AUTO_TEST_CASE(a_damaged_cell_is_named) {
  const Example example;
  const auto plan = example.plan({"control", "other"});
  write_cells(plan);
  const auto file = plan.file(3);
  const auto whole = read_text(file);
  for (const std::string& text :
       {std::string(), whole.substr(0, whole.size() / 2), std::string("[1]"), std::string(R"({"variant": "other"})"),
        whole.substr(0, whole.find("\"metrics")) + "\"metrics\": 3}", whole.substr(0, whole.find("0.25")) + "null}}"}) {
    write_text(file, text);
    BOOST_TEST(error_of([&] { AblationResults{plan}; }) == damaged(file), text);
  }
  std::filesystem::remove(file);
  BOOST_TEST(error_of([&] { AblationResults{plan}; }).find(file.string()) != std::string::npos);
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
