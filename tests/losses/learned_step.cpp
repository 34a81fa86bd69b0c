#include <boost/test/unit_test.hpp>

#include "nada/core/error.hpp"
#include "nada/core/stream.hpp"
#include "nada/core/tensor.hpp"
#include "nada/encoders/any_clip.hpp"
#include "nada/losses/learned_step.hpp"
#include "nada/losses/term.hpp"
#include "nada/shifts/shift.hpp"
#include "nada/shifts/text_shift.hpp"
#include "support/files.hpp"
#include "support/finite_differences.hpp"
#include "support/step_pairs.hpp"
#include "support/tiny.hpp"

BOOST_AUTO_TEST_SUITE(losses_learned_step)

using namespace nada;

namespace {

static_assert(EncoderTerm<LearnedStep, AnyClip, TextShift> && !SceneTerm<LearnedStep>);

Tensor pictures(std::uint64_t seed) { return Stream{seed, 0}.uniform(Purpose::samples, {2, 3, 16, 16}) * 2 - 1; }
Tensor direction() { return unit(Stream{8, 0}.normal(Purpose::samples, {1, 8})); }

/// Returns a head whose directions hold direction() turned so that the cosine is `cosine`.
TensorMap head_knowing(double cosine) {
  auto out = test::random_head();
  const auto d = direction();
  auto across = unit(Stream{9, 0}.normal(Purpose::samples, {1, 8}));
  across = unit(across - (across * d).sum() * d);
  out["step_head.directions"] = cosine * d + std::sqrt(1 - cosine * cosine) * across;
  return out;
}

/// Returns the bound term's value, with its graph.
Tensor value_of(const AnyClip& clip, const Tensor& adapted, const Tensor& anchor, LearnedStep term = {},
                KeptAnchor* kept = nullptr) {
  const Shown a{adapted, adapted}, b{anchor, anchor};
  ComparedBatches<AnyClip> batches(clip, a, b, Stream{}, {}, kept);
  Comparison<AnyClip, LearnedStep::reads> comparison(batches);
  Endpoints ends;
  ends.direction = direction().to(adapted.scalar_type());
  return term.bind(clip, TextShift("a", "b"), ends)(comparison);
}
double of(const AnyClip& clip, const Tensor& adapted, const Tensor& anchor, LearnedStep term = {},
          KeptAnchor* kept = nullptr) {
  return value_of(clip, adapted, anchor, term, kept).item<double>();
}

}  // namespace

BOOST_AUTO_TEST_CASE(is_the_squared_distance_to_the_predicted_features_in_units_of_each_scale) {
  const auto clip = test::pair_clip(head_knowing(1));
  const auto adapted = pictures(1), anchor = pictures(2);
  const auto now = clip.see_dense(adapted), before = clip.see_dense(anchor);
  const auto predicted = (*clip.step_head())(anchor, direction());
  const double scales[] = {0.5, 2};
  double expected = 0;
  for (std::size_t l = 0; l < 2; ++l)
    expected +=
        (now[l] - before[l] - scales[l] * predicted[l]).square().mean().item<double>() / (scales[l] * scales[l]);
  BOOST_TEST(of(clip, adapted, anchor) == expected / 2, boost::test_tools::tolerance(1e-5));
}

BOOST_AUTO_TEST_CASE(a_head_that_predicts_nothing_pulls_the_images_to_the_anchors) {
  auto head = initial_step_head({.levels = test::pair_clip().dense_levels(), .embedding = 8, .width = 6}, {2, 0});
  head["step_head.directions"] = direction();
  const auto clip = test::pair_clip(head);
  BOOST_TEST(of(clip, pictures(2), pictures(2)) == 0);
  BOOST_TEST(of(clip, pictures(1), pictures(2)) > 0);
}

BOOST_AUTO_TEST_CASE(keeps_where_the_anchor_should_go_in_a_batch_that_comes_again) {
  const auto clip = test::pair_clip(head_knowing(1));
  const auto adapted = pictures(1), anchor = pictures(2);
  KeptAnchor kept;
  kept.room = 1 << 20;
  const auto value = of(clip, adapted, anchor, {}, &kept);
  BOOST_TEST(value == of(clip, adapted, anchor));
  BOOST_TEST_REQUIRE(kept.of_terms.size() == 1U);
  const auto& wanted = kept.of_terms.begin()->second;
  const auto predicted = (*clip.step_head())(anchor, direction());
  const auto before = clip.see_dense(anchor);
  const double scales[] = {0.5, 2};
  for (std::size_t l = 0; l < 2; ++l)
    BOOST_TEST(test::largest_difference(wanted[l], before[l] / scales[l] + predicted[l]) < 1e-5);
}

BOOST_AUTO_TEST_CASE(counts_as_far_as_the_head_knows_the_texts) {
  const auto value = [&](double cosine) {
    return of(test::pair_clip(head_knowing(cosine)), pictures(1), pictures(2), {.from = 0.6, .to = 0.8});
  };
  const auto whole = value(1);
  BOOST_TEST(value(0.85) == whole, boost::test_tools::tolerance(1e-6));
  BOOST_TEST(value(0.7) == 0.5 * whole, boost::test_tools::tolerance(1e-4));
  BOOST_TEST(value(0.55) == 0);
}

BOOST_AUTO_TEST_CASE(has_the_gradient_of_finite_differences) {
  const auto clip = test::pair_clip(head_knowing(1), true, torch::kFloat64);
  const auto anchor = pictures(2).to(torch::kFloat64);
  const auto score = [&](const Tensor& x) { return value_of(clip, x, anchor); };
  auto x = pictures(1).to(torch::kFloat64).requires_grad_(true);
  const auto gradient = torch::autograd::grad({score(x)}, {x})[0];
  const auto way = unit(gradient.flatten()).view_as(x);
  const torch::NoGradGuard no_grad;
  const double step = 1e-5;
  const auto difference = (score(x + step * way) - score(x - step * way)).item<double>() / (2 * step);
  BOOST_TEST((gradient * way).sum().item<double>() == difference, boost::test_tools::tolerance(1e-3));
}

BOOST_AUTO_TEST_CASE(where_no_head_is_required_an_encoder_without_one_gives_0) {
  BOOST_TEST(of(test::pair_clip(), pictures(1), pictures(2), {.required = false}) == 0);
}

BOOST_AUTO_TEST_CASE(an_encoder_without_a_head_and_thresholds_in_the_wrong_order_are_errors) {
  BOOST_TEST(error_of([&] {
               of(test::pair_clip(), pictures(1), pictures(2));
             }).starts_with("the term learned needs an encoder whose file holds a step head"));
  BOOST_CHECK_THROW(of(test::pair_clip(head_knowing(1)), pictures(1), pictures(2), {.from = 0.8, .to = 0.6}), Error);
}

BOOST_AUTO_TEST_SUITE_END()
