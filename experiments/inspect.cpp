// Tool: what a model file is.
// Run:  inspect configs/avatars/generator.safetensors
#include <iomanip>
#include <iostream>
#include <map>
#include <variant>

#include "nada/core/error.hpp"
#include "nada/core/tensor.hpp"
#include "nada/encoders/any_clip.hpp"
#include "nada/encoders/arcface.hpp"
#include "nada/encoders/hed.hpp"
#include "nada/encoders/inception.hpp"
#include "nada/encoders/lpips.hpp"
#include "nada/encoders/transformer.hpp"
#include "nada/experiment/adapt_options.hpp"
#include "nada/experiment/option_table.hpp"
#include "nada/experiment/program.hpp"
#include "nada/formats/file.hpp"
#include "nada/formats/model_file.hpp"
#include "nada/formats/recognise.hpp"
#include "nada/generators/any_generator.hpp"
#include "nada/generators/base_hash.hpp"
#include "nada/generators/generator.hpp"
#include "nada/generators/open_generator.hpp"
#include "nada/generators/stylegan2.hpp"
#include "nada/generators/stylegan3.hpp"
#include "nada/inversion/gradual_style_encoder.hpp"
#include "nada/inversion/restyle_encoder.hpp"

namespace {

struct Options {
  static constexpr const char* about = "says what a model file is: kind, architecture, sizes, layers, licence";
  static constexpr const char* example = "inspect configs/avatars/generator.safetensors";
  std::filesystem::path file;
  std::string component;

  void declare(nada::OptionTable& table) {
    table.add("file", file, "the file (first argument)", nada::OptionTable::Kind::session, "FILE", /*positional=*/true);
    table.add("component", component, "part of a checkpoint: g_ema, G, state_dict, ...", nada::OptionTable::Kind::saved,
              "NAME");
    nada::declare_gelu(table);
  }
};

void row(const std::string& name, const std::string& value) {
  if (!value.empty()) std::cout << std::left << std::setw(18) << name << value << '\n';
}

/// Prints the number of parameters in each group of tensors whose names begin alike, and the sum.
void groups(const nada::ModelFile& file, auto&& group_of) {
  std::map<std::string, std::int64_t> counts;
  std::map<std::string_view, std::int64_t> types;
  std::int64_t sum = 0;
  for (const auto& tensor : file.tensors()) {
    counts[group_of(tensor.name)] += nada::count(tensor);
    types[nada::name_of(tensor.dtype)] += nada::count(tensor);
    sum += nada::count(tensor);
  }
  std::cout << "\nparameters\n";
  for (const auto& [name, count] : counts)
    std::cout << "  " << std::left << std::setw(14) << name << std::right << std::setw(12) << count << '\n';
  std::cout << "  " << std::left << std::setw(14) << "in all" << std::right << std::setw(12) << sum << "  (";
  bool first = true;
  for (const auto& [name, count] : types) std::cout << (first ? "" : ", ") << name << ' ' << count, first = false;
  std::cout << ")\n";
}

void about(const nada::Metadata& metadata) {
  for (const auto* key : {"about", "name", "space", "method", "found_in", "licence", "origin", "source", "target",
                          "targets", "parameterization", "folded_from", "base", "base_sha256", "step", "seed"})
    row(key, nada::value_or(metadata, std::string("nada.") + key));
}

void describe(const nada::StyleGan2& g) {
  row("connections", g.is_residual() ? "residual" : "skip");
  if (const auto clamp = g.settings().conv_clamp) row("clamped to", nada::join("+-", *clamp));
  row("noise maps", g.has_noise_maps() ? "stored" : "none");
  row("patterns", g.has_patterns() ? "stored" : "none");
}

void describe(const nada::StyleGan3& g) {
  row("configuration", g.is_radial() ? "R (rotation and translation)" : "T (translation)");
  if (const auto clamp = g.settings().conv_clamp) row("clamped to", nada::join("+-", *clamp));
  row("critical layers", nada::join(g.settings().critical));
  row("margin", nada::join(g.settings().margin, " px"));
}

void inspect_generator(const nada::ModelFile& file) {
  const auto g = nada::open_generator(file);
  row("resolution", nada::join(g.resolution(), " px"));
  row("latents", nada::join(g.latent_size(), " numbers"));
  row("styles", nada::join(g.style_count(), " of ", g.mean_style().size(0), " numbers"));
  if (g.label_size() > 0) row("classes", nada::join(g.label_size()));
  std::visit([](const auto& own) { describe(own); }, g.choice());
  row("SHA-256", nada::base_hash(g));
  std::map<std::string_view, std::int64_t> kinds;
  std::int64_t affine = 0, sum = 0;
  std::cout << "\nlayers          resolution  style  parameters  shape\n";
  for (std::size_t k = 0; k < g.layers().size(); ++k) {
    const auto& layer = g.layers()[k];
    const auto count = nada::parameter_count(g, k);
    kinds[nada::name_of(layer.kind)] += count;
    sum += count;
    for (std::size_t s = 0; s < layer.slots.size(); ++s)
      if (layer.slots[s].starts_with("affine")) affine += g.slot(k, s).numel();
    std::cout << "  " << std::left << std::setw(14) << layer.name << std::right << std::setw(10)
              << (layer.resolution ? std::to_string(layer.resolution) : "-") << std::setw(7)
              << (layer.style < 0 ? "-" : std::to_string(layer.style)) << std::setw(12) << count << "  "
              << nada::shape_text(g.slot(k, 0).sizes()) << '\n';
  }
  std::cout << "\nparameters\n";
  for (const auto& [name, count] : kinds)
    std::cout << "  " << std::left << std::setw(14) << name << std::right << std::setw(12) << count << '\n';
  std::cout << "  " << std::left << std::setw(14) << "in all" << std::right << std::setw(12) << sum << "  (affine "
            << affine << ")\n";
}

void inspect_encoder(const nada::ModelFile& file) {
  const auto [tensors, settings] = nada::read_clip(file);
  const auto tokenizer = settings.tokenizer || (settings.siglip && settings.siglip->tokenizer);
  const bool inside = nada::value_or(file.metadata(), "nada.merges") != "";
  const auto clip = nada::make_clip(tensors, file.path().string(), settings);
  const auto activation = [](nada::Gelu gelu) -> std::string {
    return gelu == nada::Gelu::erf ? "GELU" : gelu == nada::Gelu::tanh ? "GELU by tanh" : "quick GELU";
  };
  const auto text_gelu = settings.siglip ? settings.siglip->text_gelu : settings.gelu;
  row("activation",
      activation(settings.gelu) + (text_gelu == settings.gelu ? std::string() : ", of texts " + activation(text_gelu)));
  clip.visit([&](const auto& c) {
    row("image tower", std::string(c.tower().name));
    row("resolution", nada::join(c.resolution(), " px"));
    row("embedding", nada::join(c.width(), " numbers"));
    row("context", nada::join(c.context(), " tokens"));
    row("vocabulary", nada::join(c.vocabulary_size(), " entries, ",
                                 inside      ? "inside"
                                 : tokenizer ? "beside the file"
                                             : "not inside"));
    if (const auto* head = clip.step_head())
      row("step head", nada::join(head->dense_levels(), " levels", head->predicts_pixels() ? " and pixels, " : ", ",
                                  head->directions(), " steps of texts known"));
    row("phrases", c.phrases().empty() ? "unknown" : nada::join(c.phrases().size(), " known"));
  });
  groups(file, [](const std::string& name) {
    return name.starts_with("vis") ? "image tower" : name.starts_with("step_head") ? "step head" : "text tower";
  });
}

std::string first_part(const std::string& name) { return name.substr(0, name.find('.')); }

int inspect(const Options& o, const nada::OptionTable&) {
  nada::require(!o.file.empty(), "expected a file; `inspect --help` shows an example");
  const auto file = nada::ModelFile::open(o.file, o.component);
  const auto kind = file.kind();
  std::cout << file.path().string() << " is " << file.description() << "\n\n";
  about(file.metadata());
  if (nada::is_generator(kind)) {
    inspect_generator(file);
  } else if (nada::is_encoder(kind)) {
    inspect_encoder(file);
  } else if (kind == nada::FileKind::identity_network) {
    row("embedding", nada::join(nada::ArcFace::load(file).width(), " numbers"));
    row("faces", "112 px");
    groups(file, first_part);
  } else if (kind == nada::FileKind::inception_network) {
    const auto network = nada::Inception::load(file);
    row("features", nada::join(network.width(), " numbers"));
    row("classifier", network.has_classifier() ? "1008 classes" : "none");
    groups(file, first_part);
  } else if (kind == nada::FileKind::lpips_network) {
    const nada::Lpips checked = nada::Lpips::load(file);
    row("layers", nada::join(nada::Lpips::layer_count, ", of VGG16"));
    groups(file, first_part);
  } else if (kind == nada::FileKind::edge_network) {
    const nada::Hed checked = nada::Hed::load(file);
    row("stages", nada::join(nada::Hed::stage_count, ", of VGG16"));
    groups(file, first_part);
  } else if (kind == nada::FileKind::restyle_encoder) {
    const auto encoder = nada::ReStyleEncoder::load(file);
    row("kind",
        encoder.kind() == nada::ReStyleEncoder::Kind::e4e ? "ReStyle, trained as e4e" : "ReStyle, trained as pSp");
    row("styles", nada::join(encoder.style_count(), " of ", encoder.style_size(), " numbers"));
    row("pictures", nada::join(nada::ReStyleEncoder::input_size, " px"));
    groups(file, first_part);
  } else if (kind == nada::FileKind::gradual_style_encoder) {
    const auto encoder = nada::GradualStyleEncoder::load(file);
    row("kind", encoder.kind() == nada::GradualStyleEncoder::Kind::e4e ? "e4e" : "pSp");
    row("styles", nada::join(encoder.style_count(), " of ", encoder.style_size(), " numbers"));
    row("pictures", nada::join(nada::GradualStyleEncoder::input_size, " px"));
    groups(file, first_part);
  } else {
    groups(file, [&](const std::string& name) {
      const bool layered = nada::is_delta(kind) || kind == nada::FileKind::state;
      const auto leaf = layered
                            ? name.find_last_of('.', name.ends_with("affine.weight") || name.ends_with("affine.bias")
                                                         ? name.rfind('.') - 1
                                                         : name.size())
                            : name.find('.');
      return name.substr(0, leaf);
    });
    nada::require(kind != nada::FileKind::unknown, o.file, " is ", nada::name_of(kind));
  }
  return 0;
}

}  // namespace

int main(int argc, char** argv) { return nada::run_tool<Options>(argc, argv, inspect); }
