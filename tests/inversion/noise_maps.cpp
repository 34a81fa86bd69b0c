#include <boost/test/unit_test.hpp>

#include "nada/core/tensor.hpp"
#include "nada/inversion/noise_maps.hpp"
#include "support/tiny.hpp"

BOOST_AUTO_TEST_SUITE(inversion_noise_maps)

using namespace nada;

BOOST_AUTO_TEST_CASE(a_constant_map_costs_the_same_at_every_scale) {
  const auto of = [](std::int64_t r, double c) {
    return test::number(noise_regularization({torch::full({1, 1, r, r}, c, torch::kFloat64)})[0]);
  };
  const double c = 0.7, scale = 2 * c * c * c * c;
  BOOST_TEST(of(4, c) == scale, boost::test_tools::tolerance(1e-12));
  BOOST_TEST(of(8, c) == scale, boost::test_tools::tolerance(1e-12));
  BOOST_TEST(of(32, c) == 3 * scale, boost::test_tools::tolerance(1e-12));  // 32, 16, 8
}

BOOST_AUTO_TEST_CASE(a_chessboard_disagrees_with_its_neighbours_as_much_as_a_constant_agrees) {
  auto board = torch::ones({1, 1, 8, 8}, torch::kFloat64);
  for (std::int64_t y = 0; y < 8; ++y)
    for (std::int64_t x = 0; x < 8; ++x)
      if ((x + y) % 2) board[0][0][y][x] = -1;
  BOOST_TEST(test::number(noise_regularization({board})[0]) == 2, boost::test_tools::tolerance(1e-12));
}

BOOST_AUTO_TEST_CASE(samples_are_told_apart_and_maps_add_up) {
  const auto a = test::random({2, 1, 8, 8}, 1), b = test::random({2, 1, 16, 16}, 2);
  const auto both = noise_regularization({a, b});
  BOOST_TEST(both.sizes() == at::IntArrayRef({2}));
  const auto alone = noise_regularization({a.narrow(0, 1, 1)}) + noise_regularization({b.narrow(0, 1, 1)});
  BOOST_TEST(test::largest_difference(both.narrow(0, 1, 1), alone) < 1e-14);
}

BOOST_AUTO_TEST_CASE(normal_maps_have_mean_0_and_deviation_1) {
  std::vector<Tensor> maps{3 + 5 * test::random({2, 1, 8, 8}, 1)};
  normalize_noise(maps);
  BOOST_TEST(test::number(maps[0].mean({1, 2, 3}).abs().max()) < 1e-14);
  BOOST_TEST(test::largest_difference(maps[0].square().mean({1, 2, 3}), torch::ones({2}, torch::kFloat64)) < 1e-14);
}

BOOST_AUTO_TEST_SUITE_END()
