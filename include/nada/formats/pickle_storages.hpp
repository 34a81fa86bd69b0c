/// The storages of one container of torch.save, by their keys: pickles refer to the storages, and in the older stream
/// the bytes of the storages follow the pickles.
///
/// Errors:  two statements about one storage that do not agree.
#pragma once
#include <cstddef>
#include <cstdint>
#include <functional>
#include <map>
#include <span>
#include <string>
#include <string_view>
#include <unordered_map>

#include "nada/formats/pickle_memory.hpp"
#include "nada/formats/pickle_value.hpp"

namespace nada::detail {

class PickleStorages {
 public:
  /// `memory` must outlive this object.
  explicit PickleStorages(PickleMemory& memory) : memory_(memory) {}

  /// Returns the storage that ("storage", class, key, place, elements[, view]) stands for, which torch.save writes in
  /// the place of a storage.
  /// Errors:  another `id`; a view outside of a stream.
  Value& refer(const Value& id);

  /// Begins a stream: up to end_stream(), keys are those of this stream.
  void start_stream();
  /// Reads one storage of the stream, the number of its elements and then the elements; `bytes` become the rest.
  /// Errors:  a storage that no pickle refers to, comes twice, has another length or is cut off.
  void read(const Value& key, std::span<const std::byte>& bytes);
  /// Gives parts of storages their bytes and ends the stream.
  /// Errors:  a storage was not read.
  void end_stream();

 private:
  using ByName = std::map<std::string, PickledStorage*, std::less<>>;
  static constexpr std::size_t most_key = 1000;  // bytes

  PickledStorage& named(std::string name, std::string_view key, DType dtype, std::int64_t count);
  Value& value_of(const PickledStorage& storage);
  void resolve(std::string_view name, PickledStorage& storage) const;

  PickleMemory& memory_;
  bool in_stream_ = false;
  ByName storages_, outer_;  // by key; a part of a storage by "key NUL offset NUL elements NUL its own key"
  std::unordered_map<const PickledStorage*, Value*> values_;
};

}  // namespace nada::detail

#ifndef NADA_COMPILED
#include "nada/formats/pickle_storages.ipp"
#endif
