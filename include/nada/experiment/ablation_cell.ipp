// Bodies of ablation_cell.hpp.
#pragma once
#include "nada/experiment/ablation_cell.hpp"

#include <sys/resource.h>

#include <chrono>
#include <nlohmann/json.hpp>
#include <utility>

#include "nada/adaptation/delta_file.hpp"
#include "nada/core/config.hpp"
#include "nada/core/error.hpp"
#include "nada/core/stream.hpp"
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
  const auto& o = plan.options();
  const auto& target = plan.target(n);
  const auto device = o.machine.place();
  AblationCell cell{load_generator(o.generator, {device, torch::kFloat32}), {}, o.source, target.text, {}, {}, {}, {}};
  for (const auto& e : o.encoders) cell.encoders.push_back({load_clip(e.path, {}, device), e.weight});
  cell.templates = read_templates(o.templates);
  cell.settings.adam.rate = o.lr;
  cell.settings.batch = o.batch;
  cell.settings.seed = plan.seed(n);
  const auto sheet = [&](const std::filesystem::path& path) {
    return read_picture_set(path, 0, cell.source.resolution()).to(device);
  };
  for (const auto& entry : plan.list())
    if (entry.text == o.source && !entry.pictures.empty()) cell.source_pictures = sheet(entry.pictures);
  if (!target.pictures.empty()) {
    const auto all = sheet(target.pictures);
    require(all.size(0) > training_pictures + 3, target.pictures, ": holds ", all.size(0),
            " pictures, expected more than ", training_pictures + 3);
    cell.pictures = all.narrow(0, 0, training_pictures);
    held_out = all.narrow(0, training_pictures, all.size(0) - training_pictures);
  }
  return cell;
}

/// Images [N, 3, H, W] of latents, adapted, on the processor, made in pieces of 20.
NADA_INLINE Tensor adapted_samples(const Stepper& adaptation, const Tensor& z) {
  std::vector<Tensor> images;
  for (const auto& piece : z.split(20)) images.push_back(adaptation.adapted_images(piece).clamp(-1, 1).cpu());
  return torch::cat(images);
}

/// Features [T, E] of all texts of a plan's list.
NADA_INLINE Tensor list_features(const AblationPlan& plan, const AnyClip& measuring_encoder,
                                 const std::vector<std::string>& templates) {
  std::vector<Tensor> out;
  for (const auto& target : plan.list()) out.push_back(text_feature(measuring_encoder, target.text, templates).cpu());
  return torch::cat(out);
}

/// All metrics by name, as far as the evidence is enough for them. `evidence` brings the features of images.
NADA_INLINE std::map<std::string, double> metrics_of(const AblationPlan& plan, std::int64_t n, const AblationCell& cell,
                                                     const AnyClip& measuring_encoder, Evidence evidence) {
  evidence.ends = cell.shift().endpoints(measuring_encoder, {});
  for (auto* end : {&evidence.ends.source, &evidence.ends.target, &evidence.ends.direction}) *end = end->cpu();
  const Found found{list_features(plan, measuring_encoder, cell.templates), static_cast<std::int64_t>(plan.place(n))};
  std::map<std::string, double> out{{std::string(Found::name), found(evidence).value}};
  for (const auto& m : measure_all(evidence)) out[std::string(m.name)] = m.estimate.value;
  return out;
}

/// The most memory that this process has held, in MiB.
NADA_INLINE double peak_mib() {
  struct rusage use {};
  ::getrusage(RUSAGE_SELF, &use);
  return static_cast<double>(use.ru_maxrss) / 1024;
}

NADA_INLINE void write_cell(const std::filesystem::path& path, const CellResult& result) {
  const nlohmann::json json{{"variant", result.variant},   {"target", result.target},
                            {"seed", result.seed},         {"loss", result.loss},
                            {"seconds", result.seconds},   {"parameters", result.parameters},
                            {"peak_mib", result.peak_mib}, {"metrics", result.metrics}};
  write_text(path, json.dump(1) + "\n");
}
}  // namespace detail

NADA_INLINE void run_cell(const AblationPlan& plan, std::int64_t n, const MakeStepper& make) {
  const auto& o = plan.options();
  const auto device = o.machine.place();
  Tensor held_out;
  const auto cell = detail::load_cell(plan, n, held_out);
  const auto measuring_encoder = load_clip(o.measure, {}, device);
  Evidence evidence;
  if (held_out.defined()) evidence.real = see_all(measuring_encoder, held_out);

  CellResult result{plan.variant(n), plan.target(n).name, plan.seed(n)};
  const auto start = std::chrono::steady_clock::now();
  const auto adaptation = make(plan.variant(n), cell);
  for (std::int64_t i = 0; i < o.steps; ++i) result.loss = adaptation->step(o.steps).loss;
  result.seconds = std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
  result.parameters = adaptation->trained_parameters();
  if (o.deltas) save_delta(plan.delta(n), adaptation->delta());

  const auto z = Stream{1, 0}.normal(Purpose::evaluation, {o.count, cell.source.latent_size()});
  const auto adapted = detail::adapted_samples(*adaptation, z);
  evidence.adapted = see_all(measuring_encoder, adapted.to(device));
  evidence.source = see_all(measuring_encoder, o.count, [&](std::int64_t first, std::int64_t count) {
    return adaptation->source_images(z.narrow(0, first, count));
  });
  result.metrics = detail::metrics_of(plan, n, cell, measuring_encoder, std::move(evidence));
  result.metrics["pixels"] = pixel_distance(adapted);
  result.peak_mib = detail::peak_mib();
  write_picture(plan.picture(n), make_grid({to_pictures(adapted.narrow(0, 0, 12))}, 1));
  detail::write_cell(plan.file(n), result);  // last: this file says that the cell is done
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
    json.at("metrics").get_to(out.metrics);
  } catch (const nlohmann::json::exception&) {
    fail(path, " is damaged; remove it to run the cell again");
  }
  return out;
}

NADA_INLINE double pixel_distance(const Tensor& images) {
  const auto flat = images.flatten(1).to(torch::kFloat32);
  const auto n = static_cast<double>(flat.size(0));
  return at::cdist(flat, flat, 1.0).sum().item<double>() / (n * (n - 1)) / static_cast<double>(flat.size(1));
}

}  // namespace nada
