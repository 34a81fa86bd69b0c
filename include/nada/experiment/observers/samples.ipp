// Bodies of samples.hpp.
#pragma once
#include "nada/experiment/observers/samples.hpp"

#include <algorithm>
#include <string>
#include <utility>
#include <vector>

#include "nada/core/config.hpp"
#include "nada/core/error.hpp"
#include "nada/core/stream.hpp"
#include "nada/formats/grid.hpp"
#include "nada/formats/images.hpp"

namespace nada {

NADA_INLINE SampleObserver::SampleObserver(const RunFolder& folder, DeltaOrigin origin, std::int64_t every, int count)
    : folder_(folder), origin_(std::move(origin)), every_(every), count_(count) {
  require(every >= 0, "samples every ", every, " steps: expected 0 (only at the start and the end) or more");
}

NADA_INLINE void SampleObserver::on_start(RunAccess& run) {
  latents_ = Stream{folder_.notes().seed, 0}.normal(Purpose::samples, {count_, run.latent_size});
  if (run.step == 0) draw(run);
}

NADA_INLINE void SampleObserver::on_step(const Report& report, RunAccess& run) {
  if (every_ == 0 || report.step % every_ != 0 || report.step == report.total) return;
  draw(run);
  origin_.save(folder_.subfolder("deltas") / (RunFolder::step_name(run.step) + ".safetensors"), run.delta());
}

NADA_INLINE void SampleObserver::draw(RunAccess& run) {
  std::vector<std::vector<Picture>> rows(2);
  rows[0] = source_row_;
  for (std::int64_t at = 0; at < count_; at += 4) {  // few at a time: large generators need memory
    const auto z = latents_.narrow(0, at, std::min<std::int64_t>(4, count_ - at));
    if (source_row_.empty())
      for (auto& picture : to_pictures(run.source_images(z))) rows[0].push_back(std::move(picture));
    for (auto& picture : to_pictures(run.adapted_images(z))) rows[1].push_back(std::move(picture));
  }
  source_row_ = rows[0];
  auto grid = make_grid(rows);
  grid.text["nada:options"] = folder_.notes().options_text;
  grid.text["nada:step"] = std::to_string(run.step);
  folder_.subfolder("samples");
  write_picture(folder_.picture(run.step), grid);
  drawn_ = run.step;
}

}  // namespace nada
