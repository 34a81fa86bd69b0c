#include <boost/test/unit_test.hpp>

#include <cmath>

#include "nada/core/stream.hpp"
#include "nada/core/tensor.hpp"
#include "nada/encoders/encoder.hpp"
#include "nada/generators/generator.hpp"
#include "nada/losses/perceptual_anchor.hpp"
#include "nada/losses/term.hpp"
#include "nada/losses/weight_anchor.hpp"
#include "nada/parameterization/fisher_information.hpp"
#include "nada/parameterization/full_weights.hpp"
#include "nada/shifts/fixed_shift.hpp"
#include "nada/shifts/shift.hpp"
#include "support/files.hpp"
#include "support/finite_differences.hpp"
#include "support/tiny.hpp"

BOOST_AUTO_TEST_SUITE(losses_anchors, *boost::unit_test::tolerance(1e-10))

using namespace nada;
using test::random;

namespace {

static_assert(EncoderTerm<PerceptualAnchor, test::LinearEncoder, FixedShift>);
static_assert(SceneTerm<WeightAnchor> && !has(WeightAnchor::reads, Reads::adapted));

/// Each pixel is a token of three numbers.
struct PixelTokens : test::PixelEncoder {
  Features see(const Tensor& images, Wanted wanted) const {
    const auto flat = images.flatten(1);
    return {unit(flat), flat, wanted.tokens ? images.flatten(2).transpose(1, 2) : Tensor{}};
  }
};

Tensor tokens_term(const Tensor& adapted, const Tensor& anchor) {
  const PixelTokens encoder;
  const Shown shown{adapted, adapted}, shown_anchor{anchor, anchor};
  ComparedBatches<PixelTokens> comparison_batches(encoder, shown, shown_anchor, Stream{}, Wanted{.tokens = true});
  Comparison<PixelTokens> comparison(comparison_batches);
  return PerceptualAnchor{}.bind(encoder, FixedShift{}, Endpoints{})(comparison);
}

}  // namespace

BOOST_AUTO_TEST_CASE(tokens_that_point_the_same_way_are_at_home_wherever_their_length) {
  const auto x = random({2, 3, 2, 2}, 1);
  BOOST_TEST(test::number(tokens_term(x, x)) == 0);
  BOOST_TEST((test::number(tokens_term(3 * x, x)) < 1e-20));
  BOOST_TEST(test::number(tokens_term(-x, x)) == 4);
  auto one = x.clone();  // one of the 8 tokens turns around
  one[1].select(1, 0).select(1, 1).neg_();
  BOOST_TEST(test::number(tokens_term(one, x)) == 4.0 / 8);
}

BOOST_AUTO_TEST_CASE(the_token_term_has_the_gradient_of_finite_differences) {
  const auto anchor = random({2, 3, 2, 2}, 2);
  test::check_gradient([&](const Tensor& x) { return tokens_term(x, anchor); }, random({2, 3, 2, 2}, 3));
}

BOOST_AUTO_TEST_CASE(weights_are_held_by_the_sum_of_squares_or_by_their_fisher_information) {
  const auto value = test::row({1, 2, 3}), initial = test::row({1, 0, 2});
  const std::vector<Leaf> leaves{{"a", value, initial}, {"b", 2 * value, 2 * value}};
  Scene scene;
  scene.leaves = leaves;
  BOOST_TEST(test::number(WeightAnchor{}(scene)) == 4 + 1);
  BOOST_TEST(test::number(WeightAnchor{{{"a", test::row({7, 0.5, 2})}, {"b", value}}}(scene)) == 2 + 2);
  BOOST_TEST(error_of([&] {
               WeightAnchor{{{"a", value}}}(scene);
             }).find("no Fisher information of b") != std::string::npos);
  BOOST_TEST(error_of([&] {
               WeightAnchor{{{"a", value[0]}, {"b", value}}}(scene);
             }).find("shape") != std::string::npos);
}

BOOST_AUTO_TEST_CASE(the_weight_term_has_the_gradient_of_finite_differences) {
  const WeightAnchor term{{{"a", test::row({7, 0.5, 2})}}};
  test::check_gradient(
      [&](const Tensor& x) {
        const std::vector<Leaf> leaves{{"a", x, test::row({1, 0, 2})}};
        Scene scene;
        scene.leaves = leaves;
        return term(scene);
      },
      test::row({1, 2, 3}));
}

BOOST_AUTO_TEST_CASE(fisher_information_is_the_mean_square_of_gradients_of_single_samples) {
  const test::TinyGenerator generator(3);
  const auto z = random({3, 4}, 1);
  const auto score = [](const Tensor& images) { return images.square().sum(); };
  const auto fisher = fisher_information(generator, FullWeights{}, z, score);
  BOOST_TEST(fisher.count("conv.8.1.weight") == 1U);
  BOOST_TEST(fisher.count("mapping.0.weight") == 0U);
  const std::size_t layer = 5;  // conv.8.1
  const auto& weight = generator.slot(layer, 0);
  auto expected = torch::zeros_like(weight);
  for (std::int64_t n = 0; n < 3; ++n)
    for (std::int64_t i = 0; i < weight.numel(); ++i) {
      const auto at = [&](double by) {
        auto copy = generator.clone();
        auto moved = weight.clone();
        moved.view(-1)[i] += by;
        copy.use(layer, 0, moved);
        return test::number(score(copy.synthesize(copy.map(z.narrow(0, n, 1), {}), Render{})));
      };
      expected.view(-1)[i] += std::pow((at(1e-5) - at(-1e-5)) / 2e-5, 2) / 3;
    }
  BOOST_TEST((test::largest_difference(fisher.at("conv.8.1.weight"), expected) < 1e-6 * test::number(expected.max())));
}

BOOST_AUTO_TEST_SUITE_END()
