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
#include "support/ablation_example.hpp"
#include "support/files.hpp"
#include "support/option_program.hpp"
#include "support/random_stylegan2.hpp"

BOOST_AUTO_TEST_SUITE(experiment_ablation, *boost::unit_test::tolerance(1e-12))

using namespace nada;

namespace {

using Names = std::vector<std::string>;
using test::AblationExample;

/// What an option file says after a command line.
std::string rendered(std::vector<const char*> arguments) {
  AblationOptions options;
  options.generator = "generator.safetensors";
  OptionTable table{"ablate", "compares", "ablate"};
  options.declare(table);
  arguments.insert(arguments.begin(), "ablate");
  table.read_command_line(static_cast<int>(arguments.size()), arguments.data(),
                          [] { return std::string("program 1"); });
  return table.render("");
}

}  // namespace

BOOST_AUTO_TEST_CASE(cells_are_all_variants_of_a_seed_then_all_seeds_of_a_target) {
  const AblationExample example;
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
  const AblationExample example;
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
  AblationExample example;
  example.options.only = "c,,a,";
  BOOST_TEST(example.plan().variants() == (Names{"a", "c"}), boost::test_tools::per_element());
  example.options.only = ",";
  BOOST_TEST(example.plan().variants().size() == 3U);
  example.options.only = "a,nothing";
  BOOST_TEST(error_of([&] { example.plan(); }) == "option only: there is no variant 'nothing'; they are a, b, c");
  BOOST_TEST(error_of([&] { example.plan({"a", "b", "a"}); }) == "two variants are called 'a'");
}

BOOST_AUTO_TEST_CASE(targets_must_be_in_the_list) {
  AblationExample example;
  example.options.targets = "ink,";
  BOOST_TEST(example.plan().size() == 6);
  example.options.targets = "ink,nobody";
  BOOST_TEST(error_of([&] { example.plan(); }) == join(example.options.target_list, " has no target called 'nobody'"));
  example.options.targets = "";
  BOOST_TEST(error_of([&] { example.plan(); }) == "option targets: no target was named");
  example.options.targets = "ink,sketch,ink";
  BOOST_TEST(error_of([&] { example.plan(); }) == "option targets: 'ink' is named twice");
  example.options.target_list = example.folder / "missing.json";
  BOOST_TEST(error_of([&] { example.plan(); }).find("missing.json") != std::string::npos);
}

BOOST_AUTO_TEST_CASE(cells_without_a_file_are_missing) {
  const AblationExample example;
  const auto plan = example.plan({"a"});
  write_text(plan.file(0), "{}");
  write_text(plan.file(2), "{}");
  write_text(plan.picture(1), "a picture is written before the file");
  BOOST_TEST(plan.missing() == (std::vector<std::int64_t>{1, 3}), boost::test_tools::per_element());
}

BOOST_AUTO_TEST_CASE(the_command_of_a_cell_counts_cells_as_the_plan_does) {
  AblationExample example;
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
  const std::vector<std::vector<const char*>> same{
      {"--targets", "ink"}, {"--seeds", "9"}, {"--only", "all"}, {"--threads", "3"}, {"--device", "cpu"}, {"--deltas"},
      {"--keep-deltas"},    {"--power", "1"}, {"--jobs", "4"},   {"--cell", "2"},    {"--out", "there"}};
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

namespace {

struct HelpOptions : AblationOptions {
  static constexpr const char* program = "ablate_help";
  static constexpr const char* about = "compares";
};

/// What --help prints of a program with these variants.
template <class MakeVariants>
std::string help_of(MakeVariants&& variants) {
  std::vector<std::string> words{"ablate_help", "--help"};
  std::vector<char*> arguments{words[0].data(), words[1].data()};
  const test::Captured output(std::cout);
  BOOST_TEST(run_ablation<HelpOptions>(2, arguments.data(), variants) == 0);
  return output.text();
}

}  // namespace

BOOST_AUTO_TEST_CASE(the_help_names_the_variants) {
  const auto make = [](const AblationCell&) -> std::unique_ptr<Stepper> { return nullptr; };
  const auto help = help_of([&](const HelpOptions&) {
    return Variants{Variant{"both", make}, Variant{"lpips", make, false}};
  });
  BOOST_TEST(help.find("Variants, the first is the control:\n  both lpips (needs an option) \n") != std::string::npos);
  const auto without = help_of([&](const HelpOptions&) {
    fail("an option is missing");
    return Variants{Variant{"both", make}};
  });
  BOOST_TEST(without.find("--targets") != std::string::npos);
  BOOST_TEST(without.find("the control:") == std::string::npos);
}

BOOST_AUTO_TEST_CASE(a_cell_that_there_is_not_is_refused) {
  AblationExample example;
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

BOOST_AUTO_TEST_CASE(cells_of_another_version_are_told_with_what_to_do) {
  const AblationExample example;
  const AblationPlan plan(example.options, {"a"}, {.made_by = "ablate of nada 2"});
  BOOST_TEST(made_by_others(plan).empty());
  write_text(plan.file(0), R"({"made_by": "ablate of nada 2", "metrics": []})");
  write_text(plan.file(1), "{");  // damaged: told when it is read
  BOOST_TEST(made_by_others(plan).empty());
  write_text(plan.file(1), R"({"made_by": "ablate of nada 1", "metrics": []})");
  write_text(plan.file(2), R"({"metrics": []})");
  BOOST_TEST(
      made_by_others(plan) ==
      join("2 of 4 cells in ", example.options.out / "cells",
           " were made by a version that did not say which it is, ablate of nada 1 and stay, those that are missing "
           "are made by ablate of nada 2; for cells of one version remove the files or give another --out"));
}

BOOST_AUTO_TEST_CASE(variants_of_a_plan_may_train_each_their_way_with_seeds_of_a_list) {
  AblationExample example;
  example.options.seed_list = {7, 3};
  auto longer = example.options;
  longer.steps = 99;
  const AblationPlan plan(example.options, {"a", "b"},
                          {.of_variants = {example.options, longer},
                           .values = {{{"steps", "120"}}, {{"steps", "99"}}},
                           .command = {"program", "file"}});
  BOOST_TEST(plan.training(0).steps == 120);
  BOOST_TEST(plan.training(3).steps == 99);
  BOOST_TEST(plan.values(5).front().second == "99");
  BOOST_TEST(plan.seed(0) == 7U);
  BOOST_TEST(plan.seed(2) == 3U);
  BOOST_TEST(plan.name(3) == "b.zombie.3");
  BOOST_TEST(plan.command(3) == (Names{"program", "file", "--cell", "3", "--threads", "1"}),
             boost::test_tools::per_element());
}

BOOST_AUTO_TEST_CASE(nothing_runs_where_all_cells_are_there) {
  const AblationExample example;
  const auto plan = example.plan({"control", "other"});
  for (std::int64_t n = 0; n < plan.size(); ++n) write_text(plan.file(n), "{}");
  write_text(example.options.out / "cells" / ".other.zombie.0.json.123.tmp", "left by a killed run");
  const test::Captured errors(std::cerr);
  BOOST_TEST(run_missing_cells(plan));
  BOOST_TEST(!std::filesystem::exists(example.options.out / "cells" / ".other.zombie.0.json.123.tmp"));
}

BOOST_AUTO_TEST_SUITE_END()
