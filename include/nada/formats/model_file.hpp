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
#include <utility>
#include <vector>

#include "nada/formats/file.hpp"
#include "nada/formats/model_container.hpp"
#include "nada/formats/recognise.hpp"
#include "nada/formats/safetensors.hpp"

namespace nada {

/// ModelFile is one model of a file. Copies share the file.
class ModelFile {
 public:
  /// Opens a file, or the model file in a folder, which is named as Hugging Face names it; both may be addresses
  /// of the Hub (formats/hub.hpp). `component` is the wanted
  /// part of a checkpoint ("g_ema", "G", "state_dict") or the prefix that the model's tensors have in it ("decoder" for
  /// decoder.input.input); empty: the averaged generator before the trained one, else the first part that is known here,
  /// else the model behind the only prefix with one.
  /// Errors:  as ModelContainer; no such component; models behind several prefixes and none wanted; a native file of a
  ///          newer format.
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
  /// Returns the tensors whose numbers are not read (sparse, complex, quantized): name, and the function that makes them.
  std::span<const std::pair<std::string, std::string>> unreadable() const { return unreadable_; }
  /// Whether there is an attribute of a pickled module at a dotted path, whatever it holds.
  bool has_attribute(std::string_view path) const { return container_.attribute(part_, path) != nullptr; }
  /// Returns a number or truth value among the attributes of a pickled module, at a dotted path.
  std::optional<double> number(std::string_view path) const;
  /// Returns a text among the attributes of a pickled module, at a dotted path.
  std::optional<std::string> text(std::string_view path) const;
  /// Gives back the memory where a view was read.
  void release(const TensorView& view) const { container_.release(view.bytes); }
  /// Lets the process write to the views, in copies that the file never sees.
  void allow_private_writes() const { container_.allow_private_writes(); }

  /// Describes the file: "a StyleGAN2 generator with NVIDIA's names, in a raw pickle, component G_ema".
  std::string description() const;

 private:
  ModelFile(ModelContainer container, std::filesystem::path path, const std::string& wanted);

  [[noreturn]] void refuse_empty() const;
  /// Takes the part of the container if its names are known or nothing was taken yet.
  void try_part(const std::string& part, std::optional<FileKind> native);
  /// Looks for models behind a prefix of the names in `parts`: behind `wanted`, or the only one there is.
  /// Returns whether one was taken.
  bool try_prefixes(const std::vector<std::string>& parts, const std::string& wanted);
  void add_mean_beside();

  /// Removes the prefixes that wrappers put before every name.
  static std::vector<TensorView> stripped(std::vector<TensorView> tensors);

  static ModelFile model_in(const std::filesystem::path& folder, const std::string& component);

  ModelContainer container_;
  std::filesystem::path path_;
  std::string part_, component_;  // the container's part; the same, or the prefix in it
  std::vector<TensorView> tensors_;
  std::vector<std::pair<std::string, std::string>> unreadable_;
  FileKind kind_ = FileKind::unknown;
};

/// Returns the file that `path` names: the path itself or, of an address of the Hub, the model file in the cache.
/// Errors:  as local_path(); a folder without a model.
std::filesystem::path model_path(const std::filesystem::path& path);

}  // namespace nada

#ifndef NADA_COMPILED
#include "nada/formats/model_file.ipp"
#endif
