/// A preset as a folder that can be pushed to the Hugging Face Hub: the delta, its base or the base's address, pictures
/// and a model card.
///     FOLDER/README.md   model.safetensors   samples.png   [base.safetensors]   [generator.safetensors]
#pragma once
#include <algorithm>
#include <cctype>
#include <concepts>
#include <filesystem>
#include <sstream>
#include <string>
#include <string_view>
#include <utility>
#include <variant>
#include <vector>

#include <nlohmann/json.hpp>

#include "nada/adaptation/delta.hpp"
#include "nada/adaptation/preset.hpp"
#include "nada/core/error.hpp"
#include "nada/core/stream.hpp"
#include "nada/experiment/build.hpp"
#include "nada/formats/file.hpp"
#include "nada/formats/grid.hpp"
#include "nada/formats/hub_address.hpp"
#include "nada/formats/images.hpp"
#include "nada/formats/model_file.hpp"
#include "nada/formats/recognise.hpp"
#include "nada/formats/safetensors.hpp"
#include "nada/formats/tensor_file.hpp"
#include "nada/generators/any_generator.hpp"
#include "nada/generators/base_hash.hpp"
#include "nada/generators/generator.hpp"
#include "nada/generators/latents.hpp"
#include "nada/generators/load.hpp"
#include "nada/generators/open_generator.hpp"
#include "nada/generators/stylegan3.hpp"
#include "nada/generators/stylegan3_file.hpp"

namespace nada::presets {

/// Returns the Hub's identifier of the licence that a text begins with: "cc-by-4.0" of "CC BY 4.0; learned from ...";
/// "other" of a text that is not known.
inline std::string licence_id(std::string_view text) {
  std::string id;
  for (const char c : text.substr(0, text.find(';')))
    id += c == ' ' ? '-' : static_cast<char>(std::tolower(static_cast<unsigned char>(c)));
  for (const auto* known : {"cc-by-4.0", "cc-by-sa-4.0", "cc-by-nc-4.0", "cc-by-nc-sa-4.0", "cc0-1.0", "mit",
                            "apache-2.0", "bsd-3-clause", "openrail", "creativeml-openrail-m"})
    if (id == known) return id;
  return "other";
}

/// What is written, and from what.
struct Export {
  std::filesystem::path preset, generator, folder;
  std::string licence;     // of the weights; empty: as the base says
  bool with_base = false;  // copies the base into the folder
  bool folded = false;     // writes the whole generator too

  /// Writes the folder. Errors: a folder that is not empty; a generator that is not the preset's base; no licence.
  void write() const;

 private:
  std::string card(const Preset& preset, const Metadata& base, const AnyGenerator& source) const;
  std::string licence_of(const Metadata& base) const {
    return licence.empty() ? value_or(base, "nada.licence") : licence;
  }
  /// The base's repository on the Hub; empty where it is a file.
  std::string base_model() const {
    return is_hub_address(generator) ? HubAddress::parse(generator.native()).repository : "";
  }
};

/// Writes four samples of the source over the same four of the preset.
inline void write_samples(const std::filesystem::path& path, const AnyGenerator& source, const AnyGenerator& adapted) {
  const torch::NoGradGuard no_grad;
  const auto z = Stream{0, 0}.normal(Purpose::samples, {4, source.latent_size()}).to(source.options());
  const auto w = truncate(source.map(z), source.mean_style(), 0.8);
  write_picture(path,
                make_grid({to_pictures(source.synthesize(w, Render{})), to_pictures(adapted.synthesize(w, Render{}))}));
}

inline std::string Export::card(const Preset& preset, const Metadata& base, const AnyGenerator& source) const {
  const auto quoted = [](const std::string& text) { return nlohmann::json(text).dump(); };  // JSON's texts are YAML's
  const auto terms = licence_of(base), id = licence_id(terms), model = base_model();
  std::ostringstream out;
  out << "---\nlicense: " << id << "\n";
  if (id == "other") out << "license_name: " << quoted(terms) << "\n";
  out << "library_name: nada\npipeline_tag: unconditional-image-generation\n"
      << "tags: [nada, stylegan, stylegan-nada, text-guided-domain-adaptation]\n";
  if (!model.empty()) out << "base_model: " << model << "\nbase_model_relation: adapter\n";
  out << "---\n# " << preset.name << "\n\nA generator of images, moved from \"" << preset.source << "\" to \""
      << preset.target
      << "\" by words alone (StyleGAN-NADA). Above the generator it began as, below what it became, the "
      << "same four latents:\n\n![Samples before and after](samples.png)\n\n## Use\n\n"
      << "    ./quickstart generate --generator hf:ORG/NAME\n\nwith the name of this repository for ORG/NAME. "
      << "`model.safetensors` holds what changed (" << preset.delta.parameterization << ")";
  const bool base_is_known = with_base || !model.empty();
  if (with_base) out << ", `base.safetensors` the generator that it is put on";
  if (folded) out << ", `generator.safetensors` the two as one, which needs no base";
  out << ".\n";
  if (!base_is_known) out << "The base does not lie here: name its file with `--base FILE`.\n";
  out << "\n| | |\n|---|---|\n| base | " << (model.empty() ? generator.filename().string() : pinned(generator).string())
      << ", SHA-256 of its weights `" << base_hash(source) << "` |\n| resolution | " << source.resolution()
      << " px |\n| licence | " << terms << " |\n| made by | " << revision() << " |\n";
  if (!preset.metrics.empty()) out << "| measured | `" << preset.metrics << "` |\n";
  out << "\n## How it was made\n\n    " << preset.command << "\n\nThe options of that run:\n\n";
  std::istringstream lines(preset.options);
  for (std::string line; std::getline(lines, line);) out << "    " << line << "\n";
  return out.str();
}

inline void Export::write() const {
  namespace fs = std::filesystem;
  std::error_code error;
  require(!fs::exists(folder, error) || (fs::is_directory(folder, error) && fs::is_empty(folder, error)), folder,
          ": expected a new folder or an empty one");
  const auto base = ModelFile::open(generator);
  require(!licence_of(base.metadata()).empty(), generator,
          " does not say under which licence its weights may be used; say it with --licence");
  const auto source = open_generator(base);
  const auto file = Safetensors::open(model_path(preset));
  const auto content = load_preset(preset);
  const auto adapted = apply_delta(source, content.delta, preset.string());  // checks that this is its base
  make_folders(folder);
  auto about = file.metadata();
  about["nada.name"] = content.name;
  about["nada.licence"] = licence_of(base.metadata());
  about.erase("nada.base");
  if (with_base) about["nada.base"] = "base.safetensors";
  if (!base_model().empty()) about["nada.base"] = pinned(generator).string();
  save_safetensors(folder / "model.safetensors", file.tensors(), about);
  if (with_base) {
    AtomicFile copy(folder / "base.safetensors");
    copy.write(MappedFile(base.path()).bytes());
    copy.commit();
  }
  Metadata terms{{"nada.about", content.name + ": " + content.target}, {"nada.licence", about["nada.licence"]}};
  if (folded)
    std::visit(
        [&](const auto& g) {
          save_tensors(folder / "generator.safetensors", g.tensors(), generator_metadata(g, terms));
        },
        adapted.choice());
  write_samples(folder / "samples.png", source, adapted);
  write_text(folder / "README.md", card(content, base.metadata(), source));
}

}  // namespace nada::presets
