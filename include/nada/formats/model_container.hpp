/// Model files of other programs, told apart by their content: what they hold and under which names, without running
/// any code of a file. Values stay where they are in the file; only packed values are unpacked.
///
///     const auto file = ModelContainer::open("ffhq.pkl");   // "raw pickle", components D, G, G_ema
///     for (const auto& tensor : file.tensors("G_ema")) ...  // "mapping.fc0.weight" ...
///     file.attribute("G_ema", "synthesis.img_resolution")   // 1024
///
/// Source:  PyTorch, torch/serialization.py and torch/csrc/jit/serialization/ (what the containers look like).
/// Facts:   errors name the file and the tensor; the bytes of a view cover what its shape and strides reach; all
///          tensors of one call, copied, take at most 64 MiB and 4 times the file.
#pragma once
#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "nada/formats/file.hpp"
#include "nada/formats/safetensors.hpp"
#include "nada/formats/unpickler.hpp"
#include "nada/formats/zip.hpp"

namespace nada {

/// ModelContainer is an open file. Copies share the file; views and values stay valid while a copy, or the pointer that
/// keep_alive() gave, lives. Reading is not for several threads at once.
class ModelContainer {
 public:
  /// Opens a file.
  /// Errors:  a file that cannot be read, is of no known kind, is damaged, or wants to run something.
  static ModelContainer open(const std::filesystem::path& path);
  /// Reads bytes that the caller keeps; `what` names them in errors.
  /// Errors:  as open; safetensors, which are read from files only.
  static ModelContainer from_bytes(std::span<const std::byte> bytes, std::string what);

  /// The kind of file: "zip pickle", "legacy pickle" (torch.save), "raw pickle" (NVIDIA),
  /// "torchscript" or "safetensors".
  std::string_view container() const { return content_->container; }
  /// The pickled value; for safetensors, a dict of the tensors.
  const Value& root() const { return *content_->root; }
  /// The metadata of safetensors; empty for the other kinds.
  const Metadata& metadata() const { return content_->metadata; }
  const std::string& what() const { return content_->what; }
  std::shared_ptr<const void> keep_alive() const { return content_; }
  /// Gives back the memory where a view was read; see MappedFile::release.
  void release(std::span<const std::byte> part) const;
  /// Lets the process write to the views, in copies that the file never sees; see MappedFile::allow_private_writes.
  void allow_private_writes() const;

  /// Returns the parts of the root dict that hold tensors, in the file's order: keys of dicts of tensors and
  /// of modules, and keys of tensors beside those. A file that is one dict of tensors or one module has the
  /// only component "".
  std::vector<std::string> components() const;

  /// Returns all tensors of a component under their dotted names, sorted by name; for "", all tensors of the file. A
  /// component that is a tensor is the only tensor and has the component's name. Dicts count where their keys are
  /// texts, and modules count with their parameters and buffers; lists, such as an optimizer's, do not count.
  /// Errors:  no such component; a tensor that is described twice, is malformed or reaches beyond its storage.
  std::vector<TensorView> tensors(std::string_view component = "") const;

  /// Returns the tensors of a component whose numbers are not read (sparse, complex, quantized): dotted name and the
  /// function that makes them, sorted.
  std::vector<std::pair<std::string, std::string>> unreadable(std::string_view component = "") const;
  /// Returns the first name of a class or function in the pickle that is on no list, or nothing.
  std::string_view opaque() const { return content_->values.opaque(); }

  /// Returns the value at a dotted path below a component (attributes of modules and entries of dicts), or nullptr.
  const Value* attribute(std::string_view component, std::string_view path) const;

  /// Returns the attributes of a module or another object as a dict, or nullptr where the object has none.
  static const Value* fields(const Value& object);
  /// Returns the name of an object's class; for NVIDIA's modules, the name that the pickle gives
  /// in words ("Generator").
  static std::string_view class_name(const Value& object);

 private:
  static constexpr std::string_view persistent = "torch_utils.persistence._reconstruct_persistent_obj";
  static constexpr int most_depth = 64;
  static constexpr std::size_t most_parts = 1000;

  struct Content {
    Content(std::string name, std::span<const std::byte> all)
        : what(std::move(name)), bytes(all), values(what, all.size()) {}
    Content(const Content&) = delete;
    Content& operator=(const Content&) = delete;

    void read();

    /// Returns the bytes of the file, or of all files of an index.
    std::size_t size() const {
      auto sum = bytes.size();
      for (const auto& file : safetensors) sum += file.mapping()->bytes().size();
      return sum;
    }

    bool is_safetensors() const;
    /// Protocol 2 and later begin with a byte of their own; an older pickle begins with a dict, list or object and ends
    /// with a full stop.
    bool is_pickle() const;

    void read_safetensors();
    /// Reads model.safetensors.index.json: a list of files beside it that hold the tensors together.
    void read_shards();
    void add(const Safetensors& file, std::vector<const Value*>& items);

    /// Reads an archive of one folder that holds data.pkl, with the storages in data/ beside it.
    void read_zip();

    std::string what;
    std::span<const std::byte> bytes;
    std::shared_ptr<const MappedFile> mapping;  // empty where the caller keeps the bytes
    Unpickler values;
    std::optional<ZipArchive> zip;
    std::string folder;                    // in the archive, with its slash
    std::vector<Safetensors> safetensors;  // one, or the files of an index
    Metadata metadata;
    std::string_view container;
    const Value* root = nullptr;
  };

  explicit ModelContainer(std::shared_ptr<Content> content) : content_(std::move(content)) {}

  // ------------------------------------------------------------------------------------------------------- walking
  /// Values may be shared and may hold themselves, so a walk has limits that no honest file comes near.
  struct Walk {
    std::uint64_t steps = 0, memory = 0;                                   // steps and bytes that are left
    std::vector<std::pair<std::string, const Value*>>* collect = nullptr;  // nullptr: only look for any
    std::vector<std::pair<std::string, std::string>>* unreadable = nullptr;
    bool found = false;
  };
  Walk start_walk() const;
  void spend(Walk& walk, std::uint64_t steps) const;

  void visit(const Value& value, const std::string& name, Walk& walk, int depth = 0) const;
  void visit_entries(const Value& dict, const std::string& name, Walk& walk, int depth, bool modules_only) const;

  const Value& component_value(std::string_view component) const;
  /// Returns the entry or attribute of that name, or nullptr.
  static const Value* child(const Value& value, std::string_view name);

  // ------------------------------------------------------------------------------------------------------- tensors
  std::uint64_t most_copied() const { return (std::uint64_t{64} << 20) + 4 * std::uint64_t{content_->size()}; }

  /// Returns the bytes of a storage; the tensor `name`, which is a part of the storage, is named in errors.
  std::span<const std::byte> bytes_of(const PickledStorage& storage, const std::string& name) const;

  /// Errors:  a shape or strides that are negative or too large, or reach beyond the storage; more bytes in copies of
  ///          all tensors together than `unpacked`, from which each tensor takes its share.
  TensorView view(std::string name, const PickledTensor& tensor, std::uint64_t& unpacked) const;

  std::shared_ptr<Content> content_;
};

}  // namespace nada

#ifndef NADA_COMPILED
#include "nada/formats/model_container.ipp"
#endif
