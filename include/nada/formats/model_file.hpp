/// A model file of any project that is known here, told by its content.
///
///     const auto file = ModelFile::open("ffhq.pkl");     // FileKind::nvidia_generator, component "G_ema"
///     for (const auto& tensor : file.tensors()) ...      // "mapping.fc0.weight" ...
#pragma once
#include <filesystem>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "nada/formats/file.hpp"
#include "nada/formats/model_container.hpp"
#include "nada/formats/recognise.hpp"
#include "nada/formats/safetensors.hpp"

namespace nada {

/// One model of a file. Copies share the file.
class ModelFile {
 public:
  /// `component`: the wanted part of a checkpoint ("g_ema", "G", "state_dict"); empty: the averaged generator before
  /// the trained one, or the first part that is known here. Of a folder the model file in it, as Hugging Face names it.
  /// Errors: as ModelContainer; no such component; a native file of a newer format.
  static ModelFile open(const std::filesystem::path& path, const std::string& component = {});

  FileKind kind() const { return kind_; }
  /// The file itself, where a folder was opened the one in it.
  const std::filesystem::path& path() const { return path_; }
  const Metadata& metadata() const { return container_.metadata(); }
  std::string_view container() const { return container_.container(); }
  const std::string& component() const { return component_; }
  /// The model's tensors, sorted by name, wrappers' prefixes ("module.") removed; of a rosinality checkpoint with
  /// `latent_avg` beside the generator. The bytes live as long as a copy of this.
  std::span<const TensorView> tensors() const { return tensors_; }
  const TensorView* find(std::string_view name) const;
  /// A number or truth value among the attributes of a pickled module, at a dotted path.
  std::optional<double> number(std::string_view path) const;
  /// A text among them.
  std::optional<std::string> text(std::string_view path) const;
  /// Gives memory back where a view was read.
  void release(const TensorView& view) const { container_.release(view.bytes); }

  /// "a StyleGAN2 generator with NVIDIA's names, in a raw pickle, component G_ema"
  std::string description() const;

 private:
  ModelFile(ModelContainer container, std::filesystem::path path, const std::string& wanted);

  [[noreturn]] void refuse_empty() const;

  /// Without the prefixes that wrappers put before every name.
  static std::vector<TensorView> stripped(std::vector<TensorView> tensors);

  static std::filesystem::path model_in(const std::filesystem::path& folder);

  ModelContainer container_;
  std::filesystem::path path_;
  std::string component_;
  std::vector<TensorView> tensors_;
  FileKind kind_ = FileKind::unknown;
};

}  // namespace nada

#ifndef NADA_COMPILED
#include "nada/formats/model_file.ipp"
#endif
