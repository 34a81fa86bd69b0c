/// Files that torch.load reads, with `weights_only` or without: dicts of texts to tensors.
///
///     write_torch_file("g.pt", {.name = "", .entries = {TorchDict{"g_ema", TorchDict::Kind::ordered, weights}, mean}});
///     torch.load("g.pt")      # {"g_ema": OrderedDict(...), "latent_avg": tensor(...)}
///
/// The file is an archive of stored entries: `archive/data.pkl`, a pickle of protocol 2 that names each tensor's storage
/// by its number; `archive/data/0`, `archive/data/1`, ... with the elements, which start at multiples of 64 bytes;
/// `archive/byteorder` and `archive/version`. This is what torch.save has written since PyTorch 1.6.
///
/// Source:  PyTorch, torch/serialization.py and torch/_utils.py; Python, Lib/pickletools.py (the opcodes).
/// Facts:   ModelContainer reads what was written, bit for bit; the same entries give the same bytes.
#pragma once
#include <cstdint>
#include <filesystem>
#include <string>
#include <variant>
#include <vector>

#include "nada/formats/safetensors.hpp"

namespace nada {

/// TorchDict is a dict with texts as keys: each entry has its key as its `name`. The name of the outermost dict is not
/// written.
struct TorchDict {
  enum class Kind : std::uint8_t {
    plain,   // dict
    ordered  // collections.OrderedDict, which state_dict() of a module returns
  };
  std::string name;
  Kind kind = Kind::plain;
  std::vector<std::variant<TensorView, TorchDict>> entries;  // in the order that Python sees
};

/// Writes a file of torch.save. Every tensor gets a storage of its own.
/// Errors:  two entries of one name in a dict; a name that is not UTF-8; a tensor that is not contiguous or whose bytes
///          do not match its shape; as ZipWriter.
void write_torch_file(const std::filesystem::path& path, const TorchDict& root);

}  // namespace nada

#ifndef NADA_COMPILED
#include "nada/formats/torch_file.ipp"
#endif
