#include "nada/encoders/piece_tokenizer.hpp"

#include <boost/test/unit_test.hpp>

#include <nlohmann/json.hpp>

#include <cstdint>
#include <string>
#include <vector>

#include "nada/formats/file.hpp"
#include "support/files.hpp"

BOOST_AUTO_TEST_SUITE(encoders_piece_tokenizer)

using namespace nada;
using nlohmann::json;
using Ids = std::vector<std::int64_t>;

namespace {

const std::filesystem::path folder = NADA_SOURCE_DIR "/tests/golden/pieces";

/// Rows [text, SigLIP's ids, SigLIP 2's ids] of transformers' tokenizers, in more than forty languages.
json rows() { return json::parse(read_text(folder / "tokens.json")); }

/// Says how many rows differ, and shows the first of them.
void compare(const PieceTokenizer& tokenizer, std::size_t column) {
  std::size_t wrong = 0;
  for (const auto& row : rows()) {
    const auto found = tokenizer.ids(row[0].get<std::string>()), expected = row[column].get<Ids>();
    if (found != expected && ++wrong == 1)
      BOOST_TEST_INFO("first: " << row[0] << " gives " << json(found) << ", expected " << row[column]);
  }
  BOOST_TEST(rows().size() >= 200);
  BOOST_TEST(wrong == 0);
}

/// What opening a file with this content says, without the path.
std::string error_of_file(const char* name, const std::string& content) {
  const TemporaryFolder own;
  write_text(own / name, content);
  const auto text = error_of([&] { PieceTokenizer::open(own / name); });
  return text.starts_with((own / name).string()) ? text.substr((own / name).string().size()) : "no file: " + text;
}

}  // namespace

BOOST_AUTO_TEST_CASE(tokens_of_siglip_2_are_those_of_hugging_faces_tokenizers_in_every_script) {
  compare(PieceTokenizer::open(folder / "tokenizer.json"), 2);
}

BOOST_AUTO_TEST_CASE(tokens_of_siglip_are_those_of_its_tokenizer_in_every_script) {
  compare(PieceTokenizer::open(folder / "spiece.model"), 1);
}

BOOST_AUTO_TEST_CASE(padded_texts_end_and_are_filled_up) {
  const auto gemma = PieceTokenizer::open(folder / "tokenizer.json");
  auto expected = gemma.ids("A cat");
  expected.push_back(1);   // <eos>
  expected.resize(64, 0);  // <pad>
  BOOST_TEST(gemma.padded("A cat", 64) == expected, boost::test_tools::per_element());
  BOOST_TEST(error_of([&] {
               gemma.padded("a cat in the snow", 3);
             }).find("expected at most 3 (the encoder's context)") != std::string::npos);
  const auto siglip = PieceTokenizer::open(folder / "spiece.model");
  expected = siglip.ids("a cat");
  expected.resize(64, 1);  // </s> ends and fills
  BOOST_TEST(siglip.padded("A, cat!", 64) == expected, boost::test_tools::per_element());
}

BOOST_AUTO_TEST_CASE(cleaning_is_that_of_each_project) {
  using enum PieceCleaning;
  BOOST_TEST(clean_for_pieces("A \u0130_x, \u03A3\u03A3", none) == "A \u0130_x, \u03A3\u03A3");
  BOOST_TEST(clean_for_pieces("A \u0130_x, \u03A3\u03A3", lower) == "a i\u0307_x, \u03C3\u03C3");
  BOOST_TEST(clean_for_pieces("  A \t\u0130_x,\n \u03A3\u03A3 !", canonical) == "a i\u0307x \u03C3\u03C3");
  BOOST_TEST(clean_for_pieces("  A &amp; \u0130_x,\n \u03A3\u03A3 !", openclip) == "a i\u0307 x \u03C3\u03C2");
}

BOOST_AUTO_TEST_CASE(a_configuration_beside_the_vocabulary_is_honoured_or_refused_by_name) {
  const TemporaryFolder own;
  const auto path = own / "tokenizer_config.json";
  const auto with = [&](const json& config) {
    write_text(path, config.dump());
    auto out = PieceTokenizer::open(folder / "tokenizer.json");
    out.configure(path);
    return out;
  };
  const auto error = [&](const json& config) {
    const auto text = error_of([&] { with(config); });
    return text.substr(std::min(text.size(), path.string().size()));
  };
  BOOST_TEST(with({{"tokenizer_class", "GemmaTokenizer"}}).padded("a", 9) ==
                 PieceTokenizer::open(folder / "tokenizer.json").padded("a", 9),
             boost::test_tools::per_element());
  BOOST_TEST(with({{"pad_token", "<mask>"}}).padding() == 4);
  BOOST_TEST(with({{"eos_token", {{"content", "<bos>"}}}}).end() == (Ids{2}), boost::test_tools::per_element());
  BOOST_TEST(with({{"add_bos_token", true}, {"bos_token", "<bos>"}}).start() == (Ids{2}),
             boost::test_tools::per_element());
  BOOST_TEST(with({{"add_eos_token", false}}).end().empty());
  BOOST_TEST((with({{"do_lower_case", false}}).ids("CAT") != with({{"do_lower_case", true}}).ids("CAT")));
  BOOST_TEST(error({{"tokenizer_class", "BertTokenizer"}}) ==
             ": tokenizer_class is \"BertTokenizer\", expected SigLIP's or Gemma's");
  BOOST_TEST(error({{"pad_token", "[PAD]"}}) == ": pad_token is \"[PAD]\", which the vocabulary lacks");
  BOOST_TEST(error({{"do_lower_case", 1}}) == ": do_lower_case is 1, expected true or false");
  BOOST_TEST(error({{"sp_model_kwargs", {{"enable_sampling", true}}}}).starts_with(": sp_model_kwargs is "));
  BOOST_TEST(error({{"add_bos_token", true}}) == ": add_bos_token is true, and there is no bos_token");
}

BOOST_AUTO_TEST_CASE(damaged_files_are_named_in_one_sentence) {
  BOOST_TEST(error_of_file("tokenizer.json", "") == ": is not JSON, expected a tokenizer.json");
  BOOST_TEST(error_of_file("tokenizer.json", "[]") == ": holds no object model, expected a tokenizer.json");
  auto file = json::parse(read_text(folder / "tokenizer.json"));
  file["added_tokens"] = json::array();
  file["post_processor"] = nullptr;
  file["model"]["vocab"].erase("<eos>");
  BOOST_TEST(error_of_file("tokenizer.json", file.dump()) ==
             ": the end token is \"<eos>\", which the vocabulary lacks");
  const std::string whole = read_text(folder / "spiece.model");
  auto bent = whole;  // a unit of the table of characters, which begins behind the normalizer's name
  bent[whole.find("user_defined") + 12 + 3 + 4 + 3] = '\x7F';
  BOOST_TEST(error_of_file("spiece.model", bent).starts_with(": is damaged: its table of characters leads nowhere"));
  for (const auto& content : {std::string(), std::string("words"), whole.substr(0, 40),
                              whole.substr(0, whole.size() / 2), std::string(3000, '\0'), std::string(3000, '\xFF')}) {
    const auto error = error_of_file("spiece.model", content);
    BOOST_TEST(error.starts_with(": is no sentencepiece model, expected"));
    BOOST_TEST(error.find('\n') == std::string::npos);
  }
}

BOOST_AUTO_TEST_SUITE_END()
