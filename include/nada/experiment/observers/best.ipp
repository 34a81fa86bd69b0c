// Bodies of best.hpp.
#pragma once
#include "nada/experiment/observers/best.hpp"

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <cstdlib>
#include <filesystem>
#include <functional>
#include <string>
#include <utility>

#include "nada/core/config.hpp"
#include "nada/core/error.hpp"
#include "nada/core/stream.hpp"
#include "nada/formats/csv.hpp"
#include "nada/formats/file.hpp"
#include "nada/formats/safetensors.hpp"
#include "nada/metrics/measure.hpp"
#include "nada/metrics/metric.hpp"

namespace nada {

namespace detail {
/// Returns the images of latents, clamped, on the processor, a few at a time.
NADA_INLINE Tensor images_in_pieces(const std::function<Tensor(const Tensor&)>& images, const Tensor& z) {
  std::vector<Tensor> out;
  for (std::int64_t at = 0; at < z.size(0); at += 8)
    out.push_back(images(z.narrow(0, at, std::min<std::int64_t>(8, z.size(0) - at))).clamp(-1, 1).cpu());
  return torch::cat(out);
}
}  // namespace detail

NADA_INLINE void BestObserver::check(const std::string& metric, std::int64_t every) {
  require(every >= 1, "option best-every: expected at least 1, found ", every);
  constexpr auto missing = Needs::real | Needs::texts | Needs::truths;  // what a run does not have
  const auto list = metric_list();
  std::string all;
  bool known = false;
  for (std::size_t i = 0; i < list.names.size(); ++i) {
    if (has(missing, list.needs_of[i])) continue;
    all += (all.empty() ? "" : ", ") + list.names[i];
    known = known || list.names[i] == metric;
  }
  require(known, "option best: expected one of ", all, ", found '", metric,
          "' (metrics that need real pictures, a list of texts or truths are not measured in a run)");
}

NADA_INLINE BestObserver::BestObserver(const RunFolder& folder, DeltaOrigin origin, std::string metric,
                                       std::int64_t every, MeasuringEncoder measuring)
    : folder_(folder),
      origin_(std::move(origin)),
      metric_(std::move(metric)),
      every_(every),
      measuring_(std::move(measuring)) {
  check(metric_, every_);
  const auto& ends = measuring_.ends;
  evidence_.ends = {ends.source.cpu(), ends.target.cpu(), ends.direction.cpu()};
}

NADA_INLINE void BestObserver::on_start(RunAccess& run) {
  latents_ = Stream{folder_.notes().seed, 0}.normal(Purpose::evaluation, {samples, run.latent_size});
  const auto path = folder_ / file_name;
  if (run.step == 0 || !std::filesystem::exists(path)) return;
  const auto file = Safetensors::open(path);
  const auto of = value_or(file.metadata(), "nada.best_metric");
  require(of == metric_, path, " is the best by ", of, ", this run goes by ", metric_);
  best_ = std::strtod(value_or(file.metadata(), "nada.best_value").c_str(), nullptr);
  any_ = true;
}

NADA_INLINE Measured BestObserver::measured(RunAccess& run) {
  if (!evidence_.source_images.defined()) {
    evidence_.source_images = detail::images_in_pieces(run.source_images, latents_);
    evidence_.source = see_all(measuring_.encoder, evidence_.source_images);
  }
  evidence_.adapted_images = detail::images_in_pieces(run.adapted_images, latents_);
  evidence_.adapted = see_all(measuring_.encoder, evidence_.adapted_images);
  for (const auto& number : measure_all(evidence_))
    if (number.name == metric_) return number;
  fail("option best: ", metric_, " could not be measured");
}

NADA_INLINE void BestObserver::on_step(const Report& report, RunAccess& run) {
  if (report.step % every_ != 0) return;
  const auto number = measured(run);
  const double value = number.estimate.value;
  run.log(metric_, value);
  if (any_ && !(number.higher_is_better ? value > best_ : value < best_)) return;
  any_ = true;
  best_ = value;
  auto origin = origin_;
  origin.metadata["nada.best_metric"] = metric_;
  origin.metadata["nada.best_step"] = std::to_string(report.step);
  origin.metadata["nada.best_value"] = csv_number(value, 17);
  origin.save(folder_ / file_name, run.delta());
}

}  // namespace nada
