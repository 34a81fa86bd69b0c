// Bodies of compressed.hpp.
#pragma once
#include "nada/parameterization/compressed.hpp"

#include <Eigen/Dense>

#include "nada/core/config.hpp"

namespace nada {

NADA_INLINE detail::LeftSingular detail::left_singular(const Tensor& matrix) {
  using Matrix = Eigen::Matrix<double, Eigen::Dynamic, Eigen::Dynamic, Eigen::RowMajor>;
  const auto rows = matrix.size(0);
  const Eigen::Map<const Matrix> m(matrix.data_ptr<double>(), rows, matrix.size(1));
  const Eigen::SelfAdjointEigenSolver<Eigen::MatrixXd> solver(m * m.transpose());  // Eigen's order is rising
  LeftSingular out{torch::empty({rows, rows}, torch::kFloat64), torch::empty({rows}, torch::kFloat64)};
  Eigen::Map<Matrix>(out.vectors.data_ptr<double>(), rows, rows) = solver.eigenvectors().rowwise().reverse();
  Eigen::Map<Eigen::VectorXd>(out.squares.data_ptr<double>(), rows) = solver.eigenvalues().reverse();
  return out;
}

}  // namespace nada
