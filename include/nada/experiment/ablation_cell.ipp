// Bodies of ablation_cell.hpp.
#pragma once
#include "nada/experiment/ablation_cell.hpp"

#include <sys/resource.h>

#include <algorithm>
#include <chrono>
#include <cmath>
#include <cstddef>
#include <map>
#include <nlohmann/json.hpp>
#include <optional>
#include <system_error>
#include <utility>

#include "nada/adaptation/delta_file.hpp"
#include "nada/core/config.hpp"
#include "nada/core/device.hpp"
#include "nada/core/error.hpp"
#include "nada/core/stream.hpp"
#include "nada/experiment/truths.hpp"
#include "nada/formats/file.hpp"
#include "nada/formats/grid.hpp"
#include "nada/formats/images.hpp"
#include "nada/formats/picture_set.hpp"
#include "nada/metrics/measure.hpp"
#include "nada/metrics/metric.hpp"
#include "nada/metrics/text_score.hpp"

namespace nada {

namespace detail {
/// Loads what a variant sees of a cell. The target's pictures that follow the training ones go to `held_out`.
NADA_INLINE AblationCell load_cell(const AblationPlan& plan, std::int64_t n, Tensor& held_out) {
  const auto& o = plan.training(n);
  const auto& target = plan.target(n);
  const auto device = plan.options().machine.place();
  AblationCell cell{load_generator(o.generator, {device, torch::kFloat32}), {}, o.source, target.text, {}, {}, {}, {}};
  const auto vocabulary = o.vocabulary.empty() ? std::nullopt : std::optional(o.vocabulary);
  for (const auto& e : o.encoders)
    cell.encoders.push_back(
        {load_clip(e.path, vocabulary, device, torch::kFloat32, products_in(o.precision)), e.weight});
  cell.templates = read_templates(o.templates);
  cell.settings.adam.rate = o.lr;
  cell.settings.batch = o.batch;
  cell.settings.seed = plan.seed(n);
  const auto sheet = [&](const Target& entry) {
    return read_picture_set(entry.pictures, 0, entry.tile > 0 ? entry.tile : cell.source.resolution()).to(device);
  };
  for (const auto& entry : plan.list())
    if (entry.text == o.source && !entry.pictures.empty()) cell.source_pictures = sheet(entry);
  if (!target.pictures.empty()) {
    const auto all = sheet(target);
    require(all.size(0) > training_pictures + 3, target.pictures, ": holds ", all.size(0),
            " pictures, expected more than ", training_pictures + 3);
    cell.pictures = all.narrow(0, 0, training_pictures);
    held_out = all.narrow(0, training_pictures, all.size(0) - training_pictures);
  }
  return cell;
}

/// Images [N, 3, H, W] of latents, adapted, on the processor, made in pieces of 20; whole ones, whatever the exit.
NADA_INLINE Tensor adapted_samples(const Stepper& adaptation, const Tensor& z) {
  std::vector<Tensor> images;
  for (const auto& piece : z.split(20)) images.push_back(adaptation.adapted_images(piece, true).clamp(-1, 1).cpu());
  return torch::cat(images);
}

/// What there is to measure of an adaptation. Images stay where some metric `needs` them; those adapted always do.
NADA_INLINE Evidence evidence_of(const AblationPlan& plan, std::int64_t n, const AblationCell& cell,
                                 const AnyClip& measuring_encoder, const Stepper& adaptation, const Tensor& held_out,
                                 Needs needs) {
  const auto& o = plan.options();
  const auto z = Stream{1, 0}.normal(Purpose::evaluation, {o.count, cell.source.latent_size()});
  Evidence evidence;
  if (held_out.defined()) evidence.real = see_all(measuring_encoder, held_out);
  evidence.adapted_images = adapted_samples(adaptation, z);
  evidence.adapted = see_all(measuring_encoder, evidence.adapted_images.to(o.machine.place()));
  std::vector<Tensor> source_images;
  evidence.source = see_all(measuring_encoder, o.count, [&](std::int64_t first, std::int64_t count) {
    const auto images = adaptation.source_images(z.narrow(0, first, count), true);
    if (has(needs, Needs::source_images)) source_images.push_back(images.clamp(-1, 1).cpu());
    return images;
  });
  if (!source_images.empty()) evidence.source_images = torch::cat(source_images);
  const auto templates = read_templates(o.templates);  // of all cells the same, whatever they train with
  evidence.ends = TextShift(o.source, cell.target_text, templates).endpoints(measuring_encoder, {});
  for (auto* end : {&evidence.ends.source, &evidence.ends.target, &evidence.ends.direction}) *end = end->cpu();
  evidence.texts = text_features(measuring_encoder, texts_of(plan.list()), templates).cpu();
  evidence.wanted = static_cast<std::int64_t>(plan.place(n));
  return evidence;
}

/// What there is to measure of an adaptation against the truths of its target; without truths where there are none.
NADA_INLINE Evidence twin_evidence_of(const AblationPlan& plan, std::int64_t n, const AblationCell& cell,
                                      const AnyClip& measuring_encoder, const Stepper& adaptation) {
  const auto& o = plan.options();
  const auto folder = o.twins / plan.target(n).name;
  std::error_code missing;
  Evidence out;
  if (o.twins.empty() || !std::filesystem::exists(folder, missing)) return out;
  out.truths = read_truths(folder, cell.source.resolution());
  const auto z = Stream{o.twins_seed, 0}.normal(Purpose::samples, {out.truths.size(0), cell.source.latent_size()});
  out.adapted_images = adapted_samples(adaptation, z);
  const auto device = o.machine.place();
  out.adapted = see_all(measuring_encoder, out.adapted_images.to(device), {.tokens = true});
  out.truth = see_all(measuring_encoder, out.truths.to(device), {.tokens = true});
  return out;
}

/// Measures by a list of metrics: those that need truths by `twins`, the others by `evidence`. `cell` names the cell in
/// errors.
NADA_INLINE std::vector<CellMetric> metrics_of(const MetricList& metrics, const Evidence& evidence,
                                               const Evidence& twins, const std::string& cell) {
  std::vector<CellMetric> out;
  auto measured = twins.truths.defined() ? metrics.measure(twins) : std::vector<Measured>{};
  std::erase_if(measured, [&](const Measured& m) { return !has(metrics.needs_of_metric(m.name), Needs::truths); });
  const auto others = metrics.measure(evidence);
  measured.insert(measured.end(), others.begin(), others.end());
  for (const auto& m : measured) {
    const auto& e = m.estimate;
    require(std::isfinite(e.value), "the metric '", m.name, "' of the cell ", cell, " is ", e.value);
    out.push_back({std::string(m.name), e.value, e.low(), e.high(), e.share_of});
  }
  return out;
}

/// Takes `steps` steps, and returns the mean of each loss term over the last of them.
NADA_INLINE std::vector<CellMetric> train(Stepper& adaptation, std::int64_t steps, double& last_loss) {
  const auto averaged = std::min(steps, steps_of_final_terms);
  std::vector<CellMetric> out;
  for (std::int64_t i = 0; i < steps; ++i) {
    const auto report = adaptation.step(steps);
    last_loss = report.loss;
    if (i < steps - averaged) continue;
    for (std::size_t t = 0; t < report.terms.size(); ++t) {
      if (t == out.size()) {
        const auto& name = report.terms[t].first;
        const auto same = std::count_if(report.terms.begin(), report.terms.begin() + static_cast<std::ptrdiff_t>(t),
                                        [&](const auto& term) { return term.first == name; });
        out.push_back({same == 0 ? "term:" + name : join("term:", name, ".", same + 1)});
      }
      out[t].value += report.terms[t].second / static_cast<double>(averaged);
    }
  }
  return out;
}

/// The most memory that this process has held, in MiB.
NADA_INLINE double peak_mib() {
  struct rusage use {};
  ::getrusage(RUSAGE_SELF, &use);
  return static_cast<double>(use.ru_maxrss) / 1024;
}

NADA_INLINE void write_cell(const std::filesystem::path& path, const CellResult& result) {
  auto metrics = nlohmann::ordered_json::array();
  for (const auto& m : result.metrics) {
    auto& entry = metrics.emplace_back(nlohmann::ordered_json{{"name", m.name}, {"value", m.value}});
    if (std::isfinite(m.low) && std::isfinite(m.high)) {
      entry["low"] = m.low;
      entry["high"] = m.high;
    }
    if (m.share_of > 0) entry["share_of"] = m.share_of;
  }
  nlohmann::ordered_json json{{"variant", result.variant},   {"target", result.target},
                              {"seed", result.seed},         {"loss", result.loss},
                              {"seconds", result.seconds},   {"parameters", result.parameters},
                              {"peak_mib", result.peak_mib}, {"made_by", result.made_by}};
  for (const auto& [name, value] : result.options) json["options"][name] = value;
  json["metrics"] = metrics;
  write_text(path, json.dump(1) + "\n");
}

/// Reads metrics of either form: the list that write_cell() writes, or an object of numbers by name.
NADA_INLINE std::vector<CellMetric> read_metrics(const nlohmann::json& json) {
  std::vector<CellMetric> out;
  if (json.is_array()) {
    for (const auto& entry : json) {
      auto& m = out.emplace_back(CellMetric{entry.at("name").get<std::string>(), entry.at("value").get<double>()});
      m.low = entry.value("low", m.low);
      m.high = entry.value("high", m.high);
      m.share_of = entry.value("share_of", m.share_of);
    }
    return out;
  }
  auto numbers = json.get<std::map<std::string, double>>();
  for (const auto& name : metric_list().names)
    if (const auto found = numbers.extract(name)) out.push_back({name, found.mapped()});
  for (const auto& [name, value] : numbers) out.push_back({name, value});
  return out;
}
}  // namespace detail

NADA_INLINE const CellMetric* CellResult::find(const std::string& name) const {
  const auto found = std::find_if(metrics.begin(), metrics.end(), [&](const auto& m) { return m.name == name; });
  return found == metrics.end() ? nullptr : &*found;
}

NADA_INLINE void run_cell(const AblationPlan& plan, std::int64_t n, const MakeStepper& make,
                          const MetricList& metrics) {
  const auto& o = plan.options();
  Tensor held_out;
  const auto cell = detail::load_cell(plan, n, held_out);
  const auto measuring_encoder = load_clip(o.measure, {}, o.machine.place());
  CellResult result{plan.variant(n), plan.target(n).name, plan.seed(n)};
  result.made_by = plan.made_by();
  result.options = plan.values(n);
  const auto start = std::chrono::steady_clock::now();
  const auto adaptation = make(plan.variant(n), cell);
  const auto terms = detail::train(*adaptation, plan.training(n).steps, result.loss);
  result.seconds = std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
  result.parameters = adaptation->trained_parameters();
  if (o.deltas) save_delta(plan.delta(n), adaptation->delta());

  const auto evidence = detail::evidence_of(plan, n, cell, measuring_encoder, *adaptation, held_out, metrics.needs);
  const auto twins = detail::twin_evidence_of(plan, n, cell, measuring_encoder, *adaptation);
  result.metrics = detail::metrics_of(metrics, evidence, twins, plan.name(n));
  result.metrics.insert(result.metrics.end(), terms.begin(), terms.end());
  result.peak_mib = detail::peak_mib();
  const auto shown = evidence.adapted_images.narrow(0, 0, samples_of_picture);
  write_picture(plan.picture(n), make_grid({to_pictures(shown)}, 1));
  detail::write_cell(plan.file(n), result);  // last: this file says that the cell is done
}

NADA_INLINE std::string made_by_others(const AblationPlan& plan) {
  std::map<std::string, std::int64_t> others;
  std::int64_t count = 0;
  for (std::int64_t n = 0; n < plan.size(); ++n) {
    if (!std::filesystem::exists(plan.file(n))) continue;
    const auto json = nlohmann::json::parse(read_text(plan.file(n)), nullptr, /*allow_exceptions=*/false);
    if (!json.is_object() || !json.contains("metrics")) continue;
    const auto by = json.contains("made_by") && json["made_by"].is_string() ? json["made_by"].get<std::string>() : "";
    if (by == plan.made_by()) continue;
    ++count;
    ++others[by];
  }
  if (count == 0) return {};
  std::string versions;
  for (const auto& [by, cells] : others)
    versions += (versions.empty() ? "" : ", ") + (by.empty() ? "a version that did not say which it is" : by);
  return join(count, " of ", plan.size(), " cells in ", plan.options().out / "cells", " were made by ", versions,
              " and stay, those that are missing are made by ", plan.made_by(),
              "; for cells of one version remove the files or give another --out");
}

NADA_INLINE CellResult read_cell(const std::filesystem::path& path) {
  const auto json = nlohmann::json::parse(read_text(path), nullptr, /*allow_exceptions=*/false);
  CellResult out;
  try {
    json.at("variant").get_to(out.variant);
    json.at("target").get_to(out.target);
    json.at("seed").get_to(out.seed);
    json.at("loss").get_to(out.loss);
    json.at("seconds").get_to(out.seconds);
    json.at("parameters").get_to(out.parameters);
    json.at("peak_mib").get_to(out.peak_mib);
    out.made_by = json.value("made_by", out.made_by);
    if (json.contains("options"))
      for (const auto& [name, value] : json.at("options").items())
        out.options.emplace_back(name, value.get<std::string>());
    out.metrics = detail::read_metrics(json.at("metrics"));
  } catch (const nlohmann::json::exception&) {
    fail(path, " is damaged; remove it to run the cell again");
  }
  return out;
}

}  // namespace nada
