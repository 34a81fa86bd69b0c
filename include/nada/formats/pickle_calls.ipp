// Bodies of pickle_calls.hpp.
#pragma once
#include "nada/formats/pickle_calls.hpp"

#include <algorithm>
#include <cstring>
#include <optional>
#include <string>

#include "nada/core/config.hpp"
#include "nada/core/error.hpp"
#include "nada/core/unicode.hpp"
#include "nada/formats/file.hpp"

namespace nada::detail {

NADA_INLINE Value& PickleCalls::global(std::string_view module, std::string_view name) {
  // Of a longer name the rest is left out: it is on no list, and would be copied each time.
  std::string full = join(module.substr(0, most_name), ".", name.substr(0, most_name));
  const auto known = globals_.find(full);
  if (known != globals_.end()) return *known->second;
  const auto meaning = meaning_of(full);
  auto& value = memory_.add_global(std::move(full), meaning);
  memory_.take(96);
  globals_.emplace(value.text(), &value);
  return value;
}

NADA_INLINE const Value& PickleCalls::argument(std::string_view function, const Value& arguments,
                                               std::size_t index) const {
  const auto given = arguments.items();
  require(index < given.size(), memory_.what(), ": the pickle calls ", function, " with ", given.size(),
          " values, expected at least ", index + 1);
  return *given[index];
}

NADA_INLINE Value& PickleCalls::call(const Value& function, Value& arguments) {
  require(function.is(Kind::global) || function.is(Kind::object), bytes_.where(), " calls ", name_of(function.kind()),
          ", expected a function or class");
  const Value* given = &bytes_.expect(arguments, Kind::tuple);
  auto name = function.text();
  if (name == "copy_reg._reconstructor" || name == "copyreg._reconstructor") return construct(arguments);
  auto meaning = function.is(Kind::global) ? PickleMemory::meaning_of(function) : Meaning::opaque;
  if (meaning == Meaning::wrapped_tensor) {
    const auto& inner = argument(name, arguments, 0);
    given = &argument(name, arguments, 2);
    require(inner.is(Kind::global) && given->is(Kind::tuple), memory_.what(), ": the pickle calls ", name, " with ",
            name_of(inner.kind()), " and ", name_of(given->kind()), ", expected a function and a tuple");
    name = inner.text();
    meaning = PickleMemory::meaning_of(inner);
  }
  switch (meaning) {
    case Meaning::object:
    case Meaning::wrapped_tensor:
    case Meaning::opaque:
      break;
    case Meaning::dict:
      return dict_of(*given);
    case Meaning::list:
      return copy_of(Kind::list, *given);
    case Meaning::set:
      return copy_of(Kind::set, *given);
    case Meaning::tuple:
      return copy_of(Kind::tuple, *given);
    case Meaning::bytes:
      return bytes_of(name, *given);
    case Meaning::first_argument:
      return PickleMemory::own(argument(name, *given, 0));
    case Meaning::tensor:
    case Meaning::typed_tensor:
      return tensor_of(name, *given, meaning == Meaning::typed_tensor);
    case Meaning::torch_stream:
      return storage_in_(argument(name, *given, 0));
    case Meaning::numpy_scalar:
      return scalar_of(name, *given);
    case Meaning::numpy_array:
      if (const auto parts = given->items(); parts.size() >= 3)
        if (auto array = array_of(*parts[1], *parts[2], parts.size() > 3 && parts[3]->text() == "F", *parts[0]))
          return memory_.add(std::move(*array));
      break;
  }
  return memory_.add_object(name, *given);
}

NADA_INLINE Value& PickleCalls::construct(const Value& arguments) {
  const auto& name = argument("copyreg._reconstructor", arguments, 0);
  require(name.is(Kind::global), bytes_.where(), " makes an object of ", name_of(name.kind()), ", expected a class");
  const auto given = arguments.items();
  if (PickleMemory::meaning_of(name) != Meaning::dict) return memory_.add_object(name.text(), arguments);
  auto& dict = memory_.add(Value::container(Kind::dict));
  if (given.size() > 2 && given[2]->is(Kind::dict)) memory_.append_all(dict, *given[2]);
  return dict;
}

NADA_INLINE Value& PickleCalls::dict_of(const Value& arguments) {
  auto& dict = memory_.add(Value::container(Kind::dict));
  for (const auto* const part : arguments.items()) {
    if (part->is(Kind::dict)) memory_.append_all(dict, *part);
    for (const auto* const pair : part->items()) {
      require(pair->items().size() == 2, bytes_.where(), " makes a dict of values that are no pairs");
      memory_.append(dict, *pair->items()[0]);
      memory_.append(dict, *pair->items()[1]);
    }
  }
  return dict;
}

NADA_INLINE Value& PickleCalls::copy_of(Kind kind, const Value& arguments) {
  auto& value = memory_.add(Value::container(kind));
  const auto given = arguments.items();
  if (!given.empty())
    for (const auto* const item : given[0]->items()) memory_.append(value, *item);
  return value;
}

NADA_INLINE Value& PickleCalls::bytes_of(std::string_view name, const Value& arguments) {
  const auto given = arguments.items();
  if (given.empty()) return memory_.add(Value::text(Kind::bytes, {}));
  auto& source = PickleMemory::own(*given[0]);
  if (source.is(Kind::bytes)) return source;
  require(source.is(Kind::text), memory_.what(), ": the pickle calls ", name, " with ", name_of(source.kind()),
          ", expected a text or bytes");
  if (given.size() > 1) {
    const auto coding = given[1]->text();
    require(coding == "latin1" || coding == "latin-1", memory_.what(), ": the pickle calls ", name, " with the coding ",
            in_quotes(coding), ", expected \"latin1\"");
  }
  return latin1(source.text());
}

NADA_INLINE Value& PickleCalls::latin1(std::string_view text) {
  memory_.take(text.size());  // plain texts count too: a pickle may ask for the same conversion again and again
  const auto ascii = [](char c) { return static_cast<unsigned char>(c) < 0x80; };
  if (std::all_of(text.begin(), text.end(), ascii)) return memory_.add(Value::text(Kind::bytes, text));
  auto bytes = latin1_of_utf8(text);
  require(bytes.has_value(), bytes_.where(), " wants the Latin-1 bytes of a text that has none");
  return memory_.add(Value::text(Kind::bytes, memory_.keep_text(std::move(*bytes), 0)));
}

NADA_INLINE std::int64_t PickleCalls::size_argument(std::string_view function, const Value& value) const {
  const auto number = value.as_integer();
  require(number.has_value(), memory_.what(), ": the pickle calls ", function, " with ", name_of(value.kind()),
          " where a whole number is expected");
  return *number;
}

NADA_INLINE std::vector<std::int64_t> PickleCalls::sizes(std::string_view function, const Value& value) const {
  require(value.is(Kind::tuple) || value.is(Kind::list), memory_.what(), ": the pickle calls ", function, " with ",
          name_of(value.kind()), " as a shape");
  const auto items = value.items();
  require(items.size() <= most_dimensions, memory_.what(), ": the pickle describes a tensor with ", items.size(),
          " dimensions, expected at most ", most_dimensions);
  std::vector<std::int64_t> numbers;
  for (const auto* const item : items) numbers.push_back(size_argument(function, *item));
  return numbers;
}

NADA_INLINE Value& PickleCalls::tensor_of(std::string_view name, const Value& arguments, bool typed) {
  const auto& what = memory_.what();
  const auto& storage = argument(name, arguments, 0);
  if (storage.is(Kind::object)) return memory_.add_object(name, arguments);  // of numbers that are not read
  require(storage.is(Kind::storage), what, ": the pickle calls ", name, " with ", name_of(storage.kind()),
          " where a storage is expected");
  PickledTensor tensor;
  tensor.storage = storage.as_storage();
  tensor.dtype = tensor.storage->dtype;
  if (typed) {
    const auto& dtype = argument(name, arguments, 6);
    const auto known = dtype.is(Kind::global) ? torch_dtype(dtype.text()) : std::nullopt;
    if (!known) return memory_.add_object(name, arguments);
    tensor.dtype = *known;
  }
  tensor.offset = size_argument(name, argument(name, arguments, 1));
  tensor.shape = sizes(name, argument(name, arguments, 2));
  tensor.strides = sizes(name, argument(name, arguments, 3));
  require(tensor.shape.size() == tensor.strides.size(), what, ": the pickle describes a tensor with ",
          tensor.shape.size(), " dimensions and ", tensor.strides.size(), " strides");
  return memory_.add(std::move(tensor));
}

NADA_INLINE Value& PickleCalls::scalar_of(std::string_view name, const Value& arguments) {
  const auto& dtype = argument(name, arguments, 0);
  const auto* const made_from = dtype.arguments();
  const auto kind =
      made_from != nullptr && !made_from->items().empty() ? made_from->items()[0]->text() : std::string_view();
  const auto* const state = dtype.state();
  const auto order = state != nullptr && state->items().size() > 1 ? state->items()[1]->text() : std::string_view();
  constexpr std::size_t most = 16;  // bytes of a number, twice that in UTF-8
  const auto given = arguments.items();
  if (given.size() > 1 && order != ">" && given[1]->text().size() <= most) {
    const auto& data = given[1]->is(Kind::text) ? latin1(given[1]->text()) : *given[1];
    if (data.is(Kind::bytes))
      if (auto* const number = number_of(kind, data.text())) return *number;
  }
  return memory_.add_object(name, arguments);
}

NADA_INLINE void PickleCalls::build(Value& object, const Value& state) {
  const auto name = object.text();
  const auto parts = state.items();  // version, shape, dtype, whether columns come first, bytes
  const bool array = name == "numpy.core.multiarray._reconstruct" || name == "numpy._core.multiarray._reconstruct";
  if (array && parts.size() == 5)
    if (auto tensor = array_of(*parts[2], *parts[1], parts[3]->as_boolean() == true, *parts[4]))
      return memory_.become(object, std::move(*tensor));
  memory_.set_state(object, state);
}

NADA_INLINE std::optional<PickledTensor> PickleCalls::array_of(const Value& dtype, const Value& shape,
                                                               bool columns_first, const Value& data) {
  struct Known {
    std::string_view name;
    DType type;
  };
  static constexpr Known types[] = {{"f8", DType::f64}, {"f4", DType::f32}, {"f2", DType::f16},
                                    {"i8", DType::i64}, {"i4", DType::i32}, {"i2", DType::i16},
                                    {"i1", DType::i8},  {"u1", DType::u8},  {"b1", DType::boolean}};
  const auto* const made_from = dtype.arguments();
  if (made_from == nullptr || made_from->items().empty() || !data.is(Kind::bytes)) return std::nullopt;
  const auto* const state = dtype.state();
  const auto order = state != nullptr && state->items().size() > 1 ? state->items()[1]->text() : std::string_view();
  const auto type = std::ranges::find(types, made_from->items()[0]->text(), &Known::name);
  if (type == std::end(types) || order == ">" || !(shape.is(Kind::tuple) || shape.is(Kind::list))) return std::nullopt;
  PickledTensor tensor{.dtype = type->type, .shape = sizes("numpy", shape), .strides = {}};
  const auto elements = checked_count(tensor.shape, size_of(type->type));
  if (!elements || static_cast<std::uint64_t>(*elements) * size_of(type->type) != data.text().size())
    return std::nullopt;
  tensor.strides.resize(tensor.shape.size());
  std::int64_t step = 1;
  for (std::size_t i = 0; i < tensor.shape.size(); ++i) {
    const auto at = columns_first ? i : tensor.shape.size() - 1 - i;
    tensor.strides[at] = step;
    step *= std::max<std::int64_t>(1, tensor.shape[at]);
  }
  tensor.storage = &memory_.add_storage({.key = {},
                                         .dtype = type->type,
                                         .size = data.text().size(),
                                         .bytes = std::as_bytes(std::span(data.text())),
                                         .resolved = true});
  return tensor;
}

NADA_INLINE Value* PickleCalls::number_of(std::string_view kind, std::string_view data) {
  const auto as = [&]<class Number>(Number number) -> std::optional<Number> {
    if (data.size() != sizeof number) return std::nullopt;
    std::memcpy(&number, data.data(), sizeof number);
    return number;
  };
  if (kind == "b1") {
    const auto number = as(std::uint8_t{});
    return number ? &memory_.boolean(*number != 0) : nullptr;
  }
  std::optional<double> real;
  if (kind == "f8") real = as(double{});
  if (kind == "f4") real = as(float{});
  if (real) return &memory_.add(Value::real(*real));
  std::optional<std::int64_t> integer;
  if (kind == "i8") integer = as(std::int64_t{});
  if (kind == "i4") integer = as(std::int32_t{});
  if (kind == "i2") integer = as(std::int16_t{});
  if (kind == "i1") integer = as(std::int8_t{});
  if (kind == "u4") integer = as(std::uint32_t{});
  if (kind == "u2") integer = as(std::uint16_t{});
  if (kind == "u1") integer = as(std::uint8_t{});
  return integer ? &memory_.add(Value::integer(*integer)) : nullptr;
}

}  // namespace nada::detail
