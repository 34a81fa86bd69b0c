#include <boost/test/unit_test.hpp>

#include <filesystem>
#include <iostream>
#include <set>
#include <sstream>
#include <string>
#include <utility>
#include <vector>

#include "nada/experiment/option_table.hpp"
#include "nada/formats/file.hpp"
#include "support/files.hpp"
#include "support/option_program.hpp"

BOOST_AUTO_TEST_SUITE(experiment_option_alias)

using namespace nada;
using test::Captured;
using test::Program;
using Pairs = std::vector<std::pair<std::string, std::string>>;
using Paths = std::vector<std::filesystem::path>;

BOOST_AUTO_TEST_CASE(what_an_option_demands_overrides_defaults_and_files_but_no_word_of_the_user) {
  const TemporaryFolder folder;
  const Pairs values{{"steps", "100"}, {"target", "a zombie"}};
  Program open;
  BOOST_TEST(open.read({}));
  open.table.demand("quick", values);
  BOOST_TEST(open.steps == 100);
  BOOST_TEST(open.target == "a zombie");

  Program same;
  BOOST_TEST(same.read({"--steps", "100"}));
  same.table.demand("quick", values);
  BOOST_TEST(same.steps == 100);

  Program other;
  BOOST_TEST(other.read({"--steps", "7"}));
  BOOST_TEST(error_of([&] { other.table.demand("quick", values); }) ==
             "--quick means steps = 100, but 7 was given for it");

  write_text(folder / "a.cfg", "steps = 7\n");
  Program file;
  BOOST_TEST(file.read({}));
  file.table.read_file(folder / "a.cfg");
  file.table.demand("quick", values);
  BOOST_TEST(file.steps == 100);
}

BOOST_AUTO_TEST_CASE(a_file_that_demands_and_contradicts_itself_is_refused) {
  const TemporaryFolder folder;
  write_text(folder / "a.cfg", "quick = true\nsteps = 7\n");
  const auto read = [&](std::vector<const char*> arguments) {
    Program program;
    bool quick = false;
    program.table.add("quick", quick, "fewer steps");
    BOOST_TEST(program.read(std::move(arguments)));
    program.table.read_file(folder / "a.cfg");
    program.table.demand("quick", {{"steps", "100"}});
    return program.steps;
  };
  BOOST_TEST(error_of([&] { read({}); }) == "--quick means steps = 100, but 7 was given for it");
  BOOST_TEST(read({"--quick"}) == 100);  // of the command line, so the file yields
}

BOOST_AUTO_TEST_CASE(an_old_name_is_taken_and_the_new_one_is_told_once) {
  const TemporaryFolder folder;
  write_text(folder / "a.cfg", "models = x.pt\nmodels = y.pt\nlength = 7\n");
  Program program;
  program.table.alias("models", "model");
  program.table.alias("length", "steps");
  {
    const Captured told(std::cerr);
    BOOST_TEST(program.read({"--length", "3"}));
    program.table.read_file(folder / "a.cfg");
    BOOST_TEST(told.text() ==
               "note: the option length is now called steps\nnote: the option models is now called model\n");
  }
  BOOST_TEST(program.steps == 3);  // the command line has the last word, by either name
  BOOST_TEST((program.models == Paths{folder / "x.pt", folder / "y.pt"}));
  BOOST_TEST((program.table.given() == std::set<std::string>{"steps"}));
  BOOST_TEST(program.table.render(folder.path()) == "model = x.pt\nmodel = y.pt\nsteps = 3\ntarget = \"\"\n");
}

BOOST_AUTO_TEST_CASE(old_and_new_name_are_one_option) {
  const TemporaryFolder folder;
  write_text(folder / "a.cfg", "models = x.pt\nmodel = y.pt\nfast = true\n");
  Program program;
  bool quick = false;
  program.table.add("quick", quick, "fewer steps");
  program.table.alias("models", "model");
  program.table.alias("fast", "quick");
  const Captured told(std::cerr);
  program.table.read_file(folder / "a.cfg");
  BOOST_TEST((program.models == Paths{folder / "x.pt", folder / "y.pt"}));
  BOOST_TEST(quick);
  quick = false;
  BOOST_TEST(program.read({"--fast", "--model", "a.pt", "--models", "b.pt"}));
  BOOST_TEST(quick);
  BOOST_TEST((program.models == Paths{"a.pt", "b.pt"}));
}

BOOST_AUTO_TEST_CASE(the_new_name_tells_nothing_and_help_does_not_know_the_old_one) {
  Program program;
  program.table.alias("length", "steps");
  const Captured told(std::cerr);
  BOOST_TEST(program.read({"--steps", "3"}));
  BOOST_TEST(told.text().empty());
  std::ostringstream help;
  program.table.print_help(help);
  BOOST_TEST(help.str().find("length") == std::string::npos);
}

BOOST_AUTO_TEST_CASE(an_alias_needs_an_option_and_a_free_name) {
  Program program;
  BOOST_TEST(error_of([&] { program.table.alias("length", "step"); }) == "alias length: there is no option step");
  BOOST_TEST(error_of([&] { program.table.alias("target", "steps"); }) == "alias target: the name is taken");
  program.table.alias("length", "steps");
  BOOST_TEST(error_of([&] { program.table.alias("length", "target"); }) == "alias length: the name is taken");
}

BOOST_AUTO_TEST_CASE(a_synonym_is_taken_without_a_word) {
  Program program;
  program.table.synonym("rounds", "steps");
  const Captured errors(std::cerr);
  BOOST_TEST(program.read({"--rounds", "7"}));
  BOOST_TEST(program.steps == 7);
  BOOST_TEST(program.table.given("steps"));
  BOOST_TEST(errors.text() == "");
  BOOST_TEST(error_of([&] { program.table.synonym("rounds", "steps"); }) == "alias rounds: the name is taken");
}

BOOST_AUTO_TEST_CASE(notes_stand_behind_the_options_in_the_help) {
  Program program;
  std::string words;
  for (int i = 0; i < 30; ++i) words += "a-word ";
  program.table.note("Words", words);
  std::ostringstream help;
  program.table.print_help(help);
  const auto at = help.str().find("\nWords:\n  a-word ");
  BOOST_TEST_REQUIRE(at != std::string::npos);
  BOOST_TEST(at > help.str().find("--target"));
  BOOST_TEST(help.str().find("a-word \n  a-word ") != std::string::npos);  // wrapped
}

BOOST_AUTO_TEST_SUITE_END()
