/// Stores changes of weights in few numbers, after training.
#pragma once
#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "nada/core/error.hpp"
#include "nada/core/tensor.hpp"
#include "nada/generators/generator.hpp"

namespace nada {

/// Compressed names the form in which compress() stores a delta. A matrix (a slot of two or more dimensions, seen as
/// [rows, all other dimensions]) changes by up down, with up [rows, r] and down [r, columns] and a rank r of its own.
/// Every other slot changes by a tensor of its shape.
struct Compressed {
  static constexpr std::string_view name = "compressed";

  static bool is_matrix(const Tensor& slot) { return slot.dim() >= 2; }
  static Tensor folded(const Tensor& base, const Tensor& up, const Tensor& down, const std::string& what) {
    const auto rows = base.size(0), columns = base.numel() / rows;
    require(
        up.dim() == 2 && down.dim() == 2 && up.size(0) == rows && down.size(1) == columns && up.size(1) == down.size(0),
        what, ": the change has the shapes ", shape_text(up.sizes()), " and ", shape_text(down.sizes()), ", expected [",
        rows, ", r] and [r, ", columns, "]");
    return base + up.matmul(down).view(base.sizes());
  }
};

namespace detail {
/// LeftSingular holds the left singular vectors of a matrix, the strongest first.
struct LeftSingular {
  Tensor vectors;  // [R, R] float64, columns
  Tensor squares;  // [R] float64, squared singular values; rounding may leave some below 0
};
/// Computes the left singular vectors of `matrix` [R, C] float64, contiguous, on the processor.
LeftSingular left_singular(const Tensor& matrix);
}  // namespace detail

/// Stores the change from `base` to `adapted` in at most `budget` numbers. Slots that are no matrices are stored whole
/// in any case. Of the singular values of all matrices, those are kept that save most squared error for their cost.
///     M = U S V^T, truncated: up = U_r, down = U_r^T M,   cost of one singular value: rows + columns
/// Source:  Eckart and Young, The approximation of one matrix by another of lower rank, 1936.
/// Facts:   without a limit the change is exact; the squared error is the sum of the squared singular values left out.
template <Generator G>
std::map<std::string, Tensor> compress(const G& base, const G& adapted, std::int64_t budget) {
  struct Change {
    std::string place;
    Tensor up, down;  // all of U and U^T M
    std::int64_t rank = 0;
  };
  struct Value {
    double gain;
    std::size_t change;
    std::int64_t cost;
  };
  std::map<std::string, Tensor> out;
  std::vector<Change> changes;
  std::vector<Value> values;
  for (std::size_t k = 0; k < base.layers().size(); ++k)
    for (std::size_t s = 0; s < base.layers()[k].slots.size(); ++s) {
      const auto& from = base.slot(k, s);
      const auto difference = (adapted.slot(k, s) - from).detach().to(torch::kCPU, torch::kFloat64);
      if (difference.abs().max().template item<double>() == 0) continue;
      const auto place = base.layers()[k].name + "." + base.layers()[k].slots[s];
      if (!Compressed::is_matrix(from)) {
        out[place] = difference.to(torch::kFloat32);
        budget -= difference.numel();
        continue;
      }
      const auto m = difference.reshape({from.size(0), -1}).contiguous();
      const auto rows = m.size(0), columns = m.size(1);
      const auto [u, squares] = detail::left_singular(m);
      const double* const square = squares.template data_ptr<double>();
      for (std::int64_t i = 0; i < std::min(rows, columns); ++i)
        values.push_back({std::max(0.0, square[i]), changes.size(), rows + columns});
      changes.push_back({place, u, u.t().matmul(m), 0});
    }
  // The singular values of one matrix fall, so that sorting by gain keeps their order within the matrix.
  std::stable_sort(values.begin(), values.end(), [](const Value& a, const Value& b) {
    return a.gain * static_cast<double>(b.cost) > b.gain * static_cast<double>(a.cost);
  });
  for (const auto& value : values) {
    if (value.gain == 0) continue;
    if (value.cost > budget) break;
    budget -= value.cost;
    ++changes[value.change].rank;
  }
  for (const auto& change : changes) {
    if (change.rank == 0) continue;
    out[change.place + ".up"] = change.up.narrow(1, 0, change.rank).to(torch::kFloat32).contiguous();
    out[change.place + ".down"] = change.down.narrow(0, 0, change.rank).to(torch::kFloat32).contiguous();
  }
  return out;
}

/// Folds compressed leaves into a copy of their base.
/// Errors:  leaves that have no place in the base or do not fit.
template <Generator G>
G decompress(const G& base, const std::map<std::string, Tensor>& leaves, const std::string& what) {
  auto out = base.clone();
  std::size_t used = 0;
  for (std::size_t k = 0; k < base.layers().size(); ++k)
    for (std::size_t s = 0; s < base.layers()[k].slots.size(); ++s) {
      const auto& from = base.slot(k, s);
      const auto place = base.layers()[k].name + "." + base.layers()[k].slots[s];
      if (Compressed::is_matrix(from)) {
        const auto up = leaves.find(place + ".up"), down = leaves.find(place + ".down");
        require((up == leaves.end()) == (down == leaves.end()), what, ": half of the change of ", place, " is missing");
        if (up == leaves.end()) continue;
        out.use(k, s,
                Compressed::folded(from, up->second.to(from.options()), down->second.to(from.options()),
                                   what + ": " + place));
        used += 2;
      } else if (const auto change = leaves.find(place); change != leaves.end()) {
        require(change->second.sizes() == from.sizes(), what, ": ", place, " has shape ",
                shape_text(change->second.sizes()), ", the base has ", shape_text(from.sizes()));
        out.use(k, s, from + change->second.to(from.options()));
        ++used;
      }
    }
  require(used == leaves.size(), what, ": the base has no place for ", leaves.size() - used, " of the changes");
  return out;
}

}  // namespace nada

#ifndef NADA_COMPILED
#include "nada/parameterization/compressed.ipp"
#endif
