// Bodies of factorization.hpp.
#pragma once
#include "nada/generators/factorization.hpp"

#include <Eigen/Dense>

#include <cstdint>

#include "nada/core/config.hpp"

namespace nada {

NADA_INLINE Directions detail::principal_directions(const Tensor& rows) {
  const auto unit = (rows / rows.norm(2, 1, true).clamp_min(1e-12)).contiguous();
  using Matrix = Eigen::Matrix<double, Eigen::Dynamic, Eigen::Dynamic, Eigen::RowMajor>;
  const auto d = unit.size(1);
  const Eigen::Map<const Matrix> a(unit.data_ptr<double>(), unit.size(0), d);
  const Eigen::SelfAdjointEigenSolver<Eigen::MatrixXd> solver(a.transpose() * a);
  Directions out{torch::empty({d, d}, torch::kFloat64), torch::empty({d}, torch::kFloat64)};
  auto* const to = out.rows.data_ptr<double>();
  for (std::int64_t i = 0; i < d; ++i) {  // Eigen sorts eigenvalues in rising order
    const Eigen::VectorXd row = solver.eigenvectors().col(d - 1 - i);
    Eigen::Index largest = 0;
    row.cwiseAbs().maxCoeff(&largest);
    const double sign = row[largest] < 0 ? -1 : 1;
    for (std::int64_t j = 0; j < d; ++j) to[i * d + j] = sign * row[j];
    out.strengths.data_ptr<double>()[i] = solver.eigenvalues()[d - 1 - i];
  }
  return out;
}

NADA_INLINE Tensor move_styles(const Tensor& styles, const Tensor& direction, double amount,
                               const std::set<int>& which) {
  auto out = styles.clone();
  const auto step = amount * direction.to(styles.options());
  if (which.empty()) return out + step;
  for (const auto l : which) {
    require(l >= 0 && l < styles.size(1), "there is no style ", l, ", only 0 to ", styles.size(1) - 1);
    out.select(1, l) += step;
  }
  return out;
}

}  // namespace nada
