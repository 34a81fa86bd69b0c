// Bodies of torch_file.hpp.
#pragma once
#include "nada/formats/torch_file.hpp"

#include <cstddef>
#include <limits>
#include <map>
#include <set>
#include <span>
#include <string_view>

#include "nada/core/config.hpp"
#include "nada/core/error.hpp"
#include "nada/core/unicode.hpp"
#include "nada/formats/file.hpp"
#include "nada/formats/pickle_globals.hpp"
#include "nada/formats/zip_writer.hpp"

namespace nada {

namespace detail {

/// TorchPickle writes the pickle of a dict and notes the tensors in the order of their storages' numbers. Each function
/// appends the instructions that leave one value on the stack of the machine that reads the pickle.
class TorchPickle {
 public:
  TorchPickle(const std::filesystem::path& path, const TorchDict& root) : path_(path) {
    out_ = "\x80\x02";  // the protocol
    put(root);
    out_ += '.';
  }
  const std::string& pickle() const { return out_; }
  const std::vector<const TensorView*>& tensors() const { return tensors_; }

 private:
  void put(const TorchDict& dict);
  void put(const TensorView& tensor);
  void put(std::span<const std::int64_t> numbers);
  void put(std::int64_t number);
  void put(std::string_view text);
  /// Appends `instructions` that make one value. The first time, the value gets a number, by which it is found later.
  void put_once(const std::string& instructions);
  void put_global(std::string_view module, std::string_view name) { put_once(join("c", module, '\n', name, '\n')); }
  void put_ordered_dict() {
    put_global("collections", "OrderedDict");
    out_ += ")R";  // calls it without arguments
  }
  std::string text(std::string_view words) const;
  template <class Number>
  static std::string raw(Number number) {
    return {reinterpret_cast<const char*>(&number), sizeof number};
  }

  const std::filesystem::path& path_;
  std::string out_;
  std::map<std::string, std::uint8_t> numbers_;  // by instructions: two texts, two functions, the classes of storages
  std::vector<const TensorView*> tensors_;
};

NADA_INLINE void TorchPickle::put(const TorchDict& dict) {
  if (dict.kind == TorchDict::Kind::ordered)
    put_ordered_dict();
  else
    out_ += '}';
  if (dict.entries.empty()) return;
  std::set<std::string_view> names;
  out_ += '(';
  for (const auto& entry : dict.entries)
    std::visit(
        [&](const auto& value) {
          require(names.insert(value.name).second, "cannot write ", path_, ": the entry ", in_quotes(value.name),
                  " is there twice");
          put(std::string_view(value.name));
          put(value);
        },
        entry);
  out_ += 'u';  // all keys and values since the bracket
}

NADA_INLINE void TorchPickle::put(const TensorView& tensor) {
  require_whole(tensor, path_);
  put_global("torch._utils", "_rebuild_tensor_v2");
  out_ += "((";
  put_once(text("storage"));
  put_global("torch", storage_class(tensor.dtype));
  put(std::string_view(std::to_string(tensors_.size())));
  put_once(text("cpu"));
  put(count(tensor));
  out_ += "tQ";  // the storage that these values stand for
  put(std::int64_t{0});
  put(tensor.shape);
  put(contiguous_strides(tensor.shape));
  out_ += '\x89';      // needs no gradient
  put_ordered_dict();  // of hooks
  out_ += "tR";
  tensors_.push_back(&tensor);
}

NADA_INLINE void TorchPickle::put(std::span<const std::int64_t> numbers) {
  out_ += '(';
  for (const auto number : numbers) put(number);
  out_ += 't';
}

NADA_INLINE void TorchPickle::put(std::int64_t number) {
  if (number >= 0 && number <= 0xFF)
    out_ += 'K' + raw(static_cast<std::uint8_t>(number));
  else if (number >= 0 && number <= 0xFFFF)
    out_ += 'M' + raw(static_cast<std::uint16_t>(number));
  else if (number >= 0 && number <= std::numeric_limits<std::int32_t>::max())
    out_ += 'J' + raw(static_cast<std::int32_t>(number));
  else
    out_ += "\x8a\x08" + raw(number);
}

NADA_INLINE void TorchPickle::put(std::string_view words) { out_ += text(words); }

NADA_INLINE void TorchPickle::put_once(const std::string& instructions) {
  const auto known = numbers_.find(instructions);
  if (known != numbers_.end()) {
    out_ += 'h' + raw(known->second);
    return;
  }
  const auto number = static_cast<std::uint8_t>(numbers_.size());
  numbers_.emplace(instructions, number);
  out_ += instructions + 'q' + raw(number);
}

NADA_INLINE std::string TorchPickle::text(std::string_view words) const {
  require(is_utf8(words), "cannot write ", path_, ": ", in_quotes(words), " is not UTF-8 text");
  return 'X' + raw(static_cast<std::uint32_t>(words.size())) + std::string(words);
}

}  // namespace detail

NADA_INLINE void write_torch_file(const std::filesystem::path& path, const TorchDict& root) {
  const detail::TorchPickle content(path, root);
  ZipWriter archive(path);
  archive.add("archive/data.pkl", content.pickle());
  archive.add("archive/byteorder", "little");
  for (std::size_t i = 0; i < content.tensors().size(); ++i)
    archive.add(join("archive/data/", i), content.tensors()[i]->bytes);
  archive.add("archive/version", "3\n");
  archive.finish();
}

}  // namespace nada
