// Bodies of model_container.hpp.
#pragma once
#include "nada/formats/model_container.hpp"

#include <nlohmann/json.hpp>

#include <algorithm>
#include <map>
#include <set>

#include "nada/core/config.hpp"
#include "nada/core/error.hpp"

namespace nada {

NADA_INLINE ModelContainer ModelContainer::open(const std::filesystem::path& path) {
  auto mapping = std::make_shared<const MappedFile>(path);
  auto content = std::make_shared<Content>(path.string(), mapping->bytes());
  content->mapping = std::move(mapping);
  content->read();
  return ModelContainer(std::move(content));
}

NADA_INLINE ModelContainer ModelContainer::from_bytes(std::span<const std::byte> bytes, std::string what) {
  auto content = std::make_shared<Content>(std::move(what), bytes);
  content->read();
  return ModelContainer(std::move(content));
}

NADA_INLINE void ModelContainer::release(std::span<const std::byte> part) const {
  if (content_->mapping) content_->mapping->release(part);
  for (const auto& file : content_->safetensors) file.mapping()->release(part);
}

NADA_INLINE void ModelContainer::allow_private_writes() const {
  if (content_->mapping) content_->mapping->allow_private_writes();
  for (const auto& file : content_->safetensors) file.mapping()->allow_private_writes();
}

NADA_INLINE std::vector<std::string> ModelContainer::components() const {
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

NADA_INLINE std::vector<TensorView> ModelContainer::tensors(std::string_view component) const {
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
    require(views.empty() || views.back().name != name, what(), ": has the tensor ", in_quotes(name), " twice");
    views.push_back(view(std::move(name), *value->as_tensor(), unpacked));
  }
  return views;
}

NADA_INLINE std::vector<std::pair<std::string, std::string>> ModelContainer::unreadable(
    std::string_view component) const {
  std::vector<std::pair<std::string, const Value*>> found;
  std::vector<std::pair<std::string, std::string>> out;
  auto walk = start_walk();
  walk.collect = &found;
  walk.unreadable = &out;
  visit(component_value(component), "", walk);
  std::sort(out.begin(), out.end());
  return out;
}

NADA_INLINE const Value* ModelContainer::attribute(std::string_view component, std::string_view path) const {
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

NADA_INLINE const Value* ModelContainer::fields(const Value& object) {
  const Value* state = object.state();
  if (object.is_object(persistent)) {
    const auto* const meta = object.arguments();
    if (meta != nullptr && !meta->items().empty()) state = meta->items()[0]->find("state");
  }
  return state != nullptr && state->is(Value::Kind::dict) ? state : nullptr;
}

NADA_INLINE std::string_view ModelContainer::class_name(const Value& object) {
  if (object.is_object(persistent) && object.arguments() != nullptr && !object.arguments()->items().empty())
    if (const auto* const name = object.arguments()->items()[0]->find("class_name")) return name->text();
  return object.is(Value::Kind::object) ? object.text() : std::string_view();
}

NADA_INLINE void ModelContainer::Content::read() {
  if (mapping != nullptr && mapping->path().string().ends_with(".index.json"))
    read_shards();
  else if (ZipArchive::recognises(bytes))
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

NADA_INLINE bool ModelContainer::Content::is_safetensors() const {
  if (bytes.size() < 9 || bytes[8] != std::byte{'{'}) return false;
  const auto header = detail::number_at<std::uint64_t>(bytes, 0);
  return header <= detail::most_header_bytes;
}

NADA_INLINE bool ModelContainer::Content::is_pickle() const {
  if (bytes.size() < 2) return false;
  const auto first = std::to_integer<unsigned char>(bytes[0]), second = std::to_integer<unsigned char>(bytes[1]);
  if (first == 0x80) return second <= 5;
  return (first == '(' || first == '}' || first == ']' || first == 'c') && bytes.back() == std::byte{'.'};
}

NADA_INLINE void ModelContainer::Content::read_safetensors() {
  require(mapping != nullptr, what, ": safetensors are read from files");
  container = "safetensors";
  safetensors.push_back(Safetensors::open(mapping->path()));
  metadata = safetensors.front().metadata();
  std::vector<const Value*> items;
  add(safetensors.front(), items);
  root = &values.keep(Value::container(Value::Kind::dict, std::move(items)));
}

NADA_INLINE void ModelContainer::Content::read_shards() {
  const auto index = nlohmann::json::parse(detail::as_text(bytes), nullptr, /*allow_exceptions=*/false);
  const bool is_index = index.is_object() && index.contains("weight_map") && index["weight_map"].is_object();
  require(is_index, what, ": holds no weight_map, expected the index of a model in several files");
  container = "safetensors";
  std::map<std::string, std::set<std::string>> names;  // of the tensors, by file
  for (const auto& [name, file] : index["weight_map"].items()) {
    const auto text = file.is_string() ? file.get<std::string>() : std::string();
    require(!text.empty() && std::filesystem::path(text).filename() == text, what, ": weight_map puts the tensor ",
            in_quotes(name), " into ", file.dump(), ", expected the name of a file beside it");
    names[text].insert(name);
  }
  std::vector<const Value*> items;
  for (const auto& [file, expected] : names) {
    safetensors.push_back(Safetensors::open(mapping->path().parent_path() / file));
    const auto& shard = safetensors.back();
    for (const auto& name : expected)
      require(shard.find(name) != nullptr, what, ": weight_map puts the tensor ", in_quotes(name), " into ",
              shard.path(), ", which does not have it");
    require(shard.tensors().size() == expected.size(), shard.path(), ": has ", shard.tensors().size(),
            " tensors, of which ", what, " names ", expected.size());
    add(shard, items);
  }
  require(!safetensors.empty(), what, ": names no tensors");
  metadata = safetensors.front().metadata();
  root = &values.keep(Value::container(Value::Kind::dict, std::move(items)));
}

NADA_INLINE void ModelContainer::Content::add(const Safetensors& file, std::vector<const Value*>& items) {
  for (const auto& tensor : file.tensors()) {
    const auto& storage = values.keep(PickledStorage{.key = tensor.name,
                                                     .dtype = tensor.dtype,
                                                     .size = tensor.bytes.size(),
                                                     .bytes = tensor.bytes,
                                                     .resolved = true});
    items.push_back(&values.keep(Value::text(Value::Kind::text, tensor.name)));
    items.push_back(&values.keep(PickledTensor{&storage, tensor.dtype, 0, tensor.shape, tensor.strides}));
  }
}

NADA_INLINE void ModelContainer::Content::read_zip() {
  zip.emplace(bytes, what);
  constexpr std::string_view pickle = "data.pkl";
  std::optional<std::string_view> found;
  for (const auto& entry : zip->entries()) {
    const auto slash = entry.name.find('/');
    if (entry.name.substr(slash == entry.name.npos ? 0 : slash + 1) != pickle) continue;
    if (found) fail(what, ": holds two models, ", in_quotes(*found), " and ", in_quotes(entry.name));
    found = entry.name;
  }
  if (!found)
    fail(what, ": is a zip archive without data.pkl, expected one of torch.save or TorchScript of 2020 or later");
  folder = found->substr(0, found->size() - pickle.size());
  container = zip->find(folder + "constants.pkl") != nullptr ? "torchscript" : "zip pickle";
  if (zip->find(folder + "byteorder") != nullptr) {
    const auto order = detail::as_text(zip->entry(folder + "byteorder"));
    require(order == "little", what, ": holds numbers in the byte order ", in_quotes(order),
            ", only \"little\" is read");
  }
  auto rest = zip->entry(*found);
  root = &values.read(rest);
}

NADA_INLINE ModelContainer::Walk ModelContainer::start_walk() const {
  return {.steps = 100'000 + 8 * std::uint64_t{content_->size()},
          .memory = (std::uint64_t{8} << 20) + content_->size(),
          .collect = nullptr,
          .unreadable = nullptr,
          .found = false};
}

NADA_INLINE void ModelContainer::spend(Walk& walk, std::uint64_t steps) const {
  require(steps <= walk.steps, what(), ": refers to its parts more often than a file of its size has reason to");
  walk.steps -= steps;
}

NADA_INLINE void ModelContainer::visit(const Value& value, const std::string& name, Walk& walk, int depth) const {
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

NADA_INLINE void ModelContainer::visit_entries(const Value& dict, const std::string& name, Walk& walk, int depth,
                                               bool modules_only) const {
  for (std::size_t i = 0; i < dict.entries(); ++i) {
    if (walk.found && walk.collect == nullptr) return;
    spend(walk, 1);
    const auto key = dict.key(i).as_text();
    const auto& value = dict.value(i);
    const bool leaf = value.is(Value::Kind::tensor);
    if (walk.unreadable != nullptr && key && value.is(Value::Kind::object) &&
        value.text().starts_with("torch._utils._rebuild"))
      walk.unreadable->emplace_back(name.empty() ? std::string(*key) : name + "." + std::string(*key), value.text());
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

NADA_INLINE const Value& ModelContainer::component_value(std::string_view component) const {
  if (component.empty()) return root();
  const auto* const value = root().find(component);
  if (value == nullptr) fail(what(), ": has no component ", in_quotes(component));
  return *value;
}

NADA_INLINE const Value* ModelContainer::child(const Value& value, std::string_view name) {
  if (value.is(Value::Kind::dict)) return value.find(name);
  const auto* const attributes = fields(value);
  if (attributes == nullptr) return nullptr;
  if (const auto* const own = attributes->find(name)) return own;
  for (const auto part : {"_parameters", "_buffers", "_modules"})
    if (const auto* const held = attributes->find(part))
      if (const auto* const inner = held->find(name)) return inner;
  return nullptr;
}

NADA_INLINE std::span<const std::byte> ModelContainer::bytes_of(const PickledStorage& storage,
                                                                const std::string& name) const {
  if (storage.resolved) return storage.bytes;
  const detail::PartOfFile start{what(), "tensor", name};
  require(content_->zip.has_value(), start, " needs the storage ", in_quotes(storage.key),
          ", which is not in the file");
  for (const auto* const place : {"data/", "tensors/"}) {
    const auto entry = join(content_->folder, place, storage.key);
    if (content_->zip->find(entry) == nullptr) continue;
    const auto bytes = content_->zip->entry(entry);
    require(storage.size <= bytes.size(), start, " needs a storage of ", storage.size, " bytes, the entry ",
            in_quotes(entry), " has ", bytes.size());
    return bytes.first(static_cast<std::size_t>(storage.size));
  }
  fail(start, " needs the entry ", in_quotes(join(content_->folder, "data/", storage.key)),
       ", which is not in the archive");
}

NADA_INLINE TensorView ModelContainer::view(std::string name, const PickledTensor& tensor,
                                            std::uint64_t& unpacked) const {
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

}  // namespace nada
