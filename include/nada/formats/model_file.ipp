// Bodies of model_file.hpp.
#pragma once
#include "nada/formats/model_file.hpp"

#include <algorithm>
#include <utility>

#include "nada/core/config.hpp"
#include "nada/core/error.hpp"

namespace nada {

NADA_INLINE ModelFile ModelFile::open(const std::filesystem::path& path, const std::string& component) {
  const auto place = std::filesystem::is_directory(path) ? model_in(path) : path;
  return ModelFile(ModelContainer::open(place), place, component);
}

NADA_INLINE const TensorView* ModelFile::find(std::string_view name) const {
  const auto found = std::ranges::lower_bound(tensors_, name, {}, &TensorView::name);
  return found != tensors_.end() && found->name == name ? &*found : nullptr;
}

NADA_INLINE std::optional<double> ModelFile::number(std::string_view path) const {
  const auto* const value = container_.attribute(component_, path);
  if (value == nullptr) return std::nullopt;
  if (const auto truth = value->as_boolean()) return *truth ? 1 : 0;
  return value->as_real();
}

NADA_INLINE std::optional<std::string> ModelFile::text(std::string_view path) const {
  const auto* const value = container_.attribute(component_, path);
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
  if (!wanted.empty()) {
    std::string names;
    for (const auto& part : parts) names += (names.empty() ? "" : ", ") + part;
    require(std::ranges::find(parts, wanted) != parts.end(), path_, ": has no component '", wanted, "', only ",
            names.empty() ? "one model" : names);
    parts = {wanted};
  } else {
    const auto rank = [](const std::string& name) {
      constexpr std::string_view first[] = {"g_ema", "G_ema", "g", "G", "state_dict", "model_state_dict", "model"};
      return std::ranges::find(first, name) - std::begin(first);
    };
    std::ranges::stable_sort(parts, {}, rank);
  }
  for (const auto& part : parts) {
    auto tensors = stripped(container_.tensors(part));
    const auto has = [&](const char* name) { return std::ranges::binary_search(tensors, name, {}, &TensorView::name); };
    const auto kind = native ? *native : recognise_names(has);
    if (tensors_.empty() || kind != FileKind::unknown) {
      tensors_ = std::move(tensors);
      component_ = part;
      kind_ = kind;
    }
    if (kind_ != FileKind::unknown) break;
  }
  const auto all = container_.components();
  if (kind_ == FileKind::rosinality_generator && !component_.empty() &&
      std::ranges::find(all, "latent_avg") != all.end())
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
  fail(path_, ": holds no tensors by name, expected a model");
}

NADA_INLINE std::vector<TensorView> ModelFile::stripped(std::vector<TensorView> tensors) {
  for (const std::string_view prefix : {"_orig_mod.", "module.", "_orig_mod."}) {
    const auto with = [&](const TensorView& view) { return view.name.starts_with(prefix); };
    if (tensors.empty() || !std::ranges::all_of(tensors, with)) continue;
    for (auto& view : tensors) view.name.erase(0, prefix.size());
  }
  return tensors;
}

NADA_INLINE std::filesystem::path ModelFile::model_in(const std::filesystem::path& folder) {
  for (const auto* name :
       {"model.safetensors", "open_clip_model.safetensors", "pytorch_model.bin", "open_clip_pytorch_model.bin"})
    if (std::filesystem::exists(folder / name)) return folder / name;
  fail(folder,
       ": is a folder without a model, expected model.safetensors, open_clip_model.safetensors, "
       "pytorch_model.bin or open_clip_pytorch_model.bin in it");
}

}  // namespace nada
