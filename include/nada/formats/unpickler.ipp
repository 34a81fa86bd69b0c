// Bodies of unpickler.hpp.
#pragma once
#include "nada/formats/unpickler.hpp"

#include <algorithm>
#include <array>
#include <bit>
#include <cstring>
#include <string_view>

#include "nada/core/config.hpp"
#include "nada/core/error.hpp"
#include "nada/formats/file.hpp"

namespace nada {

namespace detail {
inline constexpr std::string_view torch_magic_number = "\x6c\xfc\x9c\x46\xf9\x20\x6a\xa8\x50\x19";
}

NADA_INLINE Unpickler::Unpickler(std::string what, std::uint64_t memory, bool nested)
    : memory_(std::move(what), memory),
      calls_(memory_, bytes_, [this](const Value& source) -> Value& { return storage_in(source); }),
      nested_(nested) {}

NADA_INLINE const Value& Unpickler::read(std::span<const std::byte>& bytes) {
  bytes_.start(bytes);
  stack_.clear();
  memo_.clear();
  while (step()) {
  }
  bytes = bytes_.rest();
  return stack_.top();
}

NADA_INLINE const Value& Unpickler::read_torch_stream(std::span<const std::byte> bytes) {
  const auto& what = memory_.what();
  storages_.start_stream();
  const auto& magic = read(bytes);
  require(magic.is(Value::Kind::big_integer) && magic.text() == detail::torch_magic_number, what,
          ": a stream of torch.save starts with its magic number, found ", name_of(magic.kind()));
  const auto version = read(bytes).as_integer();
  require(version == 1001, what, ": a stream of torch.save has version 1001, found ",
          version ? std::to_string(*version) : "none");
  const auto* const little = read(bytes).find("little_endian");
  require(little == nullptr || little->as_boolean() != false, what,
          ": holds numbers with the highest byte first, which are not read");
  const auto& root = read(bytes);
  const auto& keys = read(bytes);
  require(keys.is(Value::Kind::list), what, ": the list of the storages is ", name_of(keys.kind()));
  for (const auto* const key : keys.items()) storages_.read(*key, bytes);
  storages_.end_stream();
  return root;
}

NADA_INLINE bool Unpickler::recognises_torch_stream(std::span<const std::byte> bytes) {
  const auto text =
      std::string_view(reinterpret_cast<const char*>(bytes.data()), std::min<std::size_t>(bytes.size(), 32));
  return text.starts_with('\x80') && text.find(detail::torch_magic_number) != text.npos;
}

NADA_INLINE void Unpickler::memorize(std::uint64_t index) {
  auto& value = stack_.top();
  const auto [place, fresh] = memo_.try_emplace(index, &value);
  if (fresh)
    memory_.take(64);
  else
    place->second = &value;
}

NADA_INLINE Value& Unpickler::remembered(std::uint64_t index) {
  const auto place = memo_.find(index);
  require(place != memo_.end(), bytes_.where(), " asks for the value ", index, ", which was not kept: it is damaged");
  return *place->second;
}

NADA_INLINE Value& Unpickler::storage_in(const Value& source) {
  const auto& what = memory_.what();
  require(source.is(Value::Kind::bytes), what, ": torch.storage._load_from_bytes is given ", name_of(source.kind()),
          ", expected bytes");
  require(!nested_, what, ": has a stream of torch.save inside another");
  auto*& known = streams_[source.text().data()];
  if (known != nullptr) return *known;
  memory_.take(64);
  // The stream gives back the memory that it needed besides its storage.
  Unpickler inner(what, memory_.left(), true);
  const auto& root = inner.read_torch_stream(std::as_bytes(std::span(source.text())));
  require(root.is(Value::Kind::storage), what, ": a stream of torch.save inside the pickle holds ",
          name_of(root.kind()), ", expected a storage");
  auto& storage = memory_.add_storage(*root.as_storage());
  storage.key = {};  // the key lay in the inner reader's memory
  known = &memory_.add(Value::storage(&storage));
  return *known;
}

/// Instructions say what each byte of a pickle does, grouped as in Lib/pickletools.py, whose names the table repeats.
struct Unpickler::Instructions {
  using Kind = Value::Kind;
  using Code = std::uint8_t;
  using Obey = void (*)(Unpickler& reader, Code code);

  // --------------------------------------------------------------------------------------- the pickle and the stack
  static void protocol(Unpickler& reader, Code) {
    const auto version = reader.bytes_.number<std::uint8_t>();
    require(version <= 5, reader.memory_.what(), ": is a pickle of protocol ", int{version}, ", only 0 to 5 are read");
  }
  static void frame(Unpickler& reader, Code) { reader.bytes_.require_bytes(reader.bytes_.number<std::uint64_t>()); }
  static void stop(Unpickler& reader, Code) { reader.stack_.top(); }  // fails where the stack is empty
  static void mark(Unpickler& reader, Code) { reader.stack_.mark(); }
  static void pop(Unpickler& reader, Code) { reader.stack_.drop(); }
  static void pop_mark(Unpickler& reader, Code) { reader.stack_.drop_to_mark(); }
  static void duplicate(Unpickler& reader, Code) { reader.stack_.push(reader.stack_.top()); }

  // ------------------------------------------------------------------------------------------ constants and numbers
  static void none(Unpickler& reader, Code) { reader.stack_.push(reader.memory_.none()); }
  static void boolean(Unpickler& reader, Code code) { reader.stack_.push(reader.memory_.boolean(code == 0x88)); }
  template <class Number>
  static void integer(Unpickler& reader, Code) {
    push_integer(reader, reader.bytes_.number<Number>());
  }
  static void integer_line(Unpickler& reader, Code) {
    const auto text = reader.bytes_.line();
    if (text == "00" || text == "01") return reader.stack_.push(reader.memory_.boolean(text == "01"));
    push_integer(reader, reader.bytes_.integer(text));
  }
  static void long_line(Unpickler& reader, Code) {
    auto text = reader.bytes_.line();
    if (text.ends_with('L')) text.remove_suffix(1);
    push_integer(reader, reader.bytes_.integer(text));
  }
  template <class Length>
  static void long_integer(Unpickler& reader, Code) {
    push_long(reader, reader.bytes_.characters(reader.bytes_.length<Length>()));
  }
  static void real_line(Unpickler& reader, Code) { push_new(reader, Value::real(reader.bytes_.real_line())); }
  static void real(Unpickler& reader, Code) {
    const auto bits = __builtin_bswap64(reader.bytes_.number<std::uint64_t>());
    push_new(reader, Value::real(std::bit_cast<double>(bits)));
  }

  // ---------------------------------------------------------------------------------------------- texts and bytes
  static void string_line(Unpickler& reader, Code) {
    push_new(reader, Value::text(Kind::text, reader.bytes_.string_line()));
  }
  static void unicode_line(Unpickler& reader, Code) {
    push_new(reader, Value::text(Kind::text, reader.bytes_.unicode_line()));
  }
  template <Kind kind, class Length>
  static void characters(Unpickler& reader, Code) {
    push_new(reader, Value::text(kind, reader.bytes_.characters(reader.bytes_.length<Length>())));
  }

  // ----------------------------------------------------------------------------------------------------- containers
  /// Returns the container that items go into. An object of an opaque class becomes what its class extends.
  static Value& holder(Unpickler& reader, Value& value, Kind kind) {
    if (value.is(Kind::object)) detail::PickleMemory::become(value, kind);
    return reader.bytes_.expect(value, kind);
  }
  template <Kind kind>
  static void empty(Unpickler& reader, Code) {
    push_new(reader, Value::container(kind));
  }
  static void empty_tuple(Unpickler& reader, Code) { reader.stack_.push(reader.memory_.empty_tuple()); }
  template <Kind kind>
  static void gathered(Unpickler& reader, Code) {
    reader.stack_.push(reader.stack_.gathered(kind));
  }
  static void dict(Unpickler& reader, Code) {
    auto& dict = reader.stack_.gathered(Kind::dict);
    require(detail::PickleMemory::size(dict) % 2 == 0, reader.bytes_.where(),
            " makes a dict with a key that has no value");
    reader.stack_.push(dict);
  }
  static void short_tuple(Unpickler& reader, Code code) {
    reader.stack_.push(reader.stack_.gathered_tuple(code - 0x84U));
  }
  static void append(Unpickler& reader, Code) {
    const auto& item = reader.stack_.pop();
    reader.memory_.append(holder(reader, reader.stack_.top(), Kind::list), item);
  }
  static void set_item(Unpickler& reader, Code) {
    const auto& value = reader.stack_.pop();
    const auto& key = reader.stack_.pop();
    auto& dict = holder(reader, reader.stack_.top(), Kind::dict);
    reader.memory_.append(dict, key);
    reader.memory_.append(dict, value);
  }
  template <Kind kind>
  static void append_all(Unpickler& reader, Code) {
    auto& parent = holder(reader, reader.stack_.below_mark(), kind);
    reader.stack_.gather(parent);
    require(kind != Kind::dict || detail::PickleMemory::size(parent) % 2 == 0, reader.bytes_.where(),
            " sets a key that has no value");
  }

  // ------------------------------------------------------------------------------------------------------- the memo
  static void put_line(Unpickler& reader, Code) { reader.memorize(reader.bytes_.index_line()); }
  template <class Index>
  static void put(Unpickler& reader, Code) {
    reader.memorize(reader.bytes_.number<Index>());
  }
  static void put_next(Unpickler& reader, Code) { reader.memorize(reader.memo_.size()); }
  static void get_line(Unpickler& reader, Code) { reader.stack_.push(reader.remembered(reader.bytes_.index_line())); }
  template <class Index>
  static void get(Unpickler& reader, Code) {
    reader.stack_.push(reader.remembered(reader.bytes_.number<Index>()));
  }

  // ------------------------------------------------------------------------------------------------ names and calls
  static void global(Unpickler& reader, Code) {
    const auto module = reader.bytes_.line();
    reader.stack_.push(reader.calls_.global(module, reader.bytes_.line()));
  }
  static void stack_global(Unpickler& reader, Code) {
    const auto& name = reader.bytes_.expect(reader.stack_.pop(), Kind::text);
    const auto& module = reader.bytes_.expect(reader.stack_.pop(), Kind::text);
    reader.stack_.push(reader.calls_.global(module.text(), name.text()));
  }
  static void call(Unpickler& reader, Code) {
    auto& arguments = reader.stack_.pop();
    const auto& function = reader.stack_.pop();
    reader.stack_.push(reader.calls_.call(function, arguments));
  }
  static void call_by_name(Unpickler& reader, Code code) {
    reader.stack_.pop();  // the arguments by name
    call(reader, code);
  }
  static void object(Unpickler& reader, Code) {
    auto& arguments = reader.stack_.gathered(Kind::tuple);
    require(detail::PickleMemory::size(arguments) > 0, reader.bytes_.where(),
            " wants a class and there is none: it is damaged");
    const auto& function = detail::PickleMemory::take_front(arguments);
    reader.stack_.push(reader.calls_.call(function, arguments));
  }
  static void instance(Unpickler& reader, Code) {
    const auto module = reader.bytes_.line();
    const auto name = reader.bytes_.line();
    auto& arguments = reader.stack_.gathered(Kind::tuple);
    reader.stack_.push(reader.calls_.call(reader.calls_.global(module, name), arguments));
  }
  static void build(Unpickler& reader, Code) {
    const auto& state = reader.stack_.pop();
    auto& value = reader.stack_.top();
    if (value.is(Kind::object)) return reader.calls_.build(value, state);
    // A dict may have attributes beside its content, such as OrderedDict's `_metadata`.
    require(value.is(Kind::dict) || value.is(Kind::list) || value.is(Kind::set) || value.is(Kind::tensor),
            reader.bytes_.where(), " sets the state of ", name_of(value.kind()), ", expected an object");
  }
  static void persistent(Unpickler& reader, Code) { reader.stack_.push(reader.storages_.refer(reader.stack_.pop())); }

  // ------------------------------------------------------------------------------------------------ what is refused
  static void persistent_line(Unpickler& reader, Code) {
    fail(reader.memory_.what(), ": the pickle refers to ", in_quotes(reader.bytes_.line()),
         " outside of it, which is no storage");
  }
  static void extension(Unpickler& reader, Code) {
    fail(reader.memory_.what(), ": the pickle uses a registered extension, which is not read");
  }
  static void buffer(Unpickler& reader, Code) {
    fail(reader.memory_.what(), ": the pickle keeps its data elsewhere, which is not read");
  }
  static void unknown(Unpickler& reader, Code code) {
    fail(reader.bytes_.where(), " follows ", int{code}, ", which is no instruction of a pickle");
  }

  static void push_new(Unpickler& reader, Value value) { reader.stack_.push(reader.memory_.add(std::move(value))); }
  static void push_integer(Unpickler& reader, std::int64_t number) {
    reader.stack_.push(reader.memory_.add_integer(number));
  }
  static void push_long(Unpickler& reader, std::string_view bytes);

  struct Row {
    Code code;
    Obey obey;
  };
  static const Row rows[];
  static constexpr std::array<Obey, 256> table();
};

/// Reads a two's complement integer of any number of bytes, the lowest byte first.
NADA_INLINE void Unpickler::Instructions::push_long(Unpickler& reader, std::string_view bytes) {
  if (bytes.size() <= 8) {
    const bool negative = !bytes.empty() && (static_cast<unsigned char>(bytes.back()) & 0x80) != 0;
    std::uint64_t value = negative ? ~std::uint64_t{0} : 0;
    std::memcpy(&value, bytes.data(), bytes.size());
    return push_integer(reader, static_cast<std::int64_t>(value));
  }
  require(bytes.size() <= 1024, reader.bytes_.where(), " ends an integer of ", bytes.size(),
          " bytes, expected at most 1024");
  push_new(reader, Value::text(Kind::big_integer, bytes));
}

inline constexpr Unpickler::Instructions::Row Unpickler::Instructions::rows[] = {
    {0x80, protocol},                                // PROTO
    {0x95, frame},                                   // FRAME
    {'.', stop},                                     // STOP
    {'(', mark},                                     // MARK
    {'0', pop},                                      // POP
    {'1', pop_mark},                                 // POP_MARK
    {'2', duplicate},                                // DUP
    {'N', none},                                     // NONE
    {0x88, boolean},                                 // NEWTRUE
    {0x89, boolean},                                 // NEWFALSE
    {'I', integer_line},                             // INT
    {'L', long_line},                                // LONG
    {'J', integer<std::int32_t>},                    // BININT
    {'K', integer<std::uint8_t>},                    // BININT1
    {'M', integer<std::uint16_t>},                   // BININT2
    {0x8a, long_integer<std::uint8_t>},              // LONG1
    {0x8b, long_integer<std::int32_t>},              // LONG4
    {'F', real_line},                                // FLOAT
    {'G', real},                                     // BINFLOAT
    {'S', string_line},                              // STRING
    {'V', unicode_line},                             // UNICODE
    {'T', characters<Kind::text, std::int32_t>},     // BINSTRING
    {'U', characters<Kind::text, std::uint8_t>},     // SHORT_BINSTRING
    {0x8c, characters<Kind::text, std::uint8_t>},    // SHORT_BINUNICODE
    {'X', characters<Kind::text, std::uint32_t>},    // BINUNICODE
    {0x8d, characters<Kind::text, std::uint64_t>},   // BINUNICODE8
    {'C', characters<Kind::bytes, std::uint8_t>},    // SHORT_BINBYTES
    {'B', characters<Kind::bytes, std::uint32_t>},   // BINBYTES
    {0x8e, characters<Kind::bytes, std::uint64_t>},  // BINBYTES8
    {0x96, characters<Kind::bytes, std::uint64_t>},  // BYTEARRAY8
    {']', empty<Kind::list>},                        // EMPTY_LIST
    {'}', empty<Kind::dict>},                        // EMPTY_DICT
    {0x8f, empty<Kind::set>},                        // EMPTY_SET
    {')', empty_tuple},                              // EMPTY_TUPLE
    {'l', gathered<Kind::list>},                     // LIST
    {'t', gathered<Kind::tuple>},                    // TUPLE
    {0x91, gathered<Kind::set>},                     // FROZENSET
    {'d', dict},                                     // DICT
    {0x85, short_tuple},                             // TUPLE1
    {0x86, short_tuple},                             // TUPLE2
    {0x87, short_tuple},                             // TUPLE3
    {'a', append},                                   // APPEND
    {'s', set_item},                                 // SETITEM
    {'e', append_all<Kind::list>},                   // APPENDS
    {'u', append_all<Kind::dict>},                   // SETITEMS
    {0x90, append_all<Kind::set>},                   // ADDITEMS
    {'p', put_line},                                 // PUT
    {'q', put<std::uint8_t>},                        // BINPUT
    {'r', put<std::uint32_t>},                       // LONG_BINPUT
    {0x94, put_next},                                // MEMOIZE
    {'g', get_line},                                 // GET
    {'h', get<std::uint8_t>},                        // BINGET
    {'j', get<std::uint32_t>},                       // LONG_BINGET
    {'c', global},                                   // GLOBAL
    {0x93, stack_global},                            // STACK_GLOBAL
    {'R', call},                                     // REDUCE
    {0x81, call},                                    // NEWOBJ
    {0x92, call_by_name},                            // NEWOBJ_EX
    {'o', object},                                   // OBJ
    {'i', instance},                                 // INST
    {'b', build},                                    // BUILD
    {'Q', persistent},                               // BINPERSID
    {'P', persistent_line},                          // PERSID
    {0x82, extension},                               // EXT1
    {0x83, extension},                               // EXT2
    {0x84, extension},                               // EXT4
    {0x97, buffer},                                  // NEXT_BUFFER
    {0x98, buffer},                                  // READONLY_BUFFER
};

/// Returns a handler for each byte.
constexpr std::array<Unpickler::Instructions::Obey, 256> Unpickler::Instructions::table() {
  std::array<Obey, 256> handlers{};
  handlers.fill(unknown);
  for (const auto& row : rows) handlers[row.code] = row.obey;
  return handlers;
}

NADA_INLINE bool Unpickler::step() {
  static constexpr auto instructions = Instructions::table();
  const auto code = bytes_.instruction();
  instructions[code](*this, code);
  return code != '.';
}

}  // namespace nada
