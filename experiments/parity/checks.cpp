// Reads the files, models and values that checks refer to.
#include "checks.hpp"

#include <torch/types.h>

#include <cstdint>
#include <filesystem>
#include <string>
#include <variant>
#include <vector>

#include "nada/core/error.hpp"
#include "nada/core/tensor.hpp"
#include "nada/encoders/any_clip.hpp"
#include "nada/encoders/transformer.hpp"
#include "nada/formats/file.hpp"
#include "nada/formats/sha256.hpp"
#include "nada/formats/tensor_file.hpp"
#include "nada/generators/generator.hpp"
#include "skipped.hpp"

namespace nada::parity {

fs::path Folder::path(const Json& reference) const {
  return (root_ / as<std::string>(reference, "file", "reference")).lexically_normal();
}

Value Folder::value(const Json& reference) {
  if (!reference.is_object()) return reference;
  if (reference.contains("value")) return reference["value"];
  if (!reference.contains("file")) return reference;
  const auto file = path(reference);
  if (reference.contains("pointer")) {
    const Json::json_pointer pointer(as<std::string>(reference, "pointer", "reference"));
    const auto& json = cached(json_, file, [&] { return read_json(file); });
    require(json.contains(pointer), file, ": there is nothing at ", pointer.to_string());
    return json.at(pointer);
  }
  auto tensor = to_tensor(open(file).at(as<std::string>(reference, "tensor", "reference")));
  if (reference.contains("index")) tensor = tensor.select(0, as<std::int64_t>(reference, "index", "reference"));
  if (reference.contains("rows")) tensor = tensor.narrow(0, 0, as<std::int64_t>(reference, "rows", "reference"));
  return tensor;
}

const Tokenizer& Folder::vocabulary(const Json& reference) {
  const auto file = path(reference);
  if (!fs::exists(file)) throw Skipped{Skip::vocabulary, join(file, ": no such file")};
  return cached(vocabularies_, file, [&] {
    Sha256 hash;
    hash.update(read_text(file));
    if (reference.contains("sha256") && reference["sha256"] != hash.hex())
      throw Skipped{Skip::vocabulary, join(file, ": is another one")};
    return Tokenizer::open(file);
  });
}

const LoadedGenerator& Folder::generator(const Json& model, torch::ScalarType type) {
  const auto& file = model_file(model);
  return cached(generators_, join(file.path(), file.component(), type), [&] { return LoadedGenerator(file, type); });
}

const LoadedDiscriminator& Folder::discriminator(const Json& model, torch::ScalarType type) {
  const auto& file = model_file(model);
  return cached(discriminators_, join(file.path(), file.component(), type),
                [&] { return LoadedDiscriminator(file, type); });
}

const AnyClip& Folder::encoder(const Json& model, torch::ScalarType type) {
  const auto& file = model_file(model);
  const auto what = file.path().string();
  const auto gelu = model.value("gelu", "auto");
  require(gelu == "auto" || gelu == "quick" || gelu == "erf", what, ": gelu is '", gelu, "', expected quick or erf");
  const auto image_heads = model.value("image_heads", std::int64_t{0});
  const auto text_heads = model.value("text_heads", std::int64_t{0});
  const auto key = join(what, file.component(), type, gelu, " ", image_heads, " ", text_heads);
  return cached(encoders_, key, [&] {
    auto [tensors, settings] = read_clip(file);
    if (model.contains("config")) read_clip_config(root_ / as<std::string>(model, "config", what), settings);
    if (gelu != "auto") settings.gelu = gelu == "quick" ? Gelu::quick : Gelu::erf;
    if (image_heads) settings.image_heads = image_heads;
    if (text_heads) settings.text_heads = text_heads;
    settings.preprocessing.antialias = false;
    return make_clip(tensors, what, settings, type);
  });
}

const ModelFile& Folder::model_file(const Json& model) {
  const auto file = path(model);
  const auto component = model.value("component", std::string());
  return cached(models_, join(file, " ", component), [&] { return ModelFile::open(file, component); });
}

const Safetensors& Folder::open(const fs::path& file) {
  return cached(files_, file, [&] { return Safetensors::open(file); });
}

const Json& Call::entry(const char* group, const std::string& name) const {
  return member(member(check, group, "check"), name, group);
}

bool Call::has(const std::string& argument) const {
  return check.contains("arguments") && check["arguments"].contains(argument);
}

double Call::number(const std::string& argument) const { return get<double>(argument); }
std::int64_t Call::integer(const std::string& argument) const { return get<std::int64_t>(argument); }
std::string Call::text(const std::string& argument) const { return get<std::string>(argument); }

bool Call::given(const std::string& role) const { return check.contains("inputs") && check["inputs"].contains(role); }

Json Call::json(const std::string& role) const {
  const auto value = folder.value(input(role));
  require(std::holds_alternative<Json>(value), role, " is a tensor, expected JSON");
  return std::get<Json>(value);
}

std::vector<std::string> Call::texts(const std::string& role) const {
  return as<std::vector<std::string>>(json(role), role);
}

Tensor Call::resolve(const Json& reference) const {
  const auto tensor = numbers(folder.value(reference));
  return tensor.is_floating_point() ? tensor.to(type) : tensor;
}

const LoadedGenerator& Call::generator(const char* role) const { return folder.generator(entry("model", role), type); }

const LoadedDiscriminator& Call::discriminator() const {
  return folder.discriminator(entry("model", "discriminator"), type);
}

const AnyClip& Call::encoder() const { return folder.encoder(entry("model", "encoder"), type); }

std::vector<Member<AnyClip>> Call::encoders() const {
  std::vector<Member<AnyClip>> out;
  for (const auto& model : entry("model", "encoders"))
    out.push_back({folder.encoder(model, type), as<double>(model, "weight", "encoder")});
  return out;
}

Render render(const Call& call) {
  if (!call.has("noise")) return {.noise = Noise::none};
  const auto noise = call.text("noise");
  require(noise == "stored" || noise == "zero", "noise is '", noise, "', expected stored or zero");
  return {.noise = noise == "stored" ? Noise::stored : Noise::none};
}

}  // namespace nada::parity
