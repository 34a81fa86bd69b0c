// Bodies of adapt_options.hpp.
#pragma once
#include "nada/experiment/adapt_options.hpp"

#include <algorithm>
#include <cstddef>
#include <iomanip>
#include <iostream>
#include <optional>
#include <utility>

#include "nada/adaptation/delta_file.hpp"
#include "nada/core/config.hpp"
#include "nada/encoders/any_clip.hpp"
#include "nada/encoders/vocabulary_check.hpp"
#include "nada/experiment/build.hpp"
#include "nada/experiment/term_menu.hpp"
#include "nada/formats/picture_set.hpp"
#include "nada/losses/away.hpp"
#include "nada/losses/directional.hpp"
#include "nada/losses/global.hpp"
#include "nada/losses/learned_step.hpp"
#include "nada/losses/pixel_anchor.hpp"
#include "nada/losses/range_penalty.hpp"
#include "nada/training/adafactor.hpp"
#include "nada/training/adam.hpp"
#include "nada/training/schedule.hpp"
#include "nada/training/sgd.hpp"

namespace nada {

NADA_INLINE Noise noise_of(const std::string& text) {
  if (text == "none") return Noise::none;
  if (text == "stored") return Noise::stored;
  if (text == "fresh") return Noise::fresh;
  fail("option noise: expected none, stored or fresh, found '", text, "'");
}

NADA_INLINE void declare_gelu(OptionTable& table) {
  table.add("gelu", told_gelu(), "activation of encoders whose files do not say theirs: quick, erf, or auto, a guess",
            OptionTable::Kind::saved, "NAME");
}

NADA_INLINE void declare_precision(OptionTable& table, std::string& precision, const std::string& products) {
  table.add("precision", precision,
            "what " + products +
                " compute in: float32, bfloat16, or auto (bfloat16 where the processor multiplies in it, else float32)",
            OptionTable::Kind::saved, "NAME");
}

NADA_INLINE void settle_precision(std::string& precision) {
  const bool asked = precision != "auto";
  precision = settled_precision(precision);
  if (!asked)
    std::cout << "precision " << precision << ": this processor "
              << (precision == "bfloat16" ? "multiplies" : "does not multiply") << " in bfloat16\n";
}

NADA_INLINE void TextOptions::declare(OptionTable& table) {
  table.group("Texts");
  table.add("target", targets,
            "what the images should become; several may be given, each with its share: TEXT[:weight]",
            OptionTable::Kind::saved, "TEXT");
  table.add("source", source, "what they are");
  table.add("templates", templates,
            "file of prompt templates, one a line, {} where the text goes; none: the bare texts");
  table.group("Encoders");
  table.add("encoder", encoders, "CLIP file with its weight; several may be given");
  table.add("vocabulary", vocabulary, "byte-pair merges, where the encoder's file holds none");
  declare_gelu(table);
}

NADA_INLINE Members<AnyClip> TextOptions::load_encoders(torch::Device device, bool antialias,
                                                        std::optional<torch::ScalarType> products) const {
  require(!encoders.empty(), "no encoder was given; name one with --encoder FILE[:weight], or a --config that does");
  std::vector<Member<AnyClip>> members;
  std::set<std::string> told;
  for (const auto& choice : encoders) {
    require(!choice.path.empty(), "--encoder needs a file");
    members.push_back({load_clip(choice.path, vocabulary.empty() ? std::nullopt : std::optional(vocabulary), device,
                                 torch::kFloat32, products),
                       choice.weight});
    warn_unknown(members.back().encoder.phrases(), told);
    if (!antialias) members.back().encoder = without_antialias(members.back().encoder);
  }
  return Members<AnyClip>(std::move(members));
}

NADA_INLINE std::string TextOptions::target() const {
  std::string out;
  for (const auto& text : targets) out += (out.empty() ? "" : " + ") + text;
  return out;
}

NADA_INLINE std::vector<WeightedText> TextOptions::weighted_targets() const {
  if (targets.size() == 1) return {{targets.front(), 1}};
  std::vector<WeightedText> out;
  for (const auto& text : targets) out.push_back(read_weighted_text(text));
  return out;
}

NADA_INLINE std::variant<TextShift, TextMixture> TextOptions::shift() const {
  require(!target().empty(), "no target text was given; say what the images should become with --target \"...\"");
  require(!source.empty(), "no source text was given; say what the generator's images are with --source \"...\"");
  if (targets.size() == 1) return TextShift(source, targets.front(), load_templates());
  return TextMixture(source, weighted_targets(), load_templates());
}

NADA_INLINE AnyClip TextOptions::without_antialias(const AnyClip& encoder) {
  return encoder.visit([](auto clip) {
    auto preprocessing = clip.settings().preprocessing;
    preprocessing.antialias = false;
    clip.set_preprocessing(preprocessing);
    return AnyClip(std::move(clip));
  });
}

NADA_INLINE void TextOptions::warn_unknown(const std::vector<std::string>& phrases, std::set<std::string>& told) const {
  std::vector<std::string> texts{source};
  for (const auto& [text, weight] : weighted_targets()) texts.push_back(text);
  for (const auto& text : texts)
    for (const auto& unknown : unknown_words(text, phrases)) {
      if (!told.insert(unknown.word).second) continue;
      std::cerr << "warning: the encoders never read the word '" << unknown.word << "', so it may do little";
      for (std::size_t i = 0; i < unknown.near.size(); ++i)
        std::cerr << (i ? ", " : "; near ones: ") << unknown.near[i];
      std::cerr << '\n';
    }
}

namespace detail {

NADA_INLINE void declare_pictures(AdaptOptions& o, OptionTable& table) {
  table.group("Target pictures");
  table.add("pictures", o.pictures, "folder or file of pictures that show the target, beside --target or without it");
  table.add("pictures-tile", o.pictures_tile, "side of the tiles that --pictures is cut into; 0: it is one picture");
  table.add("pictures-share", o.pictures_share, "share of the pictures in the direction, where --target is given too");
}

NADA_INLINE void declare_objective(AdaptOptions& o, OptionTable& table) {
  table.group("Objective");
  table.add("directional", o.directional, "weight of the directional term");
  table.add("global", o.global, "weight of the global term");
  table.add("learned", o.learned,
            "weight of the learned step, under the first encoder whose file holds a step head; it counts as far as the "
            "head knows the texts");
  table.add("range", o.range, "weight of the penalty on pixels outside [-1, 1]");
  table.add("pixels", o.pixels, "weight of the mean absolute difference to the source's images");
  table.add("min-length", o.min_length, "shortest image step that the directional term divides by");
  table.add("away-from", o.away_from, "text that the images should not step toward");
  table.add("away", o.away, "weight of the term that --away-from adds");
  table.add("term", o.terms,
            "a further term with its weight and options; several may be given: " + term_names_and_options(),
            OptionTable::Kind::saved, "NAME=WEIGHT[,option=value]");
  table.add("log", o.log, "a term of weight 0 that is measured in each step, without gradient; several may be given",
            OptionTable::Kind::saved, "NAME");
}

NADA_INLINE void declare_parts(AdaptOptions& o, OptionTable& table) {
  using enum OptionTable::Kind;
  table.group("Parts");
  table.add(
      "layers", o.layers,
      "which layers train: all, adaptive[:K], gradient[:K], random[:K], most-changed[:K], least-changed[:K] (K/N: K of "
      "every N), or names such as conv.16.0,conv.16.1",
      saved, "CHOICE");
  table.add("select-every", o.select_every, "steps between choices of layers, where --layers asks for K of them");
  table.add("select-batch", o.select_batch, "samples that layers are chosen by");
  table.add("select-at-once", o.select_at_once,
            "of these, samples that are in memory at once; 0: as many as fill eight pictures of 256 px");
  table.add("select-exit", o.select_exit,
            "how much of the generator is rendered to choose layers: as-exit, or pixels of a side", saved, "SIZE");
  table.add("parameterization", o.parameterization,
            "what of a layer trains: full, affine, style-offsets, style-offsets-top-<percent>, channel-scales or "
            "low-rank-<rank>",
            saved, "NAME");
  table.add("views", o.views, "what the encoders see of an image: plain or crops", saved, "NAME");
  table.add("blur", o.blur, "how far crops are blurred: by means over a square, its side as a share of the image's");
  table.add("exit", o.exit, "how much of the generator is rendered: full, or pixels of a side: 64, 128, 256", saved,
            "SIZE");
}

NADA_INLINE void declare_best(AdaptOptions& o, OptionTable& table) {
  table.add("best", o.best, "metric by which best.safetensors keeps the best delta of the run; none: no such file",
            OptionTable::Kind::saved, "METRIC");
  table.add("best-every", o.best_every, "steps from one measuring for --best to the next");
  table.add("measure", o.measure,
            "encoder that measures for --best, never one that is trained against (default the embedded held-out one)");
}

NADA_INLINE void declare_training(AdaptOptions& o, OptionTable& table) {
  table.add("lr-schedule", o.lr_schedule,
            "what the learning rate is multiplied by: constant, or parts with commas between them: warmup:STEPS, "
            "cosine:FLOOR[:END], linear:FLOOR[:END] (END: the last step), or points STEP=FACTOR",
            OptionTable::Kind::saved, "SCHEDULE");
  table.add("schedule", o.schedules, "what a term's weight is multiplied by, as --lr-schedule; several may be given",
            OptionTable::Kind::saved, "TERM=SCHEDULE");
  table.add("optimizer", o.optimizer, "adam, adamw, sgd or adafactor", OptionTable::Kind::saved, "NAME");
  table.add("momentum", o.momentum, "share of the last steps in a step: beta1 of Adam and Adafactor");
  table.add("beta2", o.beta2, "of Adam: share of the last squares in the running mean of squares");
  table.add("weight-decay", o.weight_decay,
            "share, times the rate, of the weights that a step takes away; not of adam");
  table.add("clip-norm", o.clip_norm, "longest gradient of all weights together; 0: any");
  table.add("micro-batch", o.micro_batch, "samples that are computed at a time, which saves memory; 0: the batch");
  table.add("split", o.split,
            "parts of a batch that are computed at the same time, a thread each; the result differs by rounding alone");
  table.add("ema", o.ema,
            "half-life, in steps, of a running mean of the weights, which deltas and samples then show; 0: none");
}

/// Returns the pixels of a side that an option gives; 0 for the word `all`.
NADA_INLINE int pixels_of(const std::string& option, const std::string& text, const std::string& all) {
  if (text == all) return 0;
  const auto pixels = read_number<int>(option, text);
  require(pixels >= 4 && (pixels & (pixels - 1)) == 0, "option ", option, ": expected ", all,
          " or a power of two from 4, found '", text, "'");
  return pixels;
}
}  // namespace detail

NADA_INLINE void AdaptOptions::declare(OptionTable& table) {
  using enum OptionTable::Kind;
  texts.declare(table);
  table.group("Generator");
  table.add("generator", generator, "StyleGAN2 file, or a delta with its base");
  category.declare(table);
  table.add("noise", noise, "noise inputs: none, stored (the file's maps) or fresh", saved, "NAME");
  detail::declare_pictures(*this, table);
  detail::declare_objective(*this, table);
  detail::declare_parts(*this, table);
  table.group("Training");
  table.add("steps", steps, "training steps");
  table.add("batch", batch, "samples a step");
  table.add("lr", lr, "learning rate");
  detail::declare_training(*this, table);
  table.add(
      "anchor-pool", anchor_pool,
      "samples that are drawn once, whose source images and features are kept; steps take them in turn, a batch at "
      "a time (rounded up to whole batches); 0: every step draws anew");
  declare_precision(table, precision, "the generators' and encoders' convolutions and matrix products");
  table.add("mixing", mixing, "share of samples whose styles come from two latents");
  table.add("seed", seed, "of all that is random");
  table.group("Run");
  table.add("recipe", recipe,
            "everything but models, texts and out: a name of configs/recipes or an option file (without --config: "
            "default)",
            session, "NAME|FILE");
  table.add("config", config,
            "option file; the command line has the last word, and no recipe is taken but one that is named (without "
            "--config and --generator: configs/avatars/models.cfg)",
            session);
  table.add("out", out, "folder of the run (default runs/<target>-<n>)", session, "FOLDER");
  table.add("resume", resume, "continue the run in this folder; --steps may be given anew", session, "FOLDER");
  table.add("dry-run", dry_run, "print what would run and write nothing", session);
  table.add("step", one_step, "with --dry-run: take one step too, and print its losses and seconds", session);
  table.add("samples-every", samples_every, "steps between sample grids; 0: only at the start and the end");
  table.add("state-every", state_every, "steps between saved states");
  detail::declare_best(*this, table);
  table.add("tensorboard", tensorboard, "write an event file for TensorBoard beside metrics.csv");
  machine.declare(table);
}

NADA_INLINE void AdaptOptions::before_help(OptionTable& table) {
  try {
    table.read_file(configs() / "recipes/default.cfg", OptionTable::Unknown::pass_over);
  } catch (const Error&) {  // help is there without configurations too
  }
}

NADA_INLINE MenuParts AdaptOptions::parts(bool antialias) const {
  if (pictures.empty()) (void)texts.shift();
  check();  // what needs no file is refused before models are loaded
  auto source = load_source();
  const auto training = settings(source);
  auto encoders = texts.load_encoders(machine.place(), antialias, training.convolutions);
  return parts(std::move(source), std::move(encoders));
}

NADA_INLINE MenuParts AdaptOptions::parts(AnyGenerator source, Members<AnyClip> by_encoders) const {
  const auto rendered = early_exit();
  auto terms_of_objective = objective();
  add_learned_step(terms_of_objective, by_encoders);
  const auto resolution = rendered.resolution(source.resolution());
  if (resolution != source.resolution()) {  // refuses an exit that the generator does not have, before a folder is made
    const torch::NoGradGuard no_grad;
    const auto mean = source.mean_style();
    source.synthesize(mean.view({1, 1, -1}).expand({1, source.style_count(), -1}), Render{.resolution = resolution});
  }
  auto training = settings(source);
  return {std::move(source),
          std::move(by_encoders),
          shift(resolution),
          std::move(terms_of_objective),
          selector(),
          AnyParameterization::named(parameterization, "option parameterization"),
          AnyViews::named(views, blur),
          rendered,
          std::move(training)};
}

NADA_INLINE void AdaptOptions::check() const {
  (void)objective();
  (void)selector();
  (void)AnyParameterization::named(parameterization, "option parameterization");
  (void)AnyViews::named(views, blur);
  (void)early_exit();
  (void)noise_of(noise);
}

NADA_INLINE AnyGenerator AdaptOptions::load_source() const {
  require(!generator.empty(), "no generator was given; name one with --generator FILE, or a --config that does");
  return load_generator(generator, {machine.place(), torch::kFloat32});
}

NADA_INLINE AnyShift AdaptOptions::shift(int resolution) const {
  if (pictures.empty()) return std::visit([](auto shift) { return AnyShift(std::move(shift)); }, texts.shift());
  require(pictures_share >= 0 && pictures_share <= 1, "option pictures-share: expected 0 to 1, found ", pictures_share);
  ImageShift by_pictures(read_picture_set(pictures, resolution, pictures_tile).to(machine.place()));
  if (texts.target().empty()) return AnyShift::Choice(std::move(by_pictures));
  return std::visit(
      [&](auto shift) {
        return AnyShift(AnyShift::Choice(MixedShift(std::move(shift), std::move(by_pictures), pictures_share)));
      },
      texts.shift());
}

NADA_INLINE TermList AdaptOptions::objective() const {
  TermList out;
  const double offset = min_length == 0 ? 1e-6 : 0;
  out.add({directional, {Directional{.min_length = min_length, .offset_if_identical = offset}}});
  out.add({global, {Global{}}});
  out.add({range, {RangePenalty{}}});
  out.add({pixels, {PixelAnchor{}}});
  if (!away_from.empty()) out.add({away, {Away{.text = away_from}}});
  for (const auto& term : terms) out.add(read_term(term, machine.place()));
  return out;
}

NADA_INLINE void AdaptOptions::add_learned_step(TermList& objective, const Members<AnyClip>& encoders) const {
  if (learned == 0) return;
  const LearnedStep term{.required = false};
  bool bound = false;
  encoders.each([&](const auto& encoder, double /*weight*/, std::size_t index) {
    if (bound || encoder.step_head() == nullptr) return;
    bound = true;
    objective.add({learned, {term}, static_cast<std::ptrdiff_t>(index)});
    if (!pictures.empty()) return;
    const auto familiarity = encoder.step_head()->familiarity(texts.endpoints(encoder).direction);
    const auto share = term.share_of(familiarity);
    if (share == 1) return;
    std::cerr << "note: the nearest step of texts that the step head learned has the cosine " << std::fixed
              << std::setprecision(2) << familiarity << " with this one, so that the learned step "
              << (share == 0 ? std::string("does not count") : join("counts ", static_cast<int>(100 * share), "%"))
              << std::defaultfloat << '\n';
  });
  if (!bound) std::cerr << "note: no encoder's file holds a step head, so that --learned does nothing\n";
}

NADA_INLINE Every<AnySelector> AdaptOptions::selector() const {
  require(select_every >= 1, "option select-every: expected at least 1, found ", select_every);
  auto chosen = AnySelector::named(layers, selection_work());
  const auto every = chosen.changes() ? select_every : 1;
  return Every<AnySelector>(every, std::move(chosen));
}

NADA_INLINE EarlyExit AdaptOptions::early_exit() const { return {detail::pixels_of("exit", exit, "full")}; }

NADA_INLINE void AdaptOptions::training(AdaptationSettings& out) const {
  out.adam = {.rate = lr, .beta1 = momentum, .beta2 = beta2};
  require(optimizer != "adam" || weight_decay == 0,
          "option weight-decay: --optimizer adam has none; adamw, sgd and adafactor do");
  require(beta2 == Adam{}.beta2 || optimizer.starts_with("adam"), "option beta2: --optimizer ", optimizer, " has none");
  if (optimizer == "adamw") {
    out.optimizer = AdamW{out.adam, weight_decay};
  } else if (optimizer == "sgd") {
    out.optimizer = Sgd{.rate = lr, .momentum = momentum, .weight_decay = weight_decay};
  } else if (optimizer == "adafactor") {
    out.optimizer = Adafactor{.rate = lr, .beta1 = momentum, .weight_decay = weight_decay};
  } else {
    require(optimizer == "adam", "option optimizer: expected adam, adamw, sgd or adafactor, found '", optimizer, "'");
  }
  out.rate = read_schedule(lr_schedule, steps, "option lr-schedule");
  for (const auto& text : schedules) {
    const auto equals = text.find('=');
    require(equals != std::string::npos && equals > 0, "option schedule: expected TERM=SCHEDULE, found '", text, "'");
    const auto term = text.substr(0, equals);
    const bool fresh =
        out.weights.emplace(term, read_schedule(text.substr(equals + 1), steps, "option schedule, " + term)).second;
    require(fresh, "option schedule: the term ", term, " was given twice");
  }
  out.clip_norm = clip_norm;
  out.micro_batch = micro_batch;
  out.split = split;
  out.half_life = ema;
}

NADA_INLINE AdaptationSettings AdaptOptions::settings(const AnyGenerator& source) const {
  AdaptationSettings out;
  out.labels = category.labels(source);
  training(out);
  out.batch = batch;
  out.seed = seed;
  out.mixing = mixing;
  out.logged = log;
  out.noise = noise_of(noise);
  out.convolutions = products_in(settled_precision(precision));
  require(anchor_pool >= 0, "option anchor-pool: expected at least 0, found ", anchor_pool);
  const auto whole = std::max<std::int64_t>(1, batch);  // a batch of 0 is refused elsewhere
  out.anchor_pool = (anchor_pool + whole - 1) / whole * whole;
  out.selection_exit = detail::pixels_of("select-exit", select_exit, "as-exit");
  return out;
}

NADA_INLINE std::string AdaptOptions::target_name() const {
  if (!texts.target().empty() || pictures.empty()) return texts.target();
  const auto path = pictures.lexically_normal();
  return "pictures of " + (path.has_filename() ? path.stem() : path.parent_path().filename()).string();
}

}  // namespace nada
