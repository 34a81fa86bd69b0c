// Tool: model files of other projects as native ones, which say what they are and need no flags.
// Run:  convert stylegan2.safetensors generator.safetensors --licence "CC BY 4.0"
//       convert clip.safetensors encoder.safetensors --vocabulary merges.txt --phrases phrases.json
#include <iostream>
#include <nlohmann/json.hpp>

#include "nada/encoders/any_clip.hpp"
#include "nada/experiment/program.hpp"
#include "nada/formats/recognise.hpp"
#include "nada/generators/load.hpp"

namespace {

struct Options {
  static constexpr const char* about = "makes a native model file of another project's";
  static constexpr const char* example = "convert clip.safetensors encoder.safetensors --vocabulary merges.txt";
  std::filesystem::path in, out, vocabulary, phrases;
  std::string mean, deviation, gelu = "quick", licence, origin, description;
  std::int64_t image_heads = 0, text_heads = 0;
  bool force = false;

  void declare(nada::OptionTable& table) {
    using enum nada::OptionTable::Kind;
    table.group("Files");
    table.add("in", in, "file to read (first argument)", session, "FILE", /*positional=*/true);
    table.add("out", out, "file to write (second argument)", session, "FILE", /*positional=*/true);
    table.add("force", force, "replace the file to write", session);
    table.group("What the file does not say");
    table.add("vocabulary", vocabulary, "an encoder's byte-pair merges, stored inside");
    table.add("phrases", phrases, "JSON whose texts are what an encoder was trained on, stored inside");
    table.add("image-mean", mean, "mean of an encoder's images in [0, 1], three numbers");
    table.add("image-deviation", deviation, "their standard deviation, three numbers");
    table.add("gelu", gelu, "an encoder's activation: quick or erf", saved, "NAME");
    table.add("image-heads", image_heads, "attention heads of the image tower; 0: as the width says");
    table.add("text-heads", text_heads, "attention heads of the text tower; 0: as the width says");
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
  const auto put = [&](const char* key, const std::string& value) {
    if (!value.empty()) out[key] = value;
  };
  put("nada.about", o.description.empty() ? nada::value_or(theirs, "about") : o.description);
  put("nada.licence", o.licence);
  put("nada.origin", o.origin.empty() ? nada::value_or(theirs, "art") : o.origin);
  return out;
}

/// Tensors keep their type: only names and leading dimensions change.
void convert_generator(const Options& o, const nada::Safetensors& file) {
  const auto generator = nada::load_stylegan2(file);  // checks everything
  std::vector<nada::TensorView> views;
  for (auto view : file.tensors()) {
    const auto place = nada::from_rosinality(view.name);
    if (place->native.empty()) continue;
    view.shape = nada::native_shape(*place, view.shape, view.name);
    view.strides = nada::contiguous_strides(view.shape);
    view.name = place->native;
    views.push_back(std::move(view));
  }
  nada::save_safetensors(o.out, views, nada::generator_metadata(generator, about(o, file.metadata())));
  std::cout << "read a StyleGAN2 generator with rosinality's names, " << generator.resolution() << " px\n";
}

void convert_encoder(const Options& o, const nada::Safetensors& file) {
  auto metadata = about(o, file.metadata());
  metadata["nada.kind"] = "encoder";
  metadata["nada.format"] = nada::format_version;
  metadata["nada.gelu"] = o.gelu;
  if (o.image_heads) metadata["nada.image_heads"] = std::to_string(o.image_heads);
  if (o.text_heads) metadata["nada.text_heads"] = std::to_string(o.text_heads);
  const auto mean = o.mean.empty() ? nada::value_or(file.metadata(), "image_mean") : o.mean;
  const auto deviation = o.deviation.empty() ? nada::value_or(file.metadata(), "image_std") : o.deviation;
  if (!mean.empty()) metadata["nada.image_mean"] = mean;
  if (!deviation.empty()) metadata["nada.image_deviation"] = deviation;
  if (!o.vocabulary.empty()) metadata["nada.merges"] = nada::Tokenizer::open(o.vocabulary).merges();
  if (!o.phrases.empty()) {
    const auto json = nlohmann::json::parse(nada::read_text(o.phrases), nullptr, false);
    nada::require(!json.is_discarded(), o.phrases, " is not JSON");
    std::vector<std::string> phrases;
    collect_texts(json, phrases);
    metadata["nada.phrases"] = nlohmann::json(phrases).dump();
  }
  std::vector<nada::TensorView> views;
  for (const auto& view : file.tensors())
    if (!view.name.ends_with("num_batches_tracked")) views.push_back(view);
  const auto encoder =
      nada::make_clip(nada::to_tensors(file), o.in.string(), nada::clip_settings(metadata, o.in.string()));  // checks
  nada::require_finite(nada::to_tensors(file), o.in.string());
  metadata["nada.architecture"] = encoder.visit([](const auto& c) { return "clip, " + std::string(c.tower().name); });
  nada::save_safetensors(o.out, views, metadata);
  std::cout << "read a " << metadata["nada.architecture"] << " with OpenAI's names, " << encoder.resolution()
            << " px, embedding " << encoder.width() << '\n';
}

int convert(const Options& o, const nada::OptionTable&) {
  nada::require(!o.in.empty() && !o.out.empty(),
                "expected a file to read and a file to write; `convert --help` shows an example");
  nada::require(o.force || !std::filesystem::exists(o.out), o.out, " exists; --force replaces it");
  const auto file = nada::Safetensors::open(o.in);
  const auto kind = nada::recognise(file);
  if (kind == nada::FileKind::rosinality_generator)
    convert_generator(o, file);
  else if (kind == nada::FileKind::openai_encoder)
    convert_encoder(o, file);
  else
    nada::fail(o.in, " is ", nada::name_of(kind),
               "; expected a generator with rosinality's names or a CLIP with OpenAI's");
  std::cout << "wrote " << o.out.string() << '\n';
  return 0;
}

}  // namespace

int main(int argc, char** argv) { return nada::run_tool<Options>(argc, argv, convert); }
