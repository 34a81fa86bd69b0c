// Bodies of pickle_storages.hpp.
#pragma once
#include "nada/formats/pickle_storages.hpp"

#include <charconv>
#include <cstring>
#include <limits>
#include <utility>

#include "nada/core/config.hpp"
#include "nada/core/error.hpp"
#include "nada/formats/file.hpp"

namespace nada::detail {

NADA_INLINE Value& PickleStorages::refer(const Value& id) {
  const auto& what = memory_.what();
  const auto parts = id.items();
  // ("module", class, source file, source): how old files of torch.save mention the class of a whole module.
  if (id.is(Value::Kind::tuple) && parts.size() >= 2 && parts[0]->text() == "module")
    return PickleMemory::own(*parts[1]);
  require(id.is(Value::Kind::tuple) && parts.size() >= 5 && parts[0]->text() == "storage", what,
          ": the pickle refers to something outside that is no storage");
  const auto& type = *parts[1];
  const auto dtype = type.is(Value::Kind::global) ? storage_dtype(type.text()) : std::nullopt;
  const auto key = parts[2]->as_text();
  const auto count = parts[4]->as_integer();
  require(key && key->size() <= most_key && key->find('\0') == key->npos && count && *count >= 0, what,
          ": the pickle refers to a storage without a proper name and size");
  if (!dtype) {  // numbers that are not read: an object stands for the storage, and a stream's bytes are passed over
    require(type.is(Value::Kind::global), what, ": the pickle refers to a storage of ", name_of(type.kind()),
            ", expected a class");
    const auto element = unread_element_size(type.text());
    if (element && *count <= std::numeric_limits<std::int64_t>::max() / 16)
      named(std::string(*key), *key, DType::u8, *count * static_cast<std::int64_t>(*element)).element = *element;
    return memory_.add_object(type.text(), id);
  }
  auto& root = named(std::string(*key), *key, *dtype, *count);
  if (parts.size() < 6 || parts[5]->is(Value::Kind::none)) return value_of(root);

  require(in_stream_, what, ": the pickle refers to a part of a storage, which only old files do");
  // (key, offset, elements): a part of another storage, in files from before 2018.
  const auto view = parts[5]->items();
  const auto name = view.size() == 3 ? view[0]->as_text() : std::nullopt;
  const auto offset = view.size() == 3 ? view[1]->as_integer() : std::nullopt;
  const auto part = view.size() == 3 ? view[2]->as_integer() : std::nullopt;
  require(name && name->size() <= most_key && offset && part && *offset >= 0 && *part >= 0 && *part <= *count &&
              *offset <= *count - *part,
          what, ": the pickle refers to a part of the storage ", in_quotes(*key), " that is not inside of it");
  const auto full = join(*key, '\0', *offset, '\0', *part, '\0', *name);
  return value_of(named(full, *key, *dtype, *part));
}

NADA_INLINE PickledStorage& PickleStorages::named(std::string name, std::string_view key, DType dtype,
                                                  std::int64_t count) {
  const auto& what = memory_.what();
  std::uint64_t size = 0;
  require(!__builtin_mul_overflow(static_cast<std::uint64_t>(count), size_of(dtype), &size), what,
          ": the pickle refers to a storage of ", count, " elements, more than a file can hold");
  const auto known = storages_.find(name);
  if (known != storages_.end()) {
    const auto& storage = *known->second;
    require(storage.dtype == dtype && storage.size == size, what, ": the storage ", in_quotes(key), " is ",
            storage.size, " bytes of ", name_of(storage.dtype), " in one place and ", size, " bytes of ",
            name_of(dtype), " in another");
    return *known->second;
  }
  memory_.take(128 + 2 * name.size());
  auto& storage = memory_.add_storage({.key = key, .dtype = dtype, .size = size, .bytes = {}});
  storages_.emplace(std::move(name), &storage);
  return storage;
}

NADA_INLINE Value& PickleStorages::value_of(const PickledStorage& storage) {
  auto*& value = values_[&storage];
  if (value == nullptr) {
    memory_.take(64);
    value = &memory_.add(Value::storage(&storage));
  }
  return *value;
}

NADA_INLINE void PickleStorages::start_stream() {
  std::swap(storages_, outer_);
  in_stream_ = true;
}

NADA_INLINE void PickleStorages::read(const Value& key, std::span<const std::byte>& bytes) {
  require(key.is(Value::Kind::text), memory_.what(), ": the name of a storage is ", name_of(key.kind()),
          ", expected a text");
  const auto start = [&] { return join(memory_.what(), ": the storage ", in_quotes(key.text())); };
  const auto known = storages_.find(key.text());
  require(known != storages_.end(), start(), " belongs to no tensor");
  auto& storage = *known->second;
  require(!storage.resolved, start(), " is there twice");
  require(bytes.size() >= 8, start(), " is cut off");
  std::uint64_t count = 0;
  std::memcpy(&count, bytes.data(), sizeof count);
  bytes = bytes.subspan(8);
  const auto expected = storage.size / (storage.element > 0 ? storage.element : size_of(storage.dtype));
  require(count == expected, start(), " has ", count, " elements, the pickle says ", expected);
  require(storage.size <= bytes.size(), start(), " has ", storage.size, " bytes, and ", bytes.size(),
          " follow: it is cut off");
  storage.bytes = bytes.first(static_cast<std::size_t>(storage.size));
  storage.resolved = true;
  bytes = bytes.subspan(storage.bytes.size());
}

NADA_INLINE void PickleStorages::end_stream() {
  for (auto& [name, storage] : storages_) resolve(name, *storage);
  storages_ = std::exchange(outer_, {});
  in_stream_ = false;
}

NADA_INLINE void PickleStorages::resolve(std::string_view name, PickledStorage& storage) const {
  const auto separator = name.find('\0', storage.key.size());
  const auto& whole_name = storage.key;
  const auto root = storages_.find(whole_name);
  require(root != storages_.end() && root->second->resolved, memory_.what(), ": the storage ", in_quotes(whole_name),
          " is not in the file");
  if (separator != whole_name.size()) return;  // a whole storage
  std::uint64_t offset = 0;
  const auto digits = name.substr(separator + 1);
  std::from_chars(digits.data(), digits.data() + digits.size(), offset);
  storage.bytes = root->second->bytes.subspan(static_cast<std::size_t>(offset * size_of(storage.dtype)),
                                              static_cast<std::size_t>(storage.size));
  storage.resolved = true;
}

}  // namespace nada::detail
