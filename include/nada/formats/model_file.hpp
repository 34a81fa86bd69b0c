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

/// ModelFile is one model of a file. Copies share the file.
class ModelFile {
 public:
  /// Opens a file, or the model file in a folder, which is named as Hugging Face names it. `component` is the wanted
  /// part of a checkpoint ("g_ema", "G", "state_dict"); empty: the averaged generator before the trained one, else the
  /// first part that is known here.
  /// Errors:  as ModelContainer; no such component; a native file of a newer format.
  static ModelFile open(const std::filesystem::path& path, const std::string& component = {});

  FileKind kind() const { return kind_; }
  /// The path of the file; where a folder was opened, the path of the model file in the folder.
  const std::filesystem::path& path() const { return path_; }
  const Metadata& metadata() const { return container_.metadata(); }
  std::string_view container() const { return container_.container(); }
  const std::string& component() const { return component_; }
  /// The model's tensors, sorted by name, without the prefixes of wrappers ("module."); a rosinality checkpoint also
  /// has `latent_avg`, which stands beside the generator. The bytes live as long as a copy of this ModelFile.
  std::span<const TensorView> tensors() const { return tensors_; }
  const TensorView* find(std::string_view name) const;
  /// Returns a number or truth value among the attributes of a pickled module, at a dotted path.
  std::optional<double> number(std::string_view path) const;
  /// Returns a text among the attributes of a pickled module, at a dotted path.
  std::optional<std::string> text(std::string_view path) const;
  /// Gives back the memory where a view was read.
  void release(const TensorView& view) const { container_.release(view.bytes); }

  /// Describes the file: "a StyleGAN2 generator with NVIDIA's names, in a raw pickle, component G_ema".
  std::string description() const;

 private:
  ModelFile(ModelContainer container, std::filesystem::path path, const std::string& wanted);

  [[noreturn]] void refuse_empty() const;

  /// Removes the prefixes that wrappers put before every name.
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
