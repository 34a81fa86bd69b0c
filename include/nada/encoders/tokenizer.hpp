/// CLIP's tokenizer: byte pairs, with OpenAI's list of merges or any other list in its format.
///
///     text -> clean_text -> pieces -> bytes of each piece as symbols, the last one marked `</w>`
///     -> while a listed pair stands side by side, join everywhere the pair that is listed first -> ids
///
///     id  0 ... 255        the bytes, first those that print (33-126, 161-172, 174-255), then the others
///         256 ... 511      the same bytes at the end of a piece
///         512 ... 511 + M  the merges in the order of the list, 48894 at most
///         512 + M, 513 + M start and end of a text
///
/// Sources: Sennrich et al., arXiv:1508.07909 (byte pairs); openai/CLIP at d05afc4 (pieces, symbols, order of ids).
/// Facts:   ids() adds no start and end, padded() adds both; no text fails to encode; `<|startoftext|>` and
///          `<|endoftext|>` in a text, in any case, are the special ids; from_merges(t.merges()) is t again.
#pragma once
#include <array>
#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <memory>
#include <string>
#include <string_view>
#include <unordered_map>
#include <utility>
#include <vector>

namespace nada {

namespace detail {

/// Returns the content of a gzip file, or of several gzip files one after the other.
/// Errors:  damaged or cut data; more than `limit` bytes.
std::string decompressed(std::string_view data, std::string_view what, std::size_t limit);

/// Whether `text` starts with `pattern` (lower case ASCII) when case is ignored; `text` is in lower case already.
bool starts_in_any_case(std::u32string_view text, std::u32string_view pattern);

inline constexpr std::u32string_view start_of_text = U"<|startoftext|>";
inline constexpr std::u32string_view end_of_text = U"<|endoftext|>";

/// Cuts cleaned text as CLIP does: special tokens, the English endings 's 't 're 've 'm 'll 'd, runs of letters, single
/// numbers, runs of all other characters that are no space. Spaces are dropped.
std::vector<std::u32string_view> pieces(std::u32string_view text);

/// ByteSymbols are the characters by which lists of merges write the 256 bytes, in the order of their ids.
struct ByteSymbols {
  std::array<std::uint8_t, 256> bytes;   // by id
  std::array<std::string, 256> spelled;  // by id
};
ByteSymbols byte_symbols();

}  // namespace detail

/// Tokenizer turns texts into token ids. Copies share one immutable table.
class Tokenizer {
 public:
  /// Reads the text of a list of merges: a line with `#version`, then on each line two symbols and a blank between
  /// them. `what` names the text in errors.
  /// Errors:  a missing first line; a line that is not two symbols which bytes or earlier lines make.
  static Tokenizer from_merges(std::string_view text, std::string_view what);

  /// Reads a file, plain or gzip (recognised by its content), of at most 8 MiB either way, which is
  /// twice the size of CLIP's list.
  /// Errors:  as from_merges and read_text.
  static Tokenizer open(const std::filesystem::path& path);

  /// Returns the number of ids: 514 + merges.
  std::int64_t vocabulary_size() const { return tables_->size; }
  std::int64_t start() const { return tables_->size - 2; }
  std::int64_t end() const { return tables_->size - 1; }

  /// Returns the ids of `text`, without start and end; none for a text of nothing but spaces.
  std::vector<std::int64_t> ids(std::string_view text) const;

  /// Returns exactly `context` ids: start, ids of the text, end, zeros. A text that is too long is an error, or, with
  /// `truncate`, is cut so that the last id is the end.
  std::vector<std::int64_t> padded(std::string_view text, std::int64_t context, bool truncate = false) const;

  /// Returns the list in use as text that from_merges takes.
  std::string merges() const { return tables_->merges; }

 private:
  struct Join {
    std::int32_t rank;    // position in the list
    std::int32_t symbol;  // the symbol that the pair becomes
  };
  struct Tables {
    std::string merges = "#version: 0.2\n";
    std::int64_t size = 0;
    std::array<std::int32_t, 256> inside;  // byte -> symbol
    std::array<std::int32_t, 256> last;    // byte at the end of a piece -> symbol
    std::unordered_map<std::uint64_t, Join> joins;

    static std::uint64_t key(std::int32_t left, std::int32_t right) {
      return static_cast<std::uint64_t>(left) << 32 | static_cast<std::uint32_t>(right);
    }
  };

  explicit Tokenizer(std::shared_ptr<const Tables> tables) : tables_(std::move(tables)) {}
  void append_joined(std::string_view bytes, std::vector<std::int64_t>& out) const;

  std::shared_ptr<const Tables> tables_;
};

}  // namespace nada

#ifndef NADA_COMPILED
#include "nada/encoders/tokenizer.ipp"
#endif
