#include "nada/experiment/option_table.hpp"

#include <stdlib.h>

#include <boost/test/unit_test.hpp>

#include <cstdint>
#include <filesystem>
#include <iostream>
#include <set>
#include <sstream>
#include <string>
#include <vector>

#include "nada/core/error.hpp"
#include "nada/formats/file.hpp"
#include "support/files.hpp"
#include "support/option_program.hpp"

BOOST_AUTO_TEST_SUITE(experiment_option_table)

using namespace nada;
using test::Captured;
using test::Everything;
using test::Program;
using test::WithTable;
using Paths = std::vector<std::filesystem::path>;

static constexpr const char* option_file = "model = x.pt\nmodel = y.pt\nsteps = 7\ntarget = a zombie\n";

BOOST_AUTO_TEST_CASE(an_option_file_fills_what_the_command_line_leaves_open) {
  const TemporaryFolder folder;
  write_text(folder / "a.cfg", option_file);
  Program program;
  program.models = {"default.pt"};
  BOOST_TEST(program.read({}));
  program.table.read_file(folder / "a.cfg");
  BOOST_TEST((program.models == Paths{folder / "x.pt", folder / "y.pt"}));
  BOOST_TEST(program.steps == 7);
  BOOST_TEST(program.target == "a zombie");
}

BOOST_AUTO_TEST_CASE(the_command_line_has_the_last_word_over_lists_and_single_values) {
  const TemporaryFolder folder;
  write_text(folder / "a.cfg", option_file);
  Program program;
  BOOST_TEST(program.read({"--model", "mine.pt", "--model", "other.pt", "--steps", "3"}));
  program.table.read_file(folder / "a.cfg");
  BOOST_TEST((program.models == Paths{"mine.pt", "other.pt"}));
  BOOST_TEST(program.steps == 3);
  BOOST_TEST(program.target == "a zombie");
  BOOST_TEST((program.table.given() == std::set<std::string>{"model", "steps"}));
  BOOST_TEST(!program.table.given("target"));
}

BOOST_AUTO_TEST_CASE(addresses_of_the_hub_are_no_paths_and_are_saved_with_their_commit) {
  const TemporaryFolder folder;
  const std::string commit(40, 'a'), other(40, 'b');
  for (const auto& one : {commit, other}) {
    make_folders(folder / ("models--org--name/snapshots/" + one));
    write_text(folder / ("models--org--name/snapshots/" + one + "/g.pkl"), "content");
  }
  make_folders(folder / "models--org--name/refs");
  write_text(folder / "models--org--name/refs/main", commit);
  ::setenv("HF_HUB_CACHE", folder.path().c_str(), 1);
  ::setenv("HF_HUB_OFFLINE", "1", 1);
  write_text(folder / "a.cfg", "model = hf:org/name/g.pkl\nmodel = hf:org/name/g.pkl@" + other + "\n");
  Program program;
  BOOST_TEST(program.read({}));
  program.table.read_file(folder / "a.cfg");
  BOOST_TEST((program.models == Paths{"hf:org/name/g.pkl", "hf:org/name/g.pkl@" + other}));
  const auto saved = program.table.render(folder / "run");
  BOOST_TEST(saved.find("model = hf:org/name/g.pkl@" + commit + "\nmodel = hf:org/name/g.pkl@" + other + "\n") !=
             std::string::npos);
  ::unsetenv("HF_HUB_CACHE");
  ::unsetenv("HF_HUB_OFFLINE");
  const auto choice = read_encoder_choice("hf:org/name@v1:0.5", folder.path());
  BOOST_TEST(choice.path == "hf:org/name@v1");
  BOOST_TEST(choice.weight == 0.5);
  BOOST_TEST(read_encoder_choice("hf:org/name", folder.path()).path == "hf:org/name");
}

BOOST_AUTO_TEST_CASE(paths_of_an_included_file_are_its_own_and_the_outer_files_list_takes_the_place_of_the_inner_one) {
  const TemporaryFolder folder;
  std::filesystem::create_directories(folder / "below");
  write_text(folder / "below/inner.cfg", "model = x.pt\nsteps = 7\n");
  write_text(folder / "outer.cfg", "include = below/inner.cfg\nsteps = 8\n");
  Program program;
  BOOST_TEST(program.read({}));
  program.table.read_file(folder / "outer.cfg");
  BOOST_TEST((program.models == Paths{folder / "below/x.pt"}));
  BOOST_TEST(program.steps == 8);
  write_text(folder / "outer.cfg", "include = below/inner.cfg\nmodel = y.pt\nmodel = z.pt\n");
  Program other;
  BOOST_TEST(other.read({}));
  other.table.read_file(folder / "outer.cfg");
  BOOST_TEST((other.models == Paths{folder / "y.pt", folder / "z.pt"}));
}

BOOST_AUTO_TEST_CASE(a_file_that_is_included_twice_gives_its_list_once) {
  const TemporaryFolder folder;
  write_text(folder / "models.cfg", "model = x.pt\nmodel = y.pt\n");
  write_text(folder / "default.cfg", "include = models.cfg\n");
  write_text(folder / "outer.cfg", "model = z.pt\ninclude = default.cfg\ninclude = models.cfg\n");
  Program program;
  BOOST_TEST(program.read({}));
  program.table.read_file(folder / "outer.cfg");
  BOOST_TEST((program.models == Paths{folder / "x.pt", folder / "y.pt"}));
  write_text(folder / "outer.cfg", "model = z.pt\ninclude = models.cfg\nmodel = w.pt\n");
  Program other;
  BOOST_TEST(other.read({}));
  other.table.read_file(folder / "outer.cfg");
  BOOST_TEST((other.models == Paths{folder / "w.pt"}));
}

BOOST_AUTO_TEST_CASE(keys_that_may_be_passed_over_are_told_once_and_the_others_are_read) {
  const TemporaryFolder folder;
  write_text(folder / "a.cfg", "stops = 8\nsteps = 7\nstops = 9\nstep = 1\n");
  Program program;
  BOOST_TEST(program.read({}));
  BOOST_TEST((program.table.read_file(folder / "a.cfg", OptionTable::Unknown::pass_over) ==
              std::vector<std::string>{"stops", "step"}));
  BOOST_TEST(program.steps == 7);
}

BOOST_AUTO_TEST_CASE(a_key_that_no_option_has_is_named_with_its_line) {
  const TemporaryFolder folder;
  write_text(folder / "a.cfg", "steps = 7\nstops = 8\n");
  Program program;
  BOOST_TEST(program.read({}));
  BOOST_TEST(error_of([&] { program.table.read_file(folder / "a.cfg"); }) ==
             join((folder / "a.cfg").string(), ":2: unknown key 'stops'; the keys are model, steps, target"));
}

BOOST_AUTO_TEST_CASE(a_session_option_is_no_key_of_a_file) {
  const TemporaryFolder folder;
  write_text(folder / "a.cfg", "out = x\n");
  Everything program;
  BOOST_TEST(error_of([&] {
               program.table.read_file(folder / "a.cfg");
             }).starts_with(join((folder / "a.cfg").string(), ":1: unknown key 'out'; the keys are text, path, ")));
}

BOOST_AUTO_TEST_CASE(a_bad_value_in_a_file_is_named_with_its_line) {
  const TemporaryFolder folder;
  write_text(folder / "a.cfg", "target = x\nsteps = many\n");
  Program program;
  BOOST_TEST(error_of([&] { program.table.read_file(folder / "a.cfg"); }) ==
             join((folder / "a.cfg").string(), ":2: option steps: expected a whole number, found 'many'"));
}

BOOST_AUTO_TEST_CASE(of_a_single_value_that_comes_twice_the_last_counts) {
  const TemporaryFolder folder;
  Program line;
  BOOST_TEST(line.read({"--steps", "3", "--target", "a", "--steps", "4"}));
  BOOST_TEST(line.steps == 4);
  write_text(folder / "a.cfg", "steps = 3\nsteps = 4\n");
  Program file;
  file.table.read_file(folder / "a.cfg");
  BOOST_TEST(file.steps == 4);
}

BOOST_AUTO_TEST_CASE(numbers_are_read_whole_and_anything_else_is_refused) {
  BOOST_TEST(read_number<double>("n", "-2.5e-3") == -0.0025);
  BOOST_TEST(read_number<std::int64_t>("n", "-7") == -7);
  BOOST_TEST(read_number<std::uint64_t>("n", "18446744073709551615") == UINT64_MAX);
  for (const char* text : {"", "x", "1x", " 1", "1 ", "+1", "1,5", "0x10"}) {
    const auto found = join(", found '", text, "'");
    BOOST_TEST(error_of([&] { read_number<double>("n", text); }) == "option n: expected a number" + found);
    BOOST_TEST(error_of([&] { read_number<int>("n", text); }) == "option n: expected a whole number" + found);
    BOOST_TEST(error_of([&] { read_number<std::size_t>("n", text); }) ==
               "option n: expected a whole number >= 0" + found);
  }
  BOOST_TEST(error_of([&] { read_number<int>("n", "1.5"); }) == "option n: expected a whole number, found '1.5'");
  BOOST_TEST(error_of([&] { read_number<int>("n", "3000000000"); }).starts_with("option n: expected a whole number"));
  BOOST_TEST(error_of([&] { read_number<unsigned>("n", "-1"); }).starts_with("option n: expected a whole number >= 0"));
}

BOOST_AUTO_TEST_CASE(an_encoder_has_the_weight_after_its_last_colon_and_1_without_one) {
  const auto is = [](const std::string& text, const std::filesystem::path& path, double weight) {
    const auto found = read_encoder_choice(text, "/models");
    BOOST_TEST(found.path == path, text << ": " << found.path);
    BOOST_TEST(found.weight == weight, text << ": " << found.weight);
  };
  is("a.pt", "/models/a.pt", 1);
  is("a.pt:0.25", "/models/a.pt", 0.25);
  is("a.pt:0", "/models/a.pt", 0);
  is("a.pt:-1", "/models/a.pt", -1);
  is("/b/a.pt:2", "/b/a.pt", 2);
  is("../a.pt:2", "/a.pt", 2);
  is("a:1:0.5", "/models/a:1", 0.5);
  is("a:", "/models/a:", 1);  // no number: the colon is of the path
  is("a:b", "/models/a:b", 1);
  is("a:1b", "/models/a:1b", 1);
}

BOOST_AUTO_TEST_CASE(encoders_are_written_with_their_weights_and_read_back) {
  const TemporaryFolder folder;
  Everything program;
  program.encoders = {{folder / "models" / "a.pt", 0.1}, {folder / "b:2", 1}};
  const auto written = program.table.render(folder.path());
  BOOST_TEST(written.find("encoder = models/a.pt:0.1\nencoder = b:2:1\n") != std::string::npos, written);
  write_text(folder / "a.cfg", written);
  Everything again;
  again.table.read_file(folder / "a.cfg");
  BOOST_TEST_REQUIRE(again.encoders.size() == 2U);
  for (std::size_t i = 0; i < 2; ++i) {
    BOOST_TEST(again.encoders[i].path == program.encoders[i].path);
    BOOST_TEST(again.encoders[i].weight == program.encoders[i].weight);
  }
}

BOOST_AUTO_TEST_CASE(a_flag_takes_no_value_on_the_command_line_and_true_or_false_in_a_file) {
  Everything given, twice, open;
  BOOST_TEST(given.read({"--flag", "in.pt"}));
  BOOST_TEST(given.flag);
  BOOST_TEST(given.first == "in.pt");  // not the flag's value
  BOOST_TEST(twice.read({"--flag", "--flag"}));
  BOOST_TEST(twice.flag);
  BOOST_TEST(open.read({}));
  BOOST_TEST(!open.flag);
  const TemporaryFolder folder;
  write_text(folder / "true.cfg", "flag = true\n");
  write_text(folder / "false.cfg", "flag = false\n");
  write_text(folder / "bad.cfg", "flag = yes\n");
  open.table.read_file(folder / "true.cfg");
  BOOST_TEST(open.flag);
  open.table.read_file(folder / "false.cfg");
  BOOST_TEST(!open.flag);
  given.table.read_file(folder / "false.cfg");
  BOOST_TEST(given.flag);  // the command line has the last word
  BOOST_TEST(error_of([&] { open.table.read_file(folder / "bad.cfg"); }) ==
             join((folder / "bad.cfg").string(), ":1: option flag: expected true or false, found 'yes'"));
}

BOOST_AUTO_TEST_CASE(bare_arguments_go_to_the_positional_options_in_order) {
  Everything program;
  BOOST_TEST(program.read({"a.pt", "--whole", "3", "b.pt"}));
  BOOST_TEST(program.first == "a.pt");
  BOOST_TEST(program.second == "b.pt");
  BOOST_TEST(program.table.given("in"));
  Everything named;
  BOOST_TEST(named.read({"--into", "b.pt", "a.pt"}));
  BOOST_TEST(named.first == "a.pt");
  BOOST_TEST(named.second == "b.pt");
  Everything many;
  BOOST_TEST(error_of([&] {
               many.read({"a", "b", "c"});
             }) == "an argument too many; `program --help` lists the options (texts with blanks need quotes)");
}

BOOST_AUTO_TEST_CASE(what_no_option_is_called_is_refused_without_guessing) {
  for (const char* argument : {"--unknown", "--whol", "-w"}) {
    Everything program;
    const auto error = error_of([&] { program.read({argument, "3"}); });
    BOOST_TEST(error.find(argument) != std::string::npos, error);
    BOOST_TEST(error.ends_with("; `program --help` lists the options"), error);
  }
  Everything program;
  BOOST_TEST(error_of([&] { program.read({"--whole"}); }).find("--whole") != std::string::npos);
}

BOOST_AUTO_TEST_CASE(an_optional_value_is_there_once_it_is_given) {
  Everything program;
  BOOST_TEST(program.read({}));
  BOOST_TEST(!program.perhaps.has_value());
  BOOST_TEST(program.table.render({}).find("perhaps") == std::string::npos);
  BOOST_TEST(program.table.render({}).find("file") == std::string::npos);
  Everything given;
  BOOST_TEST(given.read({"--perhaps", "0", "--file", "x.pt"}));
  BOOST_TEST((given.perhaps == 0.0));
  BOOST_TEST((given.file == std::filesystem::path("x.pt")));
  BOOST_TEST(given.table.render({}).find("perhaps = 0\nfile = x.pt\n") != std::string::npos);
}

BOOST_AUTO_TEST_CASE(a_rendered_option_file_gives_all_values_back) {
  const TemporaryFolder folder;
  Everything program;
  program.text = "  \"two\"\nlines, # \xC3\xA4\\";
  program.path = folder / "deep" / "x.pt";
  program.whole = -3;
  program.seed = UINT64_MAX;
  program.real = 0.1 + 0.2;  // 0.30000000000000004: all digits are kept
  program.flag = true;
  program.perhaps = -1e-300;
  program.file = "/elsewhere/y.pt";
  program.out = "not saved";
  write_text(folder / "a.cfg", program.table.render(folder.path()));
  BOOST_TEST(program.table.render(folder.path()).find("path = deep/x.pt\n") != std::string::npos);
  BOOST_TEST(program.table.render(folder.path()).find("not saved") == std::string::npos);
  Everything again;
  BOOST_TEST(again.read({}));
  again.table.read_file(folder / "a.cfg");
  BOOST_TEST(again.text == program.text);
  BOOST_TEST(again.path == program.path);
  BOOST_TEST(again.whole == program.whole);
  BOOST_TEST(again.seed == program.seed);
  BOOST_TEST(again.real == program.real);
  BOOST_TEST(again.flag);
  BOOST_TEST((again.perhaps == program.perhaps));
  BOOST_TEST((again.file == program.file));
  BOOST_TEST(again.out.empty());
  BOOST_TEST((again.table.values(folder.path()) == program.table.values(folder.path())));
}

BOOST_AUTO_TEST_CASE(the_file_that_a_run_writes_may_have_empty_texts) {
  const TemporaryFolder folder;
  Program program;
  program.target = "";
  write_text(folder / "a.cfg", program.table.render(folder.path()));
  Program again;
  again.target = "a default";
  again.table.read_file(folder / "a.cfg");
  BOOST_TEST(again.target.empty());
}

BOOST_AUTO_TEST_CASE(help_has_groups_placeholders_and_defaults) {
  Everything program;
  program.encoders = {{"a.pt", 0.5}, {"b.pt", 0.5}};
  std::ostringstream out;
  program.table.print_help(out);
  const auto help = out.str();
  BOOST_TEST(help.starts_with("program: does something\n\n  program --steps 3\n\nTexts:\n"), help);
  for (const char* line :
       {"\n  --text TEXT               a text \n", "\n  --path FILE               a file \n",
        "\nNumbers:\n  --whole N                 a whole number (default 5) \n",
        "\n  --real N                  a number (default 0.5) \n", "\n  --flag                    yes or no \n",
        "\n  --perhaps N               a number or none \n", "\n  --file FILE               a file or none \n",
        "\n  --encoder FILE[:WEIGHT]   files with weights (default a.pt:0.5, b.pt:0.5) \n",
        "\n  --out FOLDER              folder \n", "\n  --help                    this text\n"})
    BOOST_TEST(help.find(line) != std::string::npos, line << " in " << help);
}

BOOST_AUTO_TEST_CASE(help_is_wrapped_and_long_names_stand_on_a_line_of_their_own) {
  WithTable program;
  double x = 1;
  std::string words;
  for (int i = 0; i < 40; ++i) words += "word ";
  program.table.add("a-name-of-more-than-28-characters", x, words + "end");
  std::ostringstream out;
  program.table.print_help(out);
  BOOST_TEST(out.str().find("  --a-name-of-more-than-28-characters N\n" + std::string(28, ' ') + "word ") !=
             std::string::npos);
  std::istringstream lines(out.str());
  for (std::string line; std::getline(lines, line);) BOOST_TEST(line.size() <= 101U, line);  // with a blank at the end
}

BOOST_AUTO_TEST_CASE(help_and_version_are_printed_and_nothing_is_read) {
  for (const auto* argument : {"--help", "-h"}) {
    Everything program;
    const Captured out(std::cout);
    BOOST_TEST(!program.read({"--whole", "7", argument}));
    BOOST_TEST(out.text().starts_with("program: does something\n"));
    BOOST_TEST(program.whole == 5);
  }
  Everything program;
  const Captured out(std::cout);
  BOOST_TEST(!program.read({"--version"}));
  BOOST_TEST(out.text() == "program 1\n");
}

BOOST_AUTO_TEST_CASE(saved_options_are_set_and_read_by_their_names) {
  test::Everything program;
  auto& table = program.table;
  table.assign("encoder", {"a.pt:0.5", "b.pt"}, "models");
  table.assign("whole", {"3", "4"});
  BOOST_TEST(program.encoders.size() == 2U);
  BOOST_TEST(program.encoders[0].path == "models/a.pt");
  BOOST_TEST(program.whole == 4);
  BOOST_TEST(table.value("encoder", "models") == (std::vector<std::string>{"a.pt:0.5", "b.pt:1"}),
             boost::test_tools::per_element());
  table.assign("encoder", {});
  BOOST_TEST(program.encoders.empty());
  BOOST_TEST((table.saves("encoder") && !table.saves("out") && !table.saves("none")));
  BOOST_TEST((table.takes_several("encoder") && !table.takes_several("whole")));
  BOOST_TEST(
      error_of([&] { table.assign("out", {"x"}); }).starts_with("there is no option 'out'; the options are text, "));
  BOOST_TEST(error_of([&] { table.assign("whole", {"x"}); }) == "option whole: expected a whole number, found 'x'");
}

BOOST_AUTO_TEST_CASE(a_list_takes_all_bare_arguments) {
  test::WithTable program;
  std::vector<std::filesystem::path> runs;
  bool flag = false;
  program.table.add("run", runs, "folders", OptionTable::Kind::session, "FOLDER", /*positional=*/true);
  program.table.add("flag", flag, "yes or no");
  BOOST_TEST(program.read({"a", "--flag", "b", "c"}));
  BOOST_TEST(runs.size() == 3U);
  BOOST_TEST(runs.back() == "c");
  BOOST_TEST(flag);
}

BOOST_AUTO_TEST_SUITE_END()
