/// Python's pickles, protocols 0 to 5, read as data: nothing that a pickle names is ever run.
///
/// A pickle is a program for a small stack machine that builds values and calls functions by name. Here each name is
/// mapped to an inert value: a dict, a tuple, a tensor that is described, an object that remembers its class, its
/// arguments and its state. A name that is on no list gives such an object too, so a date or a configuration beside
/// weights is no obstacle; a tensor that hangs on one is missed by those who want it. Values live
/// in the reader and refer to each other by address, so a list may hold itself.
///
/// Both containers of torch.save pass their storages to this reader: `data.pkl` of a zip archive, and the older stream
/// of pickles and raw numbers (read_torch_stream), which also stands inside byte strings of plain pickles.
///
/// The machine consists of its bytes (pickle_bytes.hpp), its stack (pickle_stack.hpp), the memory of its values
/// (pickle_memory.hpp), the calls (pickle_calls.hpp) and the storages that pickles refer to (pickle_storages.hpp).
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
#include <string_view>
#include <unordered_map>
#include <utility>

#include "nada/formats/pickle_bytes.hpp"
#include "nada/formats/pickle_calls.hpp"
#include "nada/formats/pickle_memory.hpp"
#include "nada/formats/pickle_stack.hpp"
#include "nada/formats/pickle_storages.hpp"
#include "nada/formats/pickle_value.hpp"

namespace nada {

/// Unpickler reads pickles and keeps their values. The bytes that are read must outlive the reader, which is neither
/// copied nor moved, because values are found by address.
class Unpickler {
 public:
  /// `what` names the file in errors; `file_size` says how much memory the reader may take.
  Unpickler(std::string what, std::size_t file_size)
      : Unpickler(std::move(what), (std::uint64_t{24} << 20) + file_size, false) {}
  Unpickler(const Unpickler&) = delete;
  Unpickler& operator=(const Unpickler&) = delete;

  /// Reads the pickle at the start of `bytes`, which become the rest behind the pickle.
  /// Errors:  a pickle that is cut off or malformed, or is larger than its file justifies.
  const Value& read(std::span<const std::byte>& bytes);

  /// Reads the format of torch.save before 2020 (and on request today): four pickles, the keys of the storages, and the
  /// numbers of the storages.
  /// Errors:  as read; storages that are missing, of another length or cut off.
  const Value& read_torch_stream(std::span<const std::byte> bytes);

  /// Returns whether `bytes` start as a stream of torch.save does.
  static bool recognises_torch_stream(std::span<const std::byte> bytes);

  /// Returns the first name that the pickles mentioned and that is on no list, or nothing.
  std::string_view opaque() const { return memory_.opaque(); }

  /// Returns how many values the reader holds so far.
  std::size_t values() const { return memory_.values(); }

  /// Keeps a value that a caller made and, where the value needs them, a tensor and a storage.
  const Value& keep(Value value) { return memory_.keep(std::move(value)); }
  const Value& keep(PickledTensor tensor) { return memory_.keep(std::move(tensor)); }
  const PickledStorage& keep(const PickledStorage& storage) { return memory_.keep(storage); }

 private:
  struct Instructions;

  Unpickler(std::string what, std::uint64_t memory, bool nested);

  /// Obeys one instruction. Returns false at the end of the pickle.
  bool step();
  /// Gives the value on top of the stack the number `index`, by which the pickle refers to the value.
  void memorize(std::uint64_t index);
  Value& remembered(std::uint64_t index);
  /// Returns the storage in a whole stream of torch.save, which the pickle holds as bytes.
  Value& storage_in(const Value& source);

  detail::PickleMemory memory_;
  detail::PickleBytes bytes_{memory_};
  detail::PickleStack stack_{memory_, bytes_};
  detail::PickleStorages storages_{memory_};
  detail::PickleCalls calls_;
  std::unordered_map<std::uint64_t, Value*> memo_;   // values by their numbers in the current pickle
  std::unordered_map<const char*, Value*> streams_;  // storages of streams in the pickle, by the bytes' address
  bool nested_;                                      // whether this reader reads such a stream
};

}  // namespace nada

#ifndef NADA_COMPILED
#include "nada/formats/unpickler.ipp"
#endif
