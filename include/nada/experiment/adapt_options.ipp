// Bodies of adapt_options.hpp.
#pragma once
#include "nada/experiment/adapt_options.hpp"

#include <cstddef>
#include <iostream>
#include <optional>
#include <utility>

#include "nada/adaptation/delta_file.hpp"
#include "nada/core/config.hpp"
#include "nada/encoders/vocabulary_check.hpp"

namespace nada {

NADA_INLINE Noise noise_of(const std::string& text) {
  if (text == "none") return Noise::none;
  if (text == "stored") return Noise::stored;
  if (text == "fresh") return Noise::fresh;
  fail("option noise: expected none, stored or fresh, found '", text, "'");
}

NADA_INLINE void MachineOptions::declare(OptionTable& table) {
  table.group("Machine");
  table.add("device", device, "auto, cpu, cuda or cuda:N", OptionTable::Kind::saved, "NAME");
  table.add("threads", threads, "threads to compute with; 0: all");
}

NADA_INLINE void MachineOptions::use() const {
  keep_freed_memory();
  use_threads(threads);
  distrust_wrong_convolutions();
}

NADA_INLINE void TextOptions::declare(OptionTable& table) {
  table.group("Texts");
  table.add("target", target, "what the images should become");
  table.add("source", source, "what they are");
  table.add("templates", templates,
            "file of prompt templates, one a line, {} where the text goes; none: the bare texts");
  table.group("Encoders");
  table.add("encoder", encoders, "CLIP file with its weight; several may be given");
  table.add("vocabulary", vocabulary, "byte-pair merges, where the encoder's file holds none");
}

NADA_INLINE Members<AnyClip> TextOptions::load_encoders(torch::Device device, bool antialias) const {
  require(!encoders.empty(), "no encoder was given; name one with --encoder FILE[:weight], or a --config that does");
  std::vector<Member<AnyClip>> members;
  std::set<std::string> told;
  for (const auto& choice : encoders) {
    require(!choice.path.empty(), "--encoder needs a file");
    members.push_back(
        {load_clip(choice.path, vocabulary.empty() ? std::nullopt : std::optional(vocabulary), device), choice.weight});
    warn_unknown(members.back().encoder.phrases(), told);
    if (!antialias) members.back().encoder = without_antialias(members.back().encoder);
  }
  return Members<AnyClip>(std::move(members));
}

NADA_INLINE TextShift TextOptions::shift() const {
  require(!target.empty(), "no target text was given; say what the images should become with --target \"...\"");
  return {source, target, load_templates()};
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
  for (const auto* text : {&source, &target})
    for (const auto& unknown : unknown_words(*text, phrases)) {
      if (!told.insert(unknown.word).second) continue;
      std::cerr << "warning: the encoders never read the word '" << unknown.word << "', so it may do little";
      for (std::size_t i = 0; i < unknown.near.size(); ++i)
        std::cerr << (i ? ", " : "; near ones: ") << unknown.near[i];
      std::cerr << '\n';
    }
}

NADA_INLINE void AdaptOptions::declare(OptionTable& table) {
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

NADA_INLINE AdaptationSettings AdaptOptions::settings(const AnyGenerator& source) const {
  AdaptationSettings out;
  out.labels = category.labels(source);
  out.adam.rate = lr;
  out.batch = batch;
  out.seed = seed;
  out.mixing = mixing;
  out.noise = noise_of(noise);
  return out;
}

NADA_INLINE AnyGenerator AdaptOptions::load_source() const {
  require(!generator.empty(), "no generator was given; name one with --generator FILE, or a --config that does");
  return load_generator(generator, {machine.place(), torch::kFloat32});
}

}  // namespace nada
