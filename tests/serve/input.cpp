#include "serve/input.hpp"

#include <boost/test/unit_test.hpp>

BOOST_AUTO_TEST_SUITE(serve_input)

using namespace nada::serve;

namespace {

template <class Body>
void expect_400(const std::string& sentence, Body body) {
  BOOST_CHECK_EXCEPTION(body(), Refusal, [&](const Refusal& refused) {
    BOOST_TEST(std::string(refused.what()).find(sentence) != std::string::npos, refused.what());
    return refused.status == 400;
  });
}

}  // namespace

BOOST_AUTO_TEST_CASE(fields_are_read_and_defaults_taken) {
  auto in =
      Input::parse(R"({"count": 3, "psi": 0.5, "target": "a zombie", "presets": ["a", "b"], "list": [{"x": 1}]})");
  BOOST_TEST(in.whole("count", 1, 9) == 3);
  BOOST_TEST(in.number("psi", 0, 1) == 0.5);
  BOOST_TEST(in.text("target", 20) == "a zombie");
  BOOST_TEST(in.names("presets", 4, {}).size() == 2U);
  auto list = in.objects("list", 2);
  BOOST_TEST(list.at(0).whole("x", 0, 1) == 1);
  list.at(0).finish();
  BOOST_TEST(in.whole("seed", 0, 9, 7) == 7);
  BOOST_TEST(in.text("source", 9, "a face") == "a face");
  in.finish();
}

BOOST_AUTO_TEST_CASE(nothing_is_an_empty_object) { Input::parse("").finish(); }

BOOST_AUTO_TEST_CASE(what_is_no_object_is_refused) {
  for (const char* text : {"{", "[]", "7", "null", "\"x\"", "{}{}", "{\"a\":}", "\xFF"})
    BOOST_CHECK_THROW(Input::parse(text), Refusal);
  expect_400("deeper than 8", [] { Input::parse(std::string(60'000, '[')); });
}

BOOST_AUTO_TEST_CASE(numbers_are_held_to_type_and_range) {
  for (const char* value :
       {"0", "10", "2.5", "\"3\"", "true", "[]", "{}", "1e400", "9223372036854775808", "-9223372036854775809"}) {
    BOOST_TEST_CONTEXT(value)
    expect_400(value == std::string("1e400") ? "not JSON" : "n: expected a whole number from 1 to 9",
               [&] { Input::parse(std::string("{\"n\":") + value + "}").whole("n", 1, 9); });
  }
  expect_400("n: expected a number from 0 to 1, found 2", [] { Input::parse(R"({"n": 2})").number("n", 0, 1); });
  expect_400("found nothing", [] { Input::parse("{}").number("n", 0, 1); });
  expect_400("found nothing", [] { Input::parse(R"({"n": null})").whole("n", 0, 1); });
}

BOOST_AUTO_TEST_CASE(texts_are_utf8_without_control_characters) {
  for (const char* value : {R"("")", R"("  ")", R"("a\u0000b")", R"("a\nb")", R"("12345678901")", "7"})
    BOOST_CHECK_THROW(Input::parse(std::string("{\"t\":") + value + "}").text("t", 10), Refusal);
  BOOST_TEST(Input::parse("{\"t\":\"\xC3\xA9\"}").text("t", 10) == "\xC3\xA9");
}

BOOST_AUTO_TEST_CASE(unknown_fields_are_told) {
  auto in = Input::parse(R"({"cuont": 3})");
  in.whole("count", 0, 9, 1);
  expect_400("\"cuont\" is unknown; known ones are count", [&] { in.finish(); });
}

BOOST_AUTO_TEST_CASE(names_are_checked_and_unique) {
  for (const char* value :
       {"[]", "\"a\"", "[1]", "[\"../a\"]", "[\"a\",\"a\"]", "[\"a\",\"b\",\"c\"]", "{\"a\":\"b\"}"})
    BOOST_CHECK_THROW(Input::parse(std::string("{\"n\":") + value + "}").names("n", 2, {}), Refusal);
}

BOOST_AUTO_TEST_SUITE_END()
