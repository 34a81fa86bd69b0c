// Tool: does this version compute what the public reference implementations compute?
// Run:  parity tests/golden/clip [--float64] [--strict] [--only TEXT] [--list] [--verbose]
// Replays FOLDER/manifest.json: checks with inputs, golden values and tolerances. `operations`, near the end, has every
// operation of the manifest format and the function that computes it. Last line: `N passed, N failed, N skipped`.
#include <torch/autograd.h>

#include <limits>
#include <numeric>
#include <set>

#include "nada/adaptation/adaptation.hpp"
#include "nada/core/device.hpp"
#include "nada/core/error.hpp"
#include "nada/core/stream.hpp"
#include "nada/core/tensor.hpp"
#include "nada/encoders/any_clip.hpp"
#include "nada/encoders/encoder.hpp"
#include "nada/encoders/ensemble.hpp"
#include "nada/encoders/preprocessing.hpp"
#include "nada/encoders/text_cleaning.hpp"
#include "nada/encoders/tokenizer.hpp"
#include "nada/encoders/transformer.hpp"
#include "nada/experiment/option_table.hpp"
#include "nada/experiment/program.hpp"
#include "nada/formats/file.hpp"
#include "nada/formats/images.hpp"
#include "nada/formats/model_file.hpp"
#include "nada/formats/picture_resize.hpp"
#include "nada/formats/safetensors.hpp"
#include "nada/formats/sha256.hpp"
#include "nada/formats/tensor_file.hpp"
#include "nada/formats/unpickler.hpp"
#include "nada/generators/generator.hpp"
#include "nada/generators/latents.hpp"
#include "nada/generators/load.hpp"
#include "nada/generators/stylegan2.hpp"
#include "nada/losses/directional.hpp"
#include "nada/losses/global.hpp"
#include "nada/losses/manifold.hpp"
#include "nada/losses/patch_directional.hpp"
#include "nada/losses/term.hpp"
#include "nada/losses/texture.hpp"
#include "nada/parameterization/full_weights.hpp"
#include "nada/pretraining/discriminator.hpp"
#include "nada/pretraining/discriminator_names.hpp"
#include "nada/pretraining/regularizer.hpp"
#include "nada/selection/adaptive_top_k.hpp"
#include "nada/selection/named_layers.hpp"
#include "nada/selection/official_index.hpp"
#include "nada/selection/selector.hpp"
#include "nada/shifts/fixed_shift.hpp"
#include "nada/shifts/image_shift.hpp"
#include "nada/shifts/shift.hpp"
#include "nada/shifts/text_shift.hpp"
#include "nada/views/views.hpp"

namespace {

using namespace nada;
using Json = nlohmann::json;
namespace fs = std::filesystem;

constexpr double infinity = std::numeric_limits<double>::infinity();

/// Why a check did not run; thrown where that shows.
enum class Skip { part, vocabulary, container, golden, optional };
constexpr std::array skip_words = {"part does not exist yet", "vocabulary not at hand",
                                   "container cannot be read yet and has no twin", "no golden in double precision",
                                   "optional, and failed"};
struct Skipped {
  Skip why;
  std::string detail;
};

// ------------------------------------------------------------------------------------------------------------- JSON

Json read_json(const fs::path& path) {
  try {
    return Json::parse(read_text(path));
  } catch (const Json::parse_error& error) {
    fail(path, ": is not JSON from its byte ", error.byte, " on");
  }
}

const Json& member(const Json& json, const std::string& key, const std::string& where) {
  require(json.is_object() && json.contains(key), where, ": ", key, " is missing");
  return json.at(key);
}

template <class T>
T as(const Json& json, const std::string& where) {
  try {
    return json.get<T>();
  } catch (const Json::exception&) {
    fail(where, ": cannot make sense of ", json.dump().substr(0, 80));
  }
}
template <class T>
T as(const Json& json, const std::string& key, const std::string& where) {
  return as<T>(member(json, key, where), join(where, ": ", key));
}

/// Numbers, nested in lists of equal length, as a tensor.
Tensor numbers(const Json& json) {
  if (json.is_number_integer()) return torch::tensor(json.get<std::int64_t>(), torch::kInt64);
  if (json.is_number()) return torch::tensor(json.get<double>(), torch::kFloat64);
  require(json.is_array() && !json.empty(), "expected numbers, found ", json.dump().substr(0, 80));
  std::vector<Tensor> rows;
  for (const auto& row : json) rows.push_back(numbers(row));
  for (const auto& row : rows) require(row.sizes() == rows[0].sizes(), "expected lists of equal length");
  return torch::stack(rows);
}

/// A computed or golden value: numbers of a tensor file, or JSON.
using Value = std::variant<Tensor, Json>;

Tensor numbers(const Value& value) {
  return std::holds_alternative<Json>(value) ? numbers(std::get<Json>(value)) : std::get<Tensor>(value);
}

// ------------------------------------------------------------------------------------------------------- tolerances

void require_tolerance(const Json& tolerance, const std::string& where) {
  static const std::set<std::string> forms = {"relative_to_scale", "relative_each", "absolute", "fraction",
                                              "relative_to_update"};
  require(tolerance.is_object() && !tolerance.empty(), where, ": a tolerance must be null or an object with a form");
  for (const auto& [key, value] : tolerance.items())
    require(key == "exact" || key == "unordered" ? value.is_boolean() : forms.count(key) && value.is_number(), where,
            ": the tolerance ", key, " is not in the manifest format");
  require(!tolerance.contains("fraction") || tolerance.contains("absolute"), where, ": fraction without absolute");
}

bool is(const Json& tolerance, const char* key) { return tolerance.contains(key) && tolerance[key] == true; }

/// An error as a multiple of what is allowed; above 1 it fails.
struct Verdict {
  double ratio = 0;
  std::string detail;
  void worsen(Verdict other) {
    if (!(other.ratio <= ratio)) *this = std::move(other);
  }
};

/// `before`: the value that `relative_to_update` starts from.
Verdict compare(Tensor ours, Tensor golden, const Tensor& before, const Json& tolerance) {
  const auto plain = [](const Tensor& x) {  // the shapes [] and [1] are the same
    const auto y = x.detach().to(torch::kCPU, torch::kFloat64);
    return y.dim() == 1 && y.numel() == 1 ? y.squeeze(0) : y;
  };
  ours = plain(ours);
  golden = plain(golden);
  if (ours.sizes() != golden.sizes())
    return {infinity, join("has shape ", shape_text(ours.sizes()), ", expected ", shape_text(golden.sizes()))};
  if (!(ours - golden).isfinite().all().item<bool>()) return {infinity, "holds NaN or infinity"};
  if (ours.numel() == 0) return {};
  if (is(tolerance, "unordered") && ours.dim() > 0) {
    ours = std::get<0>(ours.sort(-1));
    golden = std::get<0>(golden.sort(-1));
  }
  const auto error = (ours - golden).abs().flatten();
  const auto size = golden.abs().flatten();
  const auto number = [](const Tensor& x) { return x.item<double>(); };
  const double worst = number(error.max());
  Verdict out;
  const auto form = [&](const char* key, std::string_view what, double value, double scale) {
    const double allowed = tolerance[key].get<double>() * scale;
    const double ratio = value == 0 ? 0 : allowed > 0 ? value / allowed : infinity;
    out.worsen({ratio, join(what, " ", value, ", allowed ", allowed)});
  };
  if (is(tolerance, "exact") && worst != 0)
    out = {infinity, join(number((error != 0).sum()), " of ", error.numel(), " differ, by up to ", worst)};
  if (tolerance.contains("relative_to_scale")) form("relative_to_scale", "largest error", worst, number(size.max()));
  if (tolerance.contains("relative_each"))
    form("relative_each", "largest relative error", number(at::where(error == 0, error, error / size).max()), 1);
  if (tolerance.contains("fraction")) {  // the error that this share of the components does not exceed
    const double share = std::ceil(tolerance["fraction"].get<double>() * static_cast<double>(error.numel()));
    const auto k = std::clamp<std::int64_t>(std::llround(share), 1, error.numel());
    form("absolute", "error of most components", number(std::get<0>(error.kthvalue(k))), 1);
  } else if (tolerance.contains("absolute")) {
    form("absolute", "largest error", worst, 1);
  }
  if (tolerance.contains("relative_to_update")) {
    require(before.defined(), "relative_to_update: there is no value before the update");
    form("relative_to_update", "norm of the error", number(error.norm()), number((golden - plain(before)).norm()));
  }
  return out;
}

/// Lists of equal JSON whose innermost order means nothing.
bool equal_sets(const Json& a, const Json& b) {
  const auto nested = [](const Json& list) { return !list.empty() && list.front().is_array(); };
  if (!a.is_array() || !b.is_array()) return a == b;
  if (!nested(a)) return as<std::set<Json>>(a, "list") == as<std::set<Json>>(b, "list");
  return nested(b) && std::equal(a.begin(), a.end(), b.begin(), b.end(), equal_sets);
}

Verdict compare(const Json& ours, const Json& golden, const Json& tolerance) {
  if (is(tolerance, "exact")) {
    const bool same = is(tolerance, "unordered") ? equal_sets(ours, golden) : ours == golden;
    if (same) return {};
    return {infinity, join("is ", ours.dump().substr(0, 200), ", expected ", golden.dump().substr(0, 200))};
  }
  if (!golden.is_object()) return compare(numbers(ours), numbers(golden), {}, tolerance);
  Verdict out;
  for (const auto& [key, value] : ours.items())
    if (!golden.contains(key)) return {infinity, join(key, " is there, but not in the golden")};
  for (const auto& [key, value] : golden.items()) {
    if (!ours.contains(key)) return {infinity, join(key, " is missing")};
    auto part = compare(ours[key], value, key == "step" ? Json{{"exact", true}} : tolerance);  // Adam's count of steps
    part.detail = join(key, ": ", part.detail);
    out.worsen(std::move(part));
  }
  return out;
}

Verdict compare(const Value& ours, const Value& golden, const Tensor& before, const Json& tolerance) {
  if (std::holds_alternative<Json>(ours) && std::holds_alternative<Json>(golden))
    return compare(std::get<Json>(ours), std::get<Json>(golden), tolerance);
  return compare(numbers(ours), numbers(golden), before, tolerance);
}

// ------------------------------------------------------------------------------------------------ what checks refer to

/// A generator: its parameters by the names and with the shapes of the file.
struct LoadedGenerator {
  struct Parameter {
    std::size_t layer, slot;
    std::vector<std::int64_t> shape;
  };
  StyleGan2 model;
  std::map<std::string, Parameter> parameters = {};

  LoadedGenerator(const ModelFile& file, torch::ScalarType type) : model(load_stylegan2(file, {.type = type})) {
    for (const auto& view : file.tensors()) {
      const auto rosinality = from_rosinality(view.name);
      const auto native = rosinality ? rosinality->native : from_nvidia(view.name).value_or("");
      for (std::size_t k = 0; k < model.layers().size(); ++k)
        for (std::size_t s = 0; s < model.layers()[k].slots.size(); ++s)
          if (native == leaf_name({k, s, {}})) parameters[view.name] = {k, s, view.shape};
    }
  }
  std::string leaf_name(const Parameter& parameter) const {
    const auto& layer = model.layers()[parameter.layer];
    return join(layer.name, ".", layer.slots[parameter.slot]);
  }
  const Parameter& parameter(const std::string& name) const {
    const auto found = parameters.find(name);
    require(found != parameters.end(), "the generator has no parameter ", name);
    return found->second;
  }
};

/// A discriminator: its parameters by the names of the file, with their native names.
struct LoadedDiscriminator {
  StyleGan2Discriminator model;
  std::map<std::string, std::string> native = {};

  LoadedDiscriminator(const ModelFile& file, torch::ScalarType type) : model(load_discriminator(file, {.type = type})) {
    for (const auto& view : file.tensors())
      if (const auto name = native_discriminator_name(file, view.name); name && !name->empty())
        native[view.name] = *name;
  }
  const std::string& parameter(const std::string& name) const {
    const auto found = native.find(name);
    require(found != native.end(), "the discriminator has no parameter ", name);
    return found->second;
  }
};

/// The manifest's folder; everything in it is read once.
class Folder {
 public:
  explicit Folder(fs::path root) : root_(std::move(root)) {}

  fs::path path(const Json& reference) const {
    return (root_ / as<std::string>(reference, "file", "reference")).lexically_normal();
  }

  /// What a reference leads to; a literal is itself.
  Value value(const Json& reference) {
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

  const Tokenizer& vocabulary(const Json& reference) {
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

  const LoadedGenerator& generator(const Json& model, torch::ScalarType type) {
    const auto& file = model_file(model);
    return cached(generators_, join(file.path(), file.component(), type), [&] { return LoadedGenerator(file, type); });
  }

  const LoadedDiscriminator& discriminator(const Json& model, torch::ScalarType type) {
    const auto& file = model_file(model);
    return cached(discriminators_, join(file.path(), file.component(), type),
                  [&] { return LoadedDiscriminator(file, type); });
  }

  /// Encoders preprocess as in the official adaptation code: without antialias.
  const AnyClip& encoder(const Json& model, torch::ScalarType type) {
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

  /// The model's file, opened at the component that the manifest names.
  const ModelFile& model_file(const Json& model) {
    const auto file = path(model);
    const auto component = model.value("component", std::string());
    return cached(models_, join(file, " ", component), [&] { return ModelFile::open(file, component); });
  }

 private:
  template <class Key, class T>
  static const T& cached(std::map<Key, T>& all, const Key& key, auto&& make) {
    const auto found = all.find(key);
    return found != all.end() ? found->second : all.emplace(key, make()).first->second;
  }
  const Safetensors& open(const fs::path& file) {
    return cached(files_, file, [&] { return Safetensors::open(file); });
  }
  fs::path root_;
  std::map<fs::path, Safetensors> files_;
  std::map<std::string, ModelFile> models_;
  std::map<fs::path, Json> json_;
  std::map<fs::path, Tokenizer> vocabularies_;
  std::map<std::string, LoadedGenerator> generators_;
  std::map<std::string, LoadedDiscriminator> discriminators_;
  std::map<std::string, AnyClip> encoders_;
};

/// One check, as the operations see it. Floating-point inputs come in the precision of the run.
struct Call {
  const Json& check;
  Folder& folder;
  torch::ScalarType type;

  const Json& entry(const char* group, const std::string& name) const {
    return member(member(check, group, "check"), name, group);
  }
  bool has(const std::string& argument) const {
    return check.contains("arguments") && check["arguments"].contains(argument);
  }
  bool given(const std::string& role) const { return check.contains("inputs") && check["inputs"].contains(role); }
  const Json& expected() const { return check["expected"]; }

  template <class T>
  T get(const std::string& argument) const {
    return as<T>(entry("arguments", argument), join("argument ", argument));
  }
  double number(const std::string& argument) const { return get<double>(argument); }
  std::int64_t integer(const std::string& argument) const { return get<std::int64_t>(argument); }
  std::string text(const std::string& argument) const { return get<std::string>(argument); }
  const Json& input(const std::string& role) const { return entry("inputs", role); }
  Json json(const std::string& role) const {
    const auto value = folder.value(input(role));
    require(std::holds_alternative<Json>(value), role, " is a tensor, expected JSON");
    return std::get<Json>(value);
  }
  Tensor resolve(const Json& reference) const {
    const auto tensor = numbers(folder.value(reference));
    return tensor.is_floating_point() ? tensor.to(type) : tensor;
  }
  Tensor tensor(const std::string& role) const { return resolve(input(role)); }

  const LoadedGenerator& generator(const char* role = "generator") const {
    return folder.generator(entry("model", role), type);
  }
  const LoadedDiscriminator& discriminator() const {
    return folder.discriminator(entry("model", "discriminator"), type);
  }
  Tensor labels() const { return given("labels") ? tensor("labels") : Tensor{}; }
  const AnyClip& encoder() const { return folder.encoder(entry("model", "encoder"), type); }
  std::vector<Member<AnyClip>> encoders() const {
    std::vector<Member<AnyClip>> out;
    for (const auto& model : entry("model", "encoders"))
      out.push_back({folder.encoder(model, type), as<double>(model, "weight", "encoder")});
    return out;
  }
};

/// What an operation computed, by role; "before ROLE" is what `relative_to_update` starts from.
using Results = std::map<std::string, Value>;

// -------------------------------------------------------------------------------------------------------- generators

Render render(const Call& call) {
  const auto noise = call.text("noise");
  require(noise == "stored" || noise == "zero", "noise is '", noise, "', expected stored or zero");
  return {.noise = noise == "stored" ? Noise::stored : Noise::none};
}

Tensor map_styles(const Call& call, const StyleGan2& generator, const Tensor& z) {
  const auto w = generator.map(z, call.given("labels") ? call.tensor("labels") : Tensor{});
  if (!call.has("truncation")) return w;
  const auto truncation = call.get<std::map<std::string, double>>("truncation");
  const auto layers = truncation.count("layers") ? truncation.at("layers") : 0;
  return truncate(w, generator.mean_style(), truncation.at("psi"), static_cast<std::int64_t>(layers));
}

Tensor styles(const Call& call, const StyleGan2& generator) {
  if (call.given("w_plus")) return call.tensor("w_plus");
  const auto w = map_styles(call, generator, call.tensor("z"));
  if (!call.given("z_mix")) return w;
  return mix(w, map_styles(call, generator, call.tensor("z_mix")), call.integer("mix_from"));
}

Results weights_identical(const Call& call) {
  const auto a = call.folder.model_file(call.entry("model", "a")).tensors();
  const auto b = call.folder.model_file(call.entry("model", "b")).tensors();
  const auto same = [](const TensorView& x, const TensorView& y) {  // by values: strides may differ
    return x.name == y.name && x.dtype == y.dtype && x.shape == y.shape && torch::equal(to_tensor(x), to_tensor(y));
  };
  return {{"identical", std::ranges::equal(a, b, same)}};
}

Results generator_mean_style(const Call& call) { return {{"mean_style", call.generator().model.mean_style()}}; }

Results generator_map(const Call& call) {
  const auto w_plus = styles(call, call.generator().model);
  const auto w = w_plus.select(1, 0);
  Results out{{"w_plus", w_plus}};
  if (torch::equal(w.unsqueeze(1).expand_as(w_plus), w_plus)) out["w"] = w;  // the same for all layers
  return out;
}

Results generator_synthesize(const Call& call) {
  const auto& generator = call.generator().model;
  Results out;
  out["image"] =
      generator.synthesize(styles(call, generator), render(call), [&](std::string_view layer, const Tensor& x) {
        std::string name(layer);  // conv.4.0, conv.<r>.0 (up) and conv.<r>.1, rgb.<r>
        if (name.starts_with("conv.")) {
          const auto r = name.substr(5, name.size() - 7);
          name = join("features.", r, name.ends_with(".0") && r != "4" ? ".up" : "");
        }
        out[name] = x;
      });
  return out;
}

/// A copy of a generator whose parameters that a check expects gradients of are leaves.
struct GeneratorLeaves {
  StyleGan2 generator;
  std::vector<std::string> roles = {};
  std::vector<Tensor> leaves = {};
  std::vector<std::vector<std::int64_t>> shapes = {};  // the file's own

  explicit GeneratorLeaves(const Call& call) : generator(call.generator().model) {
    for (const auto& [role, golden] : call.expected().items()) {
      if (!role.starts_with("parameter.")) continue;
      const auto& parameter = call.generator().parameter(role.substr(10));
      add(role, generator.slot(parameter.layer, parameter.slot).detach(), parameter.shape);
      generator.use(parameter.layer, parameter.slot, leaves.back());
    }
  }
  void add(std::string role, const Tensor& value, std::vector<std::int64_t> shape) {
    roles.push_back(std::move(role));
    leaves.push_back(value.clone().requires_grad_(true));
    shapes.push_back(std::move(shape));
  }
  void gradients(const Tensor& loss, Results& out) const {
    if (leaves.empty()) return;
    const auto gradients = torch::autograd::grad({loss}, leaves);
    for (std::size_t i = 0; i < roles.size(); ++i) out[roles[i]] = gradients[i].reshape(shapes[i]);
  }
};

Results generator_gradient(const Call& call) {
  const std::string input = call.given("w_plus") ? "w_plus" : "z";
  GeneratorLeaves leaves(call);
  const auto value = call.tensor(input);
  leaves.add("gradient." + input, value, value.sizes().vec());
  const auto& leaf = leaves.leaves.back();
  const auto w_plus = input == "z" ? map_styles(call, leaves.generator, leaf) : leaf;
  const auto loss = (leaves.generator.synthesize(w_plus, render(call)) * call.tensor("probe")).mean();
  Results out{{"loss", loss}};
  leaves.gradients(loss, out);
  return out;
}

Results generator_path_length(const Call& call) {
  GeneratorLeaves leaves(call);
  const auto w_plus = call.tensor("w_plus").requires_grad_(true);
  const auto images = leaves.generator.synthesize(w_plus, render(call));
  PathLength path{.decay = call.number("decay"), .mean = call.tensor("mean_length").reshape({})};
  const auto gradient = PathLength::gradient(w_plus, images, call.tensor("image_noise"));
  const auto penalty = path(w_plus, images, call.tensor("image_noise"));
  Results out{{"gradient.w_plus", gradient},
              {"lengths", PathLength::lengths(gradient)},
              {"mean_length", path.mean},
              {"penalty", penalty}};
  leaves.gradients(penalty, out);
  return out;
}

// ----------------------------------------------------------------------------------------------------- discriminators

/// A copy of a discriminator whose parameters that a check expects gradients of are leaves.
struct DiscriminatorLeaves {
  StyleGan2Discriminator model;
  std::vector<std::string> roles = {};
  std::vector<Tensor> leaves = {};

  explicit DiscriminatorLeaves(const Call& call) : model(call.discriminator().model) {
    for (const auto& [role, golden] : call.expected().items()) {
      if (!role.starts_with("parameter.")) continue;
      const auto& name = call.discriminator().parameter(role.substr(10));
      roles.push_back(role);
      leaves.push_back(model.tensors().at(name).clone().requires_grad_(true));
      model.use(name, leaves.back());
    }
  }
  void gradients(const Tensor& loss, Results& out) const {
    if (leaves.empty()) return;
    const auto gradients = torch::autograd::grad({loss}, leaves);
    for (std::size_t i = 0; i < roles.size(); ++i) out[roles[i]] = gradients[i];
  }
};

Results discriminator_score(const Call& call) {
  auto image = call.tensor("image");
  if (call.has("mirrored_batch")) {
    const auto mirrored = image.flip(3);
    image = torch::cat({image, mirrored, -image, -mirrored}).narrow(0, 0, call.integer("mirrored_batch"));
  }
  return {{"logits", call.discriminator().model(image, call.labels())}};
}

Results discriminator_r1(const Call& call) {
  DiscriminatorLeaves leaves(call);
  const auto gradient =
      R1::gradient([&](const Tensor& x) { return leaves.model(x, call.labels()); }, call.tensor("image"));
  const auto per_sample = R1::per_sample(gradient);
  Results out{{"gradient.image", gradient}, {"per_sample", per_sample}, {"r1", per_sample.mean()}};
  leaves.gradients(per_sample.mean(), out);
  return out;
}

Results discriminator_loss(const Call& call) {
  DiscriminatorLeaves leaves(call);
  const auto loss = at::softplus(call.number("sign") * leaves.model(call.tensor("image"), call.labels())).mean();
  Results out{{"loss", loss}};
  leaves.gradients(loss, out);
  return out;
}

// ---------------------------------------------------------------------------------------------------------- encoders

constexpr auto no_tap = [](const std::string&, const Tensor&) {};

Tensor see_raw(const Call& call, const Tensor& image, auto&& tap) {
  return call.encoder().visit([&](const auto& clip) { return clip.see_normalized(image, {}, tap).raw; });
}
Tensor read_raw(const Call& call, auto&& tap) {
  return call.encoder().visit([&](const auto& clip) { return clip.read_raw(call.tensor("tokens"), tap); });
}

Results clip_image(const Call& call) {
  Results out;  // the layers without the first dimension, which is 1 where they are asked for
  const auto tap = [&](const std::string& name, const Tensor& x) { out[name] = x.squeeze(0); };
  out["features"] = see_raw(call, call.tensor("image"), tap);
  return out;
}

Results clip_text(const Call& call) {
  if (call.has("unit_length") && call.get<bool>("unit_length"))
    return {{"features", call.encoder().read(call.tensor("tokens"))}};
  Results out;
  const auto tap = [&](const std::string& name, const Tensor& x) { out[name] = x.squeeze(0); };
  out["features"] = read_raw(call, tap);
  return out;
}

Results clip_logits(const Call& call) {
  const auto image = see_raw(call, call.tensor("image"), no_tap), text = read_raw(call, no_tap);
  const auto logits = call.encoder().score_scale() * unit(image).matmul(unit(text).t());
  return {{"logits", logits}, {"image_features", image}, {"text_features", text}};
}

Results clip_image_gradient(const Call& call) {
  const auto image = call.tensor("image").requires_grad_(true);
  const auto sum = (see_raw(call, image, no_tap) * call.tensor("probe")).sum();
  return {{"gradient.image", torch::autograd::grad({sum}, {image})[0]}};
}

Results clip_text_direction(const Call& call) {
  const auto read = [&](const char* role) { return call.encoder().read(call.tensor(role)); };
  const auto ends = TextShift::between(read("source_tokens"), read("target_tokens"), "the texts");
  return {{"direction", ends.direction}, {"source_features", ends.source}, {"target_features", ends.target}};
}

// --------------------------------------------------------------------------------------------------------- tokenizer

constexpr std::int64_t context = 77;

Results clip_tokenize(const Call& call) {
  const auto& tokenizer = call.folder.vocabulary(call.input("vocabulary"));
  Json rows = Json::array();
  for (auto text : as<std::vector<std::string>>(call.json("texts"), "texts")) {
    if (call.has("fill")) text = fill(text, call.text("fill"));
    auto ids = tokenizer.padded(text, context);
    if (call.has("reduce_to")) {  // the small vocabularies of the goldens
      const auto size = call.integer("reduce_to");
      for (auto& id : ids) id = id < tokenizer.start() ? id % (size - 2) : size - 2 + (id - tokenizer.start());
    }
    rows.push_back(ids);
  }
  return {{"tokens", rows}};
}

Results clip_tokenize_entries(const Call& call) {
  const auto& tokenizer = call.folder.vocabulary(call.input("vocabulary"));
  const auto entries = call.json("entries");
  Json cleaned, ids, truncated, tokens, failed;
  for (const auto i : call.get<std::vector<std::size_t>>("indices")) {
    const auto text = as<std::string>(entries.at(i), "text", "entry");
    cleaned.push_back(clean_text(text));
    ids.push_back(tokenizer.ids(text));
    truncated.push_back(tokenizer.padded(text, context, /*truncate=*/true));
    try {
      tokens.push_back(tokenizer.padded(text, context));
    } catch (const Error&) {
      failed.push_back(i);
    }
  }
  const bool all_failed = failed.size() == ids.size();
  return {{"cleaned", cleaned}, {"ids", ids}, {"truncated", truncated}, {"tokens", tokens}, {"fails", all_failed}};
}

// ----------------------------------------------------------------------------------------------------- preprocessing

Preprocessing preprocessing(const Call& call) {
  Preprocessing out{.size = call.integer("size")};
  out.mean = call.get<std::array<double, 3>>("mean");
  out.deviation = call.get<std::array<double, 3>>("std");
  if (call.has("antialias")) out.antialias = call.get<bool>("antialias");
  return out;
}

/// The analytic picture of the clip goldens.
Tensor wave(const Json& settings) {
  const auto number = [&](const char* key) { return as<double>(settings, key, "wave"); };
  const double h = number("height"), w = number("width"), a = number("a"), b = number("b"), q = number("q");
  const auto c = torch::arange(3, torch::kFloat64).view({3, 1, 1});
  const auto y = torch::arange(h, torch::kFloat64).view({1, -1, 1});
  const auto x = torch::arange(w, torch::kFloat64).view({1, 1, -1});
  const auto slow = 0.55 * (a * x + b * y + c).sin();
  const auto rings = 0.35 * (q * (x * x + 2 * y * y) / (h + w) + 0.5 * c).cos();
  const auto fine = 0.25 * (0.7 * x - 0.3 * y).sin() * (0.11 * x * (c + 1)).cos();
  return (slow + rings + fine).unsqueeze(0);
}

/// [1, 3, H, W] in [-1, 1], float32 numbers in the precision of the run.
Tensor picture(const Call& call) {
  if (call.given("image")) return call.tensor("image");
  if (call.given("wave")) return wave(call.json("wave")).to(torch::kFloat32).to(call.type);
  return (call.tensor("image_u8").to(torch::kFloat32) / 127.5 - 1).to(call.type);
}

Results clip_preprocess(const Call& call) {
  const auto image = preprocessing(call)(picture(call)).squeeze(0);  // [3, size, size]
  const auto places = call.tensor("coordinates").to(torch::kInt64);
  const auto all = image.to(torch::kFloat64).flatten(1);
  return {{"samples", image.index({torch::indexing::Slice(), places.select(1, 0), places.select(1, 1)})},
          {"mean_std", torch::stack({all.mean(1), all.std(1, /*unbiased=*/false)})}};
}

Results clip_preprocess_geometry(const Call& call) {
  const auto g = crop_geometry(call.integer("height"), call.integer("width"), call.integer("size"));
  return {{"resized_height", g.height}, {"resized_width", g.width}, {"crop_top", g.top}, {"crop_left", g.left}};
}

Results clip_preprocess_gradient(const Call& call) {
  const auto image = picture(call).requires_grad_(true);
  const auto out = preprocessing(call)(image);
  const auto probe = call.get<std::map<std::string, double>>("probe");
  const auto line = torch::arange(out.size(2), torch::kFloat64);
  const auto rows = (probe.at("y") * line).cos(), columns = (probe.at("x") * line + probe.at("phase")).sin();
  const auto sum = (out * at::outer(rows, columns).to(call.type)).sum();
  return {{"gradient.image", torch::autograd::grad({sum}, {image})[0]}};
}

Results clip_preprocess_pictures(const Call& call) {
  const auto normalise = preprocessing(call);
  std::vector<Tensor> images;
  for (const auto& file : call.input("pictures")) {
    auto square = centre_square(read_picture(call.folder.path(file)), static_cast<int>(normalise.size));
    const auto bytes = torch::from_blob(square.pixels.data(), {square.height, square.width, 3}, torch::kUInt8);
    images.push_back(bytes.permute({2, 0, 1}).to(call.type) / 127.5 - 1);
  }
  return {{"image", normalise(torch::stack(images))}};
}

// ---------------------------------------------------------------------------------------------- losses and selection

using Score = std::function<Tensor(Comparison<AnyClip>&)>;

/// The official code's losses that compare features of whole images.
Score bind_loss(const std::string& loss, const AnyClip& encoder, const FixedShift& shift, double offset = 0) {
  const auto directional = [&](StepDistance distance) {
    return Directional{.min_length = 0, .offset_if_identical = offset, .distance = distance}.bind(encoder, shift,
                                                                                                  shift.ends);
  };
  if (loss == "dir_cosine") return directional(StepDistance::cosine);
  if (loss == "dir_mse") return directional(StepDistance::l2);
  if (loss == "dir_mae") return directional(StepDistance::l1);
  if (loss == "global") return Global{.scaled = true}.bind(encoder, shift, shift.endpoints(encoder, {}));
  if (loss == "manifold") return Manifold{}.bind(encoder, shift, shift.ends);
  throw Skipped{Skip::part, loss};
}

/// An encoder of a golden, reading texts by a vocabulary that the check names.
struct WithVocabulary {
  const AnyClip& encoder;
  const Tokenizer& tokenizer;
  Features see(const Tensor& images, Wanted wanted) const { return encoder.see(images, wanted); }
  Tensor tokenize(std::span<const std::string> texts) const {
    std::vector<Tensor> rows;
    for (const auto& text : texts) rows.push_back(torch::tensor(tokenizer.padded(text, 77), torch::kInt64));
    return torch::stack(rows);
  }
  Tensor read(const Tensor& ids) const { return encoder.read(ids); }
  Tensor read_raw(const Tensor& ids) const { return encoder.read_raw(ids); }
  std::int64_t width() const { return encoder.width(); }
  double score_scale() const { return encoder.score_scale(); }
};

std::vector<std::string> texts(const Call& call, const char* role) {
  return as<std::vector<std::string>>(call.json(role), role);
}

Results clip_part_directions(const Call& call) {
  const WithVocabulary encoder{call.encoder(), call.folder.vocabulary(call.input("vocabulary"))};
  return {{"directions", part_directions(encoder, call.text("source"), call.text("target"), texts(call, "templates"),
                                         texts(call, "part_templates"))}};
}

/// Features of pictures that are normalised already, for the shift's mean.
struct Normalised {
  const AnyClip& encoder;
  Features see(const Tensor& images, Wanted) const {
    return encoder.visit(
        [&](const auto& clip) { return clip.see_normalized(images, {}, [](const std::string&, const Tensor&) {}); });
  }
};

Results clip_image_direction(const Call& call) {
  const auto target = unit(Normalised{call.encoder()}.see(call.tensor("target_features_of"), {}).raw).mean(0, true);
  const auto ends = between_means(mean_feature(call.encoder(), call.tensor("source_image")), target, "the pictures");
  return {{"direction", ends.direction}};
}

Results loss_value_and_gradient(const Call& call) {
  std::map<std::string, double> weights{{call.text("loss"), 1.0}};
  if (weights.count("combined")) weights = call.get<decltype(weights)>("weights");
  const double offset = call.has("offset_if_identical") ? call.number("offset_if_identical") : 0;

  FixedShift shift;
  if (call.given("direction")) shift.ends.direction = call.tensor("direction");
  if (call.given("prompt_tokens")) shift.ends.target = call.encoder().read(call.tensor("prompt_tokens"));
  const auto image = call.tensor("image").requires_grad_(true);
  const auto source = call.given("source_image") ? call.tensor("source_image") : Tensor{};
  const Shown adapted{image, image}, anchor{source, source};
  auto value = torch::zeros({}, call.type);
  for (const auto& [loss, weight] : weights) {
    Tensor term;
    if (loss == "texture") {
      const auto& encoder = call.folder.encoder(call.entry("model", "texture_encoder"), call.type);
      Comparison<AnyClip> comparison(encoder, adapted, anchor, Stream{});
      term = Texture{call.tensor("texture_image")}.bind(encoder, shift, shift.ends)(comparison);
    } else if (loss == "patch_dir") {
      term = PatchDirectional::score(call.encoder(), image, source, call.tensor("patch_centers"),
                                     call.integer("patch_size"), call.tensor("part_directions"), /*min_length=*/0);
    } else if (loss == "patch_similarity") {
      const WithVocabulary encoder{call.encoder(), call.folder.vocabulary(call.input("vocabulary"))};
      const auto parts = texts(call, "part_templates");
      const auto features = [&](const char* text) {
        return PatchSimilarity::part_features(encoder, call.text(text), parts);
      };
      term = PatchSimilarity::score(encoder, image, source, call.tensor("patch_centers"), call.integer("patch_size"),
                                    features("source"), features("target"));
    } else {
      auto ends = shift;
      if (loss == "manifold") ends.ends = {call.tensor("source_features"), call.tensor("target_features"), {}};
      Comparison<AnyClip> comparison(call.encoder(), adapted, anchor, Stream{});
      term = bind_loss(loss, call.encoder(), ends, offset)(comparison);
    }
    value = value + weight * term;
  }
  return {{"value", value}, {"gradient.image", torch::autograd::grad({value}, {image})[0]}};
}

Results selection_rank(const Call& call) {
  const auto& generator = call.generator().model;
  const auto z = call.tensor("z");
  const auto members = call.encoders();
  std::vector<Score> scores;
  for (const auto& tokens : call.input("prompt_tokens")) {
    require(scores.size() < members.size(), "there are more prompt_tokens than encoders");
    const auto& encoder = members[scores.size()].encoder;
    scores.push_back(bind_loss("global", encoder, FixedShift{{{}, encoder.read(call.resolve(tokens)), {}}}));
  }
  Probe probe;
  probe.layers = generator.layers();
  probe.styles = [&](std::int64_t) { return generator.map(z); };
  probe.images = [&](const Tensor& w, std::int64_t) { return generator.synthesize(w, render(call)); };
  probe.global_loss = [&](const Tensor& images) {
    const Shown adapted{images, images}, anchor;
    auto sum = torch::zeros({}, images.options());
    for (std::size_t i = 0; i < members.size(); ++i) {
      Comparison<AnyClip> comparison(members[i].encoder, adapted, anchor, Stream{});
      sum = sum + members[i].weight * scores.at(i)(comparison);
    }
    return sum;
  };
  AdaptiveTopK selector{.batch = z.size(0)};
  selector.steps = call.integer("steps");
  selector.rate = call.number("rate");

  const auto walk = selector.walk(probe);
  const auto weights = walk.change.abs().mean(at::IntArrayRef{0, 2});
  const auto sorted = weights.argsort(/*dim=*/0, /*descending=*/true);
  const auto* const first = sorted.data_ptr<std::int64_t>();
  Results out{{"layer_weights", weights}, {"delta_w", walk.change}, {"last_loss", walk.losses.back()}};
  for (std::int64_t k = 1; k <= sorted.numel(); ++k) out[join("top.", k)] = Json(std::vector(first, first + k));
  out["order"] = out[join("top.", sorted.numel())];
  return out;
}

// -------------------------------------------------------------------------------------------------------- adaptation

/// Directions that were recorded, and targets for the selection, handed out in the order of the encoders.
struct RecordedShift {
  std::vector<Tensor> directions, targets;
  mutable std::size_t next = 0;

  template <TextImageEncoder E>
  Endpoints endpoints(const E&, const Sampler&) const {
    require(next < directions.size(), "there are fewer text_directions than encoders");
    const auto i = next++;
    return {{}, i < targets.size() ? targets[i] : Tensor{}, directions[i]};
  }
};

/// The layers with parameters of these modules ("input", "conv1", "convs").
NamedLayers layers_of(const LoadedGenerator& generator, const std::vector<std::string>& modules) {
  std::set<std::string> names;
  for (const auto& module : modules)
    for (const auto& [name, parameter] : generator.parameters)
      if (name.starts_with(module + ".")) names.insert(generator.model.layers()[parameter.layer].name);
  return {{names.begin(), names.end()}};
}

/// The official selection, which keeps the scores that it chose by.
struct RecordedSelection {
  AdaptiveTopK top;
  std::vector<Tensor>* weights;
  LayerSet select(const Probe& probe) const {
    weights->push_back(top.scores(probe));
    return OfficialIndex(top).select(probe);
  }
};

template <LayerSelector Selector>
Results trajectory(const Call& call, AdaptationSettings settings, RecordedShift shift, Selector selector) {
  const auto &frozen = call.generator("frozen"), &trainable = call.generator("trainable");
  const auto z = call.tensor("z");  // [I, N, Z]
  for (const auto& reference : call.input("text_directions")) shift.directions.push_back(call.resolve(reference));
  settings.adam = {call.number("learning_rate"), call.number("beta1"), call.number("beta2"), call.number("epsilon")};
  settings.batch = z.size(1);
  settings.noise = render(call).noise;
  settings.clamp = false;
  settings.latents = [z](std::int64_t step) { return z[step]; };
  Adaptation adaptation(frozen.model, Members<AnyClip>(call.encoders()), shift,
                        weigh(1.0, Directional{.min_length = 0}), selector, FullWeights{}, Plain{}, FullSize{},
                        settings, std::optional(trainable.model));
  Results out;
  Json losses, chosen, moved = Json::array(), state;
  for (std::int64_t i = 0; i < call.integer("iterations"); ++i) {
    const auto report = adaptation.step();
    losses.push_back(report.loss);
    chosen.push_back(report.chosen);
    if (i > 0) continue;
    const auto moments = adaptation.moments();  // Adam's first moment is (1 - beta1) times the gradient by now
    for (const auto& [name, parameter] : trainable.parameters)
      if (const auto m = moments.find(trainable.leaf_name(parameter)); m != moments.end())
        out["gradient0." + name] = (m->second.first / (1 - settings.adam.beta1)).reshape(parameter.shape);
  }
  const auto moments = adaptation.moments();
  for (const auto& [name, parameter] : trainable.parameters) {
    if (const auto m = moments.find(trainable.leaf_name(parameter)); m != moments.end()) {
      const auto& [first, second, steps] = m->second;
      const auto norm = [](const Tensor& x) { return x.norm().item<double>(); };
      state[name] = {{"step", steps}, {"exp_avg", norm(first)}, {"exp_avg_sq", norm(second)}};
    }
    const auto& start = trainable.model.slot(parameter.layer, parameter.slot);
    const auto& end = adaptation.adapted().slot(parameter.layer, parameter.slot);
    if (torch::equal(start, end)) continue;
    moved.push_back(name);
    out["final." + name] = end.detach().reshape(parameter.shape);
    out["before final." + name] = start.reshape(parameter.shape);
  }
  const auto& adapted = adaptation.adapted();
  out["losses"] = losses;
  out["chosen"] = chosen;
  out["moved_parameters"] = moved;
  out["adam_state"] = state;
  out["final_image"] = adapted.synthesize(adapted.map(z[0].narrow(0, 0, 1)), render(call));
  return out;
}

/// The runs of the official code: one choice of layers, or a new one in each iteration.
Results adaptation_trajectory(const Call& call) {
  if (call.text("loss") != "dir_cosine") throw Skipped{Skip::part, call.text("loss")};
  if (call.number("weight_decay") != 0) throw Skipped{Skip::part, "weight_decay"};
  const auto& trainable = call.generator("trainable");
  if (!call.has("selection"))
    return trajectory(call, {}, {}, layers_of(trainable, call.get<std::vector<std::string>>("trainable")));

  const auto selection = call.get<Json>("selection");
  const auto z = call.tensor("z_select");  // [I, M, Z]
  AdaptationSettings settings;
  const auto cleared = call.text("clear_gradients_to");
  require(cleared == "zero" || cleared == "none", "clear_gradients_to is '", cleared, "', expected zero or none");
  settings.zero_gradients = cleared == "zero";
  settings.official_selection = true;
  settings.selection_latents = [z](std::int64_t step) { return z[step]; };
  RecordedShift shift;
  const auto encoders = call.encoders();
  for (const auto& tokens : call.input("prompt_tokens")) {
    require(shift.targets.size() < encoders.size(), "there are more prompt_tokens than encoders");
    shift.targets.push_back(encoders[shift.targets.size()].encoder.read(call.resolve(tokens)));
  }
  AdaptiveTopK top{.k = as<std::size_t>(selection, "k", "selection"), .batch = z.size(1)};
  top.steps = as<std::int64_t>(selection, "steps", "selection");
  top.rate = as<double>(selection, "rate", "selection");

  std::vector<Tensor> weights;
  auto out = trajectory(call, settings, shift, RecordedSelection{top, &weights});
  out["layer_weights"] = torch::stack(weights);
  // The layers that were chosen, by the index that the official code counts them by.
  const auto modules = call.folder.value(member(selection, "index_to_layer", "selection"));
  std::map<std::size_t, std::size_t> index_of;
  for (const auto& module : as<std::vector<std::string>>(std::get<Json>(modules), "index_to_layer")) {
    const auto names = layers_of(trainable, {module}).names;
    require(names.size() == 1, "index_to_layer: ", module, " is not one layer");
    index_of.emplace(find_layer(trainable.model.layers(), names.front()), index_of.size());
  }
  Json selected = Json::array();
  for (const auto& layers : std::get<Json>(out["chosen"])) {
    auto& row = selected.emplace_back();
    for (const auto& layer : layers) row.push_back(index_of.at(layer.get<std::size_t>()));
  }
  out["selected"] = selected;
  return out;
}

// -------------------------------------------------------------------------------------------------------- the checks

/// Every operation of the manifest format; without a function: its part does not exist yet.
struct Operation {
  std::string_view name;
  Results (*compute)(const Call&) = nullptr;
};
constexpr Operation operations[] = {
    {"weights.identical", weights_identical},
    {"generator.mean_style", generator_mean_style},
    {"generator.map", generator_map},
    {"generator.synthesize", generator_synthesize},
    {"generator.layers", generator_synthesize},
    {"generator.gradient", generator_gradient},
    {"generator.path_length", generator_path_length},
    {"discriminator.score", discriminator_score},
    {"discriminator.r1", discriminator_r1},
    {"discriminator.loss", discriminator_loss},
    {"clip.image", clip_image},
    {"clip.text", clip_text},
    {"clip.logits", clip_logits},
    {"clip.image_gradient", clip_image_gradient},
    {"clip.image_layers", clip_image},
    {"clip.text_layers", clip_text},
    {"clip.tokenize", clip_tokenize},
    {"clip.tokenize_entries", clip_tokenize_entries},
    {"clip.preprocess", clip_preprocess},
    {"clip.preprocess_geometry", clip_preprocess_geometry},
    {"clip.preprocess_gradient", clip_preprocess_gradient},
    {"clip.preprocess_pictures", clip_preprocess_pictures},
    {"clip.text_direction", clip_text_direction},
    {"clip.part_directions", clip_part_directions},
    {"clip.image_direction", clip_image_direction},
    {"loss.value_and_gradient", loss_value_and_gradient},
    {"selection.rank", selection_rank},
    {"adaptation.trajectory", adaptation_trajectory},
};

const Operation* find_operation(const std::string& name) {
  const auto found = std::ranges::find(operations, name, &Operation::name);
  return found == std::end(operations) ? nullptr : found;
}

/// The manifest's checks, each seen to be well formed.
std::vector<Json> read_manifest(const fs::path& folder) {
  require(fs::is_directory(folder), folder, fs::exists(folder) ? ": is not a folder" : ": no such folder");
  const auto path = folder / "manifest.json";
  const auto manifest = read_json(path);
  const Json format = member(manifest, "format", path);
  require(format == 1, path, ": the format must be 1, found ", format.dump());
  const auto checks = as<std::vector<Json>>(manifest, "checks", path);
  std::set<std::string> names;
  for (const auto& check : checks) {
    const auto name = as<std::string>(check, "name", join(path, ": check ", names.size() + 1));
    const auto where = join(path, ": check ", name);
    require(names.insert(name).second, where, ": there are two of that name");
    const auto operation = as<std::string>(check, "operation", where);
    require(find_operation(operation), where, ": the operation ", operation, " is not in the manifest format");
    const auto tolerances = [&](const Json& json) {
      for (const auto* key : {"tolerance", "tolerance_float64"})
        if (json.contains(key) && !json[key].is_null()) require_tolerance(json[key], where);
    };
    const auto precision = check.contains("precision") ? as<std::string>(check, "precision", where) : "float32";
    require(precision == "float32" || precision == "float64", where, ": the precision is ", precision);
    require(!check.contains("optional") || check["optional"].is_boolean(), where, ": optional must be true or false");
    tolerances(check);
    for (const auto& [role, golden] : as<std::map<std::string, Json>>(check, "expected", where)) {
      require(golden.is_object(), where, ": ", role, " must be an object");
      require(golden.contains("tolerance") || check.contains("tolerance"), where, ": ", role, " has no tolerance");
      tolerances(golden);
    }
  }
  return checks;
}

/// What holds for a golden value in this run, null for nothing. `exact` holds in double precision too.
Json tolerance_of(const Json& check, const Json& golden, bool float64) {
  const auto& common = golden.contains("tolerance") ? golden["tolerance"] : check.at("tolerance");
  if (!float64) return common;
  if (golden.contains("tolerance_float64")) return golden["tolerance_float64"];
  if (!common.is_null() && is(common, "exact")) return common;
  return check.value("tolerance_float64", Json());
}

/// The golden value of a role; for `field`, that field of the entries at the check's indices.
Value golden_value(const Call& call, const Json& golden) {
  if (!golden.contains("field")) return call.folder.value(golden);
  Json out;
  const auto entries = call.json("entries");
  for (const auto i : call.get<std::vector<std::size_t>>("indices"))
    out.push_back(member(entries.at(i), as<std::string>(golden, "field", "golden"), "entry"));
  return out;
}

struct Outcome {
  std::string name, operation;
  std::optional<Skip> skipped = {};
  double worst = 0;  // of all roles, relative to the tolerance
  std::string worst_role = {};
  std::vector<std::string> lines = {}, failures = {};  // one a role; one a role that failed
};

void compare_all(const Call& call, bool float64, Outcome& out) {
  std::map<std::string, Json> tolerances;
  for (const auto& [role, golden] : call.expected().items())
    if (auto tolerance = tolerance_of(call.check, golden, float64); !tolerance.is_null()) tolerances[role] = tolerance;
  const auto compute = find_operation(out.operation)->compute;
  if (!compute) throw Skipped{Skip::part, out.operation};
  if (tolerances.empty()) throw Skipped{Skip::golden, ""};
  auto results = compute(call);
  for (const auto& [role, tolerance] : tolerances) {
    const auto& golden = call.expected()[role];
    Verdict verdict{infinity, "is not computed here"};
    if (const auto ours = results.find(role); ours != results.end()) {
      if (golden.contains("computed_rows"))
        ours->second = numbers(ours->second).narrow(0, 0, as<std::int64_t>(golden, "computed_rows", role));
      const auto before = results.count("before " + role) ? numbers(results["before " + role]) : Tensor{};
      verdict = compare(ours->second, golden_value(call, golden), before, tolerance);
    }
    if (out.worst_role.empty() || verdict.ratio > out.worst) out.worst = verdict.ratio, out.worst_role = role;
    out.lines.push_back(join(role, ": ", verdict.ratio, " of the tolerance; ", verdict.detail));
    if (!(verdict.ratio <= 1)) out.failures.push_back(join(role, ": ", verdict.detail));
  }
}
Outcome run_check(const Json& check, Folder& folder, bool float64) {
  Outcome out{check["name"], check["operation"]};
  const bool always = check.value("precision", "float32") == "float64";
  try {
    compare_all({check, folder, float64 || always ? torch::kFloat64 : torch::kFloat32}, float64 && !always, out);
  } catch (const Skipped& skipped) {
    out.skipped = skipped.why;
    out.lines = {skipped.detail};
  } catch (const std::exception& error) {
    out.worst = infinity;
    out.failures = {first_line(error.what())};
  }
  if (!out.failures.empty() && check.value("optional", false)) {
    out.skipped = Skip::optional;
    out.lines = std::exchange(out.failures, {});
  }
  return out;
}

// ------------------------------------------------------------------------------------------------------------ report

struct Options {
  static constexpr const char* about = "replays the golden numbers of FOLDER/manifest.json and compares";
  static constexpr const char* example = "parity tests/golden/generator";
  std::filesystem::path folder;
  std::string only;
  bool float64 = false, strict = false, list = false, verbose = false;

  void declare(OptionTable& table) {
    using enum OptionTable::Kind;
    table.add("folder", folder, "folder with a manifest.json (first argument)", session, "FOLDER", /*positional=*/true);
    table.add("only", only, "only checks whose name or operation contains this text");
    table.add("float64", float64, "compute in double precision");
    table.add("strict", strict, "fail also where a part does not exist yet");
    table.add("list", list, "print the checks and run none");
    table.add("verbose", verbose, "print every value and every skipped check");
  }
};

/// One line an operation.
void print_table(const std::vector<Outcome>& outcomes) {
  std::printf("%-25s%5s%8s%8s%9s  %s\n", "operation", "run", "passed", "failed", "skipped", "worst error / tolerance");
  for (const auto& operation : operations) {
    int passed = 0, failed = 0, skipped = 0;
    const Outcome* worst = nullptr;
    for (const auto& outcome : outcomes) {
      if (outcome.operation != operation.name) continue;
      ++(outcome.skipped ? skipped : outcome.failures.empty() ? passed : failed);
      if (!outcome.skipped && (!worst || outcome.worst > worst->worst)) worst = &outcome;
    }
    if (passed + failed + skipped == 0) continue;
    std::printf("%-25s%5d%8d%8d%9d", operation.name.data(), passed + failed, passed, failed, skipped);
    if (worst) std::printf("  %-8.2g%s  %s", worst->worst, worst->name.c_str(), worst->worst_role.c_str());
    std::printf("\n");
  }
}

/// Failures, reasons, totals; returns the exit code.
int report(const std::vector<Outcome>& outcomes, const Options& options) {
  print_table(outcomes);
  int passed = 0, failed = 0, skipped = 0;
  std::map<Skip, int> reasons;
  for (const auto& outcome : outcomes) {
    ++(outcome.skipped ? skipped : outcome.failures.empty() ? passed : failed);
    if (outcome.skipped) ++reasons[*outcome.skipped];
    const auto* why = outcome.skipped ? skip_words[static_cast<std::size_t>(*outcome.skipped)] : "";
    if (options.verbose || outcome.skipped == Skip::optional)
      for (const auto& line : outcome.lines)
        std::printf("        %s: %s %s\n", outcome.name.c_str(), why, line.c_str());
    for (const auto& line : outcome.failures) std::printf("FAILED  %s: %s\n", outcome.name.c_str(), line.c_str());
  }
  for (const auto& [why, count] : reasons)
    std::printf("%d skipped: %s\n", count, skip_words[static_cast<std::size_t>(why)]);
  std::printf("%d passed, %d failed, %d skipped\n", passed, failed, skipped);
  return failed > 0 || passed == 0 || (options.strict && reasons.count(Skip::part)) ? 1 : 0;
}

int parity(const Options& options) {
  require(!options.folder.empty(), "expected a folder with a manifest.json; parity --help explains");
  distrust_wrong_convolutions();
  use_threads(1);  // the models of goldens are tiny, and the figures do not depend on the machine's threads then
  Folder folder(options.folder);
  std::vector<Outcome> outcomes;
  for (const auto& check : read_manifest(options.folder)) {
    const std::string name = check["name"], operation = check["operation"];
    if (name.find(options.only) == name.npos && operation.find(options.only) == operation.npos) continue;
    if (options.list) {
      const auto* const mark = find_operation(operation)->compute ? "" : "  (its part does not exist yet)";
      std::printf("%-25s %s%s\n", operation.c_str(), name.c_str(), mark);
    } else {
      outcomes.push_back(run_check(check, folder, options.float64));
    }
  }
  return options.list ? 0 : report(outcomes, options);
}

}  // namespace

int main(int argc, char** argv) {
  return run_tool<Options>(argc, argv, [](const Options& options, const OptionTable&) { return parity(options); });
}
