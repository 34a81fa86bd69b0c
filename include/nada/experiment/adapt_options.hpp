/// Options that programs around a generator and encoders share, under the same names everywhere.
#pragma once
#include <cstdint>
#include <filesystem>
#include <iostream>
#include <optional>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "nada/adaptation/adaptation.hpp"
#include "nada/adaptation/delta.hpp"
#include "nada/core/device.hpp"
#include "nada/core/error.hpp"
#include "nada/encoders/any_clip.hpp"
#include "nada/encoders/ensemble.hpp"
#include "nada/encoders/vocabulary_check.hpp"
#include "nada/experiment/option_table.hpp"
#include "nada/shifts/text_shift.hpp"

namespace nada {

/// The option --noise as a choice.
inline Noise noise_of(const std::string& text) {
  if (text == "none") return Noise::none;
  if (text == "stored") return Noise::stored;
  if (text == "fresh") return Noise::fresh;
  fail("option noise: expected none, stored or fresh, found '", text, "'");
}

/// Device and threads.
struct MachineOptions {
  std::string device = "auto";
  int threads = 0;

  void declare(OptionTable& table) {
    table.group("Machine");
    table.add("device", device, "auto, cpu, cuda or cuda:N", OptionTable::Kind::saved, "NAME");
    table.add("threads", threads, "threads to compute with; 0: all");
  }
  torch::Device place() const { return parse_device(device); }
  void use() const {
    keep_freed_memory();
    use_threads(threads);
    distrust_wrong_convolutions();
  }
};

/// The class of a class-conditional generator.
struct ClassOption {
  std::int64_t label = -1;

  void declare(OptionTable& table) {
    table.add("class", label, "class of a class-conditional generator, from 0 on; -1: it has none");
  }
  /// One-hot [1, C], or undefined. Errors: a class that the generator does not have, none where it has some.
  template <class G>
  Tensor labels(const G& generator) const {
    std::int64_t classes = 0;
    if constexpr (requires { generator.label_size(); }) classes = generator.label_size();
    require(label >= -1, "option class: expected 0 or more, found ", label);
    require(classes > 0 || label < 0, "option class: this generator has no classes");
    if (classes == 0) return {};
    require(label >= 0, "this generator is class-conditional: say which with --class 0 to ", classes - 1);
    require(label < classes, "option class: this generator has the classes 0 to ", classes - 1, ", found ", label);
    auto out = torch::zeros({1, classes}, generator.options());
    out.select(1, label).fill_(1);
    return out;
  }
};

/// Encoders and the texts between which they point.
struct TextOptions {
  std::vector<EncoderChoice> encoders;
  std::filesystem::path vocabulary, templates;
  std::string source, target;

  void declare(OptionTable& table) {
    table.group("Texts");
    table.add("target", target, "what the images should become");
    table.add("source", source, "what they are");
    table.add("templates", templates,
              "file of prompt templates, one a line, {} where the text goes; none: the bare texts");
    table.group("Encoders");
    table.add("encoder", encoders, "CLIP file with its weight; several may be given");
    table.add("vocabulary", vocabulary, "byte-pair merges, where the encoder's file holds none");
  }

  /// Without `antialias` generated images are resized as in the official adaptation code (encoders/preprocessing.hpp).
  Members<AnyClip> load_encoders(torch::Device device, bool antialias = true) const {
    require(!encoders.empty(), "no encoder was given; name one with --encoder FILE[:weight], or a --config that does");
    std::vector<Member<AnyClip>> members;
    std::set<std::string> told;
    for (const auto& choice : encoders) {
      require(!choice.path.empty(), "--encoder needs a file");
      members.push_back({load_clip(choice.path, vocabulary.empty() ? std::nullopt : std::optional(vocabulary), device),
                         choice.weight});
      warn_unknown(members.back().encoder.phrases(), told);
      if (!antialias) members.back().encoder = without_antialias(members.back().encoder);
    }
    return Members<AnyClip>(std::move(members));
  }
  std::vector<std::string> load_templates() const {
    return templates.empty() ? std::vector<std::string>{"{}"} : read_templates(templates);
  }
  TextShift shift() const {
    require(!target.empty(), "no target text was given; say what the images should become with --target \"...\"");
    return {source, target, load_templates()};
  }

 private:
  static AnyClip without_antialias(const AnyClip& encoder) {
    return encoder.visit([](auto clip) {
      auto preprocessing = clip.settings().preprocessing;
      preprocessing.antialias = false;
      clip.set_preprocessing(preprocessing);
      return AnyClip(std::move(clip));
    });
  }
  void warn_unknown(const std::vector<std::string>& phrases, std::set<std::string>& told) const {
    for (const auto* text : {&source, &target})
      for (const auto& unknown : unknown_words(*text, phrases)) {
        if (!told.insert(unknown.word).second) continue;
        std::cerr << "warning: the encoders never read the word '" << unknown.word << "', so it may do little";
        for (std::size_t i = 0; i < unknown.near.size(); ++i)
          std::cerr << (i ? ", " : "; near ones: ") << unknown.near[i];
        std::cerr << '\n';
      }
  }
};

/// All that an adaptation needs.
struct AdaptOptions {
  static constexpr const char* about = "adapts a generator to a text";
  static constexpr const char* example = "adapt --target \"a pencil sketch of a cartoon portrait\"";

  std::filesystem::path generator;
  TextOptions texts;
  MachineOptions machine;
  ClassOption category;
  std::string noise = "stored";
  double directional = 1, global = 0, range = 0, pixels = 0, min_length = 0.2, lr = 0.002, mixing = 0;
  std::int64_t steps = 300, batch = 4, samples_every = 30, state_every = 10;
  std::uint64_t seed = 0;
  // of this call alone
  std::filesystem::path config, out, resume;
  bool dry_run = false;

  void declare(OptionTable& table) {
    using enum OptionTable::Kind;
    texts.declare(table);
    table.group("Generator");
    table.add("generator", generator, "StyleGAN2 file, or a delta with its base");
    category.declare(table);
    table.add("noise", noise, "noise inputs: none, stored (the file's maps) or fresh", saved, "NAME");
    table.group("Objective");
    table.add("directional", directional, "weight of the directional term");
    table.add("global", global, "weight of the global term");
    table.add("range", range, "weight of the penalty on pixels outside [-1, 1]");
    table.add("pixels", pixels, "weight of the mean absolute difference to the source's images");
    table.add("min-length", min_length, "shortest image step that the directional term divides by");
    table.group("Training");
    table.add("steps", steps, "training steps");
    table.add("batch", batch, "samples a step");
    table.add("lr", lr, "Adam's learning rate");
    table.add("mixing", mixing, "share of samples whose styles come from two latents");
    table.add("seed", seed, "of all that is random");
    table.group("Run");
    table.add("config", config,
              "option file; the command line has the last word (default configs/avatars/default.cfg, where neither "
              "--generator nor --encoder is given)",
              session);
    table.add("out", out, "folder of the run (default runs/<target>-<n>)", session, "FOLDER");
    table.add("resume", resume, "continue the run in this folder; --steps may be given anew", session, "FOLDER");
    table.add("dry-run", dry_run, "print what would run and write nothing", session);
    table.add("samples-every", samples_every, "steps between sample grids; 0: only at the start and the end");
    table.add("state-every", state_every, "steps between saved states");
    machine.declare(table);
  }

  /// For a run from this generator.
  AdaptationSettings settings(const StyleGan2& source) const {
    AdaptationSettings out;
    out.labels = category.labels(source);
    out.adam.rate = lr;
    out.batch = batch;
    out.seed = seed;
    out.mixing = mixing;
    out.noise = noise_of(noise);
    return out;
  }
  StyleGan2 load_source() const {
    require(!generator.empty(), "no generator was given; name one with --generator FILE, or a --config that does");
    return load_generator(generator, {machine.place(), torch::kFloat32});
  }
};

}  // namespace nada
