#include <boost/test/unit_test.hpp>

#include "nada/experiment/target_list.hpp"
#include "nada/formats/file.hpp"
#include "support/files.hpp"

BOOST_AUTO_TEST_SUITE(experiment_target_list)

using namespace nada;

BOOST_AUTO_TEST_CASE(pictures_lie_beside_the_list_and_may_be_missing) {
  const TemporaryFolder folder;
  write_text(folder / "list.json",
             R"([{"name": "a", "text": "an a", "pictures": "x/a.png", "tile": 32}, {"name": "b", "text": "b"}])");
  const auto list = read_target_list(folder / "list.json");
  BOOST_TEST_REQUIRE(list.size() == 2U);
  BOOST_TEST(list[0].text == "an a");
  BOOST_TEST(list[0].pictures == folder / "x" / "a.png");
  BOOST_TEST(list[0].tile == 32);
  BOOST_TEST(list[1].name == "b");
  BOOST_TEST(list[1].tile == 0);
  BOOST_TEST(list[1].pictures.empty());
}

BOOST_AUTO_TEST_CASE(what_is_no_such_list_is_named) {
  const TemporaryFolder folder;
  const auto error = [&](const std::string& text) {
    write_text(folder / "list.json", text);
    return error_of([&] { read_target_list(folder / "list.json"); });
  };
  BOOST_TEST(error("[").ends_with("list.json: is not JSON, expected a list of {\"name\", \"text\"}"));
  BOOST_TEST(error(std::string(300, '[') + std::string(300, ']')).find("nests values deeper than 100") !=
             std::string::npos);
  for (const auto* text : {"[]", "{}", "null"})
    BOOST_TEST(error(text).find("list.json: is not a JSON list of") != std::string::npos, text);
  for (const auto* text :
       {"[1]", R"([{"name": "a"}])", R"([{"name": 1, "text": "a"}])", R"([{"name": "", "text": "a"}])"})
    BOOST_TEST(error(text).find("expected {\"name\": ..., \"text\": ...}, found ") != std::string::npos, text);
  for (const auto* tile : {"0", "-1", "1.5", "\"64\"", "65537", "null"})
    BOOST_TEST(error(join(R"([{"name": "a", "text": "b", "tile": )", tile, "}]"))
                       .find("expected a \"tile\" of 1 to 65536 pixels") != std::string::npos,
               tile);
}

BOOST_AUTO_TEST_SUITE_END()
