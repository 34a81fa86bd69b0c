/// The batch of a step among the ranks of a run.
#pragma once
#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <string>
#include <utility>
#include <vector>

#include "nada/adaptation/bound_objective.hpp"
#include "nada/adaptation/leaf_gradients.hpp"
#include "nada/core/process_group.hpp"
#include "nada/core/tensor.hpp"
#include "nada/selection/selector.hpp"

namespace nada {

/// SampleRange is a part of a batch: the samples `first` to `end` - 1.
struct SampleRange {
  std::int64_t first, end;
};

/// SharedSum adds up the parts of a batch that the ranks compute: data parallelism is a batch in parts, which are
/// computed beside each other. The sum is a BatchSum of all parts in their order, with its bits, whatever the number of
/// ranks, on all of them.
class SharedSum {
 public:
  explicit SharedSum(const ProcessGroup& ranks) : ranks_(ranks) {}

  /// Adds a part that this rank has computed; `share` is its share of the batch.
  void add(const TermValues& values, TensorMap gradients, double share) {
    if (ranks_.is_alone()) {
      sum_.add(values, std::move(gradients), share);
      return;
    }
    if (parts_.empty())
      for (const auto& [name, value] : values.terms) sum_.terms.emplace_back(name, 0);
    std::vector<double> numbers{share * values.loss.item<double>()};
    for (const auto& [name, value] : values.terms) numbers.push_back(share * value);
    parts_.push_back({torch::tensor(numbers, torch::kFloat64), std::move(gradients), share});
  }

  /// Returns the sum over all ranks.
  /// Errors:  PeerError, where another rank has failed.
  BatchSum total() {
    if (ranks_.is_alone()) return std::move(sum_);
    std::vector<Tensor> sums{torch::zeros_like(parts_.front().numbers)};
    std::vector<std::string> names;
    for (const auto& [name, gradient] : parts_.front().gradients) {
      names.push_back(name);
      sums.push_back(torch::zeros_like(gradient, at::MemoryFormat::Contiguous));
    }
    ranks_.sum_in_order(sums, [&](std::size_t i, Tensor& sum) {
      for (const auto& part : parts_)
        if (i == 0)
          sum.add_(part.numbers);
        else
          sum.add_(part.gradients.at(names[i - 1]), part.share);
    });
    sum_.loss = sums[0][0].item<double>();
    for (std::size_t t = 0; t < sum_.terms.size(); ++t)
      sum_.terms[t].second = sums[0][static_cast<std::int64_t>(t) + 1].item<double>();
    for (std::size_t i = 0; i < names.size(); ++i) sum_.gradients[names[i]] = sums[i + 1];
    return std::move(sum_);
  }

 private:
  struct Part {
    Tensor numbers;  // loss and terms, times the share
    TensorMap gradients;
    double share;
  };
  const ProcessGroup& ranks_;
  BatchSum sum_;
  std::vector<Part> parts_;
};

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
