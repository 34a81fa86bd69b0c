/// A model file of any project that is known here, told by its content.
///
///     const auto file = ModelFile::open("ffhq.pkl");     // FileKind::nvidia_generator, component "G_ema"
///     for (const auto& tensor : file.tensors()) ...      // "mapping.fc0.weight" ...
#pragma once
#include <algorithm>
#include <filesystem>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "nada/core/error.hpp"
#include "nada/formats/model_container.hpp"
#include "nada/formats/recognise.hpp"

namespace nada {

/// One model of a file. Copies share the file.
class ModelFile {
 public:
  /// `component`: the wanted part of a checkpoint ("g_ema", "G", "state_dict"); empty: the averaged generator before
  /// the trained one, or the first part that is known here. Of a folder the model file in it, as Hugging Face names it.
  /// Errors: as ModelContainer; no such component; a native file of a newer format.
  static ModelFile open(const std::filesystem::path& path, const std::string& component = {}) {
    const auto place = std::filesystem::is_directory(path) ? model_in(path) : path;
    return ModelFile(ModelContainer::open(place), place, component);
  }

  FileKind kind() const { return kind_; }
  /// The file itself, where a folder was opened the one in it.
  const std::filesystem::path& path() const { return path_; }
  const Metadata& metadata() const { return container_.metadata(); }
  std::string_view container() const { return container_.container(); }
  const std::string& component() const { return component_; }
  /// The model's tensors, sorted by name, wrappers' prefixes ("module.") removed; of a rosinality checkpoint with
  /// `latent_avg` beside the generator. The bytes live as long as a copy of this.
  std::span<const TensorView> tensors() const { return tensors_; }
  const TensorView* find(std::string_view name) const {
    const auto found = std::ranges::lower_bound(tensors_, name, {}, &TensorView::name);
    return found != tensors_.end() && found->name == name ? &*found : nullptr;
  }
  /// A number or truth value among the attributes of a pickled module, at a dotted path.
  std::optional<double> number(std::string_view path) const {
    const auto* const value = container_.attribute(component_, path);
    if (value == nullptr) return std::nullopt;
    if (const auto truth = value->as_boolean()) return *truth ? 1 : 0;
    return value->as_real();
  }
  /// A text among them.
  std::optional<std::string> text(std::string_view path) const {
    const auto* const value = container_.attribute(component_, path);
    const auto text = value == nullptr ? std::nullopt : value->as_text();
    return text ? std::optional<std::string>(*text) : std::nullopt;
  }
  /// Gives memory back where a view was read.
  void release(const TensorView& view) const { container_.release(view.bytes); }

  /// "a StyleGAN2 generator with NVIDIA's names, in a raw pickle, component G_ema"
  std::string description() const {
    std::string out(name_of(kind_));
    if (container() != "safetensors") out += ", " + std::string(container());
    if (!component_.empty()) out += ", component " + component_;
    return out;
  }

 private:
  ModelFile(ModelContainer container, std::filesystem::path path, const std::string& wanted)
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
      const auto has = [&](const char* name) {
        return std::ranges::binary_search(tensors, name, {}, &TensorView::name);
      };
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

  [[noreturn]] void refuse_empty() const {
    const auto items = container_.root().items();
    for (const auto* item : items)
      if (item->text().starts_with("dnnlib.tflib"))
        fail(path_,
             ": is a pickle of NVIDIA's TensorFlow projects, which holds no PyTorch modules; convert it with "
             "legacy.py of stylegan2-ada-pytorch first");
    fail(path_, ": holds no tensors by name, expected a model");
  }

  /// Without the prefixes that wrappers put before every name.
  static std::vector<TensorView> stripped(std::vector<TensorView> tensors) {
    for (const std::string_view prefix : {"_orig_mod.", "module.", "_orig_mod."}) {
      const auto with = [&](const TensorView& view) { return view.name.starts_with(prefix); };
      if (tensors.empty() || !std::ranges::all_of(tensors, with)) continue;
      for (auto& view : tensors) view.name.erase(0, prefix.size());
    }
    return tensors;
  }

  static std::filesystem::path model_in(const std::filesystem::path& folder) {
    for (const auto* name :
         {"model.safetensors", "open_clip_model.safetensors", "pytorch_model.bin", "open_clip_pytorch_model.bin"})
      if (std::filesystem::exists(folder / name)) return folder / name;
    fail(folder,
         ": is a folder without a model, expected model.safetensors, open_clip_model.safetensors, "
         "pytorch_model.bin or open_clip_pytorch_model.bin in it");
  }

  ModelContainer container_;
  std::filesystem::path path_;
  std::string component_;
  std::vector<TensorView> tensors_;
  FileKind kind_ = FileKind::unknown;
};

}  // namespace nada
