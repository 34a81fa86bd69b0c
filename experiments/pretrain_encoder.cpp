// Tool: trains a CLIP on a folder of pictures with captions.
// Run:      pretrain_encoder --config configs/avatars/encoder_rn.cfg --data DATA [--resume runs/...]
//           pretrain_encoder --evaluate FILE --held DATA      measures a CLIP and writes nothing
// Writes:   <out>/options.cfg  metrics.csv  evaluation.csv  merges.txt  state.safetensors  encoder.safetensors
#include <algorithm>
#include <cstdio>
#include <iostream>
#include <map>
#include <optional>
#include <set>

#include <nlohmann/json.hpp>

#include "nada/core/error.hpp"
#include "nada/core/progress.hpp"
#include "nada/core/stop.hpp"
#include "nada/core/stream.hpp"
#include "nada/encoders/any_clip.hpp"
#include "nada/encoders/clip.hpp"
#include "nada/encoders/encoder.hpp"
#include "nada/encoders/tokenizer.hpp"
#include "nada/experiment/option_table.hpp"
#include "nada/experiment/program.hpp"
#include "nada/experiment/training_run.hpp"
#include "nada/formats/file.hpp"
#include "nada/formats/recognise.hpp"
#include "nada/formats/tensor_file.hpp"
#include "nada/metrics/measure.hpp"
#include "nada/pretraining/byte_pairs.hpp"
#include "nada/pretraining/encoder_evaluation.hpp"
#include "nada/pretraining/encoder_schedule.hpp"
#include "nada/pretraining/encoder_training.hpp"
#include "nada/pretraining/image_set.hpp"
#include "nada/pretraining/initial_encoder.hpp"

namespace {

using namespace nada;

struct Options : PretrainingOptions {
  static constexpr const char* about = "trains a CLIP on a folder of pictures with captions";
  static constexpr const char* example = "pretrain_encoder --data pictures --steps 5000 --out runs/encoder";

  std::filesystem::path merges;
  std::string tower = "residual", layers = "1,1,1,1", precision = "float32";
  std::int64_t resolution = 0, width = 32, patch = 8, embedding = 128, text_width = 128, text_layers = 2, context = 48,
               merge_count = 600;
  std::int64_t evaluate_every = 500, held_pictures = 3000;
  double weight_decay = 0.05, full_captions = 0.5;
  EncoderSchedule schedule = {};
  std::vector<std::string> stages;

  Options() : PretrainingOptions{.unit = "steps", .batch = 128, .state_every = 100, .log_every = 20} {}

  void declare(OptionTable& table) {
    using enum OptionTable::Kind;
    declare_data(table, "pictures with captions");
    table.add("resolution", resolution,
              "pixels a side that picture files are resized to; 0: as the shards, else the first file, have");
    table.add("full-captions", full_captions, "share of the pictures that are read with their first caption");
    table.group("Encoder");
    table.add("tower", tower, "image tower: residual or transformer", saved, "NAME");
    table.add("width", width, "of the tower");
    table.add("layers", layers, "blocks of a residual network's four stages, or a transformer's depth", saved,
              "N,N,N,N");
    table.add("patch", patch, "pixels of a transformer's patches");
    table.add("embedding", embedding, "numbers of a feature");
    table.add("text-width", text_width, "of the text tower");
    table.add("text-layers", text_layers, "its depth");
    table.add("context", context, "tokens that a caption may have, start and end included");
    table.add("merges", merges, "byte pairs to use; without, they are learned from the captions");
    table.add("merge-count", merge_count, "byte pairs to learn, at most");
    table.group("Training");
    table.add("steps", schedule.steps, "training steps");
    declare_training(table, "AdamW's largest learning rate; it rises over the warm-up and falls to 0 along a cosine");
    table.add("warmup", schedule.warmup, "steps of the warm-up");
    table.add("weight-decay", weight_decay, "of matrices and kernels");
    declare_precision(table, precision, "matrix products and convolutions");
    table.add("step-weight", schedule.step_weight,
              "weight of the term that aligns steps between pictures and between captions");
    table.add("column-weight", schedule.column_weight,
              "weight of the term that names pictures among the texts of each column of the tables");
    table.add("mix-weight", schedule.mix_weight,
              "weight of the term that names pictures which are changed in a part, between two of one group; 0: none");
    table.add("augmentation", schedule.augmentation,
              "how far pictures are cropped, blurred and dimmed, in [0, 1]; 1: as far as is useful");
    table.add("radius", schedule.radius, "largest adversarial change of a picture, L2 in [-1, 1] units; 0: none");
    table.add("radius-from", schedule.radius_from, "share of the steps before which no picture is changed so");
    table.add("radius-after", schedule.radius_after,
              "share of the steps after which it is reached; in between, it grows evenly");
    table.add(
        "stage", stages,
        "what is other after some steps, such as \"6000 steps=14000 radius=0\": steps is the length that rate and "
        "radius follow; also lr, radius-from, radius-after, augmentation, step-weight, column-weight, mix-weight",
        saved, "\"N NAME=VALUE ...\"");
    declare_measuring(table, "CLIP");
    table.add("evaluate-every", evaluate_every, "steps from one measurement to the next; 0: only at the end");
    table.add("held-pictures", held_pictures, "pictures of a measurement, about");
    declare_run(table);
  }
};

/// Measured holds the measurements in the order of the table; for a column, also the share of each text's pictures
/// that are found.
struct Measured {
  std::string name;
  double value = 0;
  std::map<std::string, double> each = {};
};
using Measurements = std::vector<Measured>;

Measurements measure(const AnyClip& encoder, const ImageSet& held, std::int64_t pictures) {
  const auto seen = see_set(encoder, held, spread_pictures(held, pictures));
  std::set<std::string> columns;
  for (const auto i : seen.pictures)
    for (const auto& [column, text] : held[i].texts) columns.insert(column);
  Measurements out{{.name = "retrieval", .value = retrieval(encoder, seen)},
                   {.name = "direction", .value = direction_agreement(encoder, seen)}};
  for (const auto& column : columns) {
    auto found = zero_shot(encoder, seen, column);
    out.push_back({column, found.accuracy, std::move(found.each)});
  }
  return out;
}

void print(const Measurements& found) {
  for (const auto& [name, value, each] : found) {
    std::printf("  %-12s %.4f", name.c_str(), value);
    const auto least = std::min_element(each.begin(), each.end(), [](auto& a, auto& b) { return a.second < b.second; });
    if (least != each.end() && least->second < 1) std::printf("   least: %.4f %s", least->second, least->first.c_str());
    std::printf("\n");
  }
  std::fflush(stdout);
}

/// Returns the columns of the tables that have two texts or more, with the texts that some pictures have in the column.
std::vector<NamedColumn> columns_of(const ImageSet& data, const std::vector<std::int64_t>& pictures) {
  std::map<std::string, std::map<std::string, std::int64_t>> found;  // column -> text -> place
  for (const auto i : pictures)
    for (const auto& [column, text] : data[i].texts) found[column].emplace(text, 0);
  std::vector<NamedColumn> out;
  for (auto& [name, places] : found) {
    if (places.size() < 2) continue;
    NamedColumn column;
    for (auto& [text, place] : places) {
      place = static_cast<std::int64_t>(column.texts.size());
      column.texts.push_back(text);
    }
    std::vector<std::int64_t> truth;
    for (const auto i : pictures) {
      const auto text = data[i].texts.find(name);
      truth.push_back(text == data[i].texts.end() ? -1 : places.at(text->second));
    }
    column.truth = torch::tensor(truth);
    out.push_back(std::move(column));
  }
  return out;
}

/// Draws a picture evenly, then adds the others of its group, until the batch is full; `columns` adds
/// the tables' columns.
CaptionedBatch draw_batch(const ImageSet& data, const Options& o, bool columns, const Stream& stream) {
  const auto u = stream.uniform(Purpose::evaluation, {o.batch, 3});
  std::vector<std::int64_t> pictures, unit;
  std::vector<std::size_t> index;  // index of the caption; the same in a group
  CaptionedBatch out;
  for (std::int64_t draw = 0; static_cast<std::int64_t>(pictures.size()) < o.batch; ++draw) {
    const auto number = [&](std::int64_t column) { return u[draw][column].item<double>(); };
    const auto i = std::min(data.size() - 1, static_cast<std::int64_t>(number(0) * static_cast<double>(data.size())));
    const auto first = static_cast<std::int64_t>(pictures.size());
    const auto group = data[i].group.empty() ? std::vector{i} : data.groups().at(data[i].group);
    for (const auto member : group) {
      if (static_cast<std::int64_t>(pictures.size()) == o.batch) break;
      const auto& captions = data[member].captions;
      std::size_t which = 0;
      if (captions.size() > 1 && number(1) >= o.full_captions)
        which = 1 + std::min(captions.size() - 2,
                             static_cast<std::size_t>(number(2) * static_cast<double>(captions.size() - 1)));
      pictures.push_back(member);
      unit.push_back(first);
      out.captions.push_back(captions[which]);
      const auto now = static_cast<std::int64_t>(pictures.size()) - 1;
      if (now > first && (which > 0 || captions.size() == 1) &&
          out.captions.back() != out.captions[static_cast<std::size_t>(first)])
        out.pairs.emplace_back(first, now);
    }
  }
  out.images = data.images(pictures);
  out.unit = torch::tensor(unit);
  if (columns) out.columns = columns_of(data, pictures);
  return out;
}

/// Returns all captions of the pictures.
/// Errors:  a picture without a caption.
std::vector<std::string> all_captions(const ImageSet& data) {
  std::vector<std::string> out;
  for (std::int64_t i = 0; i < data.size(); ++i) {
    const auto& captions = data[i].captions;
    require(!captions.empty(), data.where(i),
            ": has no caption, expected a text file beside the picture, or a row of captions.csv (of the shard's "
            "table) with a `caption`");
    out.insert(out.end(), captions.begin(), captions.end());
  }
  return out;
}

/// Returns the byte pairs of the run that goes on, else the pairs that were given, else learned pairs.
Tokenizer vocabulary(const Options& o, const std::vector<std::string>& captions) {
  if (const auto kept = o.resume / "merges.txt"; !o.resume.empty() && std::filesystem::exists(kept))
    return Tokenizer::open(kept);
  if (!o.merges.empty()) return Tokenizer::open(o.merges);
  return Tokenizer::from_merges(learn_byte_pairs(captions, static_cast<std::size_t>(o.merge_count)), "byte pairs");
}

/// Measures the CLIP of --evaluate and prints the measurements.
void evaluate(const Options& o) {
  const auto encoder = load_clip(o.evaluate);
  print(measure(encoder, ImageSet::open(o.held, encoder.resolution()), o.held_pictures));
}

/// Errors:  options that a training cannot have, as far as they can be judged before the pictures are read.
void check(const Options& o) {
  require(o.tower == "residual" || o.tower == "transformer", "option tower: expected residual or transformer, found '",
          o.tower, "'");
  require(o.batch >= 2 && o.evaluate_every >= 0 && o.held_pictures >= 1 && o.resolution >= 0,
          "options batch, held-pictures, evaluate-every and resolution must be at least 2, 1, 0 and 0");
}

/// Returns the parts of an encoder beside its weights: vocabulary, phrases, preprocessing.
ClipSettings clip_of(const Options& o, const std::vector<std::string>& captions) {
  ClipSettings out;
  out.preprocessing.mean = out.preprocessing.deviation = {0.5, 0.5, 0.5};
  out.tokenizer = vocabulary(o, captions);
  out.phrases = words_of(captions);
  return out;
}

EncoderShape shape_of(const Options& o, std::int64_t resolution, const Tokenizer& tokenizer) {
  EncoderShape out;
  out.resolution = resolution;
  out.embedding = o.embedding;
  out.width = o.width;
  out.patch = o.tower == "transformer" ? o.patch : 0;
  out.layers = whole_numbers(o.layers, "layers");
  out.context = o.context;
  out.vocabulary = tokenizer.vocabulary_size();
  out.text_width = o.text_width;
  out.text_layers = o.text_layers;
  return out;
}

EncoderTrainingSettings settings_of(const Options& o) {
  EncoderTrainingSettings out;
  out.weight_decay = o.weight_decay;
  out.products = products_in(o.precision);
  out.seed = o.seed;
  return out;
}

/// Opens the folder of the run; a run that goes on gives the training its state, a new run saves
/// the vocabulary's merges.
RunFolder open_folder(const Options& o, const OptionTable& table, const ClipSettings& clip, EncoderTraining& training) {
  auto folder = o.folder(table);
  if (folder.resumed()) training.restore(load_training_state(folder.state()), folder.state().string());
  if (!std::filesystem::exists(folder / "merges.txt")) write_text(folder / "merges.txt", clip.tokenizer->merges());
  return folder;
}

/// Run is a training with the files that it writes into its folder.
class Run {
 public:
  /// Opens metrics.csv. `held` are pictures to measure with, where there are some.
  Run(const Options& o, const RunFolder& folder, const ClipSettings& clip, const std::optional<ImageSet>& held,
      EncoderTraining& training)
      : o_(o),
        folder_(folder),
        clip_(clip),
        held_(held),
        training_(training),
        begun_(training.steps()),
        log_(folder / "metrics.csv",
             {"contrastive", "step_term", "naming_term", "mix_term", "scale", "lr", "radius", "pictures_per_second"},
             begun_) {}

  /// Trains to the last step or until a signal; saves and measures on the way and at the end.
  void train(const ImageSet& data, const StagedEncoderSchedule& schedule, EncoderTrainingSettings settings) {
    const auto all = o_.schedule.steps;
    const StopSignals signals;
    Progress progress("training", all, training_.steps());
    Pace pace(training_.steps() * o_.batch);
    bool measured = false;
    while (training_.steps() < all && !StopToken::requested()) {
      const auto now = training_.steps();
      const auto& stage = schedule.at(now);
      stage.apply(settings, now);
      training_.set(settings);
      const auto found = training_.step(draw_batch(data, o_, stage.column_weight > 0, Stream{o_.seed, now + 1}));
      const auto step = training_.steps();
      log(found, settings);
      char note[96];
      std::snprintf(note, sizeof note, "contrastive %.3f  step %.3f  naming %.3f", found.contrastive, found.step,
                    found.naming);
      progress.update(step, note);
      if (step % o_.log_every == 0) {
        log_.add("pictures_per_second", pace(step * o_.batch));
        log_.row(step);
      }
      measured = o_.evaluate_every > 0 && step % o_.evaluate_every == 0;
      if (measured) evaluate();
      if (step % o_.state_every == 0) save();
    }
    save();
    if (training_.steps() >= all && !measured) evaluate();
    progress.finish();
  }

 private:
  void log(const EncoderStep& found, const EncoderTrainingSettings& settings) {
    log_.add("contrastive", found.contrastive);
    log_.add("step_term", found.step);
    log_.add("naming_term", found.naming);
    log_.add("mix_term", found.mix);
    log_.add("scale", found.scale);
    log_.add("lr", settings.adam.rate);
    log_.add("radius", settings.radius);
  }

  /// Measures with the held pictures; evaluation.csv and the screen get the result. The first measurement
  /// names the columns.
  void evaluate() {
    if (!held_) return;
    const auto found = measure(training_.encoder(), *held_, o_.held_pictures);
    if (!evaluation_) {
      std::vector<std::string> columns;
      for (const auto& one : found) columns.push_back(one.name);
      evaluation_.emplace(folder_ / "evaluation.csv", columns, begun_);
    }
    for (const auto& one : found) evaluation_->add(one.name, one.value);
    evaluation_->row(training_.steps());
    std::printf("step %lld\n", static_cast<long long>(training_.steps()));
    print(found);
  }

  /// Writes the state and the encoder.
  void save() const {
    save_training_state(folder_.state(), training_.state());
    const nlohmann::json phrases = clip_.phrases;
    Metadata more{{"nada.kind", "encoder"},
                  {"nada.format", std::string(format_version)},
                  {"nada.image_mean", "0.5 0.5 0.5"},
                  {"nada.image_deviation", "0.5 0.5 0.5"},
                  {"nada.merges", clip_.tokenizer->merges()},
                  {"nada.phrases", phrases.dump()},
                  {"nada.pictures_seen", std::to_string(training_.steps() * o_.batch)}};
    save_tensors(folder_ / "encoder.safetensors", training_.tensors(), o_.metadata(folder_, std::move(more)));
  }

  const Options& o_;
  const RunFolder& folder_;
  const ClipSettings& clip_;
  const std::optional<ImageSet>& held_;
  EncoderTraining& training_;
  const std::int64_t begun_;  // step from which the tables go on
  TrainingLog log_;
  std::optional<TrainingLog> evaluation_;
};

int pretrain(Options& o, OptionTable& table) {
  o.read(table);
  if (!o.evaluate.empty()) {
    evaluate(o);
    return 0;
  }
  check(o);
  settle_precision(o.precision);
  o.schedule.lr = o.lr;
  const auto all = o.schedule.steps;
  const StagedEncoderSchedule schedule(o.schedule, o.stages, all);
  const auto data = ImageSet::open(o.data, o.resolution);
  const auto captions = all_captions(data);
  std::optional<ImageSet> held;
  if (!o.held.empty()) held = ImageSet::open(o.held, data.resolution());
  const auto clip = clip_of(o, captions);
  const auto shape = shape_of(o, data.resolution(), *clip.tokenizer);
  const auto settings = settings_of(o);
  EncoderTraining training(initial_encoder(shape, {o.seed, 0}), clip, settings);
  const auto folder = open_folder(o, table, clip, training);
  Run run(o, folder, clip, held, training);
  if (o.is_finished(folder, training.steps(), all, "encoder.safetensors")) return 0;
  run.train(data, schedule, settings);
  o.tell_end(folder, training.steps(), all, "encoder", "encoder.safetensors");
  return 0;
}

}  // namespace

int main(int argc, char** argv) { return run_tool<Options>(argc, argv, pretrain); }
