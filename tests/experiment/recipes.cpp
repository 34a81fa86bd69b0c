#include <boost/test/unit_test.hpp>

#include <algorithm>
#include <cstdlib>
#include <filesystem>
#include <set>
#include <string>
#include <vector>

#include "nada/core/error.hpp"
#include "nada/experiment/adapt_options.hpp"
#include "nada/experiment/embedded.hpp"
#include "nada/experiment/option_table.hpp"
#include "nada/experiment/recipes.hpp"
#include "nada/formats/file.hpp"
#include "nada/formats/options_file.hpp"
#include "support/files.hpp"
#include "support/option_program.hpp"

BOOST_AUTO_TEST_SUITE(experiment_recipes)

using namespace nada;

namespace {

/// A program with the options of an adaptation, started with a command line.
struct Started {
  AdaptOptions options;
  OptionTable table{"program", "adapts", "program"};
  std::string said, noted;

  explicit Started(std::vector<const char*> arguments) {
    options.declare(table);
    arguments.insert(arguments.begin(), "program");
    table.read_command_line(static_cast<int>(arguments.size()), arguments.data(), [] { return std::string("1"); });
    const test::Captured out(std::cout), notes(std::cerr);
    read_option_files(options, table);
    said = out.text();
    noted = notes.text();
  }
};

}  // namespace

BOOST_AUTO_TEST_CASE(a_recipe_holds_everything_but_models_texts_and_out) {
  const std::set<std::string> not_in_a_recipe{"generator", "encoder", "vocabulary", "gelu",
                                              "source",    "target",  "out",        "class"};
  BOOST_TEST(!recipe_names().empty());
  for (const auto& name : recipe_names())
    for (const auto& line : read_options(find_recipe(name)))
      BOOST_TEST(!not_in_a_recipe.contains(line.key), name << " has " << line.key);
}

BOOST_AUTO_TEST_CASE(without_options_the_default_recipe_and_the_embedded_models_are_taken_and_named) {
  const Started here({"--target", "a zombie"});
  BOOST_TEST(here.options.global == 2);
  BOOST_TEST(here.options.layers == "adaptive:8/9");
  BOOST_TEST(here.options.generator == embedded_generator());
  BOOST_TEST(here.options.texts.encoders.size() == 2u);
  BOOST_TEST(here.options.texts.templates == embedded_templates());
  BOOST_TEST(here.said.find("recipe   configs/recipes/default.cfg\n") != std::string::npos);
  BOOST_TEST(here.said.find("models   configs/avatars/models.cfg\n") != std::string::npos);
  BOOST_TEST(here.noted.empty());
}

BOOST_AUTO_TEST_CASE(models_of_ones_own_keep_the_recipe_and_take_nothing_of_the_embedded_ones) {
  const Started here({"--generator", "mine.pt", "--encoder", "clip.pt", "--target", "a zombie"});
  BOOST_TEST(here.options.global == 2);
  BOOST_TEST(here.options.batch == 4);
  BOOST_TEST(here.options.generator == "mine.pt");
  BOOST_TEST(here.options.texts.encoders.size() == 1u);
  BOOST_TEST(here.options.texts.source.empty());
  BOOST_TEST(here.options.texts.templates.filename() == "imagenet.txt");
  BOOST_TEST(here.said.find("models") == std::string::npos);
}

BOOST_AUTO_TEST_CASE(a_generator_without_encoders_is_refused) {
  const auto error = error_of([] { Started({"--generator", "mine.pt", "--target", "a zombie"}); });
  BOOST_TEST(error.starts_with("--generator without --encoder: the embedded encoders know the embedded avatars alone"));
}

BOOST_AUTO_TEST_CASE(an_encoder_alone_sees_the_embedded_generator) {
  const Started here({"--encoder", "clip.pt", "--target", "a zombie"});
  BOOST_TEST(here.options.generator == embedded_generator());
  BOOST_TEST(here.options.texts.encoders.front().path == "clip.pt");
}

BOOST_AUTO_TEST_CASE(a_recipe_by_name_takes_the_place_of_the_default_and_the_command_line_has_the_last_word) {
  const Started here({"--recipe", "paper", "--batch", "3", "--target", "a zombie"});
  BOOST_TEST(here.options.global == 0);
  BOOST_TEST(here.options.layers == "adaptive");
  BOOST_TEST(here.options.batch == 3);
  BOOST_TEST(here.options.generator == embedded_generator());
}

BOOST_AUTO_TEST_CASE(an_option_file_is_taken_alone_or_after_a_named_recipe) {
  const TemporaryFolder folder;
  write_text(folder / "my.cfg", "generator = mine.pt\nencoder = clip.pt\nsteps = 7\n");
  const auto path = (folder / "my.cfg").string();
  const Started alone({"--config", path.c_str()});
  BOOST_TEST(alone.options.global == 0);  // the program's own default
  BOOST_TEST(alone.options.steps == 7);
  const Started both({"--recipe", "default", "--config", path.c_str()});
  BOOST_TEST(both.options.global == 2);
  BOOST_TEST(both.options.steps == 7);
}

BOOST_AUTO_TEST_CASE(keys_that_a_program_lacks_are_named_and_passed_over_in_a_recipe_that_it_took_itself) {
  const TemporaryFolder folder;
  std::filesystem::create_directories(folder / "recipes");
  std::filesystem::create_directories(folder / "avatars");
  write_text(folder / "recipes/default.cfg", "global = 3\nlength-of-nose = 4\n");
  write_text(folder / "avatars/models.cfg", "source = a face\n");
  const char* before = std::getenv("NADA_CONFIGS");
  const std::string kept = before ? before : "";
  ::setenv("NADA_CONFIGS", folder.path().c_str(), 1);
  const Started here({"--target", "a zombie"});
  const auto named = error_of([] { Started({"--recipe", "default", "--target", "a zombie"}); });
  before ? ::setenv("NADA_CONFIGS", kept.c_str(), 1) : ::unsetenv("NADA_CONFIGS");
  BOOST_TEST(here.options.global == 3);
  BOOST_TEST(here.noted.starts_with("note: program has no option length-of-nose; what "));
  BOOST_TEST(named.find("unknown key 'length-of-nose'") != std::string::npos);
}

BOOST_AUTO_TEST_CASE(a_recipe_that_is_not_there_is_refused_with_the_names_of_those_that_are) {
  BOOST_TEST(error_of([] { find_recipe("papr"); }) ==
             "option recipe: 'papr' is neither an option file nor one of default, paper");
}

BOOST_AUTO_TEST_SUITE_END()
