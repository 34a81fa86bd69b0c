// Bodies of model_file.hpp.
#pragma once
#include "nada/formats/model_file.hpp"

#include <algorithm>
#include <set>
#include <utility>

#include "nada/core/config.hpp"
#include "nada/core/error.hpp"
#include "nada/formats/hub.hpp"

namespace nada {

NADA_INLINE ModelFile ModelFile::open(const std::filesystem::path& path, const std::string& component) {
  if (is_hub_address(path)) return open(local_path(path), component);
  if (std::filesystem::is_directory(path)) return model_in(path, component);
  return ModelFile(ModelContainer::open(path), path, component);
}

NADA_INLINE const TensorView* ModelFile::find(std::string_view name) const {
  const auto found = std::ranges::lower_bound(tensors_, name, {}, &TensorView::name);
  return found != tensors_.end() && found->name == name ? &*found : nullptr;
}

NADA_INLINE std::optional<double> ModelFile::number(std::string_view path) const {
  const auto* const value = container_.attribute(part_, path);
  if (value == nullptr) return std::nullopt;
  if (const auto truth = value->as_boolean()) return *truth ? 1 : 0;
  return value->as_real();
}

NADA_INLINE std::optional<std::string> ModelFile::text(std::string_view path) const {
  const auto* const value = container_.attribute(part_, path);
  const auto text = value == nullptr ? std::nullopt : value->as_text();
  return text ? std::optional<std::string>(*text) : std::nullopt;
}

NADA_INLINE std::string ModelFile::description() const {
  std::string out(name_of(kind_));
  if (container() != "safetensors") out += ", " + std::string(container());
  if (!component_.empty()) out += ", component " + component_;
  return out;
}

NADA_INLINE ModelFile::ModelFile(ModelContainer container, std::filesystem::path path, const std::string& wanted)
    : container_(std::move(container)), path_(std::move(path)) {
  const auto native = recognise(metadata(), path_);
  auto parts = container_.components();
  if (parts.empty()) refuse_empty();
  const auto all = parts;
  if (!wanted.empty()) {
    if (std::ranges::find(parts, wanted) == parts.end()) {
      if (try_prefixes(all, wanted)) {
        add_mean_beside();
        return;
      }
      std::string names;
      for (const auto& part : parts) names += (names.empty() ? "" : ", ") + part;
      fail(path_, ": has no component '", wanted, "', only ", names.empty() ? "one model" : names);
    }
    parts = {wanted};
  } else {
    const auto rank = [](const std::string& name) {
      constexpr std::string_view first[] = {"g_ema", "G_ema", "g", "G", "state_dict", "model_state_dict", "model"};
      return std::ranges::find(first, name) - std::begin(first);
    };
    std::ranges::stable_sort(parts, {}, rank);
  }
  for (const auto& part : parts) {
    try_part(part, native);
    if (kind_ != FileKind::unknown) break;
  }
  if (kind_ == FileKind::unknown && !native) try_prefixes(parts, {});
  add_mean_beside();
}

NADA_INLINE void ModelFile::try_part(const std::string& part, std::optional<FileKind> native) {
  auto tensors = stripped(container_.tensors(part));
  auto unreadable = container_.unreadable(part);
  const auto has = [&](std::string_view name) {
    return std::ranges::binary_search(tensors, name, {}, &TensorView::name) ||
           std::ranges::any_of(unreadable, [&](const auto& one) { return one.first == name; });
  };
  const auto kind = native ? *native : recognise_names(has);
  if (!tensors_.empty() && kind == FileKind::unknown) return;
  tensors_ = std::move(tensors);
  unreadable_ = std::move(unreadable);
  part_ = component_ = part;
  kind_ = kind;
}

NADA_INLINE bool ModelFile::try_prefixes(const std::vector<std::string>& parts, const std::string& wanted) {
  struct Found {
    std::string part, prefix;  // "state_dict", "decoder."
    FileKind kind;
    bool averaged() const { return prefix.ends_with("g_ema.") || prefix.ends_with("G_ema."); }
  };
  std::vector<Found> found;
  for (const auto& part : parts) {
    const auto tensors = container_.tensors(part);
    std::set<std::string> prefixes;
    for (const auto& tensor : tensors)
      for (const auto& name : telling_names)
        if (tensor.name.ends_with(name) && tensor.name.size() > name.size())
          prefixes.insert(tensor.name.substr(0, tensor.name.size() - name.size()));
    for (const auto& prefix : prefixes) {
      if (!prefix.ends_with('.') || (!wanted.empty() && prefix != wanted + ".")) continue;
      const auto kind = recognise_names(
          [&](const char* name) { return std::ranges::binary_search(tensors, prefix + name, {}, &TensorView::name); });
      if (kind != FileKind::unknown) found.push_back({part, prefix, kind});
    }
  }
  if (found.size() > 1 && std::ranges::count_if(found, &Found::averaged) == 1)
    std::ranges::stable_partition(found, &Found::averaged);
  else if (found.size() > 1) {
    std::string names;
    for (const auto& one : found)
      names +=
          join(names.empty() ? "" : ", ", one.prefix.substr(0, one.prefix.size() - 1), " (", name_of(one.kind), ")");
    fail(path_, ": holds several models: ", names, "; name one with --component");
  }
  if (found.empty()) return false;
  const auto& [part, prefix, kind] = found.front();
  tensors_.clear();
  unreadable_.clear();
  for (auto& tensor : container_.tensors(part))
    if (tensor.name.starts_with(prefix)) {
      tensor.name.erase(0, prefix.size());
      tensors_.push_back(std::move(tensor));
    }
  for (auto& [name, maker] : container_.unreadable(part))
    if (name.starts_with(prefix)) unreadable_.emplace_back(name.substr(prefix.size()), maker);
  part_ = part;
  component_ = prefix.substr(0, prefix.size() - 1);
  kind_ = kind;
  return true;
}

NADA_INLINE void ModelFile::add_mean_beside() {
  const auto all = container_.components();
  if (kind_ != FileKind::rosinality_generator || component_.empty() || find("latent_avg") != nullptr ||
      std::ranges::find(all, "latent_avg") == all.end())
    return;
  for (auto& view : container_.tensors("latent_avg"))
    tensors_.insert(std::ranges::lower_bound(tensors_, view.name, {}, &TensorView::name), view);
}

NADA_INLINE void ModelFile::refuse_empty() const {
  const auto items = container_.root().items();
  for (const auto* item : items)
    if (item->text().starts_with("dnnlib.tflib"))
      fail(path_,
           ": is a pickle of NVIDIA's TensorFlow projects, which holds no PyTorch modules; convert it with "
           "legacy.py of stylegan2-ada-pytorch first");
  const auto opaque = container_.opaque();
  if (opaque.empty()) fail(path_, ": holds no tensors by name, expected a model");
  const auto words = in_quotes(opaque);
  fail(path_, ": holds no tensors by name, expected a model; the pickle wants to call ",
       std::string_view(words).substr(1, words.size() - 2), ", which was not done");
}

NADA_INLINE std::vector<TensorView> ModelFile::stripped(std::vector<TensorView> tensors) {
  for (const std::string_view prefix : {"_orig_mod.", "module.", "_orig_mod."}) {
    const auto with = [&](const TensorView& view) { return view.name.starts_with(prefix); };
    if (tensors.empty() || !std::ranges::all_of(tensors, with)) continue;
    for (auto& view : tensors) view.name.erase(0, prefix.size());
  }
  return tensors;
}

NADA_INLINE ModelFile ModelFile::model_in(const std::filesystem::path& folder, const std::string& component) {
  std::optional<ModelFile> first;
  for (const auto* name : {"model.safetensors", "open_clip_model.safetensors", "model.safetensors.index.json",
                           "pytorch_model.bin", "open_clip_pytorch_model.bin"}) {
    const auto path = folder / name;
    if (!std::filesystem::exists(path)) continue;
    // A folder may hold a CLIP's image tower alone beside the whole CLIP, as timm's do: the first that is known counts.
    ModelFile file(ModelContainer::open(path), path, component);
    if (file.kind() != FileKind::unknown) return file;
    if (!first) first.emplace(std::move(file));
  }
  if (first) return std::move(*first);
  fail(folder,
       ": is a folder without a model, expected model.safetensors, open_clip_model.safetensors, "
       "model.safetensors.index.json, pytorch_model.bin or open_clip_pytorch_model.bin in it");
}

NADA_INLINE std::filesystem::path model_path(const std::filesystem::path& path) {
  return is_hub_address(path) ? ModelFile::open(path).path() : path;
}

}  // namespace nada
