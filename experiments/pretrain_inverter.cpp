// Tool: trains a style encoder, which takes pictures to a generator's styles at once.
// Run:      pretrain_inverter --config configs/avatars/inverter.cfg --data DATA/portrait [--resume runs/...]
//           pretrain_inverter --evaluate FILE --held DIR     measures one beside the search and trains nothing
// Writes:   <out>/options.cfg  metrics.csv  samples/*.png  state.safetensors  inverter.safetensors
#include <algorithm>
#include <cmath>
#include <cstdio>
#include <filesystem>
#include <iostream>
#include <memory>
#include <optional>
#include <vector>

#include "nada/adaptation/delta_file.hpp"
#include "nada/core/device.hpp"
#include "nada/core/error.hpp"
#include "nada/core/progress.hpp"
#include "nada/core/stop.hpp"
#include "nada/core/stream.hpp"
#include "nada/core/tensor.hpp"
#include "nada/encoders/any_clip.hpp"
#include "nada/encoders/ensemble.hpp"
#include "nada/encoders/feature_extractor.hpp"
#include "nada/experiment/adapt_options.hpp"
#include "nada/experiment/embedded.hpp"
#include "nada/experiment/option_table.hpp"
#include "nada/experiment/program.hpp"
#include "nada/experiment/training_run.hpp"
#include "nada/formats/grid.hpp"
#include "nada/formats/images.hpp"
#include "nada/formats/sha256.hpp"
#include "nada/generators/any_generator.hpp"
#include "nada/generators/base_hash.hpp"
#include "nada/inversion/domain.hpp"
#include "nada/inversion/inverter.hpp"
#include "nada/inversion/inverter_file.hpp"
#include "nada/inversion/refined.hpp"
#include "nada/inversion/style_encoder.hpp"
#include "nada/inversion/style_optimization.hpp"
#include "nada/metrics/twins.hpp"
#include "nada/pretraining/image_set.hpp"
#include "nada/pretraining/style_encoder_training.hpp"

namespace {

using namespace nada;

struct Options : PretrainingOptions {
  static constexpr const char* about = "trains a network that takes pictures to a generator's styles";
  static constexpr const char* example =
      "pretrain_inverter --generator generator.safetensors --data pictures --steps 4000 --out runs/inverter";

  std::filesystem::path generator, measure;
  std::vector<EncoderChoice> encoders;
  std::int64_t steps = 4000, warmup = 100, passes = 3, blocks = 1, groups = 3, lateral = 32, hidden = 256;
  std::int64_t evaluate_every = 500, evaluate_pictures = 64, domain_samples = 512, refine = 30, search = 0;
  double renders = 0.5, truncated = 0.5, mixed = 0.5, pixels = 1, tokens = 0.05, token_share = 0.125, latents = 0.01,
         pull = 0.0003;
  std::string channels = "48,80,112,160", precision = "auto";

  Options() : PretrainingOptions{.unit = "steps", .lr = 0.001, .state_every = 100, .log_every = 20} {}

  void declare(OptionTable& table) {
    using enum OptionTable::Kind;
    declare_data(table, "pictures or shards of the generator's domain");
    table.add("renders", renders, "share of a batch that is of these pictures; the others are the generator's samples");
    table.add("truncated", truncated, "share of the samples that are pulled toward the mean style");
    table.add("mixed", mixed, "share of the samples whose later styles come from other latents");
    table.group("Networks");
    table.add("generator", generator, "generator that pictures are taken to (default the embedded one)", saved, "FILE");
    table.add("encoder", encoders, "CLIP files whose patch tokens compare pictures (default the embedded two)");
    table.add("channels", channels, "channels of the levels, from the finest to 4 px");
    table.add("blocks", blocks, "residual blocks of a level");
    table.add("groups", groups, "groups of styles; each has a head");
    table.add("lateral", lateral, "channels of the feature pyramid");
    table.add("hidden", hidden, "width of the heads");
    table.add("passes", passes, "passes, each of which sees what came of the last one");
    table.group("Training");
    table.add("steps", steps, "training steps");
    declare_training(table, "Adam's largest learning rate; it rises over the warm-up and falls to 0 along a cosine");
    table.add("warmup", warmup, "steps of the warm-up");
    table.add("pixels", pixels, "weight of the mean squared difference of pixels");
    table.add("tokens", tokens, "weight of the difference that the encoders see");
    table.add("token-share", token_share, "share of a batch that the encoders see");
    table.add("latents", latents, "weight of the squared distance to the styles of samples, in deviations");
    table.add("pull", pull, "weight of the squared distance to the mean style, in deviations");
    declare_precision(table, precision, "convolutions");
    declare_measuring(table, "inverter");
    table.add("measure", measure,
              "CLIP file that tells how far pictures are from the domain (default the embedded "
              "held-out one)");
    table.add("domain-samples", domain_samples, "samples whose features the file keeps for that");
    table.add("evaluate-every", evaluate_every, "steps from one measurement to the next; 0: only at the end");
    table.add("evaluate-pictures", evaluate_pictures, "pictures of --held that are measured");
    table.add("refine", refine, "with --evaluate: steps of search that follow, as a second measurement; 0: none",
              session);
    table.add("search", search, "with --evaluate: steps of a search from scratch, as a third one; 0: none", session);
    declare_run(table);
  }

  StyleEncoderTrainingSettings settings() const {
    StyleEncoderTrainingSettings out;
    out.adam.rate = lr;
    out.pixels = pixels;
    out.tokens = tokens;
    out.latents = latents;
    out.pull = pull;
    out.token_share = token_share;
    out.passes = passes;
    out.products = products_in(precision);
    return out;
  }
};

AnyFeatureExtractor token_features(const Options& o) {
  std::vector<Member<AnyClip>> members;
  for (const auto& choice : o.encoders) members.push_back({load_clip(choice.path), choice.weight});
  return [encoders = std::make_shared<const Members<AnyClip>>(std::move(members))](const Tensor& images) {
    return TokenFeatures{encoders.get()}(images);
  };
}

/// Returns the first pictures of a set, as many as are measured.
Tensor measured_pictures(const Options& o, const ImageSet& held) {
  return held.images(0, std::min(o.evaluate_pictures, held.size()));
}

Tensor inverted(const StyleEncoder& encoder, const AnyGenerator& generator, const Tensor& pictures) {
  const torch::NoGradGuard no_grad;
  std::vector<Tensor> out;
  for (const auto& piece : pictures.split(16)) out.push_back(encoder.styles(generator, piece));
  return torch::cat(out);
}

Tensor rendered(const AnyGenerator& generator, const Tensor& styles) {
  const torch::NoGradGuard no_grad;
  std::vector<Tensor> out;
  for (const auto& piece : styles.split(16)) out.push_back(generator.synthesize(piece, Render{}).clamp(-1, 1));
  return torch::cat(out);
}

/// Returns the root mean square of (w - mean) / deviation.
double distance_to_mean(const AnyGenerator& generator, const Tensor& deviation, const Tensor& styles) {
  return ((styles - generator.mean_style()) / deviation).square().mean().sqrt().item<double>();
}

/// Prints one line about the inversions of pictures by an inverter.
template <class I>
void measure_inverter(const char* name, const I& inverter, const AnyGenerator& generator, const Tensor& deviation,
                      const AnyFeatureExtractor& features, const Tensor& pictures) {
  std::vector<Tensor> styles;
  const auto start = seconds_now();
  for (std::int64_t i = 0; i < pictures.size(0); ++i)
    styles.push_back(inverter.invert(generator, pictures.narrow(0, i, 1), Stream{0, 0}, InversionProgress{}).styles);
  const auto seconds = (seconds_now() - start) / static_cast<double>(pictures.size(0));
  const torch::NoGradGuard no_grad;
  const auto found = torch::cat(styles);
  const auto made = rendered(generator, found);
  std::vector<Tensor> perceptual;
  for (std::int64_t i = 0; i < pictures.size(0); ++i)
    perceptual.push_back(feature_distance(features(made.narrow(0, i, 1)), features(pictures.narrow(0, i, 1))));
  std::printf("%-24s %8.2f %8.4f %11.4f %8.2f %10.3f\n", name, psnr(made, pictures).mean().item<double>(),
              ssim(made, pictures).mean().item<double>(), torch::cat(perceptual).mean().item<double>(),
              distance_to_mean(generator, deviation, found), seconds);
  std::fflush(stdout);
}

int evaluate(const Options& o) {
  const auto generator = load_generator(o.generator, {torch::kCPU, torch::kFloat32});
  const auto file = InverterFile::load(o.evaluate);
  file.encoder.check_fits(generator);
  const auto held = ImageSet::open(o.held, generator.resolution());
  const auto pictures = measured_pictures(o, held);
  const auto features = token_features(o);
  const auto deviation = file.encoder.deviation();
  std::printf("%lld held-out pictures\n%-24s %8s %8s %11s %8s %10s\n", static_cast<long long>(pictures.size(0)), "",
              "PSNR/dB", "SSIM", "perceptual", "from w", "s/picture");
  measure_inverter("mean style", MeanStyle{}, generator, deviation, features, pictures);
  measure_inverter("inverter", file.encoder, generator, deviation, features, pictures);
  if (o.refine > 0) {
    const Refined refined(file.encoder, features, refinement(o.refine));
    measure_inverter(join("inverter, ", o.refine, " steps").c_str(), refined, generator, deviation, features, pictures);
  }
  if (o.search > 0) {
    StyleOptimizationSettings settings;
    settings.steps = o.search;
    measure_inverter(join("search, ", o.search, " steps").c_str(), StyleOptimization(features, settings), generator,
                     deviation, features, pictures);
  }
  return 0;
}

double rate_at(const Options& o, std::int64_t step) {
  const auto s = static_cast<double>(step), warm = static_cast<double>(o.warmup), all = static_cast<double>(o.steps);
  if (s < warm) return o.lr * (s + 1) / warm;
  return o.lr * (0.01 + 0.99 * 0.5 * (1 + std::cos(3.14159265358979 * (s - warm) / std::max(1.0, all - warm))));
}

/// Run is a training with the files that it writes into its folder.
class Run {
 public:
  Run(const Options& o, const RunFolder& folder, const AnyGenerator& generator, StyleEncoderTraining& training)
      : o_(o),
        folder_(folder),
        generator_(generator),
        training_(training),
        log_(folder / "metrics.csv",
             {"loss", "pixels", "tokens", "latents", "distance", "held_psnr", "pictures_per_second"},
             training.steps()) {
    if (!o.held.empty()) pictures_ = measured_pictures(o, ImageSet::open(o.held, generator.resolution()));
  }

  /// Trains to the last step or until a signal; saves and measures on the way and at the end.
  void train(const std::optional<ImageSet>& data) {
    const StopSignals signals;
    Progress progress("training", o_.steps, training_.steps());
    Pace pace(training_.steps() * o_.batch);
    while (training_.steps() < o_.steps && !StopToken::requested()) {
      const auto now = training_.steps();
      training_.set_rate(rate_at(o_, now));
      const auto found = training_.step(draw(data, Stream{o_.seed, now + 1}));
      log(found);
      progress.update(training_.steps(), join("loss ", found.loss));
      const bool measured = every(o_.evaluate_every) || training_.steps() == o_.steps;
      if (measured) measure();
      if (every(o_.log_every) || measured) {
        log_.add("pictures_per_second", pace(training_.steps() * o_.batch));
        log_.row(training_.steps());
      }
      if (every(o_.state_every)) save();
    }
    save();
    progress.finish();
  }

 private:
  bool every(std::int64_t steps) const { return steps > 0 && training_.steps() % steps == 0; }

  /// Draws the batch of a step: pictures of the set first, then samples.
  InverterBatch draw(const std::optional<ImageSet>& data, const Stream& stream) const {
    const auto shown = data ? std::llround(o_.renders * static_cast<double>(o_.batch)) : 0;
    InverterBatch out;
    Render render;
    render.convolutions = products_in(o_.precision);
    if (shown < o_.batch)
      out = draw_samples(generator_, o_.batch - shown, {.truncated = o_.truncated, .mixed = o_.mixed}, stream, render);
    if (shown == 0) return out;
    const auto u = stream.uniform(Purpose::evaluation, {shown});
    std::vector<std::int64_t> chosen;
    for (std::int64_t i = 0; i < shown; ++i)
      chosen.push_back(std::min(data->size() - 1,
                                static_cast<std::int64_t>(u[i].item<double>() * static_cast<double>(data->size()))));
    const auto pictures = data->images(chosen);
    out.images = out.images.defined() ? torch::cat({pictures, out.images.to(pictures.options())}) : pictures;
    return out;
  }

  void log(const StyleEncoderStep& found) {
    log_.add("loss", found.loss);
    log_.add("pixels", found.pixels);
    log_.add("tokens", found.tokens);
    log_.add("latents", found.latents);
    log_.add("distance", found.distance);
  }

  /// Measures the held-out pictures and shows twelve of them above what their styles give.
  void measure() {
    if (!pictures_.defined()) return;
    const torch::NoGradGuard no_grad;
    const auto made = rendered(generator_, inverted(training_.encoder(), generator_, pictures_));
    const auto found = psnr(made, pictures_).mean().item<double>();
    log_.add("held_psnr", found);
    std::cout << "step " << training_.steps() << "  PSNR of held-out pictures " << found << " dB" << std::endl;
    const auto shown = std::min<std::int64_t>(12, made.size(0));
    char name[32];
    std::snprintf(name, sizeof name, "%09lld.png", static_cast<long long>(training_.steps()));
    std::filesystem::create_directories(folder_ / "samples");
    write_picture(folder_ / "samples" / name,
                  make_grid({to_pictures(pictures_.narrow(0, 0, shown)), to_pictures(made.narrow(0, 0, shown))}, 64));
  }

  /// Writes the state and the inverter, with the features of samples that tell a picture's distance from the domain.
  void save() const {
    save_training_state(folder_.state(), training_.state());
    auto tensors = training_.tensors();
    auto more = o_.metadata(folder_, {{"nada.steps", std::to_string(training_.steps())}});
    if (o_.domain_samples > 0) {
      const torch::NoGradGuard no_grad;
      tensors["domain.features"] = domain_features();
      more["nada.measure_sha256"] = sha256_of_file(o_.measure);
    }
    save_inverter(folder_ / "inverter.safetensors", tensors, o_.passes, base_hash(generator_), more);
  }

  /// Returns unit features of samples in the measuring encoder, [S, E]; they are measured once.
  Tensor domain_features() const {
    if (features_.defined()) return features_;
    const auto encoder = load_clip(o_.measure);
    features_ = nada::domain_samples(
        generator_, [&](const Tensor& images) { return encoder.see(images.clamp(-1, 1), {}).unit; }, Stream{0, 0},
        o_.domain_samples);
    return features_;
  }

  const Options& o_;
  const RunFolder& folder_;
  const AnyGenerator& generator_;
  StyleEncoderTraining& training_;
  TrainingLog log_;
  Tensor pictures_;          // held-out ones; undefined: none
  mutable Tensor features_;  // as domain_features() gives
};

int pretrain(Options& o, OptionTable& table) {
  o.read(table);
  if (o.generator.empty()) o.generator = embedded_generator();
  if (o.encoders.empty()) o.encoders = embedded_encoders();
  if (o.measure.empty()) o.measure = embedded_held_out_encoder();
  require(o.evaluate_pictures >= 1, "option evaluate-pictures: expected 1 or more, found ", o.evaluate_pictures);
  if (!o.evaluate.empty()) return evaluate(o);
  require(o.steps >= 1 && o.batch >= 1 && o.warmup >= 0, "options steps, batch and warmup must be at least 1, 1 and 0");
  require(o.renders >= 0 && o.renders <= 1, "option renders: expected a share in [0, 1], found ", o.renders);
  require(o.domain_samples == 0 || o.domain_samples >= 2, "option domain-samples: expected 0, or at least 2, found ",
          o.domain_samples);
  settle_precision(o.precision);
  const auto generator = load_generator(o.generator, {torch::kCPU, torch::kFloat32});
  require(generator.label_size() == 0, o.generator, ": class-conditional generators have no style encoder here");
  const StyleEncoderShape shape{.resolution = generator.resolution(),
                                .styles = generator.style_count(),
                                .style_size = generator.mean_style().size(0),
                                .channels = whole_numbers(o.channels, "channels"),
                                .blocks = o.blocks,
                                .groups = o.groups,
                                .lateral = o.lateral,
                                .hidden = o.hidden};
  auto tensors = initial_style_encoder(shape, {o.seed, 0});
  tensors["style_encoder.deviation"] = style_deviation(generator, {o.seed, 0});
  std::optional<ImageSet> data;
  if (o.renders > 0) data = ImageSet::open(o.data, generator.resolution());
  StyleEncoderTraining training(generator, tensors, o.tokens > 0 ? token_features(o) : AnyFeatureExtractor{},
                                o.settings());
  const auto folder = o.folder(table);
  if (folder.resumed()) training.restore(load_training_state(folder.state()), folder.state().string());
  if (o.is_finished(folder, training.steps(), o.steps, "inverter.safetensors")) return 0;
  Run(o, folder, generator, training).train(data);
  o.tell_end(folder, training.steps(), o.steps, "inverter", "inverter.safetensors");
  return 0;
}

}  // namespace

int main(int argc, char** argv) { return run_tool<Options>(argc, argv, pretrain); }
