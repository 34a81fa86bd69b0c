#include "nada/experiment/option_table.hpp"

#include <boost/test/unit_test.hpp>

#include "nada/formats/file.hpp"
#include "support/files.hpp"

BOOST_AUTO_TEST_SUITE(experiment_option_table)

using namespace nada;

namespace {

constexpr const char* option_file = "model = x.pt\nmodel = y.pt\nsteps = 7\ntarget = a zombie\n";

/// A program with a list, a number and a text.
struct Program {
  std::vector<std::filesystem::path> models;
  std::int64_t steps = 5;
  std::string target;
  OptionTable table{"program", "does something", "program --steps 3"};

  Program() {
    table.add("model", models, "files");
    table.add("steps", steps, "how many");
    table.add("target", target, "a text");
  }
  void command_line(std::vector<const char*> arguments) {
    arguments.insert(arguments.begin(), "program");
    BOOST_TEST(table.read_command_line(static_cast<int>(arguments.size()), arguments.data(), "1"));
  }
};

}  // namespace

BOOST_AUTO_TEST_CASE(an_option_file_fills_what_the_command_line_leaves_open) {
  const TemporaryFolder folder;
  write_text(folder / "a.cfg", option_file);
  Program program;
  program.models = {"default.pt"};
  program.command_line({});
  program.table.read_file(folder / "a.cfg");
  BOOST_TEST((program.models == std::vector<std::filesystem::path>{folder / "x.pt", folder / "y.pt"}));
  BOOST_TEST(program.steps == 7);
  BOOST_TEST(program.target == "a zombie");
}

BOOST_AUTO_TEST_CASE(the_command_line_has_the_last_word_over_lists_and_single_values) {
  const TemporaryFolder folder;
  write_text(folder / "a.cfg", option_file);
  Program program;
  program.command_line({"--model", "mine.pt", "--model", "other.pt", "--steps", "3"});
  program.table.read_file(folder / "a.cfg");
  BOOST_TEST((program.models == std::vector<std::filesystem::path>{"mine.pt", "other.pt"}));
  BOOST_TEST(program.steps == 3);
  BOOST_TEST(program.target == "a zombie");
}

BOOST_AUTO_TEST_CASE(a_key_that_no_option_has_is_named_with_its_line) {
  const TemporaryFolder folder;
  write_text(folder / "a.cfg", "steps = 7\nstops = 8\n");
  Program program;
  program.command_line({});
  BOOST_TEST(error_of([&] { program.table.read_file(folder / "a.cfg"); }) ==
             join((folder / "a.cfg").string(), ":2: unknown key 'stops'; the keys are model, steps, target"));
}

BOOST_AUTO_TEST_SUITE_END()
