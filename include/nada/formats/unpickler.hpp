/// Python's pickles, protocols 0 to 5, read as data: nothing that a pickle names is ever run.
///
/// A pickle is a program for a small stack machine that builds values and calls functions by name. Here the names come
/// from a short list, and each is mapped to something inert: a dict, a tuple, a tensor that is described, an object
/// that remembers its class, its arguments and its state. Any other name is an error that says it. Values live in the
/// reader and refer to each other by address, so a list that holds itself is nothing special.
///
/// torch.save's two containers call this with their storages: `data.pkl` of a zip archive, and the older stream of
/// pickles and raw numbers (read_torch_stream), which also stands inside byte strings of plain pickles.
///
/// The parts of the machine: its bytes (pickle_bytes.hpp), its stack (pickle_stack.hpp), what it makes
/// (pickle_memory.hpp), the calls (pickle_calls.hpp) and the storages that it refers to (pickle_storages.hpp).
///
/// Source:  Python, Lib/pickletools.py (the opcodes); PyTorch, torch/serialization.py and torch/_utils.py (what
///          torch.save writes); NVlabs/stylegan3, torch_utils/persistence.py (how modules are pickled there).
/// Facts:   all values of a reader take at most 24 MiB and the file's size, however the pickle is made; texts and bytes
///          are views into the file; time is linear in the file's size.
#pragma once
#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <unordered_map>
#include <utility>

#include "nada/formats/pickle_bytes.hpp"
#include "nada/formats/pickle_calls.hpp"
#include "nada/formats/pickle_memory.hpp"
#include "nada/formats/pickle_stack.hpp"
#include "nada/formats/pickle_storages.hpp"
#include "nada/formats/pickle_value.hpp"

namespace nada {

/// Reads pickles and keeps what was in them. The bytes that it is given must outlive it. Not to be copied or moved:
/// values are found by address.
class Unpickler {
 public:
  /// `what` names the file in errors; `file_size` says how much memory it justifies.
  Unpickler(std::string what, std::size_t file_size)
      : Unpickler(std::move(what), (std::uint64_t{24} << 20) + file_size, false) {}
  Unpickler(const Unpickler&) = delete;
  Unpickler& operator=(const Unpickler&) = delete;

  /// The pickle at the start of `bytes`, which become what follows it.
  /// Errors: it is cut off or malformed, names what is not on the list, or is larger than its file justifies.
  const Value& read(std::span<const std::byte>& bytes);

  /// What torch.save wrote before 2020 (and writes on request): four pickles, the keys of the storages, and their
  /// numbers. Errors: as read, and storages that are missing, of another length or cut off.
  const Value& read_torch_stream(std::span<const std::byte> bytes);

  /// Whether `bytes` start as a stream of torch.save does.
  static bool recognises_torch_stream(std::span<const std::byte> bytes);

  /// How many values there are so far.
  std::size_t values() const { return memory_.values(); }

  /// Keeps a value that a caller made, and where it needs them, a tensor and a storage.
  const Value& keep(Value value) { return memory_.keep(std::move(value)); }
  const Value& keep(PickledTensor tensor) { return memory_.keep(std::move(tensor)); }
  const PickledStorage& keep(const PickledStorage& storage) { return memory_.keep(storage); }

 private:
  struct Instructions;

  Unpickler(std::string what, std::uint64_t memory, bool nested);

  /// Obeys one instruction; false at the end of the pickle.
  bool step();
  /// Gives the value on top of the stack a number by which the pickle refers to it.
  void memorize(std::uint64_t index);
  Value& remembered(std::uint64_t index);
  /// The storage that a whole stream of torch.save, held in bytes, consists of.
  Value& storage_in(const Value& source);

  detail::PickleMemory memory_;
  detail::PickleBytes bytes_{memory_};
  detail::PickleStack stack_{memory_, bytes_};
  detail::PickleStorages storages_{memory_};
  detail::PickleCalls calls_;
  std::unordered_map<std::uint64_t, Value*> memo_;   // of the pickle at hand
  std::unordered_map<const char*, Value*> streams_;  // inside the pickle, by the address of their bytes
  bool nested_;                                      // this reads one of those
};

}  // namespace nada

#ifndef NADA_COMPILED
#include "nada/formats/unpickler.ipp"
#endif
