#include "nada/core/unicode.hpp"

#include <boost/test/unit_test.hpp>
#include <cstddef>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "nada/formats/file.hpp"

BOOST_AUTO_TEST_SUITE(core_unicode)

using namespace nada;

namespace {

using Words = std::vector<std::string>;

const Words well_formed = {"",
                           "plain",
                           "\xC3\xA9",
                           "\xE2\x82\xAC",
                           "\xF0\x9F\x8E\xA8",
                           "\xED\x9F\xBF",
                           "\xEE\x80\x80",
                           "\xF4\x8F\xBF\xBF",
                           "\xC2\x80",
                           "\xE0\xA0\x80",
                           "\xF0\x90\x80\x80",
                           std::string("a\0b", 3)};
const Words ill_formed = {"\x80",
                          "\xC3",
                          "\xC0\x80",
                          "\xC1\xBF",
                          "\xE0\x9F\xBF",
                          "\xED\xA0\x80",
                          "\xF0\x8F\xBF\xBF",
                          "\xF4\x90\x80\x80",
                          "\xF5\x80\x80\x80",
                          "\xFF",
                          "\xE2\x82",
                          "\xE2\x28\xA1",
                          "a\xC3"};

/// Every byte from `first` to `last`.
std::string bytes(int first, int last) {
  std::string out;
  for (int byte = first; byte <= last; ++byte) out += static_cast<char>(byte);
  return out;
}

/// How many of the texts that take one byte of each set are UTF-8.
std::size_t count_utf8(const Words& sets, const std::string& begun = "") {
  if (begun.size() == sets.size()) return is_utf8(begun) ? 1 : 0;
  std::size_t count = 0;
  for (const char byte : sets[begun.size()]) count += count_utf8(sets, begun + byte);
  return count;
}

}  // namespace

BOOST_AUTO_TEST_CASE(utf8_is_told_from_other_bytes) {
  for (const auto& good : well_formed) BOOST_TEST(is_utf8(good), nada::in_quotes(good));
  for (const auto& bad : ill_formed) BOOST_TEST(!is_utf8(bad), nada::in_quotes(bad));
}

BOOST_AUTO_TEST_CASE(as_many_texts_are_utf8_as_there_are_code_points) {
  BOOST_TEST(count_utf8({bytes(0, 0xFF)}) == 0x80U);
  BOOST_TEST(count_utf8({bytes(0x80, 0xFF), bytes(0, 0xFF)}) == 0x800U - 0x80U);
  BOOST_TEST(count_utf8({bytes(0xE0, 0xFF), bytes(0, 0xFF), bytes(0x7F, 0xC0)}) == 0x10000U - 0x800U - 0x800U);
  // Of 64 third and 64 fourth bytes each, two are tried here, and two that are none.
  const std::string ends = "\x7F\x80\xBF\xC0";
  BOOST_TEST(count_utf8({bytes(0xF0, 0xFF), bytes(0, 0xFF), ends, ends}) == 0x100000U / 64U / 64U * 4U);
}

BOOST_AUTO_TEST_CASE(every_code_point_survives_the_round_trip) {
  std::u32string points;
  for (char32_t point = 0; point < 0x110000; ++point)
    if (point < 0xD800 || point > 0xDFFF) points += point;
  const std::string text = encode_utf8(points);
  BOOST_TEST(text.size() == 0x80U + 2U * 0x780U + 3U * 0xF000U + 4U * 0x100000U);
  BOOST_TEST(is_utf8(text));
  BOOST_TEST((decode_utf8(text) == points));
}

BOOST_AUTO_TEST_CASE(characters_have_the_bytes_that_the_standard_gives) {
  // Unicode 15, section 3.9, the example of D92.
  BOOST_TEST(encode_utf8(U"\u004D\u0430\u4E8C\U00010302") == "\x4D\xD0\xB0\xE4\xBA\x8C\xF0\x90\x8C\x82");
  BOOST_TEST((decode_utf8("\x4D\xD0\xB0\xE4\xBA\x8C\xF0\x90\x8C\x82") == U"\u004D\u0430\u4E8C\U00010302"));
  std::string appended = "a";
  append_utf8(appended, 0x4E8C);
  BOOST_TEST(appended == "a\xE4\xBA\x8C");
}

BOOST_AUTO_TEST_CASE(what_is_not_utf8_is_replaced_piece_by_piece) {
  // Unicode 15, section 3.9, tables 3-8 to 3-11.
  BOOST_TEST((decode_utf8("\xC0\xAF\xE0\x80\xBF\xF0\x81\x82\x41") == std::u32string(8, U'\uFFFD') + U"A"));
  BOOST_TEST((decode_utf8("\xED\xA0\x80\xED\xBF\xBF\xED\xAF\x41") == std::u32string(8, U'\uFFFD') + U"A"));
  BOOST_TEST((decode_utf8("\xF4\x91\x92\x93\xFF\x41\x80\xBF\x42") == U"\uFFFD\uFFFD\uFFFD\uFFFD\uFFFDA\uFFFD\uFFFDB"));
  BOOST_TEST((decode_utf8("\xE1\x80\xE2\xF0\x91\x92\xF1\xBF\x41") == U"\uFFFD\uFFFD\uFFFD\uFFFDA"));
  for (const auto& bad : ill_formed) BOOST_TEST(is_utf8(encode_utf8(decode_utf8(bad))), nada::in_quotes(bad));
}

BOOST_AUTO_TEST_CASE(what_is_no_code_point_is_replaced_when_a_text_is_encoded_and_kept_when_one_is_appended) {
  BOOST_TEST(encode_utf8(std::u32string{0xD800, 0xDFFF, 0x110000, 0xFFFFFFFF}) == "\uFFFD\uFFFD\uFFFD\uFFFD");
  std::string appended;
  append_utf8(appended, 0xD800);
  BOOST_TEST(appended == "\xED\xA0\x80");  // "\ud800".encode("utf-8", "surrogatepass") in Python
}

BOOST_AUTO_TEST_CASE(latin1_has_the_first_256_code_points) {
  BOOST_TEST(utf8_of_latin1("caf\xE9 \xFF\x80") == "café ÿ\u0080");
  BOOST_TEST(latin1_of_utf8("café ÿ\u0080").value() == "caf\xE9 \xFF\x80");
  const std::string all = bytes(0, 0xFF);
  BOOST_TEST(utf8_of_latin1(all).size() == 128U + 2U * 128U);
  BOOST_TEST(latin1_of_utf8(utf8_of_latin1(all)).value() == all);
  BOOST_TEST(!latin1_of_utf8("\u0100").has_value());
  BOOST_TEST(!latin1_of_utf8("€").has_value());
  for (const auto& bad : ill_formed) BOOST_TEST(!latin1_of_utf8(bad).has_value(), nada::in_quotes(bad));
}

BOOST_AUTO_TEST_CASE(columns_are_those_of_a_terminal) {
  BOOST_TEST(columns_of("") == 0);
  BOOST_TEST(columns_of("plain text") == 10);
  BOOST_TEST(columns_of("━┄é") == 3);
  BOOST_TEST(columns_of("日本語") == 6);
  BOOST_TEST(columns_of("한국어") == 6);
  BOOST_TEST(columns_of("🎨✅") == 4);
  BOOST_TEST(columns_of("e\u0301") == 1);
  BOOST_TEST(columns_of("\u0939\u093F\u0902") == 1);  // a Devanagari letter and two marks
  BOOST_TEST(columns_of("a\u200Bb\u2060") == 2);
  BOOST_TEST(columns_of("broken \xF0\x9F") == 8);
}

BOOST_AUTO_TEST_CASE(a_text_is_fitted_by_columns_not_by_bytes) {
  BOOST_TEST(fit_columns("日本語", 5) == "日本");
  BOOST_TEST(fit_columns("日本語", 6) == "日本語");
  BOOST_TEST(fit_columns("e\u0301e", 1) == "e\u0301");  // marks stay with their letter
  BOOST_TEST(fit_columns("plain", 0) == "");
  BOOST_TEST(fit_columns("broken \xF0\x9F text", 8) == "broken \xF0\x9F");
  for (const std::string_view text : {"plain", "日本語", "e\u0301e", "🎨 of \x80 things"})
    for (int columns = 0; columns < 20; ++columns) BOOST_TEST(columns_of(fit_columns(text, columns)) <= columns);
}

BOOST_AUTO_TEST_CASE(a_fitted_text_is_one_line_that_moves_no_cursor) {
  BOOST_TEST(fit_columns("two\nlines\r\tand \x1B[2J", 80) == "two lines  and  [2J");
  BOOST_TEST(fit_columns("\u0085\u009B\u2028\u2029|", 80) == "    |");
  for (const char& control : bytes(0, 0x1F) + "\x7F") BOOST_TEST(fit_columns({&control, 1}, 80) == " ");
}

BOOST_AUTO_TEST_CASE(kinds_of_characters_are_those_of_the_character_database) {
  namespace d = nada::detail;
  for (const char32_t letter : std::u32string_view(U"aZéßЖ日ʼ")) BOOST_TEST(d::is_letter(letter));
  for (const char32_t number : {U'7', U'½', U'Ⅷ', U'\u0663'})
    BOOST_TEST((d::is_number(number) && !d::is_letter(number)));
  for (const char32_t mark : {U'\u0301', U'\u093F', U'\u20DD'}) BOOST_TEST((d::is_mark(mark) && !d::is_letter(mark)));
  for (const char32_t other : {U'!', U'_', U'🎨', U'\uFFFD'})
    BOOST_TEST(!(d::is_letter(other) || d::is_number(other) || d::is_mark(other) || d::is_space(other)));
  // PropList.txt: White_Space has 25 code points.
  std::size_t spaces = 0;
  for (char32_t point = 0; point < 0x110000; ++point) spaces += d::is_space(point) ? 1 : 0;
  BOOST_TEST(spaces == 25U);
  std::size_t letters = 0;
  for (char32_t point = 0; point < 0x110000; ++point) letters += d::is_ascii_letter(point) ? 1 : 0;
  BOOST_TEST(letters == 52U);
}

BOOST_AUTO_TEST_SUITE_END()
