/// The names that a pickle mentions and the calls that it makes, as inert values: no code of a pickle is ever run.
#pragma once
#include <cstddef>
#include <cstdint>
#include <functional>
#include <map>
#include <optional>
#include <string_view>
#include <utility>
#include <vector>

#include "nada/formats/pickle_bytes.hpp"
#include "nada/formats/pickle_memory.hpp"
#include "nada/formats/pickle_value.hpp"

namespace nada::detail {

class PickleCalls {
 public:
  /// StorageIn returns the storage in a stream of torch.save, which a pickle holds as bytes.
  using StorageIn = std::function<Value&(const Value& bytes)>;

  /// `bytes` tell errors the place of the reading; `bytes` and `memory` must outlive this object.
  PickleCalls(PickleMemory& memory, const PickleBytes& bytes, StorageIn storage_in)
      : memory_(memory), bytes_(bytes), storage_in_(std::move(storage_in)) {}

  /// Returns the value for a class or function that a pickle mentions.
  Value& global(std::string_view module, std::string_view name);

  /// Returns the inert value for a call of `function`, or for an instance of the class `function`.
  /// Errors:  a `function` that is neither a global nor an object, `arguments` that are no tuple or that the function does not take.
  Value& call(const Value& function, Value& arguments);

  /// Sets the state of an object. numpy's arrays of plain numbers become tensors by it.
  void build(Value& object, const Value& state);

 private:
  using Kind = Value::Kind;
  static constexpr std::size_t most_name = 1000;

  /// Returns argument `index` of a call, whose arguments are a tuple.
  const Value& argument(std::string_view function, const Value& arguments, std::size_t index) const;
  /// Returns the value of copyreg._reconstructor(class, base, state), by which protocols 0 and 1 make objects.
  Value& construct(const Value& arguments);
  /// Makes a dict from dicts and lists of pairs; other arguments, such as a default, are left out.
  Value& dict_of(const Value& arguments);
  Value& copy_of(Kind kind, const Value& arguments);
  Value& bytes_of(std::string_view name, const Value& arguments);
  /// Returns a text of characters up to U+00FF as bytes.
  Value& latin1(std::string_view text);
  std::int64_t size_argument(std::string_view function, const Value& value) const;
  std::vector<std::int64_t> sizes(std::string_view function, const Value& value) const;
  Value& tensor_of(std::string_view name, const Value& arguments, bool typed);
  /// Returns the number that numpy holds under a dtype; for an unusual dtype, an object that remembers dtype and bytes.
  Value& scalar_of(std::string_view name, const Value& arguments);
  /// Returns numpy's array as a tensor, or nothing where its type is not read or its parts do not fit together.
  std::optional<PickledTensor> array_of(const Value& dtype, const Value& shape, bool columns_first, const Value& data);
  /// Returns the number that `data` holds as numpy's `kind` ("f8"), or nullptr for another kind.
  Value* number_of(std::string_view kind, std::string_view data);

  PickleMemory& memory_;
  const PickleBytes& bytes_;
  StorageIn storage_in_;
  std::map<std::string_view, Value*> globals_;
};

}  // namespace nada::detail

#ifndef NADA_COMPILED
#include "nada/formats/pickle_calls.ipp"
#endif
