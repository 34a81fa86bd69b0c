#include <boost/test/unit_test.hpp>

#include <string>
#include <utility>
#include <vector>

#include "nada/experiment/embedded.hpp"
#include "nada/experiment/preset_recipes.hpp"
#include "nada/formats/file.hpp"
#include "support/files.hpp"

BOOST_AUTO_TEST_SUITE(experiment_preset_recipes)

using namespace nada;

BOOST_AUTO_TEST_CASE(a_recipe_has_a_name_a_target_and_words) {
  const TemporaryFolder folder;
  write_text(
      folder / "p.json",
      R"([{"name": "a sketch", "target": "t"}, {"name": "z", "target": "u", "options": ["--steps", "3"], "more": 1}])");
  const auto recipes = read_preset_recipes(folder / "p.json");
  BOOST_TEST(recipes.size() == 2U);
  BOOST_TEST((recipes[0].name == "a sketch" && recipes[0].target == "t" && recipes[0].options.empty()));
  BOOST_TEST((recipes[1].options == std::vector<std::string>{"--steps", "3"}));
  BOOST_TEST(read_preset_recipes(embedded_recipes()).size() >= 10U);
}

BOOST_AUTO_TEST_CASE(what_is_no_list_of_recipes_is_told) {
  const TemporaryFolder folder;
  const auto path = folder / "p.json";
  const std::string form = R"(expected a list of {"name": TEXT, "target": TEXT, "options": [TEXT...]})";
  for (const auto& [text, told] : std::vector<std::pair<std::string, std::string>>{
           {"", form},
           {"{}", form},
           {"[1]", form},
           {R"([{"name": "a"}])", form},
           {R"([{"name": "a", "target": ""}])", form},
           {R"([{"name": "a", "target": "b", "options": "c"}])", form},
           {R"([{"name": "a", "target": "b", "options": [1]}])", form},
           {R"([{"name": "../a", "target": "b"}])",
            R"(expected the name of a file in the folder of presets, found "../a")"},
           {R"([{"name": "/a", "target": "b"}])", "expected the name of a file"},
           {R"([{"name": ".a", "target": "b"}])", "expected the name of a file"},
           {R"([{"name": "a\\b", "target": "b"}])", "expected the name of a file"},
           {R"([{"name": "a\u0000b", "target": "b"}])", "expected the name of a file"},
           {R"([{"name": "a", "target": "b"}, {"name": "a", "target": "c"}])", R"(two recipes are called "a")"},
           {std::string(200, '[') + std::string(200, ']'), "nests values deeper than 100"}}) {
    write_text(path, text);
    const auto error = error_of([&] { read_preset_recipes(path); });
    BOOST_TEST(error.starts_with(path.string() + ": "), text << ": " << error);
    BOOST_TEST(error.find(told) != std::string::npos, text << ": " << error);
  }
}

BOOST_AUTO_TEST_SUITE_END()
