#include "nada/encoders/tokenizer.hpp"

#include <zlib.h>

#include <boost/test/unit_test.hpp>
#include <chrono>
#include <cstring>
#include <filesystem>
#include <map>
#include <nlohmann/json.hpp>
#include <random>
#include <set>
#include <string>
#include <vector>

#include "nada/encoders/text_cleaning.hpp"
#include "nada/formats/file.hpp"
#include "nada/formats/safetensors.hpp"
#include "nada/parameterization/compressed.hpp"
#include "support/files.hpp"
#include "support/golden.hpp"

BOOST_AUTO_TEST_SUITE(encoders_tokenizer)

using namespace nada;

namespace {

using Ids = std::vector<std::int64_t>;

// ids: th 512, the</w> 513, ca 514, cat</w> 515, 's</w> 516, start 517, end 518
const std::string small_list = "#version: 0.2\nt h\nth e</w>\nc a\nca t</w>\n' s</w>\n";
Tokenizer small() { return Tokenizer::from_merges(small_list, "small.txt"); }
std::int64_t letter(char c) { return c - 33; }
std::int64_t ending(char c) { return letter(c) + 256; }

/// Golden numbers of texts, with the list of merges that they need.
struct Golden {
  std::filesystem::path folder;
  Tokenizer tokenizer;
  std::vector<std::int64_t> openai;  // OpenAI's id of each id of the tokenizer

  nlohmann::json json(const char* name) const { return nlohmann::json::parse(read_text(folder / name)); }
  Ids ids(Ids own) const {
    for (auto& id : own) id = openai.at(static_cast<std::size_t>(id));
    return own;
  }
};
/// Those in the repository; their list has some lines of OpenAI's and says which.
Golden kept() {
  Golden out{test::kept_golden() / "clip", Tokenizer::open(test::kept_golden() / "tokenizer/merges.txt"), {}};
  for (std::int64_t id = 0; id < 512; ++id) out.openai.push_back(id);
  const auto file = out.json("tokenizer.json");
  for (const std::int64_t line : file.at("lines")) out.openai.push_back(511 + line);
  out.openai.push_back(49406);
  out.openai.push_back(49407);
  BOOST_TEST_REQUIRE(static_cast<std::int64_t>(out.openai.size()) == out.tokenizer.vocabulary_size());
  return out;
}
/// The full set, with OpenAI's list.
Golden full() {
  Golden out{test::full_golden() / "clip",
             Tokenizer::open(test::full_golden() / "../data/clip/bpe_simple_vocab_16e6.txt.gz"),
             {}};
  BOOST_TEST_REQUIRE(out.tokenizer.vocabulary_size() == 49408);
  for (std::int64_t id = 0; id < 49408; ++id) out.openai.push_back(id);
  return out;
}

/// The algorithm as the paper has it: join all places of the best pair, left to right, and look again.
std::vector<std::string> joined_plainly(std::string word,
                                        const std::map<std::pair<std::string, std::string>, int>& ranks) {
  std::vector<std::string> symbols;
  for (const char c : word) symbols.emplace_back(1, c);
  symbols.back() += "</w>";
  for (;;) {
    std::pair<int, std::pair<std::string, std::string>> best{1 << 30, {}};
    for (std::size_t i = 0; i + 1 < symbols.size(); ++i)
      if (const auto found = ranks.find({symbols[i], symbols[i + 1]}); found != ranks.end())
        best = std::min(best, {found->second, found->first});
    if (best.first == 1 << 30) return symbols;
    std::vector<std::string> next;
    for (std::size_t i = 0; i < symbols.size(); ++i) {
      const bool here =
          i + 1 < symbols.size() && symbols[i] == best.second.first && symbols[i + 1] == best.second.second;
      next.push_back(here ? symbols[i] + symbols[i + 1] : symbols[i]);
      i += here;
    }
    symbols = next;
  }
}

}  // namespace

BOOST_AUTO_TEST_CASE(the_vocabulary_is_bytes_merges_start_and_end) {
  const auto t = small();
  BOOST_TEST(t.vocabulary_size() == 519);
  BOOST_TEST(t.start() == 517);
  BOOST_TEST(t.end() == 518);
  BOOST_TEST(Tokenizer::from_merges("#version: 0.2", "none").vocabulary_size() == 514);
}

BOOST_AUTO_TEST_CASE(pairs_are_joined_in_the_order_of_the_list) {
  BOOST_TEST(small().ids("The cat") == (Ids{513, 515}), boost::test_tools::per_element());
  BOOST_TEST(small().ids("that") == (Ids{512, letter('a'), ending('t')}), boost::test_tools::per_element());
  BOOST_TEST(small().ids("cat's") == (Ids{515, 516}), boost::test_tools::per_element());
  BOOST_TEST(small().ids("a") == (Ids{ending('a')}), boost::test_tools::per_element());
}

BOOST_AUTO_TEST_CASE(bytes_that_do_not_print_come_after_those_that_do) {
  BOOST_TEST(small().ids("\u00E9") == (Ids{0xC3 - 68, 256 + 0xA9 - 67}), boost::test_tools::per_element());
  BOOST_TEST(small().ids("\u2026") == (Ids{0xE2 - 68, 188 + 33 + 1, 256 + 0xA6 - 67}),
             boost::test_tools::per_element());
}

BOOST_AUTO_TEST_CASE(random_lists_join_as_the_plain_algorithm_does) {
  std::mt19937 random(7);
  const auto below = [&](std::size_t n) { return std::uniform_int_distribution<std::size_t>(0, n - 1)(random); };
  for (int trial = 0; trial < 60; ++trial) {
    std::vector<std::string> symbols = {"a", "b", "c", "a</w>", "b</w>", "c</w>"}, inside = {"a", "b", "c"};
    std::map<std::pair<std::string, std::string>, int> ranks;
    std::map<std::string, std::int64_t> ids;
    for (const char c : {'a', 'b', 'c'}) {
      ids[{c}] = letter(c);
      ids[std::string{c} + "</w>"] = ending(c);
    }
    std::string list = "#version: 0.2\n";
    for (int rank = 0; rank < 30; ++rank) {  // the same pair twice, and equal results of different pairs, included
      const auto left = inside[below(inside.size())], right = symbols[below(symbols.size())];
      list += left + " " + right + "\n";
      ranks[{left, right}] = rank;
      ids[left + right] = 512 + rank;
      symbols.push_back(left + right);
      if (!right.ends_with("</w>")) inside.push_back(left + right);
    }
    const auto t = Tokenizer::from_merges(list, "random");
    for (int word = 0; word < 30; ++word) {
      std::string text;
      for (std::size_t size = 1 + below(25); text.size() < size;) text += "abc"[below(3)];
      Ids expected;
      for (const auto& symbol : joined_plainly(text, ranks)) expected.push_back(ids.at(symbol));
      BOOST_TEST(t.ids(text) == expected, boost::test_tools::per_element());
    }
  }
}

BOOST_AUTO_TEST_CASE(padding_puts_start_and_end_around_the_text_and_zeros_behind) {
  BOOST_TEST(small().padded("the cat", 6) == (Ids{517, 513, 515, 518, 0, 0}), boost::test_tools::per_element());
  BOOST_TEST(small().padded("", 3) == (Ids{517, 518, 0}), boost::test_tools::per_element());
  BOOST_TEST(small().padded("the cat", 4) == (Ids{517, 513, 515, 518}), boost::test_tools::per_element());
}

BOOST_AUTO_TEST_CASE(a_text_that_is_too_long_is_an_error_or_cut) {
  BOOST_TEST(
      error_of([] { small().padded("the cat the cat", 5); }) ==
      "the text \"the cat the cat\" has 6 tokens with start and end, expected at most 5 (the encoder's context)");
  BOOST_TEST(small().padded("the cat the cat", 5, true) == (Ids{517, 513, 515, 513, 518}),
             boost::test_tools::per_element());
  BOOST_TEST(error_of([] { small().padded("", 1); }).starts_with("the context must hold at least 2 tokens"));
}

BOOST_AUTO_TEST_CASE(special_tokens_typed_in_any_case_are_the_special_ids) {
  BOOST_TEST(small().ids("<|StartOfText|>cat <|ENDOFTEXT|>") == (Ids{517, 515, 518}), boost::test_tools::per_element());
  BOOST_TEST(small().ids("<|nose|>").size() == 8);
}

BOOST_AUTO_TEST_CASE(a_tokenizer_comes_back_from_its_merges) {
  const auto t = small();
  BOOST_TEST(t.merges() == small_list);
  const auto windows = Tokenizer::from_merges("#version: 0.2\r\nt h\r\nth e</w>", "windows.txt");
  BOOST_TEST(windows.merges() == "#version: 0.2\nt h\nth e</w>\n");
  const auto copy = windows;
  BOOST_TEST(copy.ids("the") == (Ids{513}), boost::test_tools::per_element());
}

BOOST_AUTO_TEST_CASE(no_more_merges_are_read_than_clip_uses) {
  std::string list = "#version: 0.2\n";
  for (int i = 0; i < 48894; ++i) list += "a b\n";
  BOOST_TEST(Tokenizer::from_merges(list + "what follows is never looked at", "long.txt").vocabulary_size() == 49408);
}

BOOST_AUTO_TEST_CASE(what_is_no_list_of_merges_is_an_error_that_names_the_line) {
  const auto error = [](std::string text) { return error_of([&] { Tokenizer::from_merges(text, "x.txt"); }); };
  BOOST_TEST(error("") == "x.txt: expected a list of merges, found nothing");
  BOOST_TEST(error("t h\n") ==
             "x.txt: line 1: expected the first line of a list of merges, \"#version: 0.2\", found \"t h\"");
  const std::string two = "expected two symbols that bytes or earlier lines make, with a blank between them, found ";
  for (const std::string line : {"", "th", "th e", "t  h", "t h e", "t ", " h", "t \xFF", "t \u4E2D"})
    BOOST_TEST(error("#version: 0.2\na b\n" + line + "\nc d\n") == "x.txt: line 3: " + two + nada::in_quotes(line));
}

BOOST_AUTO_TEST_CASE(files_are_plain_or_compressed_whatever_their_name) {
  const TemporaryFolder folder;
  write_text(folder / "plain.gz", small_list);
  BOOST_TEST(Tokenizer::open(folder / "plain.gz").merges() == small_list);
  const auto compressed = folder / "compressed.txt";
  const auto compress = [&](const std::string& text) {
    gzFile file = gzopen(compressed.c_str(), "wb");
    BOOST_TEST_REQUIRE(gzwrite(file, text.data(), static_cast<unsigned>(text.size())) == static_cast<int>(text.size()));
    BOOST_TEST_REQUIRE(gzclose(file) == Z_OK);
    return read_text(compressed);
  };
  const std::string whole = compress(small_list);
  BOOST_TEST(Tokenizer::open(compressed).merges() == small_list);
  write_text(compressed, whole.substr(0, whole.size() - 9));
  BOOST_TEST(error_of([&] { Tokenizer::open(compressed); }) ==
             compressed.string() + ": expected a whole gzip file, found damaged or cut data");
  compress(std::string((std::size_t{64} << 20) + 1, '\n'));
  BOOST_TEST(error_of([&] { Tokenizer::open(compressed); }).ends_with("bytes expected at most, decompressed"));
  BOOST_TEST(error_of([&] { Tokenizer::open(folder / "missing"); }).ends_with("missing: no such file"));
}

BOOST_AUTO_TEST_CASE(a_small_file_is_not_unpacked_to_a_large_one) {
  const std::string text = small_list + std::string(std::size_t{9} << 20, ' ');
  z_stream stream{};
  deflateInit2(&stream, 9, Z_DEFLATED, 16 + MAX_WBITS, 8, Z_DEFAULT_STRATEGY);
  std::string packed(deflateBound(&stream, text.size()), '\0');
  stream.next_in = reinterpret_cast<Bytef*>(const_cast<char*>(text.data()));
  stream.avail_in = static_cast<uInt>(text.size());
  stream.next_out = reinterpret_cast<Bytef*>(packed.data());
  stream.avail_out = static_cast<uInt>(packed.size());
  deflate(&stream, Z_FINISH);
  packed.resize(stream.total_out);
  deflateEnd(&stream);
  const TemporaryFolder folder;
  const auto path = folder / "merges.gz";
  write_text(path, packed);
  BOOST_TEST(error_of([&] { Tokenizer::open(path); }) ==
             path.string() + ": is larger than the 8388608 bytes expected at most, decompressed");
}

BOOST_AUTO_TEST_CASE(long_words_and_invalid_bytes_take_no_long_time) {
  const auto start = std::chrono::steady_clock::now();
  std::string cats, marks, nested = "&";
  while (cats.size() < 100'000) cats += "cat";
  while (marks.size() < 100'000) marks += "\u0301\u0323";
  while (nested.size() < 100'000) nested += "amp;";
  for (const auto& text : {cats, marks, nested, std::string(100'000, '\xF0'), std::string(100'000, '&')})
    BOOST_TEST(!small().ids(text).empty());
  BOOST_TEST(std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count() < 10);
}

BOOST_AUTO_TEST_CASE(texts_are_repaired) {
  BOOST_TEST(clean_text("it\u2019s a \u201Ccurly\u201D \u02BCquote\u201F") == "it's a \"curly\" 'quote\"");
  BOOST_TEST(clean_text("\uFB01ne o\uFB03ce \uFB05 \u0132 \u01C5 \u0149") == "fine office \u017Ft ij d\u017E 'n");
  BOOST_TEST(clean_text("\uFF26\uFF55\u3000\uFF76\uFF9E\uFFE1") == "fu \u30AC\u00A3");
  BOOST_TEST(clean_text("e\u0301 A\u030A") == "\u00E9 \u00E5");
  BOOST_TEST(clean_text("be\u0007ll \x1B[1;31mred\x1B[0m \uFEFFbom\u206A") == "bell red bom");
  BOOST_TEST(clean_text(std::string("n\0ul", 4)) == "nul");
  BOOST_TEST(clean_text("\u0093quoted\u0094 \u0080") == "\"quoted\" \u20AC");
}

BOOST_AUTO_TEST_CASE(bytes_that_are_not_utf8_become_replacement_characters_as_in_python) {
  BOOST_TEST(clean_text("a\xFF"
                        "b") == "a\uFFFDb");
  BOOST_TEST(clean_text("\xE2\x82") == "\uFFFD");  // cut
  BOOST_TEST(clean_text("\xE2\x82"
                        "a\xF0\x9F\x98") == "\uFFFDa\uFFFD");                // cut, twice
  BOOST_TEST(clean_text("\xC0\x80") == "\uFFFD\uFFFD");                      // overlong
  BOOST_TEST(clean_text("\xED\xA0\x80") == "\uFFFD\uFFFD\uFFFD");            // surrogate
  BOOST_TEST(clean_text("\xF4\x90\x80\x80") == "\uFFFD\uFFFD\uFFFD\uFFFD");  // past U+10FFFF
  BOOST_TEST(clean_text("\xF4\x8F\xBF\xBD") == "\xF4\x8F\xBF\xBD");
}

BOOST_AUTO_TEST_CASE(character_references_are_unescaped_as_python_does) {
  const std::pair<const char*, const char*> cases[] = {
      {"&amp;lt;b&amp;gt;", "<b>"},
      {"&eacute;&EACUTE;&Eacute", "\u00E9\u00E9\u00E9"},
      {"&notanentity;", "\u00ACanentity;"},
      {"AT&T &unknown;", "at&t &unknown;"},
      {"&#65;&#x42;&#X43&#68 &#;&#x;", "abcd &#;&#x;"},
      {"x&nbsp;&ensp;y", "x y"},
      {"&#128;&#x92;|", "\u20AC'|"},
      {"&#0;&#xD800;&#x110000;&#99999999999;", "\uFFFD\uFFFD\uFFFD\uFFFD"},
      {"a&#1;&#xFFFE;&#xFDD0;b", "ab"},
      {"<&#8217;>", "<\u2019>"},
      {"&rsquo;\n<&rsquo;", "' <\u2019"},
      {"&SZLIG;", "ss"},
      {"&rang;&hearts;&apos;&lbrack;&frac12", "\u27E9\u2665'[\u00BD"},
      {"&amp\u00E9;", "&\u00E9;"}};
  for (const auto& [text, expected] : cases) BOOST_TEST(clean_text(text) == expected);
}

BOOST_AUTO_TEST_CASE(white_space_is_collapsed_and_stripped) {
  BOOST_TEST(clean_text(" \t a\u00A0\u2003\r\n b\u2028c\u0020\u3000") == "a b c");
  BOOST_TEST(clean_text("a\u200Bb") == "a\u200Bb");  // zero width is no space
  BOOST_TEST(clean_text(" \n ") == "");
}

BOOST_AUTO_TEST_CASE(plain_ascii_is_cleaned_as_all_texts_are) {
  std::string text = "  a Photo  of ";
  for (char c = 0x20; c < 0x7F; ++c)
    if (c != '&') text += c;
  BOOST_TEST(clean_text(text) == clean_text("\n" + text));  // a line feed is no plain ASCII, and goes as a space
  BOOST_TEST(clean_text("  A  Sketch, [by] <HAND> ") == "a sketch, [by] <hand>");
  BOOST_TEST(clean_text("") == "");
}

BOOST_AUTO_TEST_CASE(lower_case_is_the_full_one) {
  BOOST_TEST(clean_text("\u0130STANBUL STRASSE \u1E9E") == "i\u0307stanbul strasse \u00DF");
  BOOST_TEST(clean_text("\u03A3\u038A\u03A3\u03A5\u03A6\u039F\u03A3") == "\u03C3\u03AF\u03C3\u03C5\u03C6\u03BF\u03C2");
  BOOST_TEST(clean_text("A\u03A3'A A\u03A3' \u03A3") == "a\u03C3'a a\u03C2' \u03C3");
  BOOST_TEST(clean_text("\u2167 \U00010400 \u13E3") == "\u2177 \U00010428 \uABB3");
}

namespace {

void check_entries(const Golden& golden) {
  const auto& t = golden.tokenizer;
  int compared = 0, left_out = 0;
  const auto file = golden.json("tokenizer.json");
  for (const auto& entry : file.at("entries")) {
    if (entry.value("needs_mojibake_repair", false)) {  // wrongly decoded text
      ++left_out;
      continue;
    }
    const std::string text = entry.at("text");
    BOOST_TEST_CONTEXT("entry " << nada::in_quotes(text)) {
      BOOST_TEST(clean_text(text) == entry.at("cleaned").get<std::string>());
      BOOST_TEST(golden.ids(t.ids(text)) == entry.at("bpe_ids").get<Ids>(), boost::test_tools::per_element());
      const bool too_long = entry.at("error");
      BOOST_TEST(!error_of([&] { t.padded(text, 77); }).empty() == too_long);
      auto expected = entry.at(too_long ? "truncated" : "padded").get<Ids>();
      expected.resize(77);  // zeros, which the part in the repository leaves out
      BOOST_TEST(golden.ids(t.padded(text, 77, too_long)) == expected, boost::test_tools::per_element());
    }
    ++compared;
  }
  BOOST_TEST(compared >= 250);
  BOOST_TEST(left_out < 5);
}

void check_templates(const Golden& golden) {
  const auto file = Safetensors::open(golden.folder / "losses.safetensors");
  const auto templates = golden.json("losses.json").at("templates");
  BOOST_TEST(templates.size() == 79U);
  for (const auto& [word, tensor] :
       std::map<std::string, std::string>{{"photo", "tokens.src_templates"}, {"sketch", "tokens.dst_templates"}}) {
    const auto bytes = file.at(tensor).bytes;
    std::vector<std::int32_t> expected(bytes.size() / sizeof(std::int32_t));
    std::memcpy(expected.data(), bytes.data(), bytes.size());
    std::vector<std::int32_t> found;
    for (std::string text : templates) {
      text.replace(text.find("{}"), 2, word);
      for (const auto id : golden.ids(golden.tokenizer.padded(text, 77)))
        found.push_back(static_cast<std::int32_t>(id));
    }
    BOOST_TEST(found == expected, boost::test_tools::per_element());
  }
}

}  // namespace

BOOST_AUTO_TEST_CASE(openai_entries_of_the_golden_file_agree) { check_entries(kept()); }
BOOST_AUTO_TEST_CASE(openai_tokens_of_the_golden_templates_agree) { check_templates(kept()); }

BOOST_AUTO_TEST_CASE(openai_entries_of_the_full_golden_file_agree,
                     *boost::unit_test::precondition(test::full_golden_is_there)) {
  check_entries(full());
}
BOOST_AUTO_TEST_CASE(openai_tokens_of_the_full_golden_templates_agree,
                     *boost::unit_test::precondition(test::full_golden_is_there)) {
  check_templates(full());
}

BOOST_AUTO_TEST_SUITE_END()
