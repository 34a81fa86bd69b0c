// Tool: trains a StyleGAN2 generator on a folder of pictures.
// Run:      pretrain_generator --config configs/avatars/generator.cfg --data DATA/portrait [--resume runs/...]
//           pretrain_generator --evaluate FILE --held DIR    measures a generator and trains nothing; --data adds how
//           far real pictures are from real ones, --coverage how often each text of the tables' columns is drawn
// Writes:   <out>/options.cfg  metrics.csv  samples/*.png  state.safetensors  generator.safetensors
#include <cmath>
#include <iostream>
#include <string>

#include "nada/core/error.hpp"
#include "nada/core/progress.hpp"
#include "nada/core/stop.hpp"
#include "nada/core/stream.hpp"
#include "nada/core/tensor.hpp"
#include "nada/encoders/any_clip.hpp"
#include "nada/experiment/adapt_options.hpp"
#include "nada/experiment/embedded.hpp"
#include "nada/experiment/option_table.hpp"
#include "nada/experiment/program.hpp"
#include "nada/experiment/training_run.hpp"
#include "nada/formats/csv.hpp"
#include "nada/formats/grid.hpp"
#include "nada/formats/hub_address.hpp"
#include "nada/formats/images.hpp"
#include "nada/formats/tensor_file.hpp"
#include "nada/generators/generator.hpp"
#include "nada/generators/load.hpp"
#include "nada/generators/stylegan2.hpp"
#include "nada/metrics/frechet.hpp"
#include "nada/metrics/measure.hpp"
#include "nada/pretraining/adaptive_augmentation.hpp"
#include "nada/pretraining/attribute_classifier.hpp"
#include "nada/pretraining/coverage.hpp"
#include "nada/pretraining/discriminator.hpp"
#include "nada/pretraining/gan_loss.hpp"
#include "nada/pretraining/generator_training.hpp"
#include "nada/pretraining/image_set.hpp"
#include "nada/pretraining/regularizer.hpp"

namespace {

using namespace nada;

struct Options : PretrainingOptions {
  static constexpr const char* about = "trains a StyleGAN2 generator on a folder of pictures";
  static constexpr const char* example = "pretrain_generator --data pictures --images 400000 --out runs/faces";

  std::filesystem::path measure, start, classifier;
  std::int64_t images = 400000, grow_first = 0, grow_hold = 0, latents = 128, styles = 128, mapping_layers = 4,
               stem = 2, group = 4;
  std::int64_t r1_every = 16, path_every = 0, frechet_every = 50000, frechet_samples = 2000, samples_every = 10000,
               classifier_steps = ClassifierSettings{}.steps;
  std::string channels = "128,128,96,48,24", critic_channels = "48,96,128,192", noise = "none", precision = "auto",
              augment = "none", grow;
  double final_lr = 1, r1 = 0.15, path = 2, mixing = 0, average = 10000, augment_target = 0.6, augment_images = 500000,
         augment_most = 0.8, augment_start = 0;
  bool flips = false, augment_turns = false, coverage = false;

  Options() : PretrainingOptions{.unit = "images", .lr = 0.0025, .state_every = 5000, .log_every = 1600} {}

  void declare(OptionTable& table) {
    using enum OptionTable::Kind;
    declare_data(table, "pictures or shards");
    table.add("flips", flips, "mirror every second picture; only where left and right do not matter");
    table.group("Networks");
    table.add("channels", channels, "the generator's channels at 4, 8, 16 ... pixels");
    table.add("latents", latents, "width of z");
    table.add("styles", styles, "width of w");
    table.add("mapping-layers", mapping_layers, "depth of the mapping network");
    table.add("discriminator-channels", critic_channels,
              "its channels from the pictures' size (after the stem) to 4 px");
    table.add("stem", stem, "side of the squares of pixels that the discriminator folds into channels first");
    table.add("group", group, "samples that minibatch standard deviation compares");
    table.add("start", start, "generator file whose weights to start from", saved, "FILE");
    table.add("grow", grow, "channels of new blocks above --start, each of twice the pixels: 16, or 24,16", saved,
              "NUMBERS");
    table.add("grow-first", grow_first, "images for which only the new blocks and the discriminator learn");
    table.add("grow-hold", grow_hold,
              "pixels of a side up to which the blocks of --start, and its mapping, never learn; 0: all learn");
    table.group("Training");
    table.add("images", images, "real pictures to see in all");
    declare_training(table, "Adam's learning rate, of both networks");
    table.add("final-lr", final_lr, "share of it at the end; over the last fifth of the images it falls to that");
    table.add("r1", r1, "gamma of the penalty R1");
    table.add("r1-every", r1_every, "steps from one R1 to the next; 0: never");
    table.add("path", path, "weight of path length regularisation");
    table.add("path-every", path_every, "steps from one to the next; 0: never");
    table.add("mixing", mixing, "share of samples whose styles come from two latents");
    table.add("noise", noise, "noise inputs: none or fresh", saved, "NAME");
    table.add("average", average, "half-life of the running mean of the weights, in images");
    declare_precision(table, precision, "convolutions");
    table.group("Adaptive augmentation");
    table.add("augment", augment,
              "how pictures, real and generated, may be changed before the discriminator sees them: none, all, or some "
              "of shift,geometry,colour; for few pictures",
              saved, "NAMES");
    table.add("augment-turns", augment_turns, "quarter turns too; only where up and down do not matter");
    table.add("augment-target", augment_target,
              "mean sign of the discriminator's logits at real pictures that the probability of a change follows");
    table.add("augment-images", augment_images, "images in which it could go from 0 to 1; 0: it stays");
    table.add("augment-most", augment_most, "largest probability of each kind of change");
    table.add("augment-start", augment_start, "probability at the start");
    declare_measuring(table, "generator");
    table.add("measure", measure,
              "CLIP file in whose features Frechet distances are measured (default the embedded held-out one)");
    table.alias("encoder", "measure");
    table.add("frechet-every", frechet_every, "images from one measurement to the next; 0: only at the end");
    table.add("frechet-samples", frechet_samples, "generated samples of a measurement");
    table.add("samples-every", samples_every, "images from one sample grid to the next");
    table.add("coverage", coverage,
              "with --evaluate: how often each class of the tables' columns appears among the samples", session);
    table.add("classifier", classifier,
              "file of the attribute classifier that tells; trained on --data and written where it is not there",
              session, "FILE");
    table.add("classifier-steps", classifier_steps, "steps to train it", session);
    declare_run(table);
  }

  GeneratorTrainingSettings settings() const {
    GeneratorTrainingSettings out;
    out.batch = batch;
    out.generator.rate = out.discriminator.rate = lr;
    out.mixing = mixing;
    out.noise = noise_of(noise);
    out.average_images = average;
    out.seed = seed;
    out.convolutions = products_in(precision);
    return out;
  }

  /// Returns the augmentation that --augment names. Mirroring belongs to the shifts where --flips allows mirroring.
  AdaptiveAugmentation augmentation() const {
    AdaptiveAugmentation out;
    out.shift = out.geometry = out.colour = false;
    for (const auto& name : split_at(augment == "all" ? "shift,geometry,colour" : augment, ',')) {
      require(name == "shift" || name == "geometry" || name == "colour",
              "option augment: expected none, all, or some of shift,geometry,colour, found '", augment, "'");
      (name == "shift" ? out.shift : name == "geometry" ? out.geometry : out.colour) = true;
    }
    out.mirror = flips && out.shift;
    out.turn = augment_turns;
    out.target = augment_target;
    out.images = augment_images;
    out.most = augment_most;
    out.p = torch::full({}, augment_start, torch::kFloat64);
    return out;
  }
};

/// Returns the mean of the last feature map of each image, [N, C]; distances are measured in this space.
Tensor features(const AnyClip& encoder, std::int64_t count,
                const std::function<Tensor(std::int64_t, std::int64_t)>& images) {
  const torch::NoGradGuard no_grad;
  std::vector<Tensor> out;
  for (std::int64_t at = 0; at < count; at += 50)
    out.push_back(
        encoder.see(images(at, std::min<std::int64_t>(50, count - at)).clamp(-1, 1), {.tokens = true}).tokens.mean(1));
  return torch::cat(out);
}

/// Renders the samples that are measured and shown, from the same z at each call.
Tensor generated(const StyleGan2& generator, std::uint64_t seed, std::int64_t first, std::int64_t count) {
  const torch::NoGradGuard no_grad;
  const auto z = Stream{seed, 0}.normal(Purpose::samples, {count, generator.latent_size()}, first);
  Render render;
  render.noise = Noise::none;
  return generator.synthesize(generator.map(z.to(generator.options())), render);
}

AnyClip measuring_encoder(const Options& o) {
  return load_clip(o.measure.empty() ? embedded_held_out_encoder() : o.measure);
}

/// Returns the attribute classifier of a file, or trains one now and writes that file.
AttributeClassifier attribute_classifier(const Options& o, const ImageSet& held) {
  if (is_hub_address(o.classifier) || std::filesystem::exists(o.classifier))
    return AttributeClassifier::load(o.classifier);
  require(!o.data.empty(),
          "--coverage needs the folder that an attribute classifier is trained on, --data FOLDER, or "
          "one that is trained, --classifier FILE");
  const auto data = ImageSet::open(o.data, held.resolution());
  ClassifierSettings settings;
  settings.steps = o.classifier_steps;
  settings.seed = o.seed;
  const StopSignals signals;
  Progress progress("training the classifier", settings.steps);
  auto out = train_classifier(data, settings, [&](std::int64_t step, double loss) {
    char note[32];
    std::snprintf(note, sizeof note, "loss %.3f", loss);
    progress.update(step, note);
    return !StopToken::requested();
  });
  progress.finish();
  require(!StopToken::requested(), "stopped before the attribute classifier was trained");
  if (!o.classifier.empty())
    out.save(o.classifier, {{"nada.steps", std::to_string(settings.steps)},
                            {"nada.pictures", std::to_string(data.size())},
                            {"nada.seed", std::to_string(settings.seed)}});
  return out;
}

/// Prints how often each class appears among the samples, and how often among real pictures.
void print_coverage(const Options& o, const StyleGan2& generator, const ImageSet& held) {
  const auto classifier = attribute_classifier(o, held);
  const auto& columns = classifier.columns();
  const auto real = told_shares(o.data.empty() ? held : ImageSet::open(o.data, generator.resolution()), columns);
  const auto control = seen_shares(classifier, held.size(), [&](auto at, auto n) { return held.images(at, n); });
  const auto seen =
      seen_shares(classifier, o.frechet_samples, [&](auto at, auto n) { return generated(generator, o.seed, at, n); });
  const auto accuracy = attribute_accuracy(classifier, held);
  std::printf("\nshares               real  samples\n");
  for (std::size_t c = 0; c < columns.size(); ++c) {
    const auto found = coverage(real[c], seen[c]);
    std::printf(
        "%s: %lld of %lld classes within a factor of 2; the classifier names %.1f%% of %lld held-out pictures "
        "right\n",
        columns[c].name.c_str(), static_cast<long long>(found.covered), static_cast<long long>(found.classes),
        100 * accuracy[c].share(), static_cast<long long>(accuracy[c].pictures));
    for (std::size_t i = 0; i < real[c].size(); ++i)
      std::printf("  %15.2f%%  %6.2f%%  %s %s\n", 100 * real[c][i], 100 * seen[c][i],
                  is_covered(real[c][i], seen[c][i]) ? " " : "!", columns[c].texts[i].c_str());
  }
  const auto all = coverage(real, seen), should = coverage(real, control);
  std::printf("coverage of %lld samples: %lld of %lld classes (%.1f%%) within a factor of 2 of their share\n",
              static_cast<long long>(o.frechet_samples), static_cast<long long>(all.covered),
              static_cast<long long>(all.classes), 100 * all.share());
  std::printf("of %lld held-out pictures: %lld of %lld classes (%.1f%%)\n", static_cast<long long>(held.size()),
              static_cast<long long>(should.covered), static_cast<long long>(should.classes), 100 * should.share());
}

/// Prints the Frechet distance of a generator to held-out pictures, and the generator's coverage.
int evaluate(const Options& o) {
  require(o.frechet_samples >= 2, "option frechet-samples: expected at least 2, found ", o.frechet_samples);
  const auto generator = load_stylegan2(o.evaluate);
  const auto encoder = measuring_encoder(o);
  const auto held = ImageSet::open(o.held, generator.resolution());
  const auto real = features(encoder, held.size(), [&](auto at, auto n) { return held.images(at, n); });
  const auto fake =
      features(encoder, o.frechet_samples, [&](auto at, auto n) { return generated(generator, o.seed, at, n); });
  std::printf("Frechet distance of %lld samples to %lld held-out pictures: %.4f\n",
              static_cast<long long>(o.frechet_samples), static_cast<long long>(held.size()),
              frechet_distance(fake, real));
  if (!o.data.empty()) {
    const auto data = ImageSet::open(o.data, generator.resolution());
    const auto count = std::min(o.frechet_samples, data.size());
    const auto others = features(encoder, count, [&](auto at, auto n) { return data.images(at, n); });
    std::printf("of %lld real pictures: %.4f\n", static_cast<long long>(count), frechet_distance(others, real));
  }
  std::fflush(stdout);
  if (o.coverage) print_coverage(o, generator, held);
  return 0;
}

/// Measuring holds the held-out pictures' features [N, C] and the encoder that sees them, to measure a training with.
struct Measuring {
  AnyClip encoder;
  Tensor real;
};

/// Returns the measuring by the pictures of --held, where that folder is given.
std::optional<Measuring> open_measuring(const Options& o, int resolution) {
  if (o.held.empty()) return {};
  auto encoder = measuring_encoder(o);
  const auto held = ImageSet::open(o.held, resolution);
  auto real = features(encoder, held.size(), [&](auto at, auto n) { return held.images(at, n); });
  return Measuring{std::move(encoder), std::move(real)};
}

/// Returns the generator's tensors at the start: those of --start, grown where --grow says so, else random ones.
NamedTensors initial_tensors(const Options& o, const Stream& stream) {
  require(o.grow.empty() || !o.start.empty(), "option grow: expected a generator to grow, --start FILE");
  if (!o.start.empty() && o.grow.empty()) return load_stylegan2(o.start).clone().tensors();
  if (!o.start.empty()) return grown_generator(load_stylegan2(o.start), whole_numbers(o.grow, "grow"), stream);
  return initial_generator({whole_numbers(o.channels, "channels"), o.latents, o.styles, o.mapping_layers}, stream);
}

StyleGan2Discriminator initial_critic(const Options& o, int resolution, const Stream& stream) {
  const DiscriminatorShape shape{whole_numbers(o.critic_channels, "discriminator-channels"), o.stem, o.group,
                                 resolution};
  return StyleGan2Discriminator(initial_discriminator(shape, stream), "discriminator", {.group = o.group});
}

/// Draws the pictures of a step evenly, mirrored where --flips says so. The draw depends on the step's stream alone.
Tensor draw_batch(const ImageSet& data, const Options& o, const Stream& stream) {
  const auto u = stream.uniform(Purpose::evaluation, {o.batch, 2});
  std::vector<std::int64_t> chosen;
  for (std::int64_t i = 0; i < o.batch; ++i)
    chosen.push_back(std::min(data.size() - 1,
                              static_cast<std::int64_t>(u[i][0].item<double>() * static_cast<double>(data.size()))));
  auto out = data.images(chosen);
  if (o.flips) out = torch::where((u.select(1, 1) < 0.5).view({o.batch, 1, 1, 1}), out.flip(3), out);
  return out;
}

/// Run is a training with the files that it writes into its folder.
template <class Training>
class Run {
 public:
  /// Opens metrics.csv.
  Run(const Options& o, const RunFolder& folder, const std::optional<Measuring>& measuring, Training& training)
      : o_(o),
        folder_(folder),
        measuring_(measuring),
        training_(training),
        log_(folder / "metrics.csv", columns(training), training.steps()),
        steps_((o.images + o.batch - 1) / o.batch) {}

  std::int64_t all_images() const { return steps_ * o_.batch; }

  /// Trains to the last step or until a signal; saves, shows samples and measures on the way and at the end.
  void train(const ImageSet& data) {
    const StopSignals signals;
    Progress progress("training", all_images(), training_.images());
    Pace pace(training_.images());
    bool measured = false;
    while (training_.steps() < steps_ && !StopToken::requested()) {
      const auto real = draw_batch(data, o_, Stream{o_.seed, training_.steps() + 1});
      const double part = static_cast<double>(training_.steps()) / static_cast<double>(steps_);
      training_.set_rate(o_.lr * (part < 0.8 ? 1 : 1 + (o_.final_lr - 1) * (part - 0.8) / 0.2));
      const auto found = training_.step(real);
      log(found);
      char note[64];
      std::snprintf(note, sizeof note, "D %.3f  G %.3f", found.discriminator_loss, found.generator_loss);
      progress.update(training_.images(), note);
      measured = every(o_.frechet_every);
      if (measured) measure();
      if (every(o_.log_every) || measured) {
        log_.add("images_per_second", pace(training_.images()));
        write_row();
      }
      if (every(o_.samples_every)) show();
      if (every(o_.state_every)) save();
    }
    save();
    show();
    if (training_.steps() >= steps_ && !measured && measuring_) {
      measure();
      write_row();
    }
    progress.finish();
  }

 private:
  static std::vector<std::string> columns(const Training& training) {
    std::vector<std::string> out{"images",  "loss_discriminator", "loss_generator", "real", "fake", "r1", "path",
                                 "frechet", "images_per_second"};
    if (training.augmentation().share()) out.emplace_back("augmentation");
    return out;
  }

  /// Returns whether the last step passed a multiple of this many images.
  bool every(std::int64_t images) const {
    return images > 0 && training_.images() / images != (training_.images() - o_.batch) / images;
  }

  void log(const GeneratorStep& found) {
    log_.add("loss_discriminator", found.discriminator_loss);
    log_.add("loss_generator", found.generator_loss);
    log_.add("real", found.real);
    log_.add("fake", found.fake);
    log_.add("r1", found.discriminator_penalty);
    log_.add("path", found.generator_penalty);
    log_.add("augmentation", found.augmentation);
  }
  void write_row() {
    log_.add("images", static_cast<double>(training_.images()));
    log_.row(training_.steps());
  }

  /// Writes the Frechet distance of samples to the held-out pictures into the log and onto the screen.
  void measure() {
    if (!measuring_) return;
    const auto fake = features(measuring_->encoder, o_.frechet_samples,
                               [&](auto at, auto n) { return generated(training_.average(), o_.seed, at, n); });
    const auto distance = frechet_distance(fake, measuring_->real);
    log_.add("frechet", distance);
    std::cout << "images " << training_.images() << "  Frechet distance " << distance << std::endl;
  }

  /// Writes samples/<images>.png, 8 rows of 12 samples.
  void show() const {
    std::vector<std::vector<Picture>> rows;
    for (std::int64_t r = 0; r < 8; ++r)
      rows.push_back(to_pictures(generated(training_.average(), o_.seed, 12 * r, 12)));
    char name[32];
    std::snprintf(name, sizeof name, "%09lld.png", static_cast<long long>(training_.images()));
    make_folders(folder_ / "samples");
    write_picture(folder_ / "samples" / name, make_grid(rows, 64));
  }

  /// Writes the state and the generator.
  void save() const {
    save_training_state(folder_.state(), training_.state());
    const auto more = o_.metadata(folder_, {{"nada.images_seen", std::to_string(training_.images())}});
    save_tensors(folder_ / "generator.safetensors", training_.average().tensors(),
                 generator_metadata(training_.average(), more));
  }

  const Options& o_;
  const RunFolder& folder_;
  const std::optional<Measuring>& measuring_;
  Training& training_;
  TrainingLog log_;
  const std::int64_t steps_;  // steps of the whole training
};

template <class Augment>
int train(const Options& o, const OptionTable& table, Augment augmentation) {
  auto settings = o.settings();
  const Stream stream{o.seed, 0};
  const auto initial = initial_tensors(o, stream);
  if (o.grow_first > 0) {
    require(!o.grow.empty(), "option grow-first: expected new blocks, --grow CHANNELS");
    settings.held_images = o.grow_first;
    for (const auto& [name, tensor] : load_stylegan2(o.start).tensors()) settings.held.insert(name);
  }
  if (o.grow_hold > 0) {
    require(!o.grow.empty(), "option grow-hold: expected new blocks, --grow CHANNELS");
    settings.still = coarse_tensors(load_stylegan2(o.start), o.grow_hold);
  }
  const auto resolution = StyleGan2(initial).resolution();
  const auto data = ImageSet::open(o.data, resolution);
  GeneratorTraining training(initial, initial_critic(o, resolution, stream), NonSaturatingLogistic{},
                             R1{.gamma = o.r1, .every = o.r1_every},
                             PathLength{.factor = o.path, .every = o.path_every}, settings, std::move(augmentation));
  const auto measuring = open_measuring(o, resolution);
  const auto folder = o.folder(table);
  if (folder.resumed()) training.restore(load_training_state(folder.state()), folder.state().string());
  Run run(o, folder, measuring, training);
  if (o.is_finished(folder, training.images(), run.all_images(), "generator.safetensors")) return 0;
  run.train(data);
  o.tell_end(folder, training.images(), run.all_images(), "generator", "generator.safetensors");
  return 0;
}

int pretrain(Options& o, OptionTable& table) {
  o.read(table);
  if (!o.evaluate.empty()) return evaluate(o);
  require(!o.coverage, "--coverage needs a generator to measure: --evaluate FILE");
  require(o.images >= 1 && o.batch >= 1 && o.samples_every >= 1 && o.frechet_every >= 0,
          "options images, batch and samples-every must be 1 or more");
  settle_precision(o.precision);
  if (o.augment == "none") return train(o, table, NoAugmentation{});
  return train(o, table, o.augmentation());
}

}  // namespace

int main(int argc, char** argv) { return run_tool<Options>(argc, argv, pretrain); }
