// Fuzz target: the tokenizers. A text alone; or a list of merges, a NUL and a text; or a gzip file with a list; or a
// tokenizer.json, a NUL and a text; or a sentencepiece model, behind a letter S.
#include "nada/encoders/tokenizer.hpp"

#include <optional>
#include <string>
#include <string_view>

#include "fuzz.hpp"
#include "nada/core/unicode.hpp"
#include "nada/encoders/json_tokenizer.hpp"
#include "nada/encoders/sentence_pieces.hpp"
#include "nada/encoders/text_cleaning.hpp"

using namespace nada;

namespace {

void encode(const Tokenizer& tokenizer, std::string_view text) {
  const auto ids = tokenizer.ids(text);
  for (const auto id : ids) fuzz::hold(id >= 0 && id < tokenizer.vocabulary_size(), "an id that is none");
  const auto padded = tokenizer.padded(text, 77, true);
  fuzz::hold(padded.size() == 77 && padded.front() == tokenizer.start(),
             "a padded text without start or of another size");
  fuzz::hold(ids.size() > 75 ? padded.back() == tokenizer.end() : padded[ids.size() + 1] == tokenizer.end(),
             "a padded text without end");
  fuzz::hold(is_utf8(clean_text(text)), "a cleaned text that is not UTF-8");
}

/// Reads a tokenizer.json, and a text with it.
void read_json(std::string_view file, std::string_view text) {
  std::optional<JsonTokenizer> tokenizer;
  if (!fuzz::attempt("input", file.size(), [&] { tokenizer.emplace(JsonTokenizer::parse(file, "input")); })) return;
  for (const bool lower : {false, true})
    for (const auto id : tokenizer->ids(text, lower))
      fuzz::hold(id >= 0 && id < tokenizer->vocabulary_size(), "an id that is none");
}

/// Reads a sentencepiece model, and a text with it.
void read_pieces(std::string_view file) {
  std::optional<SentencePieces> pieces;
  if (!fuzz::attempt("input", file.size(), [&] { pieces.emplace(SentencePieces::parse(file, "input")); })) return;
  for (const auto id : pieces->ids("the cat \xEF\xAC\x81 \xD1\x8F  isn't \xE7\x8C\xAB "))
    fuzz::hold(id >= 0 && id < pieces->vocabulary_size(), "an id that is none");
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view input(reinterpret_cast<const char*>(data), size);
  const bool packed = input.starts_with("\x1F\x8B");
  const auto nul = packed ? size : input.find('\0');
  const bool has_list = nul != input.npos;
  const auto merges = has_list ? input.substr(0, nul) : std::string_view();
  const auto text = has_list ? input.substr(std::min(nul + 1, size)) : input;
  if (input.starts_with('S')) return read_pieces(input.substr(1)), 0;
  if (merges.starts_with('{')) return read_json(merges, text), 0;
  std::optional<Tokenizer> tokenizer;
  if (packed) {
    const auto path = fuzz::as_file(std::as_bytes(std::span(merges)));
    fuzz::attempt(path.native(), size, [&] { tokenizer.emplace(Tokenizer::open(path)); });
  } else if (has_list) {
    fuzz::attempt("input", size, [&] { tokenizer.emplace(Tokenizer::from_merges(merges, "input")); });
  }
  static const auto plain = Tokenizer::from_merges("#version: 0.2\ni n\nt h\nth e</w>\n", "plain");
  const auto& used = tokenizer ? *tokenizer : plain;
  fuzz::hold(fuzz::attempt("input", size, [&] { encode(used, text); }), "a text that fails to encode");
  if (tokenizer) {
    const auto again = Tokenizer::from_merges(tokenizer->merges(), "again");
    fuzz::hold(again.merges() == tokenizer->merges() && again.vocabulary_size() == tokenizer->vocabulary_size() &&
                   again.ids(text) == tokenizer->ids(text),
               "a list of merges that is another when it is read again");
  }
  return 0;
}
