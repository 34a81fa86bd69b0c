#include <boost/test/unit_test.hpp>

#include <cmath>
#include <cstddef>
#include <string>
#include <vector>

#include "nada/adaptation/leaf_gradients.hpp"
#include "nada/training/adafactor.hpp"
#include "nada/training/adam.hpp"
#include "nada/training/optimizer.hpp"
#include "nada/training/sgd.hpp"
#include "support/files.hpp"
#include "support/tiny.hpp"

BOOST_AUTO_TEST_SUITE(training_optimizer, *boost::unit_test::tolerance(1e-13))

using namespace nada;

namespace {

/// The start and the gradients of the recorded sequences: sin(1.3 i + 0.7 s + 0.2) (0.5 + 0.25 s), i = 0 to 5 in [2, 3].
Tensor start() { return torch::tensor({0.5, -1.25, 2.0, 0.75, 0.1, -0.3}, torch::kFloat64).view({2, 3}); }
Tensor gradient(int s) {
  const auto i = torch::arange(6, torch::kFloat64).view({2, 3});
  return torch::sin(1.3 * i + 0.7 * s + 0.2) * (0.5 + 0.25 * s);
}

/// Takes five steps from start() and compares the end with recorded numbers.
void check_end(const AnyOptimizer& optimizer, const std::vector<double>& expected) {
  auto leaf = start();
  Moments moments;
  for (int s = 0; s < 5; ++s) take_step(optimizer, leaf, gradient(s), moments);
  BOOST_TEST(moments.steps == 5);
  for (std::size_t i = 0; i < expected.size(); ++i)
    BOOST_TEST(test::number(leaf.view({-1})[static_cast<std::int64_t>(i)]) == expected[i], optimizer.name());
}

/// A user's own: the sign of a running mean.
struct SignOfMean {
  static constexpr std::string_view name = "sign";
  double rate = 0.1, beta = 0.5;
  void check() const { require_rate(rate); }
  Moments begin(const Tensor& leaf) const { return {.others = {{"mean", torch::zeros_like(leaf)}}}; }
  void move(Tensor& leaf, const Tensor& g, Moments& m) const {
    leaf.add_(m.others.at("mean").mul_(beta).add_(g, 1 - beta).sign(), -rate);
  }
};
static_assert(Optimizer<Adam> && Optimizer<AdamW> && Optimizer<Sgd> && Optimizer<Adafactor> && Optimizer<SignOfMean>);
struct WithoutMove {
  static constexpr std::string_view name = "still";
  double rate = 1;
  void check() const {}
  Moments begin(const Tensor&) const { return {}; }
};
static_assert(!Optimizer<WithoutMove>);

}  // namespace

// Recorded with PyTorch 2.2: torch.optim.Adam, AdamW and SGD.
BOOST_AUTO_TEST_CASE(adam_adamw_and_sgd_end_where_pytorchs_do) {
  check_end(Adam{0.05, 0, 0.99, 1e-8}, {0.22833982190741542, -1.2337458733289164, 2.2285333743749685,
                                        0.8577533449264911, -0.060823519334604115, -0.5304609692103537});
  check_end(AdamW{{0.05, 0.9, 0.99, 1e-8}, 0.1}, {0.2648534931490391, -1.3637579727567872, 2.029868211585158,
                                                  0.9318322545342685, 0.125645276969249, -0.5170372967686755});
  check_end(AdamW{{0.05, 0, 0.99, 1e-8}, 0.1}, {0.21904563553736825, -1.2010269706146683, 2.177927099062771,
                                                0.8366758820205594, -0.06354336472226864, -0.5200776465163262});
  check_end(Sgd{0.05, 0.8, 0.1}, {0.15430556004345752, -1.2595409133670545, 2.1596998501216285, 0.9346042796285683,
                                  -0.057911468442109745, -0.5917210485858138});
  check_end(Sgd{0.05}, {0.35848925110148255, -1.2208484833068978, 2.1571067420345873, 0.8049002222334524,
                        -0.027735251757231332, -0.42323828267170477});
}

// Worked out number by number in Python from the papers' formulas, without tensors.
BOOST_AUTO_TEST_CASE(adafactor_ends_where_its_formulas_do) {
  check_end(Adafactor{.rate = 0.05}, {0.3060828039175441, -1.298495679458711, 2.1485053284008893, 0.8615784095017212,
                                      -0.04155465329860557, -0.5101127415105808});
  check_end(Adafactor{.rate = 0.05, .beta1 = 0.9, .weight_decay = 0.1},
            {0.4358774664922899, -1.2582207630588311, 1.9726012697396964, 0.7834845364903126, 0.08370864967352568,
             -0.3590478356823439});
}

BOOST_AUTO_TEST_CASE(adafactor_of_one_dimension_steps_by_the_rate_first_and_of_four_keeps_sums_alone) {
  auto leaf = torch::zeros({2}, torch::kFloat64);
  Moments moments;
  take_step(Adafactor{.rate = 0.01}, leaf, torch::tensor({3.0, -0.2}, torch::kFloat64), moments);
  BOOST_TEST(test::number(leaf[0]) == -0.01);
  BOOST_TEST(test::number(leaf[1]) == 0.01);
  const auto kept = Adafactor{}.begin(torch::zeros({5, 3, 2, 2}));
  BOOST_TEST(!kept.first.defined());
  BOOST_TEST(!kept.second.defined());
  BOOST_TEST(kept.others.at("rows").numel() == 5);
  BOOST_TEST(kept.others.at("columns").numel() == 12);
}

BOOST_AUTO_TEST_CASE(a_first_moment_is_kept_only_where_it_differs_from_the_gradient) {
  const auto leaf = torch::zeros({3});
  BOOST_TEST(!Adam{}.begin(leaf).first.defined());
  BOOST_TEST(Adam{.beta1 = 0.5}.begin(leaf).first.defined());
  BOOST_TEST(!Sgd{}.begin(leaf).first.defined());
  BOOST_TEST(Sgd{.momentum = 0.5}.begin(leaf).first.defined());
}

BOOST_AUTO_TEST_CASE(any_optimizer_moves_as_the_one_it_holds_and_scales_its_rate) {
  const AnyOptimizer any(SignOfMean{});
  BOOST_TEST(any.name() == "sign");
  BOOST_TEST(any.scaled(0.5).rate() == 0.05);
  auto leaf = torch::zeros({2}, torch::kFloat64);
  Moments moments;
  take_step(any, leaf, torch::tensor({1.0, -1.0}, torch::kFloat64), moments);
  take_step(any.scaled(0.5), leaf, torch::tensor({1.0, 9.0}, torch::kFloat64), moments);
  BOOST_TEST(test::number(leaf[0]) == -0.15);
  BOOST_TEST(test::number(leaf[1]) == 0.05);
}

BOOST_AUTO_TEST_CASE(settings_that_make_no_sense_are_refused) {
  BOOST_TEST(error_of([] { Sgd{.rate = 0}.check(); }) == "the learning rate is 0, expected a number > 0");
  BOOST_TEST(error_of([] { Sgd{.momentum = 1}.check(); }) == "the momentum is 1, expected a number in [0, 1)");
  BOOST_TEST(error_of([] { AdamW{{}, -1}.check(); }) == "AdamW's weight decay is -1, expected a number >= 0");
  BOOST_TEST(error_of([] { Adafactor{.beta1 = 1}.check(); }) == "Adafactor's beta1 is 1, expected a number in [0, 1)");
}

// Recorded with PyTorch 2.2: torch.nn.utils.clip_grad_norm_ of two gradients of norm 2.486291129115233, to 0.5.
BOOST_AUTO_TEST_CASE(gradients_are_clipped_by_the_length_of_all_together) {
  BatchSum sum;
  sum.gradients = {{"p", gradient(2)}, {"q", gradient(3)[0]}};
  sum.clip(0);
  sum.clip(2.5);
  BOOST_TEST(test::same_bits(sum.gradients["p"], gradient(2)));
  sum.clip(0.5);
  BOOST_TEST(test::number(sum.gradients["p"][0][0]) == 0.2010169262365021);
  BOOST_TEST(test::number(sum.gradients["p"][1][2]) == 0.19504743619773862);
  BOOST_TEST(test::number(sum.gradients["q"][2]) == -0.2469673115639538);
}

BOOST_AUTO_TEST_SUITE_END()
