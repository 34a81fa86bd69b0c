// Bodies of safetensors.hpp.
#pragma once
#include "nada/formats/safetensors.hpp"

#include <nlohmann/json.hpp>

#include <algorithm>
#include <cstring>
#include <limits>
#include <utility>

#include "nada/core/config.hpp"
#include "nada/core/unicode.hpp"

namespace nada {

namespace detail {
NADA_INLINE std::optional<std::int64_t> checked_count(std::span<const std::int64_t> shape, std::size_t size) {
  std::int64_t full = static_cast<std::int64_t>(size);  // bytes if empty dimensions had the width 1
  std::int64_t count = 1;
  for (const auto length : shape) {
    if (length < 0 || __builtin_mul_overflow(full, std::max<std::int64_t>(length, 1), &full)) return std::nullopt;
    count *= length;
  }
  return count;
}

NADA_INLINE std::string shown(std::span<const std::int64_t> shape) {
  std::string text = "[";
  for (std::size_t i = 0; i < shape.size(); ++i) text += (i > 0 ? ", " : "") + std::to_string(shape[i]);
  return text + "]";
}

}  // namespace detail

NADA_INLINE std::vector<std::int64_t> contiguous_strides(std::span<const std::int64_t> shape) {
  std::vector<std::int64_t> strides(shape.size(), 1);
  for (std::size_t i = shape.size(); i-- > 1;) strides[i - 1] = strides[i] * std::max<std::int64_t>(shape[i], 1);
  return strides;
}

NADA_INLINE std::int64_t count(const TensorView& tensor) {
  const auto number = detail::checked_count(tensor.shape, size_of(tensor.dtype));
  require(number.has_value(), "the tensor ", in_quotes(tensor.name), " has the impossible shape ",
          detail::shown(tensor.shape));
  return *number;
}

NADA_INLINE bool is_contiguous(const TensorView& tensor) {
  if (tensor.strides.size() != tensor.shape.size()) return false;
  if (count(tensor) == 0) return true;
  std::int64_t stride = 1;
  for (std::size_t i = tensor.shape.size(); i-- > 0; stride *= tensor.shape[i])
    if (tensor.shape[i] != 1 && tensor.strides[i] != stride) return false;
  return true;
}

namespace detail {

NADA_INLINE void require_whole(const TensorView& tensor, const std::filesystem::path& path) {
  const auto start = [&] { return join("cannot write ", path, ": the tensor ", in_quotes(tensor.name)); };
  const auto number =
      tensor.shape.size() <= most_dimensions ? checked_count(tensor.shape, size_of(tensor.dtype)) : std::nullopt;
  require(number.has_value(), start(), " has the impossible shape ", shown(tensor.shape));
  require(is_contiguous(tensor), start(), " is not contiguous");
  const auto size = static_cast<std::size_t>(*number) * size_of(tensor.dtype);
  require(tensor.bytes.size() == size, start(), " of ", name_of(tensor.dtype), " ", shown(tensor.shape), " needs ",
          size, " bytes, found ", tensor.bytes.size());
}

/// SafetensorsHeader receives the header from the JSON parser and accepts nothing but the four levels that
/// a header has.
class SafetensorsHeader {
 public:
  struct Entry {
    std::string name;
    std::optional<DType> dtype;
    std::optional<std::vector<std::int64_t>> shape;
    std::optional<std::vector<std::uint64_t>> offsets;
  };
  explicit SafetensorsHeader(const std::filesystem::path& path) : path_(path) {}
  Metadata metadata;
  std::vector<Entry> entries;

  // nlohmann::json::sax_parse calls the functions below.
  bool null() {
    if (place_ == Place::top && key_ == metadata_key) return true;  // as absent
    unexpected("null");
  }
  bool boolean(bool) { unexpected("a boolean"); }
  bool number_integer(std::int64_t) { unexpected("a negative number"); }
  bool number_float(double, const std::string&) { unexpected("a number that is not a whole one of 64 bits"); }
  template <class Bytes>
  bool binary(Bytes&) {
    unexpected("binary data");
  }
  bool number_unsigned(std::uint64_t value);
  bool string(std::string& value);
  bool key(std::string& value);
  bool start_object(std::size_t);
  bool end_object();
  bool start_array(std::size_t);
  bool end_array();
  template <class Exception>
  bool parse_error(std::size_t position, const std::string&, const Exception&) {
    fail(path_, ": the header is not JSON from its byte ", position, " on");
  }

 private:
  enum class Place { outside, top, metadata, tensor, shape, offsets };

  std::string start() const { return join(path_, ": the tensor ", in_quotes(entries.back().name)); }
  [[noreturn]] void unexpected(std::string_view found) const;

  const std::filesystem::path& path_;
  Place place_ = Place::outside;
  std::string key_;
  bool has_metadata_ = false;
};

NADA_INLINE bool SafetensorsHeader::number_unsigned(std::uint64_t value) {
  if (place_ == Place::shape) {
    require(value <= static_cast<std::uint64_t>(std::numeric_limits<std::int64_t>::max()), start(),
            " has the impossible dimension ", value);
    auto& shape = *entries.back().shape;
    require(shape.size() < most_dimensions, start(), " has more than ", most_dimensions, " dimensions");
    shape.push_back(static_cast<std::int64_t>(value));
  } else if (place_ == Place::offsets) {
    auto& offsets = *entries.back().offsets;
    require(offsets.size() < 2, start(), " has more than two data_offsets");
    offsets.push_back(value);
  } else {
    unexpected("a number");
  }
  return true;
}

NADA_INLINE bool SafetensorsHeader::string(std::string& value) {
  if (place_ == Place::metadata) {
    const bool fresh = metadata.emplace(key_, value).second;
    require(fresh, path_, ": the metadata has ", in_quotes(key_), " twice");
  } else if (place_ == Place::tensor && key_ == "dtype") {
    const auto row = std::find_if(dtypes.begin(), dtypes.end(), [&](const auto& known) { return known.name == value; });
    if (row == dtypes.end()) {
      std::string names;
      for (const auto& known : dtypes) names += (names.empty() ? "" : ", ") + std::string(known.name);
      fail(start(), " has the dtype ", in_quotes(value), ", expected one of ", names);
    }
    entries.back().dtype = row->dtype;
  } else {
    unexpected("a string");
  }
  return true;
}

NADA_INLINE bool SafetensorsHeader::key(std::string& value) {
  key_ = value;
  if (place_ != Place::tensor) return true;
  const auto& entry = entries.back();
  const bool dtype = key_ == "dtype", shape = key_ == "shape", offsets = key_ == "data_offsets";
  require(dtype || shape || offsets, start(), " has the unknown field ", in_quotes(key_));
  require(!(dtype && entry.dtype) && !(shape && entry.shape) && !(offsets && entry.offsets), start(), " has the field ",
          key_, " twice");
  return true;
}

NADA_INLINE bool SafetensorsHeader::start_object(std::size_t) {
  if (place_ == Place::outside) {
    place_ = Place::top;
  } else if (place_ == Place::top && key_ == metadata_key) {
    require(!std::exchange(has_metadata_, true), path_, ": the header has ", metadata_key, " twice");
    place_ = Place::metadata;
  } else if (place_ == Place::top) {
    entries.push_back({.name = key_, .dtype = {}, .shape = {}, .offsets = {}});
    place_ = Place::tensor;
  } else {
    unexpected("an object");
  }
  return true;
}

NADA_INLINE bool SafetensorsHeader::end_object() {
  if (place_ == Place::tensor) {
    const auto& entry = entries.back();
    require(entry.dtype && entry.shape && entry.offsets, start(), " has no ",
            !entry.dtype   ? "dtype"
            : !entry.shape ? "shape"
                           : "data_offsets");
  }
  place_ = place_ == Place::top ? Place::outside : Place::top;
  return true;
}

NADA_INLINE bool SafetensorsHeader::start_array(std::size_t) {
  if (place_ == Place::tensor && key_ == "shape") {
    entries.back().shape.emplace();
    place_ = Place::shape;
  } else if (place_ == Place::tensor && key_ == "data_offsets") {
    entries.back().offsets.emplace();
    place_ = Place::offsets;
  } else {
    unexpected("an array");
  }
  return true;
}

NADA_INLINE bool SafetensorsHeader::end_array() {
  require(place_ != Place::offsets || entries.back().offsets->size() == 2, start(), " has fewer than two data_offsets");
  place_ = Place::tensor;
  return true;
}

NADA_INLINE void SafetensorsHeader::unexpected(std::string_view found) const {
  switch (place_) {
    case Place::outside:
      fail(path_, ": the header must be a JSON object, found ", found);
    case Place::top:
      fail(path_, ": the header's entry ", in_quotes(key_), " must be an object, found ", found);
    case Place::metadata:
      fail(path_, ": the metadata ", in_quotes(key_), " must be a string, found ", found);
    case Place::tensor:
      fail(start(), " must have ", key_ == "dtype" ? "a string" : "an array of numbers", " as its ", key_, ", found ",
           found);
    case Place::shape:
      fail(start(), " has a shape with ", found, " in it");
    case Place::offsets:
      break;
  }
  fail(start(), " has data_offsets with ", found, " in them");
}

NADA_INLINE SafetensorsHeader parse_safetensors_header(const std::filesystem::path& path, std::string_view text) {
  require(text.starts_with('{'), path, ": is not a safetensors file: the header does not start with {");
  // The parser takes a NUL byte for the end of its input.
  require(text.find('\0') == text.npos && is_utf8(text), path, ": the header is not UTF-8 text");
  SafetensorsHeader header(path);
  nlohmann::json::sax_parse(text.begin(), text.end(), &header);
  return header;
}

}  // namespace detail

NADA_INLINE Safetensors Safetensors::open(const std::filesystem::path& path) {
  Safetensors file;
  file.mapping_ = std::make_shared<const MappedFile>(path);
  const auto all = file.mapping_->bytes();
  require(all.size() >= 8, path, ": is not a safetensors file: expected at least 8 bytes, found ", all.size());
  std::uint64_t length = 0;
  std::memcpy(&length, all.data(), sizeof length);
  require(length <= all.size() - 8, path, ": is cut off or not a safetensors file: a header of ", length,
          " bytes is announced and ", all.size() - 8, " bytes follow");
  require(length <= detail::most_header_bytes, path, ": the header has ", length, " bytes, expected at most ",
          detail::most_header_bytes);
  const auto text = all.subspan(8, static_cast<std::size_t>(length));
  const auto data = all.subspan(8 + text.size());
  auto header = detail::parse_safetensors_header(path, {reinterpret_cast<const char*>(text.data()), text.size()});
  file.metadata_ = std::move(header.metadata);

  std::sort(header.entries.begin(), header.entries.end(),
            [](const auto& a, const auto& b) { return *a.offsets < *b.offsets; });
  std::uint64_t position = 0;
  std::string_view previous = "the header";
  for (const auto& entry : header.entries) {
    const auto begin = entry.offsets->front(), end = entry.offsets->back();
    const auto tensor = [&] { return join(path, ": the tensor ", in_quotes(entry.name)); };
    require(begin <= end, tensor(), " ends at byte ", end, ", before its start at byte ", begin);
    require(end <= data.size(), tensor(), " ends at byte ", end, " of the data, of which the file has ", data.size(),
            " bytes: it is cut off");
    const auto number = detail::checked_count(*entry.shape, size_of(*entry.dtype));
    require(number.has_value(), tensor(), " has the impossible shape ", detail::shown(*entry.shape));
    const auto size = static_cast<std::uint64_t>(*number) * size_of(*entry.dtype);
    require(end - begin == size, tensor(), " of ", name_of(*entry.dtype), " ", detail::shown(*entry.shape), " needs ",
            size, " bytes, found ", end - begin);
    require(begin >= position, tensor(), " overlaps ", in_quotes(previous));
    require(begin == position, path, ": nothing is said about the bytes ", position, " to ", begin,
            " of the data, before the tensor ", in_quotes(entry.name));
    position = end;
    previous = entry.name;
    file.tensors_.push_back({entry.name, *entry.dtype, *entry.shape, contiguous_strides(*entry.shape),
                             data.subspan(static_cast<std::size_t>(begin), static_cast<std::size_t>(size))});
  }
  require(position == data.size(), path, ": expected ", position, " bytes of data, found ", data.size());

  std::sort(file.tensors_.begin(), file.tensors_.end(), [](const auto& a, const auto& b) { return a.name < b.name; });
  const auto twice = std::adjacent_find(file.tensors_.begin(), file.tensors_.end(),
                                        [](const auto& a, const auto& b) { return a.name == b.name; });
  if (twice != file.tensors_.end()) fail(path, ": has the tensor ", in_quotes(twice->name), " twice");
  return file;
}

NADA_INLINE const TensorView* Safetensors::find(std::string_view name) const {
  const auto at = std::lower_bound(tensors_.begin(), tensors_.end(), name,
                                   [](const TensorView& tensor, std::string_view key) { return tensor.name < key; });
  return at != tensors_.end() && at->name == name ? &*at : nullptr;
}

NADA_INLINE const TensorView& Safetensors::at(std::string_view name) const {
  const auto* const tensor = find(name);
  if (tensor == nullptr) fail(path(), ": has no tensor ", in_quotes(name));
  return *tensor;
}

NADA_INLINE void save_safetensors(const std::filesystem::path& path, std::span<const TensorView> tensors,
                                  const Metadata& metadata) {
  const auto text = [&](std::string_view words) {
    require(is_utf8(words), "cannot write ", path, ": ", in_quotes(words), " is not UTF-8 text");
    return nlohmann::json(words).dump();
  };
  std::vector<const TensorView*> order;
  for (const auto& tensor : tensors) order.push_back(&tensor);
  std::sort(order.begin(), order.end(), [](const TensorView* a, const TensorView* b) { return a->name < b->name; });
  for (std::size_t i = 0; i < order.size(); ++i) {
    const auto& tensor = *order[i];
    const auto start = [&] { return join("cannot write ", path, ": the tensor ", in_quotes(tensor.name)); };
    require(tensor.name != detail::metadata_key, start(), " has a name that the format reserves");
    require(i == 0 || order[i - 1]->name != tensor.name, start(), " is there twice");
    detail::require_whole(tensor, path);
  }
  std::stable_sort(order.begin(), order.end(),
                   [](const TensorView* a, const TensorView* b) { return size_of(a->dtype) > size_of(b->dtype); });

  std::string header = "{";
  if (!metadata.empty()) {
    std::string words;
    for (const auto& [key, value] : metadata) words += (words.empty() ? "" : ",") + text(key) + ":" + text(value);
    header += text(detail::metadata_key) + ":{" + words + "}";
  }
  std::uint64_t position = 0;
  for (const auto* tensor : order) {
    std::string shape;
    for (const auto length : tensor->shape) {
      if (!shape.empty()) shape += ',';
      shape += std::to_string(length);
    }
    const auto end = position + tensor->bytes.size();
    header += join(header.size() > 1 ? "," : "", text(tensor->name), R"(:{"dtype":")", name_of(tensor->dtype),
                   R"(","shape":[)", shape, R"(],"data_offsets":[)", position, ",", end, "]}");
    position = end;
  }
  header += "}";
  header.append((8 - header.size() % 8) % 8, ' ');
  require(header.size() <= detail::most_header_bytes, "cannot write ", path, ": its header would have ", header.size(),
          " bytes, expected at most ", detail::most_header_bytes);

  AtomicFile file(path);
  const std::uint64_t length = header.size();
  file.write(std::as_bytes(std::span(&length, 1)));
  file.write(std::string_view(header));
  for (const auto* tensor : order) file.write(tensor->bytes);
  file.commit();
}

}  // namespace nada
