/// A batch in parts, which are computed one after the other or at the same time.
#pragma once
#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <utility>
#include <vector>

#include "nada/adaptation/bound_objective.hpp"
#include "nada/adaptation/leaf_gradients.hpp"
#include "nada/adaptation/settings.hpp"
#include "nada/adaptation/shared_batch.hpp"
#include "nada/core/parallel.hpp"
#include "nada/core/tensor.hpp"

namespace nada {

/// Returns `samples` in parts of `size` samples, the last one with what is left.
inline std::vector<SampleRange> parts_of_size(SampleRange samples, std::int64_t size) {
  std::vector<SampleRange> out;
  for (auto first = samples.first; first < samples.end; first += size)
    out.push_back({first, std::min(first + size, samples.end)});
  return out;
}

/// Returns `samples` in `count` parts that differ by one sample at most; in single samples where there are fewer.
inline std::vector<SampleRange> split_into(SampleRange samples, std::int64_t count) {
  std::vector<SampleRange> out;
  const auto size = samples.end - samples.first, parts = std::min(count, size);
  for (std::int64_t p = 0; p < parts; ++p)
    out.push_back({samples.first + size * p / parts, samples.first + size * (p + 1) / parts});
  return out;
}

/// Returns the parts of a batch that rank `rank` of `ranks` computes: neighbours, as evenly shared out as whole parts go.
/// There is at least one part for each rank, unless a term is no mean over samples (`per_sample` is false).
inline std::vector<SampleRange> parts_of_batch(const AdaptationSettings& settings, bool per_sample, int rank,
                                               int ranks) {
  const SampleRange whole{0, settings.batch};
  const auto split = std::max<std::int64_t>(settings.split, ranks);
  const auto all =
      settings.micro_batch > 0 ? parts_of_size(whole, settings.micro_batch) : split_into(whole, per_sample ? split : 1);
  const auto first_of = [&](int r) { return all.begin() + static_cast<std::ptrdiff_t>(all.size()) * r / ranks; };
  return {first_of(rank), first_of(rank + 1)};
}
inline std::vector<SampleRange> parts_of_batch(const AdaptationSettings& settings, bool per_sample) {
  return parts_of_batch(settings, per_sample, settings.ranks.rank(), settings.ranks.size());
}

/// PartOfBatch is what was computed of a part: its terms, whose loss needs no graph any more, and the loss's gradients.
struct PartOfBatch {
  TermValues values;
  TensorMap gradients;
};

/// Returns the sum of a batch, of which this rank computes `parts`. compute(p, generator) computes part p with `adapted`; `at_once`:
/// all parts at the same time, one thread each, in which LibTorch's operations compute with one thread, and each but the
/// first with a copy of `adapted`. `compute` may then change nothing else that another part sees.
/// Errors:  what a call throws, the first where several do.
template <class G, class Compute>
BatchSum sum_of_parts(const std::vector<SampleRange>& parts, const AdaptationSettings& settings, bool at_once,
                      G& adapted, Compute&& compute) {
  SharedSum sum(settings.ranks);
  const auto add = [&](std::size_t p, PartOfBatch part) {
    const auto share = static_cast<double>(parts[p].end - parts[p].first) / static_cast<double>(settings.batch);
    sum.add(part.values, std::move(part.gradients), share);
  };
  if (!at_once) {
    for (std::size_t p = 0; p < parts.size(); ++p) add(p, compute(p, adapted));
    return sum.total();
  }
  std::vector<G> copies;
  for (std::size_t p = 1; p < parts.size(); ++p) copies.push_back(adapted.clone());
  std::vector<PartOfBatch> found(parts.size());
  for_each_in_threads(static_cast<int>(parts.size()), [&](int part) {
    const auto p = static_cast<std::size_t>(part);
    found[p] = compute(p, p == 0 ? adapted : copies[p - 1]);
  });
  for (std::size_t p = 0; p < parts.size(); ++p) add(p, std::move(found[p]));
  return sum.total();
}

}  // namespace nada
