/// The storages of one container of torch.save, by their keys: what its pickles refer to, and in the older stream the
/// bytes that follow them.
///
/// Errors:  all that is said about one storage must agree.
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
  /// `memory` must outlive this.
  explicit PickleStorages(PickleMemory& memory) : memory_(memory) {}

  /// The storage that ("storage", class, key, place, elements[, view]) stands for: what torch.save says in its place.
  /// Errors: `id` is something else, or outside a stream has a view.
  Value& refer(const Value& id);

  /// From here to end_stream, keys are those of one stream.
  void start_stream();
  /// Reads one storage of the stream, the number of its elements and the elements; `bytes` become what follows.
  /// Errors: no pickle refers to it, it is there twice, has another length or is cut off.
  void read(const Value& key, std::span<const std::byte>& bytes);
  /// Gives the parts of storages their bytes. Errors: a storage was not read.
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
