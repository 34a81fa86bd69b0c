#include <boost/test/unit_test.hpp>

#include <cmath>
#include <vector>

#include "nada/training/adam.hpp"
#include "support/files.hpp"
#include "support/tiny.hpp"

BOOST_AUTO_TEST_SUITE(training_adam, *boost::unit_test::tolerance(1e-12))

using namespace nada;

namespace {

/// Algorithm 1 of arXiv:1412.6980 for one number.
struct Naive {
  double x, m = 0, v = 0;
  int t = 0;
  void update(double g, const Adam& adam) {
    ++t;
    m = adam.beta1 * m + (1 - adam.beta1) * g;
    v = adam.beta2 * v + (1 - adam.beta2) * g * g;
    const double first = m / (1 - std::pow(adam.beta1, t)), second = v / (1 - std::pow(adam.beta2, t));
    x -= adam.rate * first / (std::sqrt(second) + adam.epsilon);
  }
};

}  // namespace

BOOST_AUTO_TEST_CASE(is_algorithm_one_of_the_paper_number_by_number) {
  for (const auto& adam : {Adam{}, Adam{0.1, 0.9, 0.999, 1e-8}, Adam{0.01, 0.5, 0, 1e-3}}) {
    const auto start = test::random({5}, 1);
    auto leaf = start.clone().requires_grad_(true);
    Moments moments;
    std::vector<Naive> naive;
    for (int i = 0; i < 5; ++i) naive.push_back({test::number(start[i])});
    for (std::uint64_t step = 0; step < 12; ++step) {
      const auto gradient = test::random({5}, 2 + step) * std::pow(10.0, static_cast<double>(step % 3) - 1);
      adam.update(leaf, gradient, moments);
      for (int i = 0; i < 5; ++i) {
        naive[i].update(test::number(gradient[i]), adam);
        BOOST_TEST(test::number(leaf[i]) == naive[i].x);
      }
    }
    BOOST_TEST(moments.steps == 12);
    BOOST_TEST(test::number(moments.second[0]) == naive[0].v);
    if (adam.beta1 > 0) BOOST_TEST(test::number(moments.first[0]) == naive[0].m);
  }
}

BOOST_AUTO_TEST_CASE(the_first_step_is_the_rate_whatever_the_size_of_the_gradient) {
  for (const double size : {1e-3, 1.0, 1e4}) {
    auto leaf = torch::zeros({2}, torch::kFloat64);
    Moments moments;
    Adam{.rate = 0.002}.update(leaf, size * torch::tensor({1.0, -1.0}, torch::kFloat64), moments);
    BOOST_TEST(test::number(leaf[0]) == -0.002, boost::test_tools::tolerance(1e-4));
    BOOST_TEST(test::number(leaf[1]) == 0.002, boost::test_tools::tolerance(1e-4));
  }
}

BOOST_AUTO_TEST_CASE(a_gradient_of_zero_is_a_step_and_moves_on_by_momentum) {
  const Adam adam{.rate = 0.1, .beta1 = 0.9, .beta2 = 0.99};
  auto leaf = torch::zeros({1}, torch::kFloat64);
  Moments moments;
  adam.update(leaf, torch::ones({1}, torch::kFloat64), moments);
  const auto before = test::number(leaf[0]);
  adam.update(leaf, torch::zeros({1}, torch::kFloat64), moments);
  BOOST_TEST(moments.steps == 2);
  BOOST_TEST(test::number(leaf[0]) < before - 0.01);
}

BOOST_AUTO_TEST_CASE(moments_are_undefined_before_the_first_gradient_and_of_the_leafs_shape_and_type_after) {
  Moments moments;
  BOOST_TEST(!moments.first.defined());
  auto leaf = torch::zeros({2, 3});
  Adam{.beta1 = 0.5}.update(leaf, torch::ones({2, 3}), moments);
  BOOST_TEST(moments.second.sizes() == leaf.sizes());
  BOOST_TEST((moments.first.scalar_type() == torch::kFloat32));
}

BOOST_AUTO_TEST_CASE(the_defaults_are_the_official_trainings) {
  BOOST_TEST(Adam{}.rate == 0.002);
  BOOST_TEST(Adam{}.beta1 == 0);
  BOOST_TEST(Adam{}.beta2 == 0.99);
}

BOOST_AUTO_TEST_CASE(refuses_rates_and_betas_that_make_no_sense) {
  const auto error = [](const Adam& adam) { return error_of([&] { adam.check(); }); };
  BOOST_TEST(error({}) == "");
  BOOST_TEST(error({.rate = 0}) == "the learning rate is 0, expected a number > 0");
  BOOST_TEST(error({.rate = -0.5}) == "the learning rate is -0.5, expected a number > 0");
  BOOST_TEST(error({.rate = NAN}) == "the learning rate is nan, expected a number > 0");
  BOOST_TEST(error({.beta2 = 1}) == "Adam's betas are 0 and 1, expected numbers in [0, 1)");
  BOOST_TEST(error({.beta1 = -0.1}) == "Adam's betas are -0.1 and 0.99, expected numbers in [0, 1)");
}

BOOST_AUTO_TEST_SUITE_END()
