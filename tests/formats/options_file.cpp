#include "nada/formats/options_file.hpp"

#include <boost/test/unit_test.hpp>
#include <random>
#include <string>
#include <vector>

#include "nada/encoders/tokenizer.hpp"
#include "nada/formats/file.hpp"
#include "support/files.hpp"

BOOST_AUTO_TEST_SUITE(formats_options_file)

using namespace nada;

namespace {
std::string value_of(std::string_view line) {
  const auto options = parse_options(line, "test");
  BOOST_REQUIRE(options.size() == 1U);
  return options.front().value;
}
std::string refusal(std::string_view text) {
  return error_of([&] { parse_options(text, "a.cfg"); });
}
}  // namespace

BOOST_AUTO_TEST_CASE(lines_become_options_in_order_with_their_numbers) {
  const auto options =
      parse_options("# comment\n\n  target =  a sketch  \r\n\t# another\nview=crop\nview = full\n", "test");
  const std::vector<OptionLine> expected{{"target", "a sketch", 3}, {"view", "crop", 5}, {"view", "full", 6}};
  BOOST_TEST((options == expected));
  BOOST_TEST(parse_options("", "test").empty());
  BOOST_TEST((parse_options("\xEF\xBB\xBFsteps = 1", "test") == std::vector<OptionLine>{{"steps", "1", 1}}));
}

BOOST_AUTO_TEST_CASE(a_hash_or_equals_sign_in_a_value_stays) {
  BOOST_TEST(value_of("target = sketch #2 = good") == "sketch #2 = good");
  BOOST_TEST(value_of("target = #2") == "#2");
  BOOST_TEST(value_of("target =") == "");
  BOOST_TEST(value_of("target = a \"b\" \\n") == "a \"b\" \\n");  // quoting counts only at the start
}

BOOST_AUTO_TEST_CASE(quoted_values_are_unescaped) {
  BOOST_TEST(value_of(R"(target = "  a # \"b\" \\ \n\t\r ")") == "  a # \"b\" \\ \n\t\r ");
  BOOST_TEST(value_of("target = \"\"").empty());
  BOOST_TEST(value_of("target = \"\xC3\xA9\" \r") == "\xC3\xA9");
}

BOOST_AUTO_TEST_CASE(values_are_quoted_only_where_needed) {
  BOOST_TEST(format_option("target", "sketch #2 = \xC3\xA9") == "target = sketch #2 = \xC3\xA9");
  BOOST_TEST(format_option("target", "a\tb") == "target = a\tb");
  BOOST_TEST(format_option("target", "") == "target = \"\"");
  BOOST_TEST(format_option("target", " a") == "target = \" a\"");
  BOOST_TEST(format_option("target", "a\r") == "target = \"a\\r\"");
  BOOST_TEST(format_option("target", "say \"a\\b\"\n") == R"(target = "say \"a\\b\"\n")");
}

BOOST_AUTO_TEST_CASE(every_utf8_value_survives_the_round_trip) {
  const std::vector<std::string> pieces{"a",
                                        " ",
                                        "\t",
                                        "\n",
                                        "\r",
                                        "\"",
                                        "\\",
                                        "#",
                                        "=",
                                        "n",
                                        std::string(1, '\0'),
                                        "\v",
                                        "\xC3\xA9",
                                        "\xF0\x9F\x8E\xA8",
                                        "\xC2\xA0",
                                        "\xEF\xBB\xBF",
                                        "\xE2\x80\xA8",
                                        "\x7F"};
  const auto survives = [](const std::string& value) {
    const auto options = parse_options("# first\n" + format_option("key-1", value) + "\n", "test");
    return options == std::vector<OptionLine>{{"key-1", value, 2}};
  };
  for (const auto& a : pieces)
    for (const auto& b : pieces)
      for (const auto& c : pieces) BOOST_TEST(survives(a + b + c), nada::in_quotes(a + b + c));
  std::mt19937 random(7);
  for (int i = 0; i < 3000; ++i) {
    std::string value;
    for (auto n = random() % 12; n > 0; --n) value += pieces[random() % pieces.size()];
    BOOST_TEST(survives(value), nada::in_quotes(value));
  }
}

BOOST_AUTO_TEST_CASE(what_is_wrong_is_said_with_file_and_line) {
  BOOST_TEST(refusal("\n\nsteps 5") == "a.cfg:3: expected `key = value`, found \"steps 5\"");
  BOOST_TEST(refusal("Steps = 5") == "a.cfg:1: expected a key of the characters a-z, 0-9 and -, found \"Steps\"");
  BOOST_TEST(refusal("= 5").find("found \"\"") != std::string::npos);
  BOOST_TEST(refusal("a b = 5").find("found \"a b\"") != std::string::npos);
  BOOST_TEST(refusal("a = \"5").starts_with("a.cfg:1: the quoted value has no closing quote"));
  BOOST_TEST(refusal("a = \"5\\").starts_with("a.cfg:1: the quoted value has no closing quote"));
  BOOST_TEST(refusal("a = \"5\\\"").starts_with("a.cfg:1: the quoted value has no closing quote"));
  BOOST_TEST(refusal("a = \"5\" # five") == "a.cfg:1: expected nothing after the closing quote, found \"# five\"");
  BOOST_TEST(refusal("a = \"\\x\"").starts_with("a.cfg:1: expected one of"));
  BOOST_TEST(refusal("a = \xFF") == "a.cfg:1: is not UTF-8 text: \"a = \\xFF\"");
  BOOST_TEST(refusal("# \xC3") == "a.cfg:1: is not UTF-8 text: \"# \\xC3\"");
  BOOST_TEST(refusal(std::string("a = 1\nb = \0", 11)) == "a.cfg:2: has a NUL byte, expected text");
  BOOST_TEST(error_of([] { format_option("a_b", ""); }).ends_with("found \"a_b\""));
  BOOST_TEST(error_of([] { format_option("a", "\xFF"); }) == "the value of the option a is not UTF-8 text: \"\\xFF\"");
}

BOOST_AUTO_TEST_CASE(a_file_is_read_and_named) {
  const TemporaryFolder folder;
  write_text(folder / "options.cfg", "steps = 5\nbad\n");
  BOOST_TEST(error_of([&] { read_options(folder / "options.cfg"); }) ==
             (folder / "options.cfg").string() + ":2: expected `key = value`, found \"bad\"");
  write_text(folder / "options.cfg", "steps = 5\n");
  BOOST_TEST(
      (read_options(folder / "options.cfg") == std::vector<OptionLine>{{"steps", "5", 1, folder / "options.cfg"}}));
}

BOOST_AUTO_TEST_CASE(an_included_file_stands_in_its_place_and_its_lines_know_their_file) {
  const TemporaryFolder folder;
  std::filesystem::create_directories(folder / "below");
  write_text(folder / "outer.cfg", "a = 1\ninclude = below/inner.cfg\nb = 3\n");
  write_text(folder / "below/inner.cfg", "b = 2\n");
  BOOST_TEST((read_options(folder / "outer.cfg") == std::vector<OptionLine>{{"a", "1", 1, folder / "outer.cfg"},
                                                                            {"b", "2", 1, folder / "below/inner.cfg"},
                                                                            {"b", "3", 3, folder / "outer.cfg"}}));
}

BOOST_AUTO_TEST_CASE(a_file_that_includes_itself_or_one_that_is_not_there_is_refused) {
  const TemporaryFolder folder;
  write_text(folder / "a.cfg", "include = b.cfg\n");
  write_text(folder / "b.cfg", "x = 1\ninclude = a.cfg\n");
  BOOST_TEST(error_of([&] { read_options(folder / "a.cfg"); }) ==
             (folder / "b.cfg").string() + ": includes " + (folder / "a.cfg").string() + ", which it is part of");
  write_text(folder / "c.cfg", "x = 1\ninclude = gone.cfg\n");
  std::filesystem::create_directories(folder / "more");
  write_text(folder / "more/gone.cfg", "y = 2\n");
  BOOST_TEST(read_options(folder / "c.cfg", folder / "more").back().key == "y");  // it may be elsewhere
  BOOST_TEST(error_of([&] { read_options(folder / "c.cfg"); }) ==
             (folder / "c.cfg").string() + ":2: includes " + (folder / "gone.cfg").string() + ", which is not there");
}

BOOST_AUTO_TEST_SUITE_END()
