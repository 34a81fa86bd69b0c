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
#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <filesystem>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "nada/core/error.hpp"
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
  static ModelContainer open(const std::filesystem::path& path) {
    auto mapping = std::make_shared<const MappedFile>(path);
    auto content = std::make_shared<Content>(path.string(), mapping->bytes());
    content->mapping = std::move(mapping);
    content->read();
    return ModelContainer(std::move(content));
  }
  /// From bytes of someone else, who keeps them; `what` names them in errors. Errors: as open; safetensors are files.
  static ModelContainer from_bytes(std::span<const std::byte> bytes, std::string what) {
    auto content = std::make_shared<Content>(std::move(what), bytes);
    content->read();
    return ModelContainer(std::move(content));
  }

  /// "zip pickle", "legacy pickle" (torch.save), "raw pickle" (NVIDIA), "torchscript" or "safetensors".
  std::string_view container() const { return content_->container; }
  /// What is pickled; of safetensors a dict.
  const Value& root() const { return *content_->root; }
  /// Of safetensors; empty for the others.
  const Metadata& metadata() const { return content_->metadata; }
  const std::string& what() const { return content_->what; }
  std::shared_ptr<const void> keep_alive() const { return content_; }
  /// Gives memory back where a view was read; see MappedFile::release.
  void release(std::span<const std::byte> part) const {
    if (content_->mapping) content_->mapping->release(part);
    if (content_->safetensors) content_->safetensors->mapping()->release(part);
  }

  /// The parts of the root dict that hold tensors: keys of dicts of tensors and of modules and, beside those, of
  /// tensors, in the file's order. A file that is one dict of tensors or one module has the only component "".
  std::vector<std::string> components() const {
    std::vector<std::string> parts;
    bool nested = false;
    auto walk = start_walk();  // one for all: the parts may be the same value again and again
    const auto holds_tensors = [&](const Value& value) {
      walk.found = false;
      visit(value, "", walk);
      return walk.found;
    };
    const auto& dict = root();
    for (std::size_t i = 0; i < dict.entries(); ++i) {
      const auto name = dict.key(i).as_text();
      if (!name || !holds_tensors(dict.value(i))) continue;
      nested |= !dict.value(i).is(Value::Kind::tensor);
      if (std::find(parts.begin(), parts.end(), *name) == parts.end()) parts.emplace_back(*name);
      require(parts.size() <= most_parts || !nested, what(), ": has more than ", most_parts, " components");
      if (parts.size() > most_parts) break;
    }
    if (nested) return parts;
    if (parts.empty() && !holds_tensors(root())) return {};
    return {""};
  }

  /// All tensors of a component under their dotted names, sorted by name; of "" all of the file. A component that is a
  /// tensor is the only one and has the component's name. Dicts count where their keys are texts, and modules with
  /// their parameters and buffers; lists, such as an optimizer's, do not.
  /// Errors: there is no such component; a tensor that is described twice, is malformed or reaches beyond its storage.
  std::vector<TensorView> tensors(std::string_view component = "") const {
    std::vector<std::pair<std::string, const Value*>> found;
    auto walk = start_walk();
    walk.collect = &found;
    const auto& part = component_value(component);
    visit(part, part.is(Value::Kind::tensor) ? std::string(component) : std::string(), walk);
    std::sort(found.begin(), found.end(), [](const auto& a, const auto& b) { return a.first < b.first; });
    std::vector<TensorView> views;
    views.reserve(found.size());
    auto unpacked = most_copied();
    for (auto& [name, value] : found) {
      require(views.empty() || views.back().name != name, what(), ": has the tensor ", detail::quoted(name), " twice");
      views.push_back(view(std::move(name), *value->as_tensor(), unpacked));
    }
    return views;
  }

  /// The value at a dotted path below a component: attributes of modules and entries of dicts, or nullptr.
  const Value* attribute(std::string_view component, std::string_view path) const {
    const Value* value = &component_value(component);
    for (int depth = 0; value != nullptr && !path.empty() && depth < most_depth; ++depth) {
      // Keys of state dicts have dots themselves, so the whole path comes first.
      if (const auto* const whole = child(*value, path)) return whole;
      const auto dot = path.find('.');
      if (dot == path.npos) return nullptr;
      value = child(*value, path.substr(0, dot));
      path.remove_prefix(dot + 1);
    }
    return path.empty() ? value : nullptr;
  }

  /// The attributes of a module or another object, a dict; nullptr where there are none.
  static const Value* fields(const Value& object) {
    const Value* state = object.state();
    if (object.is_object(persistent)) {
      const auto* const meta = object.arguments();
      if (meta != nullptr && !meta->items().empty()) state = meta->items()[0]->find("state");
    }
    return state != nullptr && state->is(Value::Kind::dict) ? state : nullptr;
  }
  /// The name of an object's class; of NVIDIA's modules the one that the pickle gives in words ("Generator").
  static std::string_view class_name(const Value& object) {
    if (object.is_object(persistent) && object.arguments() != nullptr && !object.arguments()->items().empty())
      if (const auto* const name = object.arguments()->items()[0]->find("class_name")) return name->text();
    return object.is(Value::Kind::object) ? object.text() : std::string_view();
  }

 private:
  static constexpr std::string_view persistent = "torch_utils.persistence._reconstruct_persistent_obj";
  static constexpr int most_depth = 64;
  static constexpr std::size_t most_parts = 1000;

  struct Content {
    Content(std::string name, std::span<const std::byte> all)
        : what(std::move(name)), bytes(all), values(what, all.size()) {}
    Content(const Content&) = delete;
    Content& operator=(const Content&) = delete;

    void read() {
      if (ZipArchive::recognises(bytes))
        read_zip();
      else if (is_safetensors())
        read_safetensors();
      else if (Unpickler::recognises_torch_stream(bytes)) {
        container = "legacy pickle";
        root = &values.read_torch_stream(bytes);
      } else if (is_pickle()) {
        container = "raw pickle";
        auto rest = bytes;
        root = &values.read(rest);
      } else if (bytes.size() > 8 && bytes[8] == std::byte{'{'}) {
        read_safetensors();  // which says what is wrong with its header
      } else {
        fail(what, ": is no model file that is known here: expected one of torch.save, TorchScript, safetensors or a ",
             "pickle, found ", bytes.empty() ? "no bytes" : "other content");
      }
    }

    bool is_safetensors() const {
      if (bytes.size() < 9 || bytes[8] != std::byte{'{'}) return false;
      const auto header = detail::number_at<std::uint64_t>(bytes, 0);
      return header <= detail::most_header_bytes;
    }
    /// Protocol 2 and later say so; before, a dict, list or object is the first thing and the last byte is a full stop.
    bool is_pickle() const {
      if (bytes.size() < 2) return false;
      const auto first = std::to_integer<unsigned char>(bytes[0]), second = std::to_integer<unsigned char>(bytes[1]);
      if (first == 0x80) return second <= 5;
      return (first == '(' || first == '}' || first == ']' || first == 'c') && bytes.back() == std::byte{'.'};
    }

    void read_safetensors() {
      require(mapping != nullptr, what, ": safetensors are read from files");
      container = "safetensors";
      safetensors.emplace(Safetensors::open(mapping->path()));
      metadata = safetensors->metadata();
      std::vector<const Value*> items;
      for (const auto& tensor : safetensors->tensors()) {
        const auto& storage = values.keep(PickledStorage{.key = tensor.name,
                                                         .dtype = tensor.dtype,
                                                         .size = tensor.bytes.size(),
                                                         .bytes = tensor.bytes,
                                                         .resolved = true});
        items.push_back(&values.keep(Value::text(Value::Kind::text, tensor.name)));
        items.push_back(&values.keep(PickledTensor{&storage, tensor.dtype, 0, tensor.shape, tensor.strides}));
      }
      root = &values.keep(Value::container(Value::Kind::dict, std::move(items)));
    }

    /// One folder with data.pkl in it, and the storages in data/ beside it.
    void read_zip() {
      zip.emplace(bytes, what);
      constexpr std::string_view pickle = "data.pkl";
      std::optional<std::string_view> found;
      for (const auto& entry : zip->entries()) {
        const auto slash = entry.name.find('/');
        if (entry.name.substr(slash == entry.name.npos ? 0 : slash + 1) != pickle) continue;
        if (found) fail(what, ": holds two models, ", detail::quoted(*found), " and ", detail::quoted(entry.name));
        found = entry.name;
      }
      if (!found)
        fail(what, ": is a zip archive without data.pkl, expected one of torch.save or TorchScript of 2020 or later");
      folder = found->substr(0, found->size() - pickle.size());
      container = zip->find(folder + "constants.pkl") != nullptr ? "torchscript" : "zip pickle";
      if (zip->find(folder + "byteorder") != nullptr) {
        const auto order = detail::as_text(zip->entry(folder + "byteorder"));
        require(order == "little", what, ": holds numbers in the byte order ", detail::quoted(order),
                ", only \"little\" is read");
      }
      auto rest = zip->entry(*found);
      root = &values.read(rest);
    }

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
  Walk start_walk() const {
    return {.steps = 100'000 + 8 * std::uint64_t{content_->bytes.size()},
            .memory = (std::uint64_t{8} << 20) + content_->bytes.size(),
            .collect = nullptr,
            .found = false};
  }
  void spend(Walk& walk, std::uint64_t steps) const {
    require(steps <= walk.steps, what(), ": refers to its parts more often than a file of its size has reason to");
    walk.steps -= steps;
  }

  void visit(const Value& value, const std::string& name, Walk& walk, int depth = 0) const {
    if (const auto* const tensor = value.as_tensor()) {
      walk.found = true;
      if (walk.collect == nullptr) return;
      const auto cost = 256 + 2 * name.size() + 32 * tensor->shape.size();
      require(cost <= walk.memory, what(), ": names more tensors than a file of its size has reason to");
      walk.memory -= cost;
      walk.collect->emplace_back(name, &value);
      return;
    }
    require(depth < most_depth, what(), ": nests modules deeper than ", most_depth);
    if (value.is(Value::Kind::dict)) return visit_entries(value, name, walk, depth, false);
    const auto* const attributes = fields(value);
    if (value.is_object(persistent) && !value.arguments()->items().empty())
      spend(walk, value.arguments()->items()[0]->entries());
    if (attributes == nullptr) return;
    spend(walk, 3 * attributes->entries());
    bool module = false;
    for (const auto part : {"_parameters", "_buffers", "_modules"})
      if (const auto* const held = attributes->find(part)) {
        module = true;
        visit_entries(*held, name, walk, depth, false);
      }
    // TorchScript's objects have their parts as plain attributes.
    if (!module && value.text().starts_with("__torch__.")) visit_entries(*attributes, name, walk, depth, true);
  }
  void visit_entries(const Value& dict, const std::string& name, Walk& walk, int depth, bool modules_only) const {
    for (std::size_t i = 0; i < dict.entries(); ++i) {
      if (walk.found && walk.collect == nullptr) return;
      spend(walk, 1);
      const auto key = dict.key(i).as_text();
      const auto& value = dict.value(i);
      const bool leaf = value.is(Value::Kind::tensor);
      if (!key || !(leaf || value.is(Value::Kind::object) || (!modules_only && value.is(Value::Kind::dict)))) continue;
      if (walk.collect == nullptr) {
        visit(value, name, walk, depth + 1);
        continue;
      }
      const auto length = name.size() + 1 + key->size();
      require(length <= 4096, what(), ": has a tensor whose name is longer than 4096 bytes");
      spend(walk, length / 64);  // long names are work as well
      visit(value, name.empty() ? std::string(*key) : name + "." + std::string(*key), walk, depth + 1);
    }
  }

  const Value& component_value(std::string_view component) const {
    if (component.empty()) return root();
    const auto* const value = root().find(component);
    if (value == nullptr) fail(what(), ": has no component ", detail::quoted(component));
    return *value;
  }
  /// The entry or attribute of that name.
  static const Value* child(const Value& value, std::string_view name) {
    if (value.is(Value::Kind::dict)) return value.find(name);
    const auto* const attributes = fields(value);
    if (attributes == nullptr) return nullptr;
    if (const auto* const own = attributes->find(name)) return own;
    for (const auto part : {"_parameters", "_buffers", "_modules"})
      if (const auto* const held = attributes->find(part))
        if (const auto* const inner = held->find(name)) return inner;
    return nullptr;
  }

  // ------------------------------------------------------------------------------------------------------- tensors
  std::uint64_t most_copied() const { return (std::uint64_t{64} << 20) + 4 * std::uint64_t{content_->bytes.size()}; }

  /// The bytes of a storage, of which the tensor `name` is a part.
  std::span<const std::byte> bytes_of(const PickledStorage& storage, const std::string& name) const {
    if (storage.resolved) return storage.bytes;
    const detail::PartOfFile start{what(), "tensor", name};
    require(content_->zip.has_value(), start, " needs the storage ", detail::quoted(storage.key),
            ", which is not in the file");
    for (const auto* const place : {"data/", "tensors/"}) {
      const auto entry = join(content_->folder, place, storage.key);
      if (content_->zip->find(entry) == nullptr) continue;
      const auto bytes = content_->zip->entry(entry);
      require(storage.size <= bytes.size(), start, " needs a storage of ", storage.size, " bytes, the entry ",
              detail::quoted(entry), " has ", bytes.size());
      return bytes.first(static_cast<std::size_t>(storage.size));
    }
    fail(start, " needs the entry ", detail::quoted(join(content_->folder, "data/", storage.key)),
         ", which is not in the archive");
  }

  /// Errors: a shape or strides that are negative or too large, or reach beyond the storage; or `unpacked`, what all
  /// tensors together may take when they are copied, is used up.
  TensorView view(std::string name, const PickledTensor& tensor, std::uint64_t& unpacked) const {
    const detail::PartOfFile start{what(), "tensor", name};
    const auto size = size_of(tensor.dtype);
    const auto number = detail::checked_count(tensor.shape, size);
    require(number.has_value(), start, " has the impossible shape ", detail::shown(tensor.shape));
    require(
        tensor.offset >= 0 && std::all_of(tensor.strides.begin(), tensor.strides.end(), [](auto s) { return s >= 0; }),
        start, " has the negative stride or offset among ", detail::shown(tensor.strides), " and ", tensor.offset);
    TensorView out{.name = {}, .dtype = tensor.dtype, .shape = tensor.shape, .strides = tensor.strides, .bytes = {}};
    if (*number > 0) {
      std::int64_t reach = 1, end = 0;  // elements from the first to the last, and from the storage's start
      bool fits = true;
      for (std::size_t i = 0; i < tensor.shape.size(); ++i) {
        std::int64_t step = 0;
        fits = fits && !__builtin_mul_overflow(tensor.shape[i] - 1, tensor.strides[i], &step) &&
               !__builtin_add_overflow(reach, step, &reach);
      }
      fits = fits && !__builtin_add_overflow(tensor.offset, reach, &end) &&
             !__builtin_mul_overflow(end, static_cast<std::int64_t>(size), &end);
      const auto bytes = bytes_of(*tensor.storage, name);
      require(fits && static_cast<std::uint64_t>(end) <= bytes.size(), start, " of ", name_of(tensor.dtype), " ",
              detail::shown(tensor.shape), " with the strides ", detail::shown(tensor.strides), " from element ",
              tensor.offset, " on reaches beyond its storage of ", bytes.size(), " bytes");
      const auto copied = static_cast<std::uint64_t>(*number) * size;
      require(copied <= unpacked, start, " of ", name_of(tensor.dtype), " ", detail::shown(tensor.shape),
              " repeats its bytes, with the tensors before it, more often than a file of this size has reason to");
      unpacked -= copied;
      out.bytes = bytes.subspan(static_cast<std::size_t>(tensor.offset) * size, static_cast<std::size_t>(reach) * size);
    }
    out.name = std::move(name);
    return out;
  }

  std::shared_ptr<Content> content_;
};

}  // namespace nada
