/// The names that a pickle mentions and the calls that it makes, as inert values: nothing is ever run.
#pragma once
#include <cstddef>
#include <cstdint>
#include <functional>
#include <map>
#include <string_view>
#include <utility>
#include <vector>

#include "nada/formats/pickle_bytes.hpp"
#include "nada/formats/pickle_memory.hpp"
#include "nada/formats/pickle_value.hpp"

namespace nada::detail {

class PickleCalls {
 public:
  /// The storage that a stream of torch.save, held in bytes, consists of.
  using StorageIn = std::function<Value&(const Value& bytes)>;

  /// `bytes` say in errors where the reading is; they and `memory` must outlive this.
  PickleCalls(PickleMemory& memory, const PickleBytes& bytes, StorageIn storage_in)
      : memory_(memory), bytes_(bytes), storage_in_(std::move(storage_in)) {}

  /// A class or function that is mentioned. Errors: it is not on the list (pickle_globals.hpp).
  Value& global(std::string_view module, std::string_view name);

  /// What a call of `function`, or an instance of that class, is here.
  /// Errors: `function` is no global or `arguments` no tuple; arguments that the function does not take.
  Value& call(const Value& function, Value& arguments);

 private:
  using Kind = Value::Kind;
  static constexpr std::size_t most_name = 1000;

  /// Argument `index` of a call, a tuple.
  const Value& argument(std::string_view function, const Value& arguments, std::size_t index) const;
  /// copyreg._reconstructor(class, base, state): how protocols 0 and 1 make objects.
  Value& construct(const Value& arguments);
  /// Of dicts and of lists of pairs; other arguments, such as a default, are left out.
  Value& dict_of(const Value& arguments);
  Value& copy_of(Kind kind, const Value& arguments);
  Value& bytes_of(std::string_view name, const Value& arguments);
  /// A text of characters up to U+00FF as bytes.
  Value& latin1(std::string_view text);
  std::int64_t size_argument(std::string_view function, const Value& value) const;
  std::vector<std::int64_t> sizes(std::string_view function, const Value& value) const;
  Value& tensor_of(std::string_view name, const Value& arguments, bool typed);
  /// numpy's number of a dtype; where the dtype is none of the usual ones, an object that remembers both.
  Value& scalar_of(std::string_view name, const Value& arguments);
  /// The number that `data` holds as numpy's `kind` ("f8"), or nullptr.
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
