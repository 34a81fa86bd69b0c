/// One check in the form that the operations see, and the folder of its manifest.
#pragma once
#include <torch/types.h>

#include <cstdint>
#include <filesystem>
#include <map>
#include <string>
#include <utility>
#include <vector>

#include "models.hpp"
#include "nada/core/error.hpp"
#include "nada/core/tensor.hpp"
#include "nada/encoders/any_clip.hpp"
#include "nada/encoders/ensemble.hpp"
#include "nada/encoders/tokenizer.hpp"
#include "nada/formats/model_file.hpp"
#include "nada/formats/safetensors.hpp"
#include "nada/generators/generator.hpp"
#include "values.hpp"

namespace nada::parity {

/// Folder is the manifest's folder. Each of its files is read once, and a model is made once for each precision.
class Folder {
 public:
  explicit Folder(fs::path root) : root_(std::move(root)) {}

  /// Returns the file of a reference, whose path is relative to the folder.
  fs::path path(const Json& reference) const;

  /// Returns the value that a reference leads to: a member of a JSON file (`pointer`) or a tensor of a safetensors file
  /// (`tensor`, of which `index` takes one row and `rows` the first few). A literal is its own value.
  Value value(const Json& reference);

  /// Returns a vocabulary. Throws Skipped where the file is missing, or has another digest than the
  /// manifest gives (`sha256`).
  const Tokenizer& vocabulary(const Json& reference);

  const LoadedGenerator& generator(const Json& model, torch::ScalarType type);
  const LoadedDiscriminator& discriminator(const Json& model, torch::ScalarType type);

  /// Returns an encoder, which preprocesses as in the official adaptation code: without antialias.
  const AnyClip& encoder(const Json& model, torch::ScalarType type);

  /// Returns the model's file, opened at the component that the manifest names.
  const ModelFile& model_file(const Json& model);

 private:
  template <class Key, class T>
  static const T& cached(std::map<Key, T>& all, const Key& key, auto&& make) {
    const auto found = all.find(key);
    return found != all.end() ? found->second : all.emplace(key, make()).first->second;
  }
  const Safetensors& open(const fs::path& file);

  fs::path root_;
  std::map<fs::path, Safetensors> files_;
  std::map<std::string, ModelFile> models_;
  std::map<fs::path, Json> json_;
  std::map<fs::path, Tokenizer> vocabularies_;
  std::map<std::string, LoadedGenerator> generators_;
  std::map<std::string, LoadedDiscriminator> discriminators_;
  std::map<std::string, AnyClip> encoders_;
};

/// Call is one check. Floating-point inputs come in the precision of the run.
/// Errors:  an argument or input that is missing or of another kind than asked for; the sentence names the
///          argument or input.
struct Call {
  const Json& check;
  Folder& folder;
  torch::ScalarType type;

  /// Returns one entry of a group: "model", "inputs", "arguments".
  const Json& entry(const char* group, const std::string& name) const;
  /// The golden values, by role.
  const Json& expected() const { return check["expected"]; }

  /// Returns whether the check has an argument of that name.
  bool has(const std::string& argument) const;
  template <class T>
  T get(const std::string& argument) const {
    return as<T>(entry("arguments", argument), join("argument ", argument));
  }
  double number(const std::string& argument) const;
  std::int64_t integer(const std::string& argument) const;
  std::string text(const std::string& argument) const;

  /// Returns whether the check has an input of that role.
  bool given(const std::string& role) const;
  /// Returns the reference of an input; value() and tensor() return what the reference leads to.
  const Json& input(const std::string& role) const { return entry("inputs", role); }
  Json json(const std::string& role) const;
  std::vector<std::string> texts(const std::string& role) const;
  Tensor tensor(const std::string& role) const { return resolve(input(role)); }
  Tensor resolve(const Json& reference) const;
  /// Returns the labels [1 or N, C] of a model with classes, undefined where the check has none.
  Tensor labels() const { return given("labels") ? tensor("labels") : Tensor{}; }

  /// Models by their role, in the precision of the run.
  const LoadedGenerator& generator(const char* role = "generator") const;
  const LoadedDiscriminator& discriminator() const;
  const AnyClip& encoder() const;
  std::vector<Member<AnyClip>> encoders() const;
};

/// Results of an operation, by role; "before ROLE" is the value that `relative_to_update` starts from.
using Results = std::map<std::string, Value>;

/// Returns how the check's generator renders images: with the noise maps of its file, or without noise (also where the
/// check does not say: StyleGAN3 has none).
Render render(const Call& call);

}  // namespace nada::parity
