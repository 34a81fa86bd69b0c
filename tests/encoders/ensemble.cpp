#include <boost/test/unit_test.hpp>

#include <cmath>
#include <limits>
#include <tuple>
#include <vector>

#include "nada/encoders/encoder.hpp"
#include "nada/encoders/ensemble.hpp"
#include "support/files.hpp"
#include "support/tiny.hpp"

BOOST_AUTO_TEST_SUITE(encoders_ensemble)

using namespace nada;
using test::LinearEncoder;
using test::PixelEncoder;

namespace {

static_assert(EncoderSet<Ensemble<LinearEncoder, PixelEncoder>> && EncoderSet<Members<LinearEncoder>>);
static_assert(!EncoderSet<LinearEncoder> && !EncoderSet<int>);

using Visit = std::tuple<std::int64_t, double, std::size_t>;  // width, weight, index
template <class Set>
std::vector<Visit> visits(const Set& set) {
  std::vector<Visit> out;
  set.each([&](const auto& encoder, double weight, std::size_t index) {
    out.emplace_back(encoder.see(torch::ones({1, 3, 1, 1}, torch::kFloat64), Wanted{}).unit.size(1), weight, index);
  });
  return out;
}
LinearEncoder wide(std::int64_t width) { return test::linear_encoder(width, 1, 1); }

}  // namespace

BOOST_AUTO_TEST_CASE(an_ensemble_visits_encoders_of_several_types_in_order) {
  const Ensemble set{Member{wide(5), 1.0}, Member{PixelEncoder{}, 0.5}, Member{wide(7)}};
  BOOST_TEST((visits(set) == std::vector<Visit>{{5, 1.0, 0}, {3, 0.5, 1}, {7, 1.0, 2}}));
}

BOOST_AUTO_TEST_CASE(members_are_as_many_as_are_named) {
  const Members<LinearEncoder> set({{wide(5), 1.0}, {wide(6), 2.0}});
  BOOST_TEST(set.size() == 2U);
  BOOST_TEST((visits(set) == std::vector<Visit>{{5, 1.0, 0}, {6, 2.0, 1}}));
}

BOOST_AUTO_TEST_CASE(encoders_of_weight_zero_are_left_out_and_the_others_keep_their_index) {
  const Ensemble set{Member{wide(5), 0.0}, Member{PixelEncoder{}, 0.5}};
  BOOST_TEST((visits(set) == std::vector<Visit>{{3, 0.5, 1}}));
  const Members<LinearEncoder> members({{wide(5), 0.0}, {wide(6), 2.0}});
  BOOST_TEST((visits(members) == std::vector<Visit>{{6, 2.0, 1}}));
}

BOOST_AUTO_TEST_CASE(weights_that_are_negative_or_no_numbers_are_refused) {
  const auto members = [](double weight) { return error_of([&] { Members<LinearEncoder>({{wide(5), weight}}); }); };
  const auto ensemble = [](double weight) { return error_of([&] { Ensemble{Member{PixelEncoder{}, weight}}; }); };
  BOOST_TEST(members(-1) == "the weight of an encoder is -1, expected a number >= 0");
  BOOST_TEST(ensemble(-0.5) == "the weight of an encoder is -0.5, expected a number >= 0");
  BOOST_TEST(ensemble(std::nan("")) == "the weight of an encoder is nan, expected a number >= 0");
  BOOST_TEST(members(std::numeric_limits<double>::infinity()) ==
             "the weight of an encoder is inf, expected a number >= 0");
}

BOOST_AUTO_TEST_CASE(members_need_an_encoder_with_weight) {
  BOOST_TEST(error_of([] { Members<LinearEncoder>({{wide(5), 0.0}}); }) == "no encoder has a weight > 0");
  BOOST_TEST(error_of([] { Members<LinearEncoder>({}); }) == "no encoder has a weight > 0");
}

BOOST_AUTO_TEST_SUITE_END()
