#include <boost/test/unit_test.hpp>

#include "nada/core/stream.hpp"
#include "nada/core/tensor.hpp"
#include "nada/encoders/encoder.hpp"
#include "nada/losses/moment.hpp"
#include "nada/losses/term.hpp"
#include "nada/shifts/shift.hpp"
#include "nada/shifts/text_shift.hpp"
#include "support/finite_differences.hpp"
#include "support/tiny.hpp"

BOOST_AUTO_TEST_SUITE(losses_moment, *boost::unit_test::tolerance(1e-10))

using namespace nada;
using test::random;

namespace {

static_assert(EncoderTerm<Moment, test::LinearEncoder, TextShift>);

/// Images by their features; texts have the features that they are told to have.
struct TextsOf {
  Tensor source, targets;  // [1, 3], [T, 3]
  mutable bool first = true;
  Features see(const Tensor& images, Wanted) const { return {images.flatten(1), images.flatten(1), {}}; }
  Tensor tokenize(std::span<const std::string> texts) const {
    return torch::full({static_cast<std::int64_t>(texts.size()), 1}, texts[0].find("source") == std::string::npos);
  }
  Tensor read(const Tensor& ids) const {
    return ids[0].item<std::int64_t>() ? targets : source.expand({ids.size(0), 3});
  }
  double score_scale() const { return 1; }
};

const TextShift shift("source", "target", {"{}", "a {}"});

Tensor evaluate(const Moment& term, const TextsOf& encoder, const Tensor& adapted, const Tensor& anchor) {
  const Shown shown{adapted, adapted}, shown_anchor{anchor, anchor};
  ComparedBatches<TextsOf> comparison_batches(encoder, shown, shown_anchor, Stream{});
  Comparison<TextsOf> comparison(comparison_batches);
  return term.bind(encoder, shift, Endpoints{})(comparison);
}

}  // namespace

BOOST_AUTO_TEST_CASE(is_zero_where_the_image_steps_are_the_text_steps_in_any_order) {
  const TextsOf encoder{test::row({0, 0, 1}), torch::cat({test::row({1, 0, 1}), test::row({0, 1, 1})})};
  const auto anchor = test::pixels(torch::cat({test::row({1, 2, 3}), test::row({4, 5, 6})}));
  const auto steps = test::pixels(torch::cat({test::row({0, 2, 0}), test::row({3, 0, 0})}));  // lengths do not matter
  BOOST_TEST((test::number(evaluate(Moment{}, encoder, anchor + steps, anchor)) < 1e-20));
}

BOOST_AUTO_TEST_CASE(one_common_step_misses_the_mean_by_its_distance_and_the_whole_covariance) {
  const TextsOf encoder{test::row({0, 0, 1}), torch::cat({test::row({1, 0, 1}), test::row({0, 1, 1})})};
  const auto anchor = test::pixels(torch::cat({test::row({1, 2, 3}), test::row({4, 5, 6})}));
  const auto steps = test::pixels(torch::cat({test::row({1, 0, 0}), test::row({1, 0, 0})}));
  // mean of the texts (.5, .5, 0): distance^2 .5; covariance +-.25 in four places: .25
  BOOST_TEST(test::number(evaluate(Moment{.covariance = 2}, encoder, anchor + steps, anchor)) == 0.5 + 2 * 0.25);
  BOOST_TEST(test::number(evaluate(Moment{.covariance = 0}, encoder, anchor + steps, anchor)) == 0.5);
}

BOOST_AUTO_TEST_CASE(variants_add_text_steps) {
  const auto encoder = test::linear_encoder(5, 2, 1);
  BOOST_TEST(Moment{}.text_steps(encoder, shift).size(0) == 2);
  const auto steps = Moment{.variants = {"a sketch", "a drawing"}}.text_steps(encoder, shift);
  BOOST_TEST(steps.size(0) == 6);
  BOOST_TEST((test::largest_difference(steps.norm(2, 1), torch::ones({6}, torch::kFloat64)) < 1e-12));
}

BOOST_AUTO_TEST_CASE(has_the_gradient_of_finite_differences) {
  const auto encoder = test::linear_encoder(5, 2, 1);
  const auto anchor = random({3, 3, 2, 2}, 5);
  test::check_gradient(
      [&](const Tensor& x) {
        const Shown shown{x, x}, shown_anchor{anchor, anchor};
        ComparedBatches<test::LinearEncoder> comparison_batches(encoder, shown, shown_anchor, Stream{});
        Comparison<test::LinearEncoder> comparison(comparison_batches);
        return Moment{}.bind(encoder, shift, Endpoints{})(comparison);
      },
      random({3, 3, 2, 2}, 4));
}

BOOST_AUTO_TEST_SUITE_END()
