// Tool: trains a StyleGAN2 generator on a folder of pictures.
// Run:      pretrain_generator --config configs/avatars/generator.cfg --data DATA/portrait [--resume runs/...]
// Writes:   <out>/options.cfg  metrics.csv  samples/*.png  state.safetensors  generator.safetensors
//           pretrain_generator --evaluate FILE --held DIR    measures a generator and writes nothing; with --data also
//           how far real pictures are from real ones
#include <cmath>
#include <iostream>

#include "nada/core/progress.hpp"
#include "nada/core/stop.hpp"
#include "nada/encoders/any_clip.hpp"
#include "nada/experiment/adapt_options.hpp"
#include "nada/experiment/program.hpp"
#include "nada/experiment/training_run.hpp"
#include "nada/formats/grid.hpp"
#include "nada/generators/load.hpp"
#include "nada/metrics/frechet.hpp"
#include "nada/pretraining/generator_training.hpp"
#include "nada/pretraining/image_set.hpp"

namespace {

using namespace nada;

struct Options {
  static constexpr const char* about = "trains a StyleGAN2 generator on a folder of pictures";
  static constexpr const char* example = "pretrain_generator --data pictures --images 400000 --out runs/faces";

  std::filesystem::path data, held, encoder, start, evaluate;
  std::int64_t images = 400000, batch = 16, latents = 128, styles = 128, mapping_layers = 4, stem = 2, group = 4;
  std::int64_t r1_every = 16, path_every = 0, frechet_every = 50000, frechet_samples = 2000, samples_every = 10000,
               state_every = 5000, log_every = 1600;
  std::string channels = "128,128,96,48,24", critic_channels = "48,96,128,192", noise = "none", precision = "bfloat16",
              licence, about_weights;
  double lr = 0.0025, final_lr = 1, r1 = 0.15, path = 2, mixing = 0, average = 10000;
  bool flips = false;
  std::uint64_t seed = 0;
  TrainingRunOptions run;
  MachineOptions machine;

  void declare(OptionTable& table) {
    using enum OptionTable::Kind;
    table.group("Data");
    table.add("data", data, "folder of pictures or shards (docs/pretraining.md)");
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
    table.group("Training");
    table.add("images", images, "real pictures to see in all");
    table.add("batch", batch, "pictures a step");
    table.add("lr", lr, "Adam's learning rate, of both networks");
    table.add("final-lr", final_lr, "share of it at the end; over the last fifth of the images it falls to that");
    table.add("r1", r1, "gamma of the penalty R1");
    table.add("r1-every", r1_every, "steps from one R1 to the next; 0: never");
    table.add("path", path, "weight of path length regularisation");
    table.add("path-every", path_every, "steps from one to the next; 0: never");
    table.add("mixing", mixing, "share of samples whose styles come from two latents");
    table.add("noise", noise, "noise inputs: none or fresh", saved, "NAME");
    table.add("average", average, "half-life of the running mean of the weights, in images");
    table.add("precision", precision, "what convolutions compute in: float32 or bfloat16", saved, "NAME");
    table.add("seed", seed, "of all that is random");
    table.group("Measuring");
    table.add("held", held, "folder of pictures that are not trained on, for the Frechet distance");
    table.add("encoder", encoder, "CLIP file in whose features it is measured (default the embedded held-out one)");
    table.add("evaluate", evaluate, "measure this generator on --held and train nothing", session, "FILE");
    table.add("frechet-every", frechet_every, "images from one measurement to the next; 0: only at the end");
    table.add("frechet-samples", frechet_samples, "generated samples of a measurement");
    table.add("samples-every", samples_every, "images from one sample grid to the next");
    table.add("state-every", state_every, "images from one saved state to the next");
    table.add("log-every", log_every, "images from one row of metrics.csv to the next");
    table.add("licence", licence, "goes into the file's metadata");
    table.add("about", about_weights, "goes into the file's metadata");
    run.declare(table);
    machine.declare(table);
  }

  GeneratorTrainingSettings settings() const {
    GeneratorTrainingSettings out;
    out.batch = batch;
    out.generator.rate = out.discriminator.rate = lr;
    out.mixing = mixing;
    out.noise = noise_of(noise);
    out.average_images = average;
    out.seed = seed;
    require(precision == "float32" || precision == "bfloat16",
            "option precision: expected float32 or bfloat16, found '", precision, "'");
    if (precision == "bfloat16") out.convolutions = torch::kBFloat16;
    return out;
  }
};

/// The mean of the last feature map of each image, [N, C]: what distances are measured in.
Tensor features(const AnyClip& encoder, std::int64_t count,
                const std::function<Tensor(std::int64_t, std::int64_t)>& images) {
  const torch::NoGradGuard no_grad;
  std::vector<Tensor> out;
  for (std::int64_t at = 0; at < count; at += 50)
    out.push_back(
        encoder.see(images(at, std::min<std::int64_t>(50, count - at)).clamp(-1, 1), {.tokens = true}).tokens.mean(1));
  return torch::cat(out);
}

/// z of the samples that are measured and shown: always the same.
Tensor generated(const StyleGan2& generator, std::uint64_t seed, std::int64_t first, std::int64_t count) {
  const torch::NoGradGuard no_grad;
  const auto z = Stream{seed, 0}.normal(Purpose::samples, {count, generator.latent_size()}, first);
  Render render;
  render.noise = Noise::none;
  return generator.synthesize(generator.map(z.to(generator.options())), render);
}

AnyClip measuring_encoder(const Options& o) {
  return load_clip(o.encoder.empty() ? configs() / "avatars" / "encoder_held.safetensors" : o.encoder);
}

/// Prints the Frechet distance of a generator to held-out pictures.
int evaluate(const Options& o) {
  require(!o.held.empty(), "--evaluate needs pictures to measure with: --held FOLDER");
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
  return 0;
}

int pretrain(Options& o, OptionTable& table) {
  o.run.read(table, {"images", "threads", "device"});
  if (!o.evaluate.empty()) {
    o.machine.use();
    return evaluate(o);
  }
  require(!o.data.empty(), "no pictures were given; name their folder with --data");
  require(o.images >= 1 && o.samples_every >= 1 && o.state_every >= 1 && o.log_every >= 1 && o.frechet_every >= 0,
          "options images, samples-every, state-every and log-every must be 1 or more");
  o.machine.use();
  require(o.machine.place().is_cpu(), "pretrain_generator computes on the processor only; use --device cpu");
  const auto settings = o.settings();
  const Stream stream{o.seed, 0};
  NamedTensors initial;
  if (o.start.empty()) {
    initial = initial_generator({whole_numbers(o.channels, "channels"), o.latents, o.styles, o.mapping_layers}, stream);
  } else {
    initial = load_stylegan2(o.start).clone().tensors();
  }
  const StyleGan2 shape(initial);
  const auto data = ImageSet::open(o.data, shape.resolution());
  DiscriminatorShape critic_shape{whole_numbers(o.critic_channels, "discriminator-channels"), o.stem, o.group,
                                  shape.resolution()};
  StyleGan2Discriminator critic(initial_discriminator(critic_shape, stream), "discriminator", {.group = o.group});
  GeneratorTraining training(initial, std::move(critic), NonSaturatingLogistic{},
                             R1{.gamma = o.r1, .every = o.r1_every},
                             PathLength{.factor = o.path, .every = o.path_every}, settings);

  std::optional<AnyClip> encoder;
  Tensor real_features;
  if (!o.held.empty()) {
    encoder = measuring_encoder(o);
    const auto held = ImageSet::open(o.held, shape.resolution());
    real_features = features(*encoder, held.size(), [&](auto at, auto n) { return held.images(at, n); });
  }

  auto folder = o.run.folder(table, o.seed);
  if (folder.resumed()) training.load(folder / "state.safetensors");
  const std::vector<std::string> columns = {
      "images", "loss_discriminator", "loss_generator", "real", "fake", "r1", "path", "frechet", "images_per_second"};
  TrainingLog log(folder / "metrics.csv", columns, training.steps());
  const auto steps = (o.images + o.batch - 1) / o.batch;
  const auto every = [&](std::int64_t images) {  // whether this many images passed with the last step
    return images > 0 && training.images() / images != (training.images() - o.batch) / images;
  };
  const auto save_results = [&] {
    Metadata more{{"nada.images_seen", std::to_string(training.images())},
                  {"nada.options", folder.notes().options_text}};
    if (!o.licence.empty()) more["nada.licence"] = o.licence;
    if (!o.about_weights.empty()) more["nada.about"] = o.about_weights;
    save_tensors(folder / "generator.safetensors", training.average().tensors(),
                 generator_metadata(training.average(), more));
  };
  const auto show = [&] {
    std::vector<std::vector<Picture>> rows;
    for (std::int64_t r = 0; r < 8; ++r) rows.push_back(to_pictures(generated(training.average(), o.seed, 12 * r, 12)));
    char name[32];
    std::snprintf(name, sizeof name, "%09lld.png", static_cast<long long>(training.images()));
    std::filesystem::create_directories(folder / "samples");
    write_picture(folder / "samples" / name, make_grid(rows, 64));
  };
  std::optional<double> distance;
  const auto measure = [&] {
    if (!encoder) return;
    const auto fake = features(*encoder, o.frechet_samples,
                               [&](auto at, auto n) { return generated(training.average(), o.seed, at, n); });
    distance = frechet_distance(fake, real_features);
    log.add("frechet", *distance);
    std::cout << "images " << training.images() << "  Frechet distance " << *distance << std::endl;
  };

  if (folder.resumed() && training.steps() >= steps && std::filesystem::exists(folder / "generator.safetensors")) {
    std::cout << "the run in " << folder.path().string() << " is finished: " << training.images() << " images\n";
    return 0;
  }

  const StopSignals signals;
  Progress progress("training", steps * o.batch, training.images());
  double last = seconds_now();
  std::int64_t last_images = training.images();
  bool measured = false;
  while (training.steps() < steps && !StopToken::requested()) {
    // The data's numbers depend on the step alone, like all others.
    const Stream draw{o.seed, training.steps() + 1};
    const auto u = draw.uniform(Purpose::evaluation, {o.batch, 2});
    std::vector<std::int64_t> chosen;
    for (std::int64_t i = 0; i < o.batch; ++i)
      chosen.push_back(std::min(data.size() - 1,
                                static_cast<std::int64_t>(u[i][0].item<double>() * static_cast<double>(data.size()))));
    auto real = data.images(chosen);
    if (o.flips) real = torch::where((u.select(1, 1) < 0.5).view({o.batch, 1, 1, 1}), real.flip(3), real);
    const double part = static_cast<double>(training.steps()) / static_cast<double>(steps);
    training.set_rate(o.lr * (part < 0.8 ? 1 : 1 + (o.final_lr - 1) * (part - 0.8) / 0.2));
    const auto found = training.step(real);
    log.add("loss_discriminator", found.discriminator_loss);
    log.add("loss_generator", found.generator_loss);
    log.add("real", found.real);
    log.add("fake", found.fake);
    log.add("r1", found.discriminator_penalty);
    log.add("path", found.generator_penalty);
    char note[64];
    std::snprintf(note, sizeof note, "D %.3f  G %.3f", found.discriminator_loss, found.generator_loss);
    progress.update(training.images(), note);
    measured = every(o.frechet_every);
    if (measured) measure();
    if (every(o.log_every) || measured) {
      log.add("images", static_cast<double>(training.images()));
      const double now = seconds_now();
      log.add("images_per_second", static_cast<double>(training.images() - last_images) / (now - last));
      last = now;
      last_images = training.images();
      log.row(training.steps());
    }
    if (every(o.samples_every)) show();
    if (every(o.state_every)) {
      training.save(folder / "state.safetensors");
      save_results();
    }
  }
  const bool finished = training.steps() >= steps;
  training.save(folder / "state.safetensors");
  show();
  save_results();
  if (finished && !measured && encoder) {
    measure();
    log.add("images", static_cast<double>(training.images()));
    log.row(training.steps());
  }
  progress.finish();
  if (!finished)
    std::cout << "stopped after " << training.images() << " of " << steps * o.batch
              << " images; continue with --resume " << folder.path().string() << '\n';
  std::cout << "generator  " << (folder / "generator.safetensors").string() << '\n';
  return 0;
}

}  // namespace

int main(int argc, char** argv) { return run_tool<Options>(argc, argv, pretrain); }
