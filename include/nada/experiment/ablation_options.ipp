// Bodies of ablation_options.hpp.
#pragma once
#include "nada/experiment/ablation_options.hpp"

#include <system_error>

#include "nada/core/config.hpp"
#include "nada/core/error.hpp"
#include "nada/experiment/embedded.hpp"

namespace nada {

NADA_INLINE void AblationOptions::declare(OptionTable& table) {
  using enum OptionTable::Kind;
  table.group("Cells");
  table.add("targets", targets, "names of targets in the list, with commas between them", saved, "NAMES");
  table.add("seeds", seeds, "seeds of each target, from 0 on");
  table.add("only", only, "names of the variants to run, with commas between them; none: all", saved, "NAMES");
  table.add("quick", quick, "one target, two seeds, three small steps, where no other number is given: does it work?");
  table.group("Training");
  table.add("steps", steps, "training steps of each cell");
  table.add("batch", batch, "samples a step");
  table.add("lr", lr, "Adam's learning rate");
  table.group("Models");
  table.add("generator", generator, "the source (default the embedded one)");
  table.add("encoder", encoders, "CLIP file with its weight, to train against (default the embedded two)");
  table.add("measure", measure, "encoder that measures, not one of the others (default the embedded held-out one)");
  declare_gelu(table);
  table.add("templates", templates, "prompt templates (default the embedded ones)");
  table.add("source", source, "what the source's images are");
  table.add(
      "target-list", target_list,
      "JSON list of {\"name\", \"text\", \"pictures\", \"tile\"}: the texts among which one is found; pictures are a "
      "sheet of tiles, as large as told or as the generator's images (default configs/avatars/targets.json)");
  table.group("Measuring");
  table.add("count", count, "samples that are measured in each cell");
  table.add("twins", twins,
            "folder with a folder of truths for each target that has some: NAME/000000.png is what the first sample of "
            "`generate` with --twins-seed should have become");
  table.add("twins-seed", twins_seed, "of these samples");
  declare_run(table);
}

NADA_INLINE void AblationOptions::declare_run(OptionTable& table) {
  using enum OptionTable::Kind;
  table.group("Run");
  table.add("out", out, "folder of the results; cells that are there are not run again (default runs/<program>)",
            session, "FOLDER");
  table.add("jobs", jobs, "cells that run at the same time, with one thread each; 0: as many as processors", session);
  table.add("deltas", deltas, "keep the delta of each cell beside its numbers (also --keep-deltas)");
  table.synonym("keep-deltas", "deltas");
  table.add("cell", cell, "run this cell alone, with one thread, and write no tables, for job arrays; -1: all",
            session);
  table.add("power", power,
            "runs nothing, but says from the cells that are there how many targets would show a difference of D to the "
            "control, with a probability of 80%, in all metrics or in one",
            session, "[METRIC=]D");
  machine.declare(table);
}

NADA_INLINE void AblationOptions::settle(const std::string& program,
                                         const std::function<bool(const std::string&)>& given) {
  if (generator.empty()) generator = embedded_generator();
  if (measure.empty()) measure = embedded_held_out_encoder();
  if (templates.empty()) templates = embedded_templates();
  if (target_list.empty()) target_list = embedded_targets();
  if (encoders.empty()) encoders = embedded_encoders();
  if (out.empty()) out = std::filesystem::path("runs") / program;
  if (cell >= 0 && machine.threads == 0) machine.threads = 1;  // the same numbers, however it is started
  // An option file that says `quick` comes from a run that has settled the numbers, and holds them.
  if (quick && (!given || given("quick"))) {
    const auto free = [&](const char* name) { return !given || !given(name); };
    if (free("targets")) targets = targets.substr(0, targets.find(','));
    if (free("seeds")) seeds = 2;
    if (free("steps")) steps = 3;
    if (free("batch")) batch = 2;
    if (free("count")) count = 24;
  }
  require(seeds >= 1 && steps >= 1 && batch >= 1, "options seeds, steps and batch: expected at least 1");
  require(count >= 20, "option count: expected at least 20, found ", count);
  require_unseen(encoders, measure);
}

NADA_INLINE void require_unseen(const std::vector<EncoderChoice>& encoders, const std::filesystem::path& measure) {
  for (const auto& e : encoders) {
    std::error_code ignored;
    require(!std::filesystem::equivalent(e.path, measure, ignored), measure,
            " is trained against: it cannot measure (--measure names another encoder)");
  }
}

}  // namespace nada
