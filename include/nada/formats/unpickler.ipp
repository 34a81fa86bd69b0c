// Bodies of unpickler.hpp.
#pragma once
#include "nada/formats/unpickler.hpp"

#include <algorithm>
#include <bit>
#include <charconv>
#include <system_error>

#include "nada/core/config.hpp"
#include "nada/core/error.hpp"
#include "nada/formats/file.hpp"

namespace nada {

NADA_INLINE std::optional<double> Value::as_real() const {
  if (is(Kind::integer)) return static_cast<double>(integer_);
  return is(Kind::real) ? std::optional(real_) : std::nullopt;
}

NADA_INLINE std::span<const Value* const> Value::items() const {
  return is(Kind::list) || is(Kind::tuple) || is(Kind::set) ? std::span<const Value* const>(items_)
                                                            : std::span<const Value* const>();
}

NADA_INLINE const Value* Value::find(std::string_view name) const {
  for (auto entry = entries(); entry-- > 0;)
    if (key(entry).is(Kind::text) && key(entry).text_ == name) return &value(entry);
  return nullptr;
}

NADA_INLINE Value Value::real(double number) {
  Value value(Kind::real);
  value.real_ = number;
  return value;
}

NADA_INLINE Value Value::text(Kind kind, std::string_view characters) {
  Value value(kind);
  value.text_ = characters;
  return value;
}

NADA_INLINE Value Value::container(Kind kind, std::vector<const Value*> items) {
  Value value(kind);
  value.items_ = std::move(items);
  return value;
}

NADA_INLINE Value Value::object(std::string_view name, const Value* arguments) {
  Value value(Kind::object);
  value.text_ = name;
  value.items_ = {arguments, nullptr};
  return value;
}

NADA_INLINE Value Value::storage(const PickledStorage* storage) {
  Value value(Kind::storage);
  value.storage_ = storage;
  return value;
}

NADA_INLINE Value Value::tensor(const PickledTensor* tensor) {
  Value value(Kind::tensor);
  value.tensor_ = tensor;
  return value;
}

namespace detail {
NADA_INLINE void Allowance::take(std::uint64_t bytes) {
  require(bytes <= left_, what_, ": describes more values than a file of its size has reason to");
  left_ -= bytes;
}

NADA_INLINE std::optional<DType> storage_dtype(std::string_view global) {
  if (global == "torch.storage.UntypedStorage" || global == "torch.UntypedStorage") return DType::u8;
  if (!global.starts_with("torch.")) return std::nullopt;
  global.remove_prefix(6);
  if (global.starts_with("cuda.")) global.remove_prefix(5);
  for (const auto& type : storage_types)
    if (type.name == global) return type.dtype;
  return std::nullopt;
}

NADA_INLINE std::optional<DType> torch_dtype(std::string_view global) {
  for (const auto& type : torch_dtypes)
    if (type.name == global) return type.dtype;
  return std::nullopt;
}

NADA_INLINE std::optional<Meaning> meaning_of(std::string_view global) {
  for (const auto& known : known_globals)
    if (known.name == global) return known.meaning;
  // Classes of modules, which are only remembered; TorchScript's are named by the archive itself.
  if (global.starts_with("torch.nn.modules.") || global.starts_with("__torch__.")) return Meaning::object;
  if (storage_dtype(global) || torch_dtype(global)) return Meaning::object;
  return std::nullopt;
}

}  // namespace detail

NADA_INLINE const Value& Unpickler::read(std::span<const std::byte>& bytes) {
  start_ = bytes.data();
  rest_ = bytes;
  stack_.clear();
  marks_.clear();
  memo_.clear();
  while (step()) {
  }
  bytes = rest_;
  return *stack_.back();
}

NADA_INLINE const Value& Unpickler::read_torch_stream(std::span<const std::byte> bytes) {
  std::map<std::string, PickledStorage*, std::less<>> outer;
  std::swap(storages_, outer);
  in_stream_ = true;
  const auto& magic = read(bytes);
  require(magic.is(Value::Kind::big_integer) && magic.text() == std::string_view(magic_number, 10), what_,
          ": a stream of torch.save starts with its magic number, found ", name_of(magic.kind()));
  const auto version = read(bytes).as_integer();
  require(version == 1001, what_, ": a stream of torch.save has version 1001, found ",
          version ? std::to_string(*version) : "none");
  const auto* const little = read(bytes).find("little_endian");
  require(little == nullptr || little->as_boolean() != false, what_,
          ": holds numbers with the highest byte first, which are not read");
  const auto& root = read(bytes);
  const auto& keys = read(bytes);
  require(keys.is(Value::Kind::list), what_, ": the list of the storages is ", name_of(keys.kind()));
  for (const auto* const key : keys.items()) read_storage(*key, bytes);
  for (auto& [name, storage] : storages_) resolve_view(name, *storage);
  std::swap(storages_, outer);
  in_stream_ = false;
  return root;
}

NADA_INLINE bool Unpickler::recognises_torch_stream(std::span<const std::byte> bytes) {
  const auto text =
      std::string_view(reinterpret_cast<const char*>(bytes.data()), std::min<std::size_t>(bytes.size(), 32));
  return text.starts_with('\x80') && text.find(std::string_view(magic_number, 10)) != text.npos;
}

NADA_INLINE const Value& Unpickler::keep(Value value) {
  allowance_.take(sizeof(Value) + 16 * value.items_.size());
  for (const auto* const item : value.items_)
    if (item != nullptr) value.depth_ = std::max<std::uint16_t>(value.depth_, next_depth(*item));
  return values_.emplace_back(std::move(value));
}

NADA_INLINE const Value& Unpickler::keep(PickledTensor tensor) {
  allowance_.take(sizeof(PickledTensor) + 16 * tensor.shape.size() + sizeof(Value));
  return values_.emplace_back(Value::tensor(&tensors_.emplace_back(std::move(tensor))));
}

NADA_INLINE const PickledStorage& Unpickler::keep(PickledStorage storage) {
  allowance_.take(sizeof storage + sizeof(Value));
  return all_storages_.emplace_back(storage);
}

NADA_INLINE std::span<const std::byte> Unpickler::take(std::uint64_t length) {
  require(length <= rest_.size(), where(), " announces ", length, " bytes, and ", rest_.size(),
          " follow: it is cut off or damaged");
  const auto part = rest_.first(static_cast<std::size_t>(length));
  rest_ = rest_.subspan(part.size());
  return part;
}

NADA_INLINE std::string_view Unpickler::characters(std::uint64_t length) {
  const auto part = take(length);
  return {reinterpret_cast<const char*>(part.data()), part.size()};
}

NADA_INLINE std::string_view Unpickler::line() {
  const auto text = std::string_view(reinterpret_cast<const char*>(rest_.data()), rest_.size());
  const auto end = text.find('\n');
  require(end != text.npos, where(), " starts a line without an end: it is cut off or damaged");
  rest_ = rest_.subspan(end + 1);
  return text.substr(0, end);
}

NADA_INLINE Value& Unpickler::add(Value value) {
  allowance_.take(sizeof(Value));
  return values_.emplace_back(std::move(value));
}

NADA_INLINE void Unpickler::push(Value& value) {
  if (stack_.size() == most_stack_) {
    allowance_.take(24);
    ++most_stack_;
  }
  stack_.push_back(&value);
}

NADA_INLINE Value& Unpickler::top() {
  require(stack_.size() > floor(), where(), " wants a value and there is none: it is damaged");
  return *stack_.back();
}

NADA_INLINE Value& Unpickler::pop() {
  auto& value = top();
  stack_.pop_back();
  return value;
}

NADA_INLINE std::uint16_t Unpickler::next_depth(const Value& child) const {
  require(child.depth_ < most_depth, what_, ": nests values deeper than ", most_depth);
  return static_cast<std::uint16_t>(child.depth_ + 1);
}

NADA_INLINE void Unpickler::append(Value& parent, const Value& child) {
  allowance_.take(parent.items_.empty() ? 32 : 16);
  parent.depth_ = std::max(parent.depth_, next_depth(child));
  parent.items_.push_back(&child);
}

NADA_INLINE void Unpickler::mark() {
  require(marks_.size() < most_depth, what_, ": nests values deeper than ", most_depth);
  marks_.push_back(stack_.size());
}

NADA_INLINE std::size_t Unpickler::unmark() {
  require(!marks_.empty(), where(), " wants the values since a mark and there is none: it is damaged");
  const auto start = marks_.back();
  marks_.pop_back();
  return start;
}

NADA_INLINE void Unpickler::gather(Value& parent) {
  const auto start = unmark();
  for (auto i = start; i < stack_.size(); ++i) append(parent, *stack_[i]);
  stack_.resize(start);
}

NADA_INLINE Value& Unpickler::gathered(Kind kind) {
  auto& value = add(Value::container(kind));
  gather(value);
  return value;
}

NADA_INLINE void Unpickler::tuple_of(std::size_t count) {
  require(stack_.size() - floor() >= count, where(), " wants ", count, " values, there are ", stack_.size() - floor(),
          ": it is damaged");
  auto& value = add(Value::container(Kind::tuple));
  for (auto i = stack_.size() - count; i < stack_.size(); ++i) append(value, *stack_[i]);
  stack_.resize(stack_.size() - count);
  push(value);
}

NADA_INLINE Value& Unpickler::expect(Value& value, Kind kind) {
  require(value.is(kind), where(), " wants ", name_of(kind), ", found ", name_of(value.kind()));
  return value;
}

NADA_INLINE void Unpickler::memorize(std::uint64_t index) {
  auto& value = top();
  const auto [place, fresh] = memo_.try_emplace(index, &value);
  if (fresh)
    allowance_.take(64);
  else
    place->second = &value;
}

NADA_INLINE Value& Unpickler::remembered(std::uint64_t index) {
  const auto place = memo_.find(index);
  require(place != memo_.end(), where(), " asks for the value ", index, ", which was not kept: it is damaged");
  return *place->second;
}

NADA_INLINE std::uint64_t Unpickler::index_of_line() {
  const auto text = line();
  std::uint64_t index = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), index);
  require(error == std::errc{} && end == text.data() + text.size(), where(), " follows ", detail::quoted(text),
          ", expected a number");
  return index;
}

NADA_INLINE void Unpickler::push_integer(std::int64_t value) {
  if (value >= 0 && value < 256 && small_[static_cast<std::size_t>(value)] != nullptr)
    return push(*small_[static_cast<std::size_t>(value)]);
  auto& fresh = add(Value::integer(value));
  if (value >= 0 && value < 256) small_[static_cast<std::size_t>(value)] = &fresh;
  push(fresh);
}

NADA_INLINE void Unpickler::push_long(std::uint64_t length) {
  const auto text = characters(length);
  if (length <= 8) {
    std::uint64_t value = length > 0 && (static_cast<unsigned char>(text.back()) & 0x80) != 0 ? ~std::uint64_t{0} : 0;
    std::memcpy(&value, text.data(), text.size());
    return push_integer(static_cast<std::int64_t>(value));
  }
  require(length <= 1024, where(), " ends an integer of ", length, " bytes, expected at most 1024");
  push_new(Value::text(Kind::big_integer, text));
}

NADA_INLINE void Unpickler::push_integer_line(bool long_suffix) {
  auto text = line();
  if (!long_suffix && (text == "00" || text == "01")) return push(text == "01" ? true_ : false_);
  if (long_suffix && text.ends_with('L')) text.remove_suffix(1);
  std::int64_t value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  require(error == std::errc{} && end == text.data() + text.size(), where(), " follows ", detail::quoted(text),
          ", expected an integer of 64 bits");
  push_integer(value);
}

NADA_INLINE void Unpickler::push_real_line() {
  const auto text = line();
  double value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  require(error == std::errc{} && end == text.data() + text.size(), where(), " follows ", detail::quoted(text),
          ", expected a number");
  push_new(Value::real(value));
}

NADA_INLINE void Unpickler::push_real() {
  auto bits = number<std::uint64_t>();
  bits = __builtin_bswap64(bits);
  push_new(Value::real(std::bit_cast<double>(bits)));
}

NADA_INLINE std::string_view Unpickler::keep_text(std::string text) {
  allowance_.take(sizeof(std::string) + text.size());
  return texts_.emplace_back(std::move(text));
}

NADA_INLINE int Unpickler::hex_digit(char c) {
  if (c >= '0' && c <= '9') return c - '0';
  if (c >= 'a' && c <= 'f') return c - 'a' + 10;
  if (c >= 'A' && c <= 'F') return c - 'A' + 10;
  return -1;
}

NADA_INLINE void Unpickler::append_utf8(std::string& out, std::uint32_t point) {
  const auto put = [&](std::uint32_t byte) { out += static_cast<char>(byte); };
  if (point < 0x80) return put(point);
  if (point < 0x800) {
    put(0xC0 | point >> 6);
  } else {
    if (point < 0x10000) {
      put(0xE0 | point >> 12);
    } else {
      put(0xF0 | (point >> 18 & 7));
      put(0x80 | (point >> 12 & 0x3F));
    }
    put(0x80 | (point >> 6 & 0x3F));
  }
  put(0x80 | (point & 0x3F));
}

NADA_INLINE std::uint32_t Unpickler::hex(std::string_view text, std::size_t& at, std::size_t digits) const {
  std::uint32_t value = 0;
  for (std::size_t i = 0; i < digits; ++i) {
    const int digit = at + 1 < text.size() ? hex_digit(text[at + 1]) : -1;
    require(digit >= 0, where(), " follows a text with a broken escape");
    value = value << 4 | static_cast<std::uint32_t>(digit);
    ++at;
  }
  return value;
}

NADA_INLINE void Unpickler::push_string_line() {
  auto text = line();
  require(text.size() >= 2 && (text[0] == '\'' || text[0] == '"') && text.back() == text[0], where(), " follows ",
          detail::quoted(text), ", expected a text in quotes");
  text = text.substr(1, text.size() - 2);
  if (text.find('\\') == text.npos) return push_new(Value::text(Kind::text, text));
  std::string out;
  for (std::size_t at = 0; at < text.size(); ++at) {
    if (text[at] != '\\') {
      out += text[at];
      continue;
    }
    require(++at < text.size(), where(), " follows a text with a broken escape");
    constexpr std::string_view names = "nrtabfv0'\"\\", values = std::string_view("\n\r\t\a\b\f\v\0'\"\\", 11);
    if (text[at] == 'x')
      out += static_cast<char>(hex(text, at, 2));
    else if (const auto name = names.find(text[at]); name != names.npos)
      out += values[name];
    else
      fail(where(), " follows a text with a broken escape");
  }
  push_new(Value::text(Kind::text, keep_text(std::move(out))));
}

NADA_INLINE void Unpickler::push_unicode_line() {
  const auto text = line();
  const auto plain = [](char c) { return c != '\\' && static_cast<unsigned char>(c) < 0x80; };
  if (std::all_of(text.begin(), text.end(), plain)) return push_new(Value::text(Kind::text, text));
  std::string out;
  for (std::size_t at = 0; at < text.size(); ++at) {
    const bool escaped = text[at] == '\\' && at + 1 < text.size();
    if (escaped && (text[at + 1] == 'u' || text[at + 1] == 'U')) {
      ++at;
      const auto point = hex(text, at, text[at] == 'u' ? 4 : 8);
      require(point < 0x110000, where(), " follows a text with a broken escape");
      append_utf8(out, point);
    } else {
      append_utf8(out, static_cast<unsigned char>(text[at]));
    }
  }
  push_new(Value::text(Kind::text, keep_text(std::move(out))));
}

NADA_INLINE Value& Unpickler::latin1(std::string_view text) {
  allowance_.take(text.size());  // for plain ones as well: it is work, and may be asked for again
  const auto ascii = [](char c) { return static_cast<unsigned char>(c) < 0x80; };
  if (std::all_of(text.begin(), text.end(), ascii)) return add(Value::text(Kind::bytes, text));
  std::string out;
  out.reserve(text.size());
  for (std::size_t at = 0; at < text.size(); ++at) {
    const auto lead = static_cast<unsigned char>(text[at]);
    if (lead < 0x80) {
      out += text[at];
      continue;
    }
    const auto next = at + 1 < text.size() ? static_cast<unsigned char>(text[at + 1]) : 0U;
    require((lead == 0xC2 || lead == 0xC3) && (next & 0xC0) == 0x80, where(),
            " wants the Latin-1 bytes of a text that has none");
    out += static_cast<char>((lead & 3) << 6 | (next & 0x3F));
    ++at;
  }
  return add(Value::text(Kind::bytes, texts_.emplace_back(std::move(out))));
}

NADA_INLINE void Unpickler::push_global(std::string_view module, std::string_view name) {
  // A longer name is on no list: the rest would only be copied each time.
  std::string full = join(module.substr(0, most_name), ".", name.substr(0, most_name));
  const auto known = globals_.find(full);
  if (known != globals_.end()) return push(*known->second);
  const auto meaning = full.size() <= most_name ? detail::meaning_of(full) : std::nullopt;
  if (!meaning) {
    const auto words = detail::quoted(full);
    fail(what_, ": the pickle wants to call ", std::string_view(words).substr(1, words.size() - 2),
         "; only tensors, plain values and the parts of known kinds of models are read");
  }
  const auto text = keep_text(std::move(full));
  auto& value = add(Value::text(Kind::global, text));
  value.integer_ = static_cast<std::int64_t>(*meaning);
  allowance_.take(96);
  globals_.emplace(text, &value);
  push(value);
}

NADA_INLINE const Value& Unpickler::argument(std::string_view function, const Value& arguments,
                                             std::size_t index) const {
  require(index < arguments.items_.size(), what_, ": the pickle calls ", function, " with ", arguments.items_.size(),
          " values, expected at least ", index + 1);
  return *arguments.items_[index];
}

NADA_INLINE void Unpickler::copy_items(Value& to, const Value& from) {
  const auto size = from.items_.size();
  for (std::size_t i = 0; i < size; ++i) append(to, *from.items_[i]);
}

NADA_INLINE Value& Unpickler::call(Value& function, Value& arguments) {
  require(function.is(Kind::global), where(), " calls ", name_of(function.kind()), ", expected a function or class");
  expect(arguments, Kind::tuple);
  auto name = function.text();
  if (name == "copy_reg._reconstructor" || name == "copyreg._reconstructor") return construct(arguments);
  const auto* given = &arguments;
  auto meaning = meaning_of(function);
  if (meaning == detail::Meaning::wrapped_tensor) {
    const auto& inner = argument(name, arguments, 0);
    given = &argument(name, arguments, 2);
    require(inner.is(Kind::global) && given->is(Kind::tuple), what_, ": the pickle calls ", name, " with ",
            name_of(inner.kind()), " and ", name_of(given->kind()), ", expected a function and a tuple");
    name = inner.text();
    meaning = meaning_of(inner);
  }
  switch (meaning) {
    case detail::Meaning::object:
    case detail::Meaning::wrapped_tensor:
      break;
    case detail::Meaning::dict:
      return dict_of(*given);
    case detail::Meaning::list:
      return copy_of(Kind::list, *given);
    case detail::Meaning::set:
      return copy_of(Kind::set, *given);
    case detail::Meaning::tuple:
      return copy_of(Kind::tuple, *given);
    case detail::Meaning::bytes:
      return bytes_of(name, *given);
    case detail::Meaning::first_argument:
      return const_cast<Value&>(argument(name, *given, 0));  // all values are ours
    case detail::Meaning::tensor:
    case detail::Meaning::typed_tensor:
      return tensor_of(name, *given, meaning == detail::Meaning::typed_tensor);
    case detail::Meaning::torch_stream:
      return storage_in(argument(name, *given, 0));
    case detail::Meaning::numpy_scalar:
      return scalar_of(name, *given);
  }
  return object_of(name, *given);
}

NADA_INLINE Value& Unpickler::object_of(std::string_view name, const Value& arguments) {
  allowance_.take(48);
  auto& object = add(Value::object(name, &arguments));
  object.depth_ = next_depth(arguments);
  return object;
}

NADA_INLINE Value& Unpickler::construct(const Value& arguments) {
  const auto& name = argument("copyreg._reconstructor", arguments, 0);
  require(name.is(Kind::global), where(), " makes an object of ", name_of(name.kind()), ", expected a class");
  const auto* const contents = arguments.items_.size() > 2 ? arguments.items_[2] : nullptr;
  if (meaning_of(name) == detail::Meaning::dict) {
    auto& dict = add(Value::container(Kind::dict));
    if (contents != nullptr && contents->is(Kind::dict)) copy_items(dict, *contents);
    return dict;
  }
  return object_of(name.text(), arguments);
}

NADA_INLINE Value& Unpickler::dict_of(const Value& arguments) {
  auto& dict = add(Value::container(Kind::dict));
  for (const auto* const part : arguments.items_) {
    if (part->is(Kind::dict)) copy_items(dict, *part);
    for (const auto* const pair : part->items()) {
      require(pair->items().size() == 2, where(), " makes a dict of values that are no pairs");
      append(dict, *pair->items()[0]);
      append(dict, *pair->items()[1]);
    }
  }
  return dict;
}

NADA_INLINE Value& Unpickler::copy_of(Kind kind, const Value& arguments) {
  auto& value = add(Value::container(kind));
  if (!arguments.items_.empty() && arguments.items_[0] != &value)
    for (const auto* const item : arguments.items_[0]->items()) append(value, *item);
  return value;
}

NADA_INLINE Value& Unpickler::bytes_of(std::string_view name, const Value& arguments) {
  if (arguments.items_.empty()) return add(Value::text(Kind::bytes, {}));
  auto& source = const_cast<Value&>(*arguments.items_[0]);
  if (source.is(Kind::bytes)) return source;
  require(source.is(Kind::text), what_, ": the pickle calls ", name, " with ", name_of(source.kind()),
          ", expected a text or bytes");
  if (arguments.items_.size() > 1) {
    const auto coding = arguments.items_[1]->text();
    require(coding == "latin1" || coding == "latin-1", what_, ": the pickle calls ", name, " with the coding ",
            detail::quoted(coding), ", expected \"latin1\"");
  }
  return latin1(source.text());
}

NADA_INLINE std::int64_t Unpickler::size_argument(std::string_view function, const Value& value) const {
  const auto number = value.as_integer();
  require(number.has_value(), what_, ": the pickle calls ", function, " with ", name_of(value.kind()),
          " where a whole number is expected");
  return *number;
}

NADA_INLINE std::vector<std::int64_t> Unpickler::sizes(std::string_view function, const Value& value) const {
  require(value.is(Kind::tuple) || value.is(Kind::list), what_, ": the pickle calls ", function, " with ",
          name_of(value.kind()), " as a shape");
  require(value.items_.size() <= detail::most_dimensions, what_, ": the pickle describes a tensor with ",
          value.items_.size(), " dimensions, expected at most ", detail::most_dimensions);
  std::vector<std::int64_t> numbers;
  for (const auto* const item : value.items_) numbers.push_back(size_argument(function, *item));
  return numbers;
}

NADA_INLINE Value& Unpickler::tensor_of(std::string_view name, const Value& arguments, bool typed) {
  const auto& storage = argument(name, arguments, 0);
  require(storage.is(Kind::storage), what_, ": the pickle calls ", name, " with ", name_of(storage.kind()),
          " where a storage is expected");
  PickledTensor tensor;
  tensor.storage = storage.as_storage();
  tensor.dtype = tensor.storage->dtype;
  if (typed) {
    const auto& dtype = argument(name, arguments, 6);
    const auto known = dtype.is(Kind::global) ? detail::torch_dtype(dtype.text()) : std::nullopt;
    require(known.has_value(), what_, ": the pickle describes a tensor of ", detail::quoted(dtype.text()),
            ", which is not read");
    tensor.dtype = *known;
  }
  tensor.offset = size_argument(name, argument(name, arguments, 1));
  tensor.shape = sizes(name, argument(name, arguments, 2));
  tensor.strides = sizes(name, argument(name, arguments, 3));
  require(tensor.shape.size() == tensor.strides.size(), what_, ": the pickle describes a tensor with ",
          tensor.shape.size(), " dimensions and ", tensor.strides.size(), " strides");
  allowance_.take(sizeof tensor + 32 * tensor.shape.size());
  return add(Value::tensor(&tensors_.emplace_back(std::move(tensor))));
}

NADA_INLINE Value& Unpickler::scalar_of(std::string_view name, const Value& arguments) {
  const auto& dtype = argument(name, arguments, 0);
  const auto* const given = dtype.arguments();
  const auto kind = given != nullptr && !given->items().empty() ? given->items()[0]->text() : std::string_view();
  const auto* const state = dtype.state();
  const auto order = state != nullptr && state->items().size() > 1 ? state->items()[1]->text() : std::string_view();
  constexpr std::size_t most = 16;  // bytes of a number, twice that in UTF-8
  if (arguments.items_.size() > 1 && order != ">" && arguments.items_[1]->text().size() <= most) {
    const auto& source = *arguments.items_[1];
    const auto& data = source.is(Kind::text) ? latin1(source.text()) : source;
    const auto as = [&]<class Number>(Number number) -> std::optional<Number> {
      if (!data.is(Kind::bytes) || data.text().size() != sizeof number) return std::nullopt;
      std::memcpy(&number, data.text().data(), sizeof number);
      return number;
    };
    std::optional<std::int64_t> integer;
    if (kind == "f8")
      if (const auto number = as(double{})) return add(Value::real(*number));
    if (kind == "f4")
      if (const auto number = as(float{})) return add(Value::real(*number));
    if (kind == "b1")
      if (const auto number = as(std::uint8_t{})) return *number != 0 ? true_ : false_;
    if (kind == "i8") integer = as(std::int64_t{});
    if (kind == "i4") integer = as(std::int32_t{});
    if (kind == "i2") integer = as(std::int16_t{});
    if (kind == "i1") integer = as(std::int8_t{});
    if (kind == "u4") integer = as(std::uint32_t{});
    if (kind == "u2") integer = as(std::uint16_t{});
    if (kind == "u1") integer = as(std::uint8_t{});
    if (integer) return add(Value::integer(*integer));
  }
  return object_of(name, arguments);
}

NADA_INLINE void Unpickler::build() {
  auto& state = pop();
  auto& value = top();
  if (value.is(Kind::object)) {
    value.depth_ = std::max(value.depth_, next_depth(state));
    value.items_[1] = &state;
    return;
  }
  // Attributes beside the content: OrderedDict's `_metadata`, and the like.
  require(value.is(Kind::dict) || value.is(Kind::list) || value.is(Kind::set) || value.is(Kind::tensor), where(),
          " sets the state of ", name_of(value.kind()), ", expected an object");
}

NADA_INLINE Value& Unpickler::persistent(const Value& id) {
  require(id.is(Kind::tuple) && id.items_.size() >= 5 && id.items_[0]->text() == "storage", what_,
          ": the pickle refers to something outside that is no storage");
  const auto& type = *id.items_[1];
  const auto dtype = type.is(Kind::global) ? detail::storage_dtype(type.text()) : std::nullopt;
  require(dtype.has_value(), what_, ": the pickle refers to a storage of ", detail::quoted(type.text()),
          ", which is not read");
  const auto key = id.items_[2]->as_text();
  const auto count = id.items_[4]->as_integer();
  require(key && key->size() <= most_name && key->find('\0') == key->npos && count && *count >= 0, what_,
          ": the pickle refers to a storage without a proper name and size");
  auto* const root = storage_named(std::string(*key), *key, *dtype, *count);
  if (id.items_.size() < 6 || id.items_[5]->is(Kind::none)) return storage_value(*root);

  require(in_stream_, what_, ": the pickle refers to a part of a storage, which only old files do");
  // (key, offset, elements): a part of another storage, in files from before 2018.
  const auto view = id.items_[5]->items();
  const auto name = view.size() == 3 ? view[0]->as_text() : std::nullopt;
  const auto offset = view.size() == 3 ? view[1]->as_integer() : std::nullopt;
  const auto part = view.size() == 3 ? view[2]->as_integer() : std::nullopt;
  require(name && name->size() <= most_name && offset && part && *offset >= 0 && *part >= 0 && *part <= *count &&
              *offset <= *count - *part,
          what_, ": the pickle refers to a part of the storage ", detail::quoted(*key), " that is not inside of it");
  const auto full = join(*key, '\0', *offset, '\0', *part, '\0', *name);
  return storage_value(*storage_named(full, *key, *dtype, *part));
}

NADA_INLINE PickledStorage* Unpickler::storage_named(std::string name, std::string_view key, DType dtype,
                                                     std::int64_t count) {
  std::uint64_t size = 0;
  require(!__builtin_mul_overflow(static_cast<std::uint64_t>(count), size_of(dtype), &size), what_,
          ": the pickle refers to a storage of ", count, " elements, more than a file can hold");
  const auto known = storages_.find(name);
  if (known != storages_.end()) {
    require(known->second->dtype == dtype && known->second->size == size, what_, ": the storage ", detail::quoted(key),
            " is ", known->second->size, " bytes of ", name_of(known->second->dtype), " in one place and ", size,
            " bytes of ", name_of(dtype), " in another");
    return known->second;
  }
  allowance_.take(sizeof(PickledStorage) + 128 + 2 * name.size());
  auto& storage = all_storages_.emplace_back();
  storage.key = key;
  storage.dtype = dtype;
  storage.size = size;
  storages_.emplace(std::move(name), &storage);
  return &storage;
}

NADA_INLINE Value& Unpickler::storage_value(const PickledStorage& storage) {
  auto*& value = storage_values_[&storage];
  if (value == nullptr) {
    allowance_.take(64);
    value = &add(Value::storage(&storage));
  }
  return *value;
}

NADA_INLINE void Unpickler::read_storage(const Value& key, std::span<const std::byte>& bytes) {
  require(key.is(Kind::text), what_, ": the name of a storage is ", name_of(key.kind()), ", expected a text");
  const auto start = [&] { return join(what_, ": the storage ", detail::quoted(key.text())); };
  const auto known = storages_.find(key.text());
  require(known != storages_.end(), start(), " belongs to no tensor");
  auto& storage = *known->second;
  require(!storage.resolved, start(), " is there twice");
  require(bytes.size() >= 8, start(), " is cut off");
  std::uint64_t count = 0;
  std::memcpy(&count, bytes.data(), sizeof count);
  bytes = bytes.subspan(8);
  require(count == storage.size / size_of(storage.dtype), start(), " has ", count, " elements, the pickle says ",
          storage.size / size_of(storage.dtype));
  require(storage.size <= bytes.size(), start(), " has ", storage.size, " bytes, and ", bytes.size(),
          " follow: it is cut off");
  storage.bytes = bytes.first(static_cast<std::size_t>(storage.size));
  storage.resolved = true;
  bytes = bytes.subspan(storage.bytes.size());
}

NADA_INLINE void Unpickler::resolve_view(std::string_view name, PickledStorage& storage) {
  const auto separator = name.find('\0', storage.key.size());
  if (separator != storage.key.size()) {
    require(storage.resolved, what_, ": the storage ", detail::quoted(storage.key), " is not in the file");
    return;
  }
  const auto root = storages_.find(storage.key);
  require(root != storages_.end() && root->second->resolved, what_, ": the storage ", detail::quoted(storage.key),
          " is not in the file");
  std::uint64_t offset = 0;
  const auto digits = name.substr(separator + 1);
  std::from_chars(digits.data(), digits.data() + digits.size(), offset);
  storage.bytes = root->second->bytes.subspan(static_cast<std::size_t>(offset * size_of(storage.dtype)),
                                              static_cast<std::size_t>(storage.size));
  storage.resolved = true;
}

NADA_INLINE Value& Unpickler::storage_in(const Value& source) {
  require(source.is(Kind::bytes), what_, ": torch.storage._load_from_bytes is given ", name_of(source.kind()),
          ", expected bytes");
  require(!nested_, what_, ": has a stream of torch.save inside another");
  auto*& known = streams_[source.text().data()];
  if (known != nullptr) return *known;
  allowance_.take(64);
  // What the stream needs besides its storage is given back.
  Unpickler inner(what_, allowance_, true);
  const auto& root = inner.read_torch_stream(std::as_bytes(std::span(source.text())));
  require(root.is(Kind::storage), what_, ": a stream of torch.save inside the pickle holds ", name_of(root.kind()),
          ", expected a storage");
  allowance_.take(sizeof(PickledStorage));
  auto& storage = all_storages_.emplace_back(*root.as_storage());
  storage.key = {};  // was in the inner reader's memory
  known = &add(Value::storage(&storage));
  return *known;
}

NADA_INLINE bool Unpickler::step() {
  require(!rest_.empty(), what_, ": the pickle is cut off at its byte ", rest_.data() - start_);
  const auto code = number<std::uint8_t>();
  switch (code) {
    case 0x80:  // PROTO
      if (const auto version = number<std::uint8_t>(); version > 5)
        fail(what_, ": is a pickle of protocol ", int{version}, ", only 0 to 5 are read");
      return true;
    case 0x95:  // FRAME
      if (const auto length = number<std::uint64_t>(); length > rest_.size())
        fail(where(), " announces ", length, " bytes, and ", rest_.size(), " follow: it is cut off or damaged");
      return true;
    case '.':
      top();  // or fail
      return false;

    case '(':
      mark();
      return true;
    case '0':
      if (stack_.size() == floor() && !marks_.empty())
        marks_.pop_back();
      else
        pop();
      return true;
    case '1':
      stack_.resize(unmark());
      return true;
    case '2':
      push(top());
      return true;

    case 'N':
      push(none_);
      return true;
    case 0x88:
      push(true_);
      return true;
    case 0x89:
      push(false_);
      return true;
    case 'I':
    case 'L':
      push_integer_line(code == 'L');
      return true;
    case 'J':
      push_integer(number<std::int32_t>());
      return true;
    case 'K':
      push_integer(number<std::uint8_t>());
      return true;
    case 'M':
      push_integer(number<std::uint16_t>());
      return true;
    case 0x8a:
      push_long(number<std::uint8_t>());
      return true;
    case 0x8b: {
      const auto length = number<std::int32_t>();
      require(length >= 0, where(), " announces ", length, " bytes: it is damaged");
      push_long(static_cast<std::uint64_t>(length));
      return true;
    }
    case 'F':
      push_real_line();
      return true;
    case 'G':
      push_real();
      return true;

    case 'S':
      push_string_line();
      return true;
    case 'V':
      push_unicode_line();
      return true;
    case 'T': {
      const auto length = number<std::int32_t>();
      require(length >= 0, where(), " announces ", length, " bytes: it is damaged");
      push_new(Value::text(Kind::text, characters(static_cast<std::uint64_t>(length))));
      return true;
    }
    case 'U':
    case 0x8c:
      push_new(Value::text(Kind::text, characters(number<std::uint8_t>())));
      return true;
    case 'X':
      push_new(Value::text(Kind::text, characters(number<std::uint32_t>())));
      return true;
    case 0x8d:
      push_new(Value::text(Kind::text, characters(number<std::uint64_t>())));
      return true;
    case 'C':
      push_new(Value::text(Kind::bytes, characters(number<std::uint8_t>())));
      return true;
    case 'B':
      push_new(Value::text(Kind::bytes, characters(number<std::uint32_t>())));
      return true;
    case 0x8e:  // BINBYTES8
    case 0x96:  // BYTEARRAY8
      push_new(Value::text(Kind::bytes, characters(number<std::uint64_t>())));
      return true;

    case ']':
      push_new(Value::container(Kind::list));
      return true;
    case '}':
      push_new(Value::container(Kind::dict));
      return true;
    case 0x8f:
      push_new(Value::container(Kind::set));
      return true;
    case ')':
      push(empty_tuple_);
      return true;
    case 'l':
      push(gathered(Kind::list));
      return true;
    case 't':
      push(gathered(Kind::tuple));
      return true;
    case 0x91:
      push(gathered(Kind::set));
      return true;
    case 'd': {
      auto& dict = gathered(Kind::dict);
      require(dict.items_.size() % 2 == 0, where(), " makes a dict with a key that has no value");
      push(dict);
      return true;
    }
    case 0x85:
    case 0x86:
    case 0x87:
      tuple_of(code - 0x84U);
      return true;
    case 'a': {
      const auto& item = pop();
      append(expect(top(), Kind::list), item);
      return true;
    }
    case 's': {
      const auto& value = pop();
      const auto& key = pop();
      auto& dict = expect(top(), Kind::dict);
      append(dict, key);
      append(dict, value);
      return true;
    }
    case 'e':
    case 'u':
    case 0x90: {
      require(!marks_.empty() && marks_.back() > (marks_.size() > 1 ? marks_[marks_.size() - 2] : 0), where(),
              " wants something before a mark and there is nothing: it is damaged");
      auto& parent = expect(*stack_[marks_.back() - 1], code == 'e'   ? Kind::list
                                                        : code == 'u' ? Kind::dict
                                                                      : Kind::set);
      gather(parent);
      require(code != 'u' || parent.items_.size() % 2 == 0, where(), " sets a key that has no value");
      return true;
    }

    case 'p':
      memorize(index_of_line());
      return true;
    case 'q':
      memorize(number<std::uint8_t>());
      return true;
    case 'r':
      memorize(number<std::uint32_t>());
      return true;
    case 0x94:
      memorize(memo_.size());
      return true;
    case 'g':
      push(remembered(index_of_line()));
      return true;
    case 'h':
      push(remembered(number<std::uint8_t>()));
      return true;
    case 'j':
      push(remembered(number<std::uint32_t>()));
      return true;

    case 'c': {
      const auto module = line();
      push_global(module, line());
      return true;
    }
    case 0x93: {
      const auto& name = expect(pop(), Kind::text);
      const auto& module = expect(pop(), Kind::text);
      push_global(module.text(), name.text());
      return true;
    }
    case 'R':
    case 0x81: {
      auto& arguments = pop();
      auto& function = pop();
      push(call(function, arguments));
      return true;
    }
    case 0x92: {
      pop();  // the arguments by name
      auto& arguments = pop();
      auto& function = pop();
      push(call(function, arguments));
      return true;
    }
    case 'o': {
      auto& arguments = gathered(Kind::tuple);
      require(!arguments.items_.empty(), where(), " wants a class and there is none: it is damaged");
      auto& function = const_cast<Value&>(*arguments.items_.front());
      arguments.items_.erase(arguments.items_.begin());
      push(call(function, arguments));
      return true;
    }
    case 'i': {
      const auto module = line();
      const auto name = line();
      auto& arguments = gathered(Kind::tuple);
      push_global(module, name);
      push(call(pop(), arguments));
      return true;
    }
    case 'b':
      build();
      return true;
    case 'Q':
      push(persistent(pop()));
      return true;
    case 'P':
      fail(what_, ": the pickle refers to ", detail::quoted(line()), " outside of it, which is no storage");
    case 0x82:
    case 0x83:
    case 0x84:
      fail(what_, ": the pickle uses a registered extension, which is not read");
    case 0x97:
    case 0x98:
      fail(what_, ": the pickle keeps its data elsewhere, which is not read");
    default:
      fail(where(), " follows ", int{code}, ", which is no instruction of a pickle");
  }
}

}  // namespace nada
