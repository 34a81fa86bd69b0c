// Tool: model files of other projects as native ones, which say what they are and need no flags; and the reverse.
// Run:  convert ffhq.pkl generator.safetensors --licence "Nvidia Source Code License"
//       convert ViT-B-32.pt encoder.safetensors --vocabulary bpe_simple_vocab_16e6.txt.gz --type float16
//       convert runs/a-zombie-1/adapted.safetensors zombie.pt --names rosinality
//       convert runs/a-zombie-1/adapted.safetensors zombie.onnx
#include <concepts>
#include <iostream>
#include <variant>

#include <nlohmann/json.hpp>

#include "nada/adaptation/delta_file.hpp"
#include "nada/core/error.hpp"
#include "nada/core/number_text.hpp"
#include "nada/encoders/any_clip.hpp"
#include "nada/encoders/arcface.hpp"
#include "nada/encoders/clip_names.hpp"
#include "nada/encoders/hed.hpp"
#include "nada/encoders/inception.hpp"
#include "nada/encoders/lpips.hpp"
#include "nada/encoders/transformer.hpp"
#include "nada/experiment/build.hpp"
#include "nada/experiment/option_table.hpp"
#include "nada/experiment/program.hpp"
#include "nada/formats/file.hpp"
#include "nada/formats/hub.hpp"
#include "nada/formats/model_file.hpp"
#include "nada/formats/onnx.hpp"
#include "nada/formats/recognise.hpp"
#include "nada/formats/tensor_file.hpp"
#include "nada/formats/torch_file.hpp"
#include "nada/generators/any_generator.hpp"
#include "nada/generators/base_hash.hpp"
#include "nada/generators/load.hpp"
#include "nada/generators/onnx_export.hpp"
#include "nada/generators/stylegan2.hpp"
#include "nada/generators/stylegan3.hpp"
#include "nada/generators/stylegan3_file.hpp"
#include "nada/inversion/gradual_style_encoder.hpp"
#include "nada/inversion/restyle_encoder.hpp"

namespace {

struct Options {
  static constexpr const char* about = "makes a native model file of another project's, or the reverse";
  static constexpr const char* example =
      "convert ViT-B-32.pt encoder.safetensors --vocabulary bpe_simple_vocab_16e6.txt.gz";
  std::filesystem::path in, out, vocabulary, phrases, base;
  std::string mean, deviation, gelu = "auto", licence, origin, description, component, type = "same", names = "native",
                               to = "auto";
  std::int64_t image_heads = 0, text_heads = 0;
  double clamp = 0;
  bool force = false, patterns = false;

  void declare(nada::OptionTable& table) {
    using enum nada::OptionTable::Kind;
    table.group("Files");
    table.add("in", in, "file or folder to read (first argument)", session, "FILE", /*positional=*/true);
    table.add("out", out, "file to write: .safetensors, .onnx, or .pt with --names rosinality (second argument)",
              session, "FILE", /*positional=*/true);
    table.add("force", force, "replace the file to write", session);
    table.add("base", base, "base of a delta, where it is not where the delta says");
    table.group("What to write");
    table.add("to", to, "safetensors, pt, onnx (a generator's graph for other runtimes), or auto: as the ending says",
              saved, "NAME");
    table.add("type", type, "same, float32, float16 or bfloat16", saved, "NAME");
    table.add(
        "patterns", patterns,
        "give a generator's convolutions patterns of zeros: maps that an adaptation can train (docs/policies.md)");
    table.add("names", names, "native, or rosinality, openai, huggingface for other programs", saved, "NAME");
    table.group("What the file does not say");
    table.add("component", component, "part of a checkpoint: g_ema, G, state_dict, ...", saved, "NAME");
    table.add("vocabulary", vocabulary, "an encoder's byte-pair merges, stored inside");
    table.add("phrases", phrases, "JSON whose texts are what an encoder was trained on, stored inside");
    table.add("image-mean", mean, "mean of an encoder's images in [0, 1], three numbers");
    table.add("image-deviation", deviation, "their standard deviation, three numbers");
    table.add("gelu", gelu, "an encoder's activation: quick, erf, or auto: as the file and those beside it say", saved,
              "NAME");
    table.add("clamp", clamp, "where a generator's activations are clamped, +- this number; 0: as the file says");
    table.add("image-heads", image_heads, "attention heads of the image tower; 0: as the file or its width says");
    table.add("text-heads", text_heads, "attention heads of the text tower; 0: as the file or its width says");
    table.group("About it");
    table.add("about", description, "one sentence");
    table.add("licence", licence, "under which the weights may be used");
    table.add("origin", origin, "where they come from");
  }
};

void collect_texts(const nlohmann::json& json, std::vector<std::string>& out) {
  if (json.is_string())
    out.push_back(json.get<std::string>());
  else if (json.is_structured())
    for (const auto& item : json) collect_texts(item, out);
}

nada::Metadata about(const Options& o, const nada::Metadata& theirs) {
  nada::Metadata out;
  const auto put = [&](const char* key, const std::string& value, const char* other) {
    const auto& text = !value.empty() ? value : nada::value_or(theirs, key, nada::value_or(theirs, other));
    if (!text.empty()) out[key] = text;
  };
  put("nada.about", o.description, "about");
  put("nada.licence", o.licence, "licence");
  put("nada.origin", o.origin, "art");
  return out;
}

/// Converts every floating-point tensor to the type of `--type`; "same" leaves each tensor its own type.
void cast(nada::TensorMap& tensors, const std::string& type) {
  if (type == "same") return;
  const auto wanted = type == "float32"    ? torch::kFloat32
                      : type == "float16"  ? torch::kFloat16
                      : type == "bfloat16" ? torch::kBFloat16
                                           : torch::kFloat64;
  nada::require(wanted != torch::kFloat64, "option type: expected same, float32, float16 or bfloat16, found '", type,
                "'");
  for (auto& [name, value] : tensors)
    if (value.is_floating_point()) value = value.to(wanted);
  for (const auto& [name, value] : tensors)
    nada::require(!value.is_floating_point() || value.isfinite().all().item<bool>(), "tensor ", name,
                  " has numbers beyond ", type, "'s range; bfloat16 has float32's");
}

bool is_torch_file(const std::filesystem::path& path) { return path.extension() == ".pt"; }
bool is_onnx_file(const std::filesystem::path& path) { return path.extension() == ".onnx"; }

void check_ending(const Options& o) {
  nada::require(o.to == "auto" || o.to == "safetensors" || o.to == "pt" || o.to == "onnx",
                "option to: expected safetensors, pt, onnx or auto, found '", o.to, "'");
  nada::require(
      o.out.extension() == ".safetensors" || is_onnx_file(o.out) || (is_torch_file(o.out) && o.names == "rosinality"),
      "cannot write ", o.out,
      ": the file's ending is .safetensors, for every model, or .pt, for a generator with --names rosinality, "
      "or .onnx, for a generator");
  nada::require(o.to == "auto" || o.out.extension() == "." + o.to, "cannot write ", o.out, " with --to ", o.to,
                ": its ending would be .", o.to);
  nada::require(
      !is_onnx_file(o.out) || (o.names == "native" && !o.patterns && (o.type == "same" || o.type == "float32")),
      "an ONNX file holds what a generator computes, in float32; --names, --patterns and other types of "
      "--type are for other files");
}

/// Writes a checkpoint as rosinality's convert_weight.py does: the state dict `g_ema` of the generator, and
/// `latent_avg` [D], the mean of w, beside it. The metadata, for which the checkpoint has no place, are told.
void save_checkpoint(const std::filesystem::path& path, const nada::TensorMap& tensors,
                     const nada::Metadata& left_out) {
  std::vector<nada::Tensor> held;
  nada::TorchDict weights{.name = "g_ema", .kind = nada::TorchDict::Kind::ordered, .entries = {}}, checkpoint;
  for (const auto& [name, value] : tensors) {
    held.push_back(value.detach().cpu().contiguous());
    auto& dict = name == "latent_avg" ? checkpoint : weights;
    dict.entries.emplace_back(nada::view_of(name, held.back()));
  }
  checkpoint.entries.emplace(checkpoint.entries.begin(), std::move(weights));
  nada::write_torch_file(path, checkpoint);
  for (const auto& [key, value] : left_out)
    std::cout << "      without " << key.substr(key.find('.') + 1) << ", which a .pt file does not hold: " << value
              << '\n';
}

/// Returns where the base of a delta is, as the options or the delta say.
std::filesystem::path base_of(const Options& o, const nada::Metadata& theirs) {
  const auto named = nada::value_or(theirs, "nada.base");
  return !o.base.empty() || named.empty() ? o.base : nada::named_beside(nada::model_path(o.in), named);
}

/// Writes a generator's graph. Beside what other files hold, the metadata say which texts made an adapted one, and which
/// weights: nada.sha256 of what the graph computes with, nada.base_sha256 of the generator that was adapted.
void save_graph(const Options& o, const nada::AnyGenerator& generator, const nada::Metadata& theirs) {
  auto model = nada::to_onnx(generator, o.in.string());
  model.name = o.out.stem().string();
  model.producer = nada::revision();
  model.metadata = about(o, theirs);
  if (const auto base = base_of(o, theirs); !base.empty())  // a delta does not repeat its base's terms
    for (const auto& [key, value] : about(o, nada::ModelFile::open(base).metadata()))
      if (key != "nada.about") model.metadata.emplace(key, value);
  for (const auto* key : {"nada.source", "nada.target", "nada.base_sha256"})
    if (const auto text = nada::value_or(theirs, key); !text.empty()) model.metadata[key] = text;
  model.metadata["nada.kind"] = "generator";
  model.metadata["nada.version"] = nada::revision();
  model.metadata["nada.sha256"] = nada::base_hash(generator);
  model.metadata["nada.range"] = "-1 1";
  nada::save_onnx(o.out, model);
  std::cout << "      " << model.nodes.size() << " nodes, opset " << nada::OnnxModel::opset << ":";
  for (const auto& input : model.inputs) std::cout << ' ' << input.name;
  std::cout << " -> images\n";
}

void convert_generator(const Options& o, nada::NamedTensors tensors, const nada::StyleGan2& generator,
                       const nada::Metadata& theirs) {
  nada::require(o.names == "native" || o.names == "rosinality", "a generator's names are native or rosinality, found '",
                o.names, "'");
  if (is_onnx_file(o.out)) return save_graph(o, generator, theirs);
  auto metadata = about(o, theirs);
  if (o.patterns && !generator.has_patterns()) {
    const auto type = tensors.at("const.weight").scalar_type();
    for (const auto& [name, value] : generator.with_patterns().tensors())
      if (name.ends_with(".pattern")) tensors[name] = value.to(type);
  }
  if (o.names == "native")
    metadata = nada::generator_metadata(generator, metadata);
  else
    tensors = nada::to_rosinality(tensors, generator, o.in.string());
  cast(tensors, o.type);
  if (is_torch_file(o.out)) return save_checkpoint(o.out, tensors, metadata);
  nada::save_tensors(o.out, tensors, metadata);
}

/// Writes a StyleGAN3 generator. What does not train (filters, frequencies) keeps its type: it is small, and pictures hang on it.
void convert_stylegan3(const Options& o, const nada::TensorMap& tensors, const nada::StyleGan3& generator,
                       const nada::Metadata& theirs) {
  nada::require(o.names == "native", "a StyleGAN3 generator's names are native, found '", o.names, "'");
  nada::require(!o.patterns, "a StyleGAN3 generator has no patterns");
  if (is_onnx_file(o.out)) return save_graph(o, generator, theirs);  // which has no graph for it and says so
  nada::TensorMap trained, out;
  for (const auto& [name, value] : tensors)
    (name.ends_with("weight") || name.ends_with("bias") || name == "mean_style" ? trained : out)[name] = value;
  cast(trained, o.type);
  out.merge(trained);
  nada::save_tensors(o.out, out, nada::generator_metadata(generator, about(o, theirs)));
}

void convert_encoder(const Options& o, const nada::ModelFile& file) {
  nada::require(!nada::is_siglip(file), o.in,
                " is a SigLIP, which has no native form; --encoder takes its folder as it is");
  const auto vocabulary = o.vocabulary.empty() ? std::nullopt : std::optional(o.vocabulary);
  nada::require(o.gelu == "auto" || o.gelu == "quick" || o.gelu == "erf",
                "option gelu: expected quick, erf or auto, found '", o.gelu, "'");
  nada::told_gelu() = o.gelu;
  auto [tensors, settings] = nada::read_clip(file, vocabulary);
  if (o.gelu != "auto") settings.gelu = o.gelu == "erf" ? nada::Gelu::erf : nada::Gelu::quick;
  if (o.image_heads) settings.image_heads = o.image_heads;
  if (o.text_heads) settings.text_heads = o.text_heads;
  auto metadata = about(o, file.metadata());
  metadata["nada.kind"] = "encoder";
  metadata["nada.format"] = nada::format_version;
  metadata["nada.gelu"] = settings.gelu == nada::Gelu::erf ? "erf" : "quick";
  if (settings.image_heads) metadata["nada.image_heads"] = std::to_string(settings.image_heads);
  if (settings.text_heads) metadata["nada.text_heads"] = std::to_string(settings.text_heads);
  const auto three = [](const std::array<double, 3>& x) {
    return nada::join(nada::number_text(x[0]), " ", nada::number_text(x[1]), " ", nada::number_text(x[2]));
  };
  const auto said = [&](const char* key, const std::string& given, const std::array<double, 3>& found) {
    return !given.empty() ? given : nada::value_or(file.metadata(), key, three(found));
  };
  metadata["nada.image_mean"] = said("image_mean", o.mean, settings.preprocessing.mean);
  metadata["nada.image_deviation"] = said("image_std", o.deviation, settings.preprocessing.deviation);
  if (settings.tokenizer) metadata["nada.merges"] = settings.tokenizer->merges();
  if (!settings.phrases.empty()) metadata["nada.phrases"] = nlohmann::json(settings.phrases).dump();
  if (!o.phrases.empty()) {
    const auto json = nlohmann::json::parse(nada::read_text(o.phrases), nullptr, false);
    nada::require(!json.is_discarded(), o.phrases, " is not JSON");
    std::vector<std::string> phrases;
    collect_texts(json, phrases);
    metadata["nada.phrases"] = nlohmann::json(phrases).dump();
  }
  cast(tensors, o.type);
  const auto encoder =
      nada::make_clip(tensors, o.in.string(), nada::clip_settings(metadata, o.in.string()));  // checks everything
  metadata["nada.architecture"] = encoder.visit([](const auto& c) { return "clip, " + std::string(c.tower().name); });
  std::cout << "      " << metadata["nada.architecture"] << ", " << encoder.resolution() << " px, embedding "
            << encoder.width() << ", " << metadata["nada.gelu"] << " GELU, vocabulary "
            << (settings.tokenizer ? "inside" : "not given") << '\n';
  if (o.names == "native") return nada::save_tensors(o.out, tensors, metadata);
  nada::require(o.names == "openai" || o.names == "huggingface",
                "an encoder's names are native, openai or huggingface, found '", o.names, "'");
  if (const auto head = std::erase_if(tensors, [](const auto& one) { return one.first.starts_with("step_head."); }))
    std::cout << "      without the " << head << " tensors of its step head, which have no place among other names\n";
  if (o.names == "huggingface") tensors = nada::clip_to_huggingface(std::move(tensors), o.in.string());
  nada::save_tensors(o.out, tensors, about(o, file.metadata()));
}

/// Writes a network that other programs know by the same names.
void convert_other(const Options& o, nada::TensorMap tensors, nada::Metadata metadata, const nada::Metadata& theirs) {
  nada::require(o.names == "native", "the names of ", o.in, " are native, found '", o.names, "'");
  cast(tensors, o.type);
  metadata.merge(about(o, theirs));
  nada::save_tensors(o.out, tensors, metadata);
}

/// Writes a network that sees pictures: ArcFace, FID's Inception, LPIPS or HED. To load it checks everything.
void convert_feature_network(const Options& o, const nada::ModelFile& file) {
  nada::TensorMap tensors;
  std::string kind;
  if (file.kind() == nada::FileKind::identity_network) {
    std::cout << "      embeddings of " << nada::ArcFace::load(file).width() << " numbers\n";
    kind = "identity_network";
    tensors = nada::to_tensors(file);
  } else if (file.kind() == nada::FileKind::inception_network) {
    std::cout << "      features of " << nada::Inception::load(file).width() << " numbers\n";
    kind = "inception_network";
    tensors = nada::to_tensors(file);
  } else if (file.kind() == nada::FileKind::edge_network) {
    const nada::Hed checked = nada::Hed::load(file);
    kind = "edge_network";
    tensors = nada::read_hed(file);
  } else {
    const nada::Lpips checked = nada::Lpips::load(file);
    kind = "lpips_network";
    tensors = nada::read_lpips(file);
  }
  std::erase_if(tensors, [](const auto& entry) { return !entry.second.is_floating_point(); });  // counters of batches
  convert_other(o, std::move(tensors), {{"nada.kind", kind}, {"nada.format", std::string(nada::format_version)}},
                file.metadata());
}

int convert(const Options& o, const nada::OptionTable&) {
  using nada::FileKind;
  nada::require(!o.in.empty() && !o.out.empty(),
                "expected a file to read and a file to write; `convert --help` shows an example");
  check_ending(o);
  nada::require(o.force || !std::filesystem::exists(o.out), o.out, " exists; --force replaces it");
  const auto file = nada::ModelFile::open(o.in, o.component);
  std::cout << "read  " << file.path().string() << ": " << file.description() << '\n';
  nada::require(!is_onnx_file(o.out) || nada::is_delta(file.kind()) || nada::is_generator(file.kind()), o.in, " is ",
                nada::name_of(file.kind()), "; only a generator, whole or a delta, can be written as ONNX");
  if (is_delta(file.kind())) {
    const auto any = nada::load_generator(o.in, {}, o.base.empty() ? std::nullopt : std::optional(o.base));
    std::visit(
        [&]<class G>(const G& g) {
          if constexpr (std::same_as<G, nada::StyleGan3>)
            convert_stylegan3(o, g.tensors(), g, file.metadata());
          else
            convert_generator(o, g.tensors(), g, file.metadata());
        },
        any.choice());
  } else if (nada::is_stylegan3(file.kind())) {
    const auto [tensors, settings] = nada::read_stylegan3(file);
    auto floats = tensors;
    for (auto& [name, value] : floats) value = value.to(torch::kFloat32);
    const nada::StyleGan3 g(floats, o.in.string(), settings);  // checks everything
    std::cout << "      " << g.resolution() << " px, configuration " << (g.is_radial() ? "R" : "T")
              << (g.label_size() ? nada::join(", ", g.label_size(), " classes") : "") << '\n';
    convert_stylegan3(o, tensors, g, file.metadata());
  } else if (nada::is_generator(file.kind())) {
    auto [tensors, settings] = nada::read_stylegan2(file);
    nada::require(o.clamp >= 0, "option clamp: expected 0 or more, found ", o.clamp);
    if (o.clamp > 0) settings.conv_clamp = o.clamp;
    const nada::StyleGan2 g(tensors, o.in.string(), settings, nada::name_in_file(file.kind()));  // checks everything
    std::cout << "      " << g.resolution() << " px" << (g.is_residual() ? ", residual" : "")
              << (g.label_size() ? nada::join(", ", g.label_size(), " classes") : "") << '\n';
    convert_generator(o, std::move(tensors), g, file.metadata());
  } else if (file.kind() == FileKind::identity_network || file.kind() == FileKind::inception_network ||
             file.kind() == FileKind::lpips_network || file.kind() == FileKind::edge_network) {
    convert_feature_network(o, file);
  } else if (file.kind() == FileKind::gradual_style_encoder) {
    auto read = nada::read_gradual_style_encoder(file);
    const auto encoder = nada::GradualStyleEncoder::load(file);  // checks everything
    std::cout << "      " << encoder.style_count() << " styles of " << encoder.style_size() << " numbers\n";
    convert_other(o, std::move(read.tensors), nada::gradual_style_encoder_metadata(read.kind), file.metadata());
  } else if (file.kind() == FileKind::restyle_encoder) {
    auto read = nada::read_restyle_encoder(file);
    const auto encoder = nada::ReStyleEncoder::load(file);  // checks everything
    std::cout << "      " << encoder.style_count() << " styles of " << encoder.style_size() << " numbers\n";
    convert_other(o, std::move(read.tensors), nada::restyle_encoder_metadata(read.kind), file.metadata());
  } else if (nada::is_encoder(file.kind())) {
    convert_encoder(o, file);
  } else {
    nada::fail(
        o.in, " is ", nada::name_of(file.kind()),
        "; expected a generator, a delta, a CLIP encoder, an encoder of pictures to styles, or an ArcFace, Inception, "
        "LPIPS or HED network");
  }
  std::cout << "wrote " << o.out.string() << '\n';
  return 0;
}

}  // namespace

int main(int argc, char** argv) { return nada::run_tool<Options>(argc, argv, convert); }
