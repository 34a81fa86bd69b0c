// Bodies of run_experiment.hpp.
#pragma once
#include "nada/experiment/run_experiment.hpp"

#include <ATen/Parallel.h>

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <iomanip>
#include <iostream>
#include <system_error>
#include <utility>

#include "nada/adaptation/delta_file.hpp"
#include "nada/adaptation/run.hpp"
#include "nada/adaptation/state_file.hpp"
#include "nada/core/config.hpp"
#include "nada/core/device.hpp"
#include "nada/core/process_group.hpp"
#include "nada/core/stop.hpp"
#include "nada/experiment/build.hpp"
#include "nada/experiment/embedded.hpp"
#include "nada/experiment/observers/metrics.hpp"
#include "nada/experiment/observers/progress.hpp"
#include "nada/experiment/observers/results.hpp"
#include "nada/experiment/observers/samples.hpp"
#include "nada/experiment/observers/states.hpp"
#include "nada/experiment/observers/tensorboard.hpp"

namespace nada {

NADA_INLINE int Session::run_observed_by(std::span<const AnyObserver> observers, Stepper& adaptation,
                                         const LayerScores& scores) {
  require(options_.steps >= 1, "option steps: expected at least 1, found ", options_.steps);
  require(options_.dry_run || !options_.one_step, "--step needs --dry-run");
  world().require_same(table_.render({}), "the options");
  auto measuring = world().is_first() ? measuring_encoder() : std::nullopt;
  if (options_.dry_run) return describe(adaptation, scores);
  if (!world().is_first()) return follow(adaptation);
  const bool resuming = !options_.resume.empty();
  const auto path = resuming               ? options_.resume
                    : options_.out.empty() ? free_run_folder(options_.target_name())
                                           : options_.out;
  auto folder = resuming ? RunFolder::open(path, notes(path)) : RunFolder::create(path, notes(path));
  if (resuming) adaptation.restore(load_state(folder.state()));
  const bool finished = resuming && adaptation.steps_done() >= options_.steps && folder.complete();
  world().broadcast(finished ? "" : path.string());
  if (finished)
    std::cout << "the run in " << path.string() << " is finished: " << adaptation.steps_done() << " of "
              << options_.steps << " steps\n";
  else if (!run_in(folder, adaptation, observers, std::move(measuring)))
    std::cout << "stopped after " << adaptation.steps_done() << " of " << options_.steps
              << " steps; continue with --resume " << path.string() << '\n';
  std::cout << "picture  " << folder.picture(adaptation.steps_done()).string() << "\nreport   "
            << (path / "report.html").string() << "\ndelta    " << (path / "adapted.safetensors").string() << '\n';
  return 0;
}

// A rank behind the first: it computes its part of each batch, and writes nothing. It starts when rank 0 has the folder.
NADA_INLINE int Session::follow(Stepper& adaptation) const {
  const std::filesystem::path path = world().broadcast("");
  if (path.empty()) return 0;
  if (!options_.resume.empty()) adaptation.restore(load_state(options_.resume / "state.safetensors"));
  const StopSignals signals;
  train(adaptation, {}, path);
  return 0;
}

NADA_INLINE bool Session::train(Stepper& adaptation, std::span<const AnyObserver> told,
                                const std::filesystem::path& path) const {
  try {
    return run_observed(adaptation, options_.steps, told);
  } catch (const PeerError& error) {
    throw PeerError(join(error.what(), "; continue with --resume ", path));
  }
}

NADA_INLINE std::optional<MeasuringEncoder> Session::measuring_encoder() const {
  if (options_.best.empty()) return {};
  BestObserver::check(options_.best, options_.best_every);
  std::error_code missing;
  const auto& texts = options_.texts;
  require(!texts.target().empty() && !texts.source.empty(), "--best needs a source and a target text");
  require(!options_.measure.empty() || std::filesystem::equivalent(options_.generator, embedded_generator(), missing),
          "--best needs --measure FILE, an encoder that knows what this generator draws");
  const auto path = options_.measure.empty() ? embedded_held_out_encoder() : options_.measure;
  for (const auto& encoder : texts.encoders)
    require(!std::filesystem::equivalent(encoder.path, path, missing), "option measure: the run is trained against ",
            path, ": it cannot measure it; name another one");
  MeasuringEncoder out{load_clip(path, texts.vocabulary.empty() ? std::nullopt : std::optional(texts.vocabulary),
                                 options_.machine.place()),
                       {}};
  out.ends = texts.endpoints(out.encoder);
  return out;
}

NADA_INLINE bool Session::run_in(const RunFolder& folder, Stepper& adaptation, std::span<const AnyObserver> observers,
                                 std::optional<MeasuringEncoder> measuring) const {
  DeltaOrigin origin{{{"nada.options", folder.notes().options_text}}, options_.generator};
  if (!options_.texts.source.empty()) origin.metadata["nada.source"] = options_.texts.source;
  // one text can be measured by later; several are told alone
  if (const auto target = options_.texts.target(); !target.empty())
    origin.metadata[options_.texts.targets.size() == 1 ? "nada.target" : "nada.targets"] = target;
  const StopSignals signals;
  MetricsObserver metrics(folder / "metrics.csv", adaptation.term_names());
  SampleObserver samples(folder, origin, options_.samples_every);
  TensorBoardObserver events(folder, samples);
  StateObserver states(folder.state(), options_.state_every);
  ResultObserver results(folder, origin);
  ProgressObserver progress;
  std::optional<BestObserver> best;
  if (measuring) best.emplace(folder, origin, options_.best, options_.best_every, std::move(*measuring));
  std::vector<AnyObserver> told(observers.begin(), observers.end());
  if (best) told.emplace_back(*best);
  told.emplace_back(metrics);
  told.emplace_back(samples);
  if (options_.tensorboard) told.emplace_back(events);
  told.emplace_back(states);  // behind what writes of a step: with the state of a step, all other files have the step
  told.emplace_back(results);
  told.emplace_back(progress);
  return train(adaptation, told, folder.path());
}

NADA_INLINE RunNotes Session::notes(const std::filesystem::path& path) const {
  RunNotes out;
  out.title = (options_.texts.source.empty() ? "source" : options_.texts.source) + " → " + options_.target_name();
  out.options_text =
      "# " + made_by(table_.program()) + "; --config with this file repeats the run\n" + table_.render(path);
  out.options = table_.values(path);
  out.facts = {{"code", made_by(table_.program())},
               {"LibTorch", libtorch_version()},
               {"processor", processor_name()},
               {"threads", std::to_string(at::get_num_threads())},
               {"device", join(options_.machine.place())}};
  if (!world().is_alone()) out.facts.emplace_back("ranks", std::to_string(world().size()));
  out.seed = options_.seed;
  return out;
}

NADA_INLINE void Session::take_one_step(Stepper& adaptation) const {
  const auto report = adaptation.step(options_.steps);
  std::cout << "one step\n  loss " << report.loss << "\n";
  for (const auto& [name, value] : report.terms) std::cout << "  " << name << ' ' << value << '\n';
  std::cout << "  seconds " << report.seconds << '\n';
}

NADA_INLINE int Session::describe(Stepper& adaptation, const LayerScores& scores) const {
  auto& out = std::cout;
  out << "options\n";
  for (const auto& [name, value] : table_.values({}))
    out << "  " << std::left << std::setw(16) << name << value << '\n';
  out << "generator\n  latents " << adaptation.latent_size() << ", " << adaptation.style_count()
      << " styles, rendered at " << adaptation.resolution() << " px\nterms\n ";
  for (const auto& name : adaptation.term_names()) out << ' ' << name;
  const auto chosen = adaptation.preview();
  const auto ranks = scores ? scores() : std::vector<double>(adaptation.layers().size(), std::nan(""));
  std::int64_t trains = 0, all = 0;
  out << "\nlayers (* trains in the next step)" << (scores ? ": name, parameters, kind, score" : "") << '\n';
  for (std::size_t k = 0; k < adaptation.layers().size(); ++k) {
    const auto& layer = adaptation.layers()[k];
    const bool trained = std::find(chosen.begin(), chosen.end(), k) != chosen.end();
    const auto count = adaptation.parameters(k);
    all += count;
    if (trained) trains += count;
    out << "  " << (trained ? "* " : "  ") << std::setw(12) << layer.name << std::right << std::setw(9) << count
        << std::left << "  " << name_of(layer.kind);
    if (!std::isnan(ranks[k])) out << "  " << number(ranks[k]);
    out << '\n';
  }
  out << "parameters\n  " << trains << " of " << all << " train\nsteps\n  " << options_.steps << " with batches of "
      << options_.batch << '\n';
  if (options_.one_step) take_one_step(adaptation);
  out << "nothing was written\n";
  return 0;
}

NADA_INLINE std::string Session::number(double value) {
  char text[32];
  std::snprintf(text, sizeof text, "%.3e", value);
  return text;
}

}  // namespace nada
