#include <boost/test/unit_test.hpp>

#include <cmath>

#include "nada/core/tensor.hpp"
#include "nada/parameterization/compressed.hpp"
#include "support/files.hpp"
#include "support/tiny.hpp"

BOOST_AUTO_TEST_SUITE(parameterization_compressed)

using namespace nada;
using test::TinyGenerator;

namespace {

constexpr std::int64_t no_limit = 1 << 20;
double squared_error(const TinyGenerator& a, const TinyGenerator& b) {
  double sum = 0;
  for (std::size_t k = 0; k < a.layers().size(); ++k)
    for (std::size_t s = 0; s < a.layers()[k].slots.size(); ++s)
      sum += test::number((a.slot(k, s) - b.slot(k, s)).square().sum());
  return sum;
}
std::int64_t numbers(const std::map<std::string, Tensor>& leaves) {
  std::int64_t sum = 0;
  for (const auto& [name, value] : leaves) sum += value.numel();
  return sum;
}

}  // namespace

BOOST_AUTO_TEST_CASE(without_a_limit_the_change_is_kept) {
  const TinyGenerator base(1), adapted(2);
  const auto leaves = compress(base, adapted, no_limit);
  BOOST_TEST(squared_error(decompress(base, leaves, "x"), adapted) < 1e-10);  // leaves are float32
}

BOOST_AUTO_TEST_CASE(a_change_of_rank_one_takes_one_pair_of_vectors) {
  const TinyGenerator base(1);
  auto adapted = base.clone();
  const auto change = test::random({4, 1}, 5).matmul(test::random({1, 4}, 6));
  adapted.use(4, 0, base.slot(4, 0) + change);
  const auto leaves = compress(base, adapted, 8);
  BOOST_TEST(leaves.size() == 2U);
  BOOST_TEST(leaves.at("conv.8.0.weight.up").sizes() == at::IntArrayRef({4, 1}));
  BOOST_TEST(squared_error(decompress(base, leaves, "x"), adapted) < 1e-10);
}

BOOST_AUTO_TEST_CASE(the_error_is_that_of_the_best_approximation_and_the_budget_holds) {
  const TinyGenerator base(1);
  auto adapted = base.clone();
  auto diagonal = torch::diag(torch::tensor({4.0, 3.0, 2.0, 1.0}, torch::kFloat64));
  adapted.use(4, 0, base.slot(4, 0) + diagonal);  // costs 8 a value
  for (const auto& [budget, error] :
       std::vector<std::pair<std::int64_t, double>>{{7, 30}, {8, 14}, {16, 5}, {31, 1}, {32, 0}}) {
    const auto leaves = compress(base, adapted, budget);
    BOOST_TEST(numbers(leaves) <= budget);
    BOOST_TEST(std::abs(squared_error(decompress(base, leaves, "x"), adapted) - error) < 1e-5);
  }
}

BOOST_AUTO_TEST_CASE(biases_are_kept_whatever_the_budget) {
  const TinyGenerator base(1);
  auto adapted = base.clone();
  adapted.use(4, 1, base.slot(4, 1) + 1);
  adapted.use(4, 0, base.slot(4, 0) + 1);
  const auto leaves = compress(base, adapted, 0);
  BOOST_TEST(leaves.size() == 1U);
  BOOST_TEST(test::largest_difference(leaves.at("conv.8.0.bias"), torch::ones({4})) < 1e-6);
}

BOOST_AUTO_TEST_CASE(leaves_that_do_not_fit_are_named) {
  const TinyGenerator base(1);
  BOOST_TEST(error_of([&] {
               decompress(base, {{"conv.8.0.weight.up", torch::ones({4, 1})}}, "p");
             }) == "p: half of the change of conv.8.0.weight is missing");
  BOOST_TEST(error_of([&] {
               decompress(base,
                          {{"conv.8.0.weight.up", torch::ones({4, 2})}, {"conv.8.0.weight.down", torch::ones({1, 4})}},
                          "p");
             }) == "p: conv.8.0.weight: the change has the shapes [4, 2] and [1, 4], expected [4, r] and [r, 4]");
  BOOST_TEST(error_of([&] {
               decompress(base, {{"conv.99.weight", torch::ones({4})}}, "p");
             }) == "p: the base has no place for 1 of the changes");
}

BOOST_AUTO_TEST_SUITE_END()
