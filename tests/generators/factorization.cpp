#include <boost/test/unit_test.hpp>

#include "nada/core/tensor.hpp"
#include "nada/generators/factorization.hpp"
#include "nada/generators/generator.hpp"
#include "nada/generators/stylegan2.hpp"
#include "support/files.hpp"
#include "support/random_stylegan2.hpp"
#include "support/tiny.hpp"

BOOST_AUTO_TEST_SUITE(generators_factorization)

using namespace nada;

BOOST_AUTO_TEST_CASE(rows_are_orthonormal_and_strengths_fall) {
  const auto found = factorize(test::small_stylegan2());
  BOOST_TEST(test::largest_difference(found.rows.matmul(found.rows.t()), torch::eye(5, torch::kFloat64)) < 1e-12);
  const auto fall = found.strengths.narrow(0, 0, 4) - found.strengths.narrow(0, 1, 4);
  BOOST_TEST(test::number(fall.min()) >= 0);
}

BOOST_AUTO_TEST_CASE(the_strength_is_the_squared_change_of_the_normalized_modulation) {
  const auto generator = test::small_stylegan2();
  const auto found = factorize(generator, {1, 2});
  Tensor sum;
  double all = 0;
  for (std::size_t k = 0; k < generator.layers().size(); ++k) {
    const auto& layer = generator.layers()[k];
    if (layer.kind != LayerKind::convolution || (layer.style != 1 && layer.style != 2)) continue;
    const auto a = generator.slot(k, 3);  // affine.weight
    const auto moved = (a / a.norm(2, 1, true)).matmul(found.rows.t()).square().sum(0);
    sum = sum.defined() ? sum + moved : moved;
    all += static_cast<double>(a.size(0));
  }
  BOOST_TEST(test::largest_difference(sum, found.strengths) < 1e-10);
  BOOST_TEST(test::number(found.strengths.sum()) == all, boost::test_tools::tolerance(1e-10));  // rows are unit
}

BOOST_AUTO_TEST_CASE(a_modulation_of_one_number_has_that_numbers_axis_first) {
  auto tensors = test::random_stylegan2();
  for (auto& [name, value] : tensors)
    if (name.ends_with("affine.weight")) {
      value = 1e-9 * value;
      value.select(1, 3).fill_(2);
    }
  const auto found = factorize(StyleGan2(tensors));
  auto axis = torch::zeros({5}, torch::kFloat64);
  axis[3] = 1;
  BOOST_TEST(test::largest_difference(found.rows[0], axis) < 1e-6);
}

BOOST_AUTO_TEST_CASE(styles_move_where_they_are_told_to) {
  const auto w = test::random({2, 4, 3}, 1), direction = test::random({3}, 2);
  BOOST_TEST(test::largest_difference(move_styles(w, direction, 0.5), w + 0.5 * direction) < 1e-15);
  const auto some = move_styles(w, direction, 2, {1});
  BOOST_TEST(test::largest_difference(some.select(1, 1), w.select(1, 1) + 2 * direction) < 1e-15);
  BOOST_TEST(test::largest_difference(some.select(1, 0), w.select(1, 0)) == 0);
  BOOST_TEST(error_of([&] { move_styles(w, direction, 1, {4}); }) == "there is no style 4, only 0 to 3");
}

BOOST_AUTO_TEST_CASE(styles_that_no_convolution_reads_are_an_error) {
  BOOST_TEST(error_of([] { factorize(test::small_stylegan2(), {99}); }) ==
             "no convolution reads the styles that were asked for");
}

BOOST_AUTO_TEST_SUITE_END()
