#include "nada/encoders/json_tokenizer.hpp"

#include <boost/test/unit_test.hpp>

#include <nlohmann/json.hpp>

#include <cstdint>
#include <string>
#include <utility>
#include <vector>

#include "nada/formats/file.hpp"
#include "support/files.hpp"

BOOST_AUTO_TEST_SUITE(encoders_json_tokenizer)

using namespace nada;
using nlohmann::json;
using Ids = std::vector<std::int64_t>;

namespace {

/// Seven symbols and three merges, of which "ab" comes before "bc".
json small() {
  return {{"version", "1.0"},
          {"added_tokens", json::array()},
          {"normalizer", nullptr},
          {"pre_tokenizer", nullptr},
          {"post_processor", nullptr},
          {"model",
           {{"type", "BPE"},
            {"unk_token", "?"},
            {"fuse_unk", true},
            {"byte_fallback", false},
            {"vocab", {{"?", 0}, {"a", 1}, {"b", 2}, {"c", 3}, {"ab", 4}, {"bc", 5}, {"abab", 6}}},
            {"merges", {"a b", "b c", "ab ab"}}}}};
}
Ids ids_of(const json& file, std::string_view text) { return JsonTokenizer::parse(file.dump(), "t").ids(text); }
json added(int id, const char* content) { return {{"id", id}, {"content", content}}; }

std::string error_of_json(const json& file) {
  return error_of([&] { JsonTokenizer::parse(file.dump(), "t.json"); });
}
std::string error_with(const char* pointer, json value) {
  auto file = small();
  file[json::json_pointer(pointer)] = std::move(value);
  return error_of_json(file);
}

}  // namespace

BOOST_AUTO_TEST_CASE(pairs_join_in_the_order_of_the_list_from_the_left) {
  const auto check = [](const json& file, std::string_view text, const Ids& expected) {
    BOOST_TEST_CONTEXT(text) BOOST_TEST(ids_of(file, text) == expected, boost::test_tools::per_element());
  };
  check(small(), "abc", {4, 3});
  check(small(), "bc", {5});
  check(small(), "ababab", {6, 4});
  check(small(), "", {});
  check(small(), "xya", {0, 1});  // unknown characters side by side are one
  auto apart = small();
  apart["model"]["fuse_unk"] = false;
  check(apart, "xya", {0, 0, 1});
  auto pairs = small();
  pairs["model"]["merges"] = json::array({json::array({"a", "b"}), json::array({"b", "c"})});
  check(pairs, "abc", {4, 3});
  auto whole = small();
  whole["model"]["merges"] = {"a b", "b c"};
  whole["model"]["ignore_merges"] = true;
  check(whole, "abab", {6});
  auto words = small();
  words["pre_tokenizer"] = {{"type", "Split"}, {"pattern", {{"String", "a"}}}, {"behavior", "MergedWithPrevious"}};
  check(words, "abc", {1, 5});
}

BOOST_AUTO_TEST_CASE(added_tokens_are_found_before_and_after_normalizing) {
  auto file = small();
  file["normalizer"] = {{"type", "Sequence"},
                        {"normalizers",
                         {{{"type", "Lowercase"}},
                          {{"type", "Replace"}, {"pattern", {{"String", "z"}}}, {"content", "ab"}},
                          {{"type", "Prepend"}, {"prepend", "c"}}}}};
  BOOST_TEST(ids_of(file, "AZ") == (Ids{3, 1, 4}), boost::test_tools::per_element());
  file["added_tokens"] = {added(7, "A"), added(8, "AB"), {{"id", 9}, {"content", "Z"}, {"normalized", true}}};
  // "AB" is longer than "A"; what lies behind it is normalized by itself, to "c" and "ab", which "Z" is normalized.
  BOOST_TEST(ids_of(file, "ABz") == (Ids{8, 9}), boost::test_tools::per_element());
  BOOST_TEST(ids_of(file, "A") == (Ids{7}), boost::test_tools::per_element());
  auto wide = small();
  wide["added_tokens"] = json::array({{{"id", 7}, {"content", "<x>"}, {"lstrip", true}, {"rstrip", true}}});
  BOOST_TEST(ids_of(wide, "a \t<x>\u3000 b") == (Ids{1, 7, 2}), boost::test_tools::per_element());
  wide["added_tokens"][0]["rstrip"] = false;
  BOOST_TEST(ids_of(wide, "a <x> b") == (Ids{1, 7, 0, 2}), boost::test_tools::per_element());
  BOOST_TEST(JsonTokenizer::parse(wide.dump(), "t").vocabulary_size() == 8);
}

BOOST_AUTO_TEST_CASE(unknown_characters_fall_back_to_their_bytes) {
  auto file = small();
  auto& model = file["model"];
  model["byte_fallback"] = true;
  for (int byte = 0; byte < 256; ++byte)
    model["vocab"][nada::detail::byte_token(static_cast<unsigned char>(byte))] = 100 + byte;
  BOOST_TEST(ids_of(file, "a\u044F") == (Ids{1, 100 + 0xD1, 100 + 0x8F}), boost::test_tools::per_element());
  BOOST_TEST(ids_of(file, "\xFF") == (Ids{100 + 0xEF, 100 + 0xBF, 100 + 0xBD}), boost::test_tools::per_element());
  model["vocab"].erase("<0x0A>");
  BOOST_TEST(error_of_json(file) == "t.json: model.byte_fallback is true, and model.vocab lacks <0x0A>");
}

BOOST_AUTO_TEST_CASE(templates_give_start_and_end) {
  auto file = small();
  const auto special = [](const char* id) { return json{{"SpecialToken", {{"id", id}, {"type_id", 0}}}}; };
  const json own = {{"Sequence", {{"id", "A"}, {"type_id", 0}}}};
  file["post_processor"] = {{"type", "TemplateProcessing"},
                            {"single", {special("s"), own, special("e")}},
                            {"special_tokens", {{"s", {{"ids", {2}}}}, {"e", {{"ids", {3, 1}}}}}}};
  file["padding"] = {{"pad_id", 5}};
  const auto tokenizer = JsonTokenizer::parse(file.dump(), "t");
  BOOST_TEST(tokenizer.start() == (Ids{2}), boost::test_tools::per_element());
  BOOST_TEST(tokenizer.end() == (Ids{3, 1}), boost::test_tools::per_element());
  BOOST_TEST(tokenizer.padding().value() == 5);
  file["post_processor"]["single"].push_back(own);
  BOOST_TEST(error_of_json(file).starts_with("t.json: post_processor.single is "));
}

BOOST_AUTO_TEST_CASE(what_is_not_honoured_is_refused_by_name) {
  BOOST_TEST(error_with("/model/type", "Unigram") ==
             "t.json: model.type is \"Unigram\", expected \"BPE\", which is all that is read here");
  BOOST_TEST(error_with("/model/dropout", 0.1) ==
             "t.json: model.dropout is 0.1, expected none, which is all that is read here");
  BOOST_TEST(error_with("/model/end_of_word_suffix", "</w>").starts_with("t.json: model.end_of_word_suffix is "));
  BOOST_TEST(error_with("/model/window", 1) == "t.json: \"model.window\" is not known here");
  BOOST_TEST(error_with("/window", 1) == "t.json: \"window\" is not known here");
  BOOST_TEST(error_with("/model/unk_token", "!") == "t.json: model.unk_token is \"!\", which model.vocab lacks");
  BOOST_TEST(error_with("/model/fuse_unk", 1) == "t.json: model.fuse_unk is 1, expected true or false");
  BOOST_TEST(error_with("/normalizer", {{"type", "NFKC"}}).starts_with("t.json: normalizer.type is \"NFKC\""));
  BOOST_TEST(error_with("/normalizer", {{"type", "Replace"}, {"pattern", {{"Regex", "a+"}}}, {"content", ""}})
                 .starts_with("t.json: normalizer.pattern is "));
  BOOST_TEST(error_with("/pre_tokenizer", {{"type", "ByteLevel"}}).starts_with("t.json: pre_tokenizer.type is "));
  BOOST_TEST(error_with("/post_processor", {{"type", "ByteLevel"}}).starts_with("t.json: post_processor.type is "));
  auto word = added(7, "x");
  word["single_word"] = true;
  BOOST_TEST(error_with("/added_tokens", json::array({word}))
                 .starts_with("t.json: added_tokens.single_word of \"x\" is true"));
}

BOOST_AUTO_TEST_CASE(hostile_files_are_named_in_one_sentence) {
  const auto error = [](const std::string& text) { return error_of([&] { JsonTokenizer::parse(text, "t.json"); }); };
  BOOST_TEST(error("{") == "t.json: is not JSON, expected a tokenizer.json");
  BOOST_TEST(error(std::string(500, '[') + std::string(500, ']')) ==
             "t.json: nests values deeper than 100, expected a tokenizer.json");
  BOOST_TEST(error_with("/model/vocab", json::object()) == "t.json: model.vocab is no object of tokens and ids");
  BOOST_TEST(error_with("/model/vocab/a", -1).starts_with("t.json: model.vocab is -1, expected an id in [0, "));
  BOOST_TEST(error_with("/model/vocab/a", 1e18).starts_with("t.json: model.vocab is 1e+18, expected an id in [0, "));
  BOOST_TEST(error_with("/model/merges", 3) == "t.json: model.merges is no list");
  for (const json& merge : {json("a"), json("a b c"), json("a x"), json(7), json({"a", "b", "c"}), json("c c")})
    BOOST_TEST(error_with("/model/merges", json::array({merge})) ==
               "t.json: model.merges holds " + merge.dump() +
                   ", expected two symbols that model.vocab holds alone and joined");
  BOOST_TEST(error_with("/added_tokens", json::array({added(1 << 30, "x")}))
                 .starts_with("t.json: added_tokens.id is 1073741824"));
  BOOST_TEST(error_with("/added_tokens", json::array({added(7, "")}))
                 .starts_with("t.json: added_tokens holds a text of 0 bytes"));
  BOOST_TEST(
      error_with("/added_tokens", json::array({3})).starts_with("t.json: added_tokens holds 3, expected an object"));
  json deep = nullptr;
  for (int i = 0; i < 20; ++i) deep = {{"type", "Sequence"}, {"normalizers", json::array({deep})}};
  BOOST_TEST(error_with("/normalizer", deep).starts_with("t.json: normalizer.type is \"Sequence\""));
  const json twice = {{"type", "Replace"}, {"pattern", {{"String", "a"}}}, {"content", "aaaaaaaaa"}};
  BOOST_TEST(error_with("/normalizer", {{"type", "Sequence"}, {"normalizers", json::array({twice, twice})}}) ==
             "t.json: normalizer makes texts more than 64 times as long");
}

BOOST_AUTO_TEST_SUITE_END()
