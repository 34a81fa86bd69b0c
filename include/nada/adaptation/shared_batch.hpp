/// The batch of a step among the ranks of a run.
#pragma once
#include <cstddef>
#include <cstdint>
#include <vector>

#include "nada/adaptation/leaf_gradients.hpp"
#include "nada/core/process_group.hpp"
#include "nada/core/tensor.hpp"
#include "nada/selection/selector.hpp"

namespace nada {

/// SampleRange is a part of a batch: the samples `first` to `end` - 1.
struct SampleRange {
  std::int64_t first, end;
};

/// Returns the samples that this rank computes: parts differ by one sample at most, and are the whole batch together.
inline SampleRange share_of(std::int64_t batch, const ProcessGroup& ranks) {
  return {batch * ranks.rank() / ranks.size(), batch * (ranks.rank() + 1) / ranks.size()};
}

/// Adds up what the ranks have computed of a batch, each weighted by its share: data parallelism is a batch in parts,
/// which are computed beside each other. All ranks get the same bits.
/// Errors:  PeerError, where another rank has failed.
inline void add_up(BatchSum& sum, const ProcessGroup& ranks) {
  if (ranks.is_alone()) return;
  std::vector<double> values{sum.loss};
  for (const auto& [name, value] : sum.terms) values.push_back(value);
  auto numbers = torch::tensor(values, torch::kFloat64);
  ranks.all_reduce(numbers);
  sum.loss = numbers[0].item<double>();
  for (std::size_t t = 0; t < sum.terms.size(); ++t)
    sum.terms[t].second = numbers[static_cast<std::int64_t>(t) + 1].item<double>();
  std::vector<Tensor> flat;
  for (const auto& [name, gradient] : sum.gradients) flat.push_back(gradient.reshape(-1));
  auto all = at::cat(flat);
  ranks.all_reduce(all);
  std::int64_t next = 0;
  for (auto& [name, gradient] : sum.gradients) {
    const auto count = gradient.numel();
    gradient = all.narrow(0, next, count).view(gradient.sizes());
    next += count;
  }
}

/// Returns the layers that `select` chooses among `layers`, which rank 0 asks alone.
template <class Select>
LayerSet chosen_by_first(const ProcessGroup& ranks, std::size_t layers, Select&& select) {
  if (ranks.is_alone()) return select();
  auto mask = torch::zeros({static_cast<std::int64_t>(layers)}, torch::kUInt8);
  if (ranks.is_first())
    for (const auto k : select()) mask[static_cast<std::int64_t>(k)] = 1;
  ranks.broadcast(mask);
  LayerSet out;
  for (std::size_t k = 0; k < layers; ++k)
    if (mask[static_cast<std::int64_t>(k)].template item<std::uint8_t>() != 0) out.push_back(k);
  return out;
}

}  // namespace nada
