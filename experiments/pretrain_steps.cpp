// Tool: trains a head that predicts how an encoder's dense features move under a text, on pairs of pictures.
// Run:      pretrain_steps --encoder configs/avatars/encoder_rn.safetensors --data DATA/pair --held HELD/pair
//           pretrain_steps --evaluate FILE --held HELD/pair       measures a head and writes nothing
// Writes:   <out>/options.cfg  metrics.csv  state.safetensors  encoder.safetensors (the encoder with its head)
#include <algorithm>
#include <cmath>
#include <cstdio>
#include <filesystem>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "nada/core/error.hpp"
#include "nada/core/progress.hpp"
#include "nada/core/stop.hpp"
#include "nada/core/stream.hpp"
#include "nada/encoders/any_clip.hpp"
#include "nada/encoders/step_head.hpp"
#include "nada/experiment/embedded.hpp"
#include "nada/experiment/option_table.hpp"
#include "nada/experiment/program.hpp"
#include "nada/experiment/training_run.hpp"
#include "nada/formats/model_file.hpp"
#include "nada/formats/recognise.hpp"
#include "nada/formats/tensor_file.hpp"
#include "nada/pretraining/image_set.hpp"
#include "nada/pretraining/step_head_training.hpp"

namespace {

using namespace nada;

struct Options : PretrainingOptions {
  static constexpr const char* about = "trains a head that predicts how dense features move under a text";
  static constexpr const char* example =
      "pretrain_steps --encoder encoder.safetensors --data DATA/pair --steps 1500 --out runs/steps";

  std::filesystem::path encoder, start;
  std::int64_t steps = 1500, warmup = 50, width = 96, blocks = 4, fold = 4, directions = 256, levels = -1;
  double text_noise = 0.03;
  bool flips = true, pixels = false;
  std::vector<std::string> without;

  Options() : PretrainingOptions{.unit = "steps", .batch = 16, .lr = 0.002, .state_every = 100, .log_every = 20} {}

  void declare(OptionTable& table) {
    using enum OptionTable::Kind;
    declare_data(table, "pairs of pictures with captions");
    table.add("without", without, "texts of the column `style` whose pairs are left out", saved, "TEXT");
    table.add("flips", flips, "mirror every second pair");
    table.group("Encoder and head");
    table.add("encoder", encoder, "CLIP with a residual image tower, which stays as it is", saved, "FILE");
    table.add("width", width, "channels of the head");
    table.add("blocks", blocks, "its depth");
    table.add("fold", fold, "side of the squares of pixels that it folds into channels first");
    table.add("levels", levels, "levels of the encoder's dense features that it predicts, the first ones; -1: all");
    table.add("pixels", pixels, "let it predict the pixels too");
    table.add("start", start, "begin with the head of this encoder; with --pixels it gets that level if it has none",
              saved, "FILE");
    table.add("directions", directions, "text steps of the training that it keeps, to tell which texts it knows");
    table.group("Training");
    table.add("steps", steps, "training steps");
    declare_training(table, "Adam's largest learning rate; it rises over the warm-up and falls to 0 along a cosine");
    table.add("warmup", warmup, "steps of the warm-up");
    table.add("text-noise", text_noise, "deviation of what is added to text steps");
    declare_measuring(table, "encoder with its head");
    declare_run(table);
  }
};

/// Prints, for each text of the column `style` that the pairs move to, what the head explains of each level.
void measure(const AnyClip& encoder, const StepHead& head, const ImageSet& held) {
  const StepPairSource pairs(held, encoder);
  std::printf("%-52s %8s  share of the steps' energy that is predicted, by level\n", "text", "known");
  for (const auto& text : pairs.texts("style")) {
    const auto chosen = pairs.with_text("style", text, 48);
    if (chosen.empty()) continue;
    const auto batch = pairs.at(chosen);
    const auto found = explained_energy(encoder, head, batch);
    std::printf("%-52s %8.3f ", text.c_str(), head.familiarity(unit(batch.step.mean(0, true))));
    for (const auto share : found) std::printf(" %7.3f", share);
    std::printf("\n");
  }
  std::fflush(stdout);
}

void evaluate(const Options& o) {
  const auto encoder = load_clip(o.evaluate);
  require(encoder.step_head() != nullptr, o.evaluate, ": holds no step head, expected an encoder of pretrain_steps");
  measure(encoder, *encoder.step_head(), ImageSet::open(o.held));
}

double rate_at(const Options& o, std::int64_t step) {
  const auto s = static_cast<double>(step), warm = static_cast<double>(o.warmup), all = static_cast<double>(o.steps);
  if (s < warm) return o.lr * (s + 1) / warm;
  return o.lr * (0.01 + 0.99 * 0.5 * (1 + std::cos(3.14159265358979 * (s - warm) / std::max(1.0, all - warm))));
}

void save(const Options& o, const RunFolder& folder, const StepHeadTraining& training) {
  save_training_state(folder.state(), training.state());
  const auto file = ModelFile::open(o.encoder);
  auto tensors = to_tensors(file);
  std::erase_if(tensors, [](const auto& one) { return one.first.starts_with("step_head."); });  // another head
  for (const auto& [name, value] : training.tensors()) tensors[name] = value.to(torch::kFloat16);
  auto metadata = file.metadata();
  metadata["nada.step_head_pairs_seen"] = std::to_string(training.steps() * o.batch);
  save_tensors(folder / "encoder.safetensors", tensors, o.metadata(folder, std::move(metadata)));
}

void train(const Options& o, const RunFolder& folder, const StepPairSource& pairs, StepHeadTraining& training) {
  TrainingLog log(folder / "metrics.csv", {"loss", "lr", "pictures_per_second"}, training.steps());
  const StopSignals signals;
  Progress progress("training", o.steps, training.steps());
  Pace pace(training.steps() * o.batch);
  while (training.steps() < o.steps && !StopToken::requested()) {
    const auto now = training.steps();
    training.set_rate(rate_at(o, now));
    const auto loss = training.step(pairs.draw(o.batch, o.flips, Stream{o.seed, now + 1}));
    log.add("loss", loss);
    log.add("lr", rate_at(o, now));
    progress.update(training.steps(), join("loss ", loss));
    if (training.steps() % o.log_every == 0) {
      log.add("pictures_per_second", pace(training.steps() * o.batch));
      log.row(training.steps());
    }
    if (training.steps() % o.state_every == 0) save(o, folder, training);
  }
  save(o, folder, training);
  progress.finish();
}

/// Returns the shape of the head that the options ask for.
StepHeadShape shape_of(const Options& o, const AnyClip& encoder) {
  auto levels = encoder.dense_levels();
  require(!levels.empty(), o.encoder, ": has no dense features, expected a CLIP with a residual image tower");
  const auto all = static_cast<std::int64_t>(levels.size());
  require(o.levels >= -1 && o.levels <= all, "option levels: expected -1 or a number from 0 to ", all, ", found ",
          o.levels);
  if (o.levels >= 0) levels.resize(static_cast<std::size_t>(o.levels));
  return {.levels = levels,
          .pixels = o.pixels,
          .embedding = encoder.width(),
          .width = o.width,
          .blocks = o.blocks,
          .fold = o.fold,
          .directions = o.directions};
}

/// Puts the head of `o.start` in place of a new one; returns how many of its levels have their scales.
std::size_t take_start(const Options& o, const StepHeadShape& shape, TensorMap& head) {
  auto start = to_tensors(ModelFile::open(o.start));
  std::erase_if(start, [](const auto& one) { return !one.first.starts_with("step_head."); });
  require(!start.empty(), o.start, ": holds no step head, expected an encoder of pretrain_steps");
  const auto scales = start.at("step_head.scale").to(torch::kFloat32);
  start.erase("step_head.scale");
  start.erase("step_head.directions");
  for (auto& [name, value] : start) {
    const auto place = head.find(name);
    require(place != head.end() && place->second.sizes() == value.sizes(), o.start, ": its step head has ", name, ' ',
            shape_text(value.sizes()), ", expected ", place == head.end() ? "none" : shape_text(place->second.sizes()),
            "; give --width, --blocks, --fold, --levels and --pixels as it was trained, or --pixels besides");
    place->second = value.to(torch::kFloat32);
  }
  for (const auto& [name, value] : head)
    require(start.contains(name) || name == "step_head.scale" || name == "step_head.directions" ||
                name.starts_with("step_head.pixels"),
            o.start, ": its step head has no ", name, "; give --blocks and --levels as it was trained");
  const auto known = std::min<std::int64_t>(scales.size(0), head.at("step_head.scale").size(0));
  require(known >= static_cast<std::int64_t>(shape.levels.size()), o.start, ": step_head.scale has ", scales.size(0),
          " numbers, expected at least ", shape.levels.size());
  head.at("step_head.scale").narrow(0, 0, known).copy_(scales.narrow(0, 0, known));
  return static_cast<std::size_t>(known);
}

int pretrain(Options& o, OptionTable& table) {
  o.read(table);
  if (!o.evaluate.empty()) {
    evaluate(o);
    return 0;
  }
  require(o.batch >= 2 && o.steps >= 1 && o.warmup >= 0 && o.width >= 1 && o.blocks >= 1 && o.directions >= 1,
          "options batch, steps, warmup, width, blocks and directions must be at least 2, 1, 0, 1, 1 and 1");
  if (o.encoder.empty()) o.encoder = embedded_encoders().front().path;
  const auto encoder = load_clip(o.encoder);
  const auto shape = shape_of(o, encoder);
  auto head = initial_step_head(shape, {o.seed, 0});
  const auto measured = o.start.empty() ? 0 : take_start(o, shape, head);
  const auto data = ImageSet::open(o.data);
  std::optional<ImageSet> held;
  if (!o.held.empty()) held = ImageSet::open(o.held, data.resolution());
  StepPairSource pairs(data, encoder);
  const auto styles = pairs.texts("style");
  for (const auto& text : o.without) {
    require(std::find(styles.begin(), styles.end(), text) != styles.end(), "option without: no pair moves to '", text,
            "' in the column style");
    pairs.leave_out("style", text);
  }
  StepHeadTraining training(encoder, head, {.text_noise = o.text_noise, .seed = o.seed, .measured = measured});
  training.set_directions(pairs.directions(o.directions, o.seed));
  const auto folder = o.folder(table);
  if (folder.resumed()) training.restore(load_training_state(folder.state()), folder.state().string());
  if (o.is_finished(folder, training.steps(), o.steps, "encoder.safetensors")) return 0;
  train(o, folder, pairs, training);
  if (held) measure(encoder, training.head(), *held);
  o.tell_end(folder, training.steps(), o.steps, "encoder", "encoder.safetensors");
  return 0;
}

}  // namespace

int main(int argc, char** argv) { return run_tool<Options>(argc, argv, pretrain); }
