#include "nada/encoders/vocabulary_check.hpp"

#include <boost/test/unit_test.hpp>
#include <string>
#include <vector>

BOOST_AUTO_TEST_SUITE(encoders_vocabulary_check)

using namespace nada;

namespace {

const std::vector<std::string> phrases = {
    "this is a pencil sketch of a {}", "a zombie", "stone statue", "pixel art", "an artist", "8 bit game character"};

/// `word:near,near word:` ...
std::string shown(const std::vector<UnknownWord>& words) {
  std::string result;
  for (const auto& [word, near] : words) {
    result += (result.empty() ? "" : " ") + word + ":";
    for (const auto& other : near) result += (&other == &near.front() ? "" : ",") + other;
  }
  return result;
}

}  // namespace

BOOST_AUTO_TEST_CASE(words_of_the_phrases_are_known_in_any_case_and_order) {
  BOOST_TEST(shown(unknown_words("Art: SKETCH of THE zombie, an {} 8 bit zombie's statue!", phrases)) == "");
}

BOOST_AUTO_TEST_CASE(without_phrases_nothing_is_unknown) { BOOST_TEST(unknown_words("kubrick", {}).empty()); }

BOOST_AUTO_TEST_CASE(texts_without_letters_are_words_too) {
  BOOST_TEST(shown(unknown_words("\U0001F9DF", phrases)) == "\U0001F9DF:");
  BOOST_TEST(shown(unknown_words("!!!", phrases)) == "!!!:");
  BOOST_TEST(shown(unknown_words("a zombie \U0001F9DF\u200D\u2642\uFE0F", phrases)) == "\U0001F9DF\u200D\u2642\uFE0F:");
  BOOST_TEST(shown(unknown_words("{}", phrases)) == "");
  BOOST_TEST(shown(unknown_words("the", phrases)) == "");
  const std::vector<std::string> drawn = {"a face \U0001F600"};
  BOOST_TEST(shown(unknown_words("face \U0001F600!", drawn)) == "");
}

BOOST_AUTO_TEST_CASE(each_unknown_word_comes_once_and_in_order) {
  BOOST_TEST(shown(unknown_words("kubrick zombie werewolf Kubrick", phrases)) == "kubrick: werewolf:");
}

BOOST_AUTO_TEST_CASE(mistyped_words_are_near_what_was_meant) {
  BOOST_TEST(shown(unknown_words("pencl skecth zombi", phrases)) == "pencl:pencil skecth:sketch zombi:zombie");
}

BOOST_AUTO_TEST_CASE(near_words_come_closest_first_then_by_common_beginning) {
  const std::vector<std::string> animals = {"cot", "bat", "cab", "cart", "dog", "hat"};
  BOOST_TEST(shown(unknown_words("cat", animals, 9)) == "cat:cab,cart,cot,bat,hat");
  BOOST_TEST(shown(unknown_words("cat", animals, 2)) == "cat:cab,cart");
  BOOST_TEST(shown(unknown_words("cat", animals, 0)) == "cat:");
}

BOOST_AUTO_TEST_CASE(words_of_other_meanings_are_not_near) {
  const std::vector<std::string> known = {"big", "from", "brown", "old", "on", "zombie"};
  BOOST_TEST(shown(unknown_words("dog frozen oil zomby", known)) == "dog: frozen: oil: zomby:zombie");
}

BOOST_AUTO_TEST_CASE(known_words_are_sorted_and_come_once) {
  const std::vector<std::string> texts = {"A sketch of {}", "a zombie", "the Sketch"};
  const std::vector<std::string> expected = {"of", "sketch", "zombie"};
  BOOST_TEST(known_words(texts) == expected, boost::test_tools::per_element());
}

BOOST_AUTO_TEST_CASE(words_without_a_letter_in_common_are_not_near) {
  const std::vector<std::string> one = {"is"};
  BOOST_TEST(shown(unknown_words("ox", one)) == "ox:");
}

BOOST_AUTO_TEST_CASE(letters_are_counted_not_bytes) {
  const std::vector<std::string> one = {"\u0437\u043E\u043C\u0431\u0438"};
  BOOST_TEST(shown(unknown_words("\u0437\u043E\u043C\u0438", one)) ==
             "\u0437\u043E\u043C\u0438:\u0437\u043E\u043C\u0431\u0438");
}

BOOST_AUTO_TEST_CASE(edits_count_a_swap_of_neighbours_as_one_and_stop_at_the_limit) {
  BOOST_TEST(nada::detail::edits(U"alien", U"alein", 5) == 1U);
  BOOST_TEST(nada::detail::edits(U"kitten", U"sitting", 5) == 3U);
  BOOST_TEST(nada::detail::edits(U"", U"abc", 5) == 3U);
  BOOST_TEST(nada::detail::edits(U"kitten", U"sitting", 2) == 3U);
  BOOST_TEST(nada::detail::edits(U"abcdefgh", U"a", 2) == 3U);
}

BOOST_AUTO_TEST_SUITE_END()
