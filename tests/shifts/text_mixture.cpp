#include <boost/test/unit_test.hpp>

#include "nada/core/error.hpp"
#include "nada/core/tensor.hpp"
#include "nada/shifts/any_shift.hpp"
#include "nada/shifts/shift.hpp"
#include "nada/shifts/text_mixture.hpp"
#include "nada/shifts/text_shift.hpp"
#include "support/files.hpp"
#include "support/step_pairs.hpp"
#include "support/tiny.hpp"

BOOST_AUTO_TEST_SUITE(shifts_text_mixture)

using namespace nada;

namespace {
static_assert(!TextualShift<TextMixture>);

Endpoints ends_of(std::vector<WeightedText> targets) {
  return TextMixture("a face", std::move(targets)).endpoints(test::pair_clip(), {});
}
Endpoints alone(const std::string& target) { return TextShift("a face", target).endpoints(test::pair_clip(), {}); }
}  // namespace

BOOST_AUTO_TEST_CASE(is_the_unit_sum_of_the_weighed_shifts) {
  const auto a = alone("a negative"), b = alone("a dark face");
  const auto found = ends_of({{"a negative", 1}, {"a dark face", 0.5}});
  BOOST_TEST(test::largest_difference(found.direction, unit(a.direction + 0.5 * b.direction)) < 1e-6);
  BOOST_TEST(test::largest_difference(found.target, unit(a.target + 0.5 * b.target)) < 1e-6);
  BOOST_TEST(test::largest_difference(found.source, a.source) < 1e-6);
}

BOOST_AUTO_TEST_CASE(one_target_is_the_shift_to_it_and_only_the_ratio_of_weights_counts) {
  BOOST_TEST(test::largest_difference(ends_of({{"a negative", 3}}).direction, alone("a negative").direction) < 1e-6);
  const auto few = ends_of({{"a negative", 0.2}, {"a dark face", 0.1}});
  const auto many = ends_of({{"a negative", 4}, {"a dark face", 2}});
  BOOST_TEST(test::largest_difference(few.direction, many.direction) < 1e-6);
}

BOOST_AUTO_TEST_CASE(a_weight_that_goes_to_0_leaves_the_shift_to_the_other) {
  // The way from the other's direction is in proportion to the weight, in the limit.
  const auto far = [&](double weight) {
    const auto d = ends_of({{"a negative", 1}, {"a dark face", weight}}).direction;
    return (d - alone("a negative").direction).norm().item<double>() / weight;
  };
  BOOST_TEST(far(0.02) == far(0.01), boost::test_tools::tolerance(0.03));
  BOOST_TEST(far(0.01) > 0.01);
}

BOOST_AUTO_TEST_CASE(a_text_may_bring_its_weight) {
  const auto plain = read_weighted_text("a zombie"), weighed = read_weighted_text("a sketch:0.5");
  BOOST_TEST(plain.text == "a zombie");
  BOOST_TEST(plain.weight == 1);
  BOOST_TEST(weighed.text == "a sketch");
  BOOST_TEST(weighed.weight == 0.5);
  BOOST_TEST(read_weighted_text("a poster: night").text == "a poster: night");
  BOOST_TEST(read_weighted_text("at 12:30:2").text == "at 12:30");
}

BOOST_AUTO_TEST_CASE(no_target_no_text_and_no_weight_are_errors) {
  BOOST_TEST(error_of([] { ends_of({}); }) == "TextMixture: no target text");
  BOOST_TEST(error_of([] {
               ends_of({{"a negative", 0}});
             }) == "TextMixture: the weight of 'a negative' is 0, expected above 0");
  BOOST_TEST(error_of([] { read_weighted_text(":0.5"); }) ==
             "the target ':0.5' has no text, expected TEXT or TEXT:weight");
  BOOST_TEST(error_of([] { read_weighted_text("a sketch:-1"); }) ==
             "the target 'a sketch:-1' has the weight -1, expected above 0");
  BOOST_TEST(error_of([] { read_weighted_text("a sketch:inf"); }) ==
             "the target 'a sketch:inf' has the weight inf, expected above 0");
}

BOOST_AUTO_TEST_CASE(the_menu_refuses_to_give_it_one_text) {
  const AnyShift shift{TextMixture("a face", {{"a negative", 1}, {"a dark face", 1}})};
  BOOST_TEST(error_of([&] { (void)shift.target(); }).find("by pictures or to several texts") != std::string::npos);
}

BOOST_AUTO_TEST_SUITE_END()
