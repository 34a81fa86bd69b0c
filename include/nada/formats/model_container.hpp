/// Model files of other programs, told apart by their content: what they hold, under which names, without running any
/// of it. Values stay where they are in the file; only what is packed is unpacked.
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

/// An open file. Copies share it; views and values stay valid while a copy, or what keep_alive() gave, lives.
/// Reading is not for several threads at once.
class ModelContainer {
 public:
  /// Errors: the file cannot be read, is of no known kind, is damaged, or wants to run something.
  static ModelContainer open(const std::filesystem::path& path);
  /// From bytes of someone else, who keeps them; `what` names them in errors. Errors: as open; safetensors are files.
  static ModelContainer from_bytes(std::span<const std::byte> bytes, std::string what);

  /// "zip pickle", "legacy pickle" (torch.save), "raw pickle" (NVIDIA), "torchscript" or "safetensors".
  std::string_view container() const { return content_->container; }
  /// What is pickled; of safetensors a dict.
  const Value& root() const { return *content_->root; }
  /// Of safetensors; empty for the others.
  const Metadata& metadata() const { return content_->metadata; }
  const std::string& what() const { return content_->what; }
  std::shared_ptr<const void> keep_alive() const { return content_; }
  /// Gives memory back where a view was read; see MappedFile::release.
  void release(std::span<const std::byte> part) const;

  /// The parts of the root dict that hold tensors: keys of dicts of tensors and of modules and, beside those, of
  /// tensors, in the file's order. A file that is one dict of tensors or one module has the only component "".
  std::vector<std::string> components() const;

  /// All tensors of a component under their dotted names, sorted by name; of "" all of the file. A component that is a
  /// tensor is the only one and has the component's name. Dicts count where their keys are texts, and modules with
  /// their parameters and buffers; lists, such as an optimizer's, do not.
  /// Errors: there is no such component; a tensor that is described twice, is malformed or reaches beyond its storage.
  std::vector<TensorView> tensors(std::string_view component = "") const;

  /// The value at a dotted path below a component: attributes of modules and entries of dicts, or nullptr.
  const Value* attribute(std::string_view component, std::string_view path) const;

  /// The attributes of a module or another object, a dict; nullptr where there are none.
  static const Value* fields(const Value& object);
  /// The name of an object's class; of NVIDIA's modules the one that the pickle gives in words ("Generator").
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

    bool is_safetensors() const;
    /// Protocol 2 and later say so; before, a dict, list or object is the first thing and the last byte is a full stop.
    bool is_pickle() const;

    void read_safetensors();

    /// One folder with data.pkl in it, and the storages in data/ beside it.
    void read_zip();

    std::string what;
    std::span<const std::byte> bytes;
    std::shared_ptr<const MappedFile> mapping;  // or nothing, where the bytes are someone else's
    Unpickler values;
    std::optional<ZipArchive> zip;
    std::string folder;  // in the archive, with its slash
    std::optional<Safetensors> safetensors;
    Metadata metadata;
    std::string_view container;
    const Value* root = nullptr;
  };

  explicit ModelContainer(std::shared_ptr<Content> content) : content_(std::move(content)) {}

  // ------------------------------------------------------------------------------------------------------- walking
  /// Values may be shared and hold themselves, so a walk has limits that no honest file comes near.
  struct Walk {
    std::uint64_t steps = 0, memory = 0;                                   // what is left
    std::vector<std::pair<std::string, const Value*>>* collect = nullptr;  // or only look whether there is one
    bool found = false;
  };
  Walk start_walk() const;
  void spend(Walk& walk, std::uint64_t steps) const;

  void visit(const Value& value, const std::string& name, Walk& walk, int depth = 0) const;
  void visit_entries(const Value& dict, const std::string& name, Walk& walk, int depth, bool modules_only) const;

  const Value& component_value(std::string_view component) const;
  /// The entry or attribute of that name.
  static const Value* child(const Value& value, std::string_view name);

  // ------------------------------------------------------------------------------------------------------- tensors
  std::uint64_t most_copied() const { return (std::uint64_t{64} << 20) + 4 * std::uint64_t{content_->bytes.size()}; }

  /// The bytes of a storage, of which the tensor `name` is a part.
  std::span<const std::byte> bytes_of(const PickledStorage& storage, const std::string& name) const;

  /// Errors: a shape or strides that are negative or too large, or reach beyond the storage; or `unpacked`, what all
  /// tensors together may take when they are copied, is used up.
  TensorView view(std::string name, const PickledTensor& tensor, std::uint64_t& unpacked) const;

  std::shared_ptr<Content> content_;
};

}  // namespace nada

#ifndef NADA_COMPILED
#include "nada/formats/model_container.ipp"
#endif
