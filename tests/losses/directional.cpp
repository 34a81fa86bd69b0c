#include <boost/test/unit_test.hpp>

#include <cmath>

#include "nada/core/tensor.hpp"
#include "nada/losses/directional.hpp"
#include "nada/losses/term.hpp"
#include "nada/shifts/fixed_shift.hpp"
#include "nada/shifts/shift.hpp"
#include "support/finite_differences.hpp"
#include "support/tiny.hpp"

BOOST_AUTO_TEST_SUITE(losses_directional, *boost::unit_test::tolerance(1e-12))

using namespace nada;

namespace {

static_assert(EncoderTerm<Directional, test::LinearEncoder, FixedShift> && !SceneTerm<Directional>);
static_assert(!EncoderTerm<FixedShift, test::LinearEncoder, FixedShift>);

const Endpoints along_x{test::row({0, 1, 0}), test::row({1, 0, 0}), test::row({1, 0, 0})};

/// Features of any length, [N, 3] each, in an encoder that takes them as they are.
double of_features(const Tensor& adapted, const Tensor& anchor, const Directional& term = {}) {
  return test::number(test::evaluate(term, test::PixelEncoder{}, along_x, test::pixels(adapted), test::pixels(anchor)));
}

}  // namespace

BOOST_AUTO_TEST_CASE(is_zero_along_the_direction_one_across_it_and_two_against_it) {
  const auto anchor = test::row({0.3, -0.2, 0.5});
  BOOST_TEST(of_features(anchor + test::row({0.7, 0, 0}), anchor) == 0);
  BOOST_TEST(of_features(anchor + test::row({0, 0.6, -0.3}), anchor) == 1);
  BOOST_TEST(of_features(anchor - test::row({0.7, 0, 0}), anchor) == 2);
}

BOOST_AUTO_TEST_CASE(does_not_depend_on_the_length_of_a_step_above_the_floor) {
  const auto anchor = test::row({0.3, -0.2, 0.5}), step = test::row({0.4, 0.3, 0});
  BOOST_TEST(of_features(anchor + step, anchor) == 0.2);
  BOOST_TEST(of_features(anchor + 3 * step, anchor) == 0.2);
}

BOOST_AUTO_TEST_CASE(shrinks_a_step_below_the_floor_in_proportion) {
  const auto anchor = test::row({0.3, -0.2, 0.5}), step = test::row({0.04, 0.03, 0});  // length 0.05, cosine 0.8
  BOOST_TEST(of_features(anchor + step, anchor, {.min_length = 0.2}) == 1 - 0.25 * 0.8);
  BOOST_TEST(of_features(anchor + step, anchor, {.min_length = 0.05}) == 0.2);
}

BOOST_AUTO_TEST_CASE(is_one_with_a_gradient_of_one_over_the_floor_when_both_images_agree) {
  for (const double floor : {0.2, 0.5}) {
    const auto anchor = test::pixels(test::row({0.3, -0.2, 0.5}));
    const auto adapted = anchor.clone().requires_grad_(true);
    const auto loss = test::evaluate(Directional{.min_length = floor}, test::PixelEncoder{}, along_x, adapted, anchor);
    BOOST_TEST(test::number(loss) == 1);
    const auto gradient = torch::autograd::grad({loss}, {adapted})[0];
    BOOST_TEST(test::number(gradient.norm()) == 1 / floor);
    BOOST_TEST(test::largest_difference(gradient.flatten(1), test::row({-1 / floor, 0, 0})) == 0);
  }
}

BOOST_AUTO_TEST_CASE(becomes_two_minus_itself_when_the_endpoints_are_swapped) {
  const auto encoder = test::linear_encoder(5, 2, 1);
  const auto ends = test::endpoints_between(test::random({1, 5}, 2), test::random({1, 5}, 3));
  const auto adapted = test::random({3, 3, 2, 2}, 4), anchor = test::random({3, 3, 2, 2}, 5);
  const Endpoints swapped{ends.target, ends.source, -ends.direction};
  const auto there = test::number(test::evaluate(Directional{}, encoder, ends, adapted, anchor));
  const auto back = test::number(test::evaluate(Directional{}, encoder, swapped, adapted, anchor));
  BOOST_TEST(back == 2 - there);
  BOOST_TEST(std::abs(there - 1) > 0.01);  // 1 would agree with itself
}

BOOST_AUTO_TEST_CASE(is_the_papers_mean_of_one_minus_cosine_without_a_floor) {
  const auto encoder = test::linear_encoder(5, 2, 1);
  const auto ends = test::endpoints_between(test::random({1, 5}, 2), test::random({1, 5}, 3));
  const auto adapted = test::random({3, 3, 2, 2}, 4), anchor = test::random({3, 3, 2, 2}, 5);
  double expected = 0;
  for (int n = 0; n < 3; ++n) {
    const auto feature = [&](const Tensor& images) {
      const auto raw = encoder.weight.matmul(images[n].flatten());
      return raw / std::sqrt(test::number(raw.dot(raw)));
    };
    const auto step = feature(adapted) - feature(anchor);
    const auto direction = ends.direction[0];
    expected += 1 - test::number(step.dot(direction)) / std::sqrt(test::number(step.dot(step)));
  }
  BOOST_TEST(test::number(test::evaluate(Directional{.min_length = 0}, encoder, ends, adapted, anchor)) ==
             expected / 3);
}

BOOST_AUTO_TEST_CASE(encodes_images_moved_by_the_offset_where_the_whole_batch_is_identical) {
  const auto encoder = test::linear_encoder(5, 2, 1);
  const auto ends = test::endpoints_between(test::random({1, 5}, 2), test::random({1, 5}, 3));
  const Directional term{.min_length = 0, .offset_if_identical = 1e-3};
  const auto images = test::random({2, 3, 2, 2}, 4);
  const auto loss = test::evaluate(term, encoder, ends, images, images);
  const auto moved = test::evaluate(Directional{.min_length = 0}, encoder, ends, images + 1e-3, images);
  BOOST_TEST(test::number(loss) == test::number(moved));
  BOOST_TEST(std::isnan(test::number(test::evaluate(Directional{.min_length = 0}, encoder, ends, images, images))));
  auto other =
      images.clone();  // one image that differs is enough: the step of the other stays 0, and 0 / 0 is no number
  other[1].add_(0.5);
  BOOST_TEST(std::isnan(test::number(test::evaluate(term, encoder, ends, other, images))));
  const auto all = images + 0.5;
  BOOST_TEST(test::number(test::evaluate(term, encoder, ends, all, images)) ==
             test::number(test::evaluate(Directional{.min_length = 0}, encoder, ends, all, images)));
}

BOOST_AUTO_TEST_CASE(sends_no_gradient_to_the_anchor) {
  const auto encoder = test::linear_encoder(5, 2, 1);
  const auto ends = test::endpoints_between(test::random({1, 5}, 2), test::random({1, 5}, 3));
  const auto adapted = test::random({2, 3, 2, 2}, 4).requires_grad_(true);
  const auto anchor = test::random({2, 3, 2, 2}, 5).requires_grad_(true);
  const auto gradients = torch::autograd::grad({test::evaluate(Directional{}, encoder, ends, adapted, anchor)},
                                               {adapted, anchor}, {}, false, false, /*allow_unused=*/true);
  BOOST_TEST(test::number(gradients[0].norm()) > 0);
  BOOST_TEST(!gradients[1].defined());
}

BOOST_AUTO_TEST_CASE(has_the_gradient_of_finite_differences_below_and_above_the_floor) {
  const auto encoder = test::linear_encoder(5, 2, 1);
  const auto ends = test::endpoints_between(test::random({1, 5}, 2), test::random({1, 5}, 3));
  const auto anchor = test::random({2, 3, 2, 2}, 5);
  for (const double floor : {0.0, 0.2, 5.0})
    test::check_gradient(
        [&](const Tensor& x) { return test::evaluate(Directional{.min_length = floor}, encoder, ends, x, anchor); },
        test::random({2, 3, 2, 2}, 4));
}

BOOST_AUTO_TEST_CASE(reads_both_images_of_each_sample) {
  static_assert(has(Directional::reads, Reads::adapted) && has(Directional::reads, Reads::anchor));
  static_assert(!has(Directional::reads, Reads::tokens) && Directional::per_sample);
  BOOST_TEST(Directional::name == "directional");
  const auto anchor = torch::cat({test::row({0, 0, 1}), test::row({0, 1, 0})});
  const auto adapted = anchor + torch::cat({test::row({1, 0, 0}), test::row({-1, 0, 0})});
  BOOST_TEST(of_features(adapted, anchor) == 1);  // the mean of 0 and 2
}

BOOST_AUTO_TEST_SUITE_END()
