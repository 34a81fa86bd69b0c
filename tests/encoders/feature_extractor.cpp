#include <boost/test/unit_test.hpp>

#include "nada/core/tensor.hpp"
#include "nada/encoders/ensemble.hpp"
#include "nada/encoders/feature_extractor.hpp"
#include "support/tiny.hpp"

BOOST_AUTO_TEST_SUITE(encoders_feature_extractor)

using namespace nada;

using Set = Members<test::LinearEncoder>;
/// The smallest model: the image itself.
struct Pixels {
  Tensor operator()(const Tensor& images) const { return images.flatten(1); }
};
static_assert(FeatureExtractor<TokenFeatures<Set>> && FeatureExtractor<Pixels> && !FeatureExtractor<int>);

BOOST_AUTO_TEST_CASE(one_token_gives_twice_the_cosine_distance_times_the_weight) {
  const auto encoder = test::linear_encoder(6, 8, 1);
  const Set set({{encoder, 0.25}});
  const TokenFeatures features{&set};
  const auto a = 0.1 * test::random({2, 3, 8, 8}, 3), b = 0.1 * test::random({2, 3, 8, 8}, 4);
  const auto cosine = (encoder.see(a, {}).unit * encoder.see(b, {}).unit).sum(1);
  BOOST_TEST(test::largest_difference(feature_distance(features(a), features(b)), 0.25 * 2 * (1 - cosine)) < 1e-14);
  BOOST_TEST(test::number(feature_distance(features(a), features(a)).max()) == 0);
}

BOOST_AUTO_TEST_CASE(encoders_add_up_by_weight_and_images_are_clamped) {
  const auto one = test::linear_encoder(6, 8, 1), two = test::linear_encoder(5, 8, 2);
  const Set both({{one, 1}, {two, 3}}), first({{one, 1}}), second({{two, 3}});
  const auto a = 2 * test::random({1, 3, 8, 8}, 3), b = test::random({1, 3, 8, 8}, 4);
  const auto of = [&](const Set& set) {
    const TokenFeatures features{&set};
    return test::number(feature_distance(features(a), features(b)));
  };
  BOOST_TEST(of(both) == of(first) + of(second), boost::test_tools::tolerance(1e-12));
  const TokenFeatures features{&both};
  BOOST_TEST(test::largest_difference(features(a), features(a.clamp(-1, 1))) == 0);
}

BOOST_AUTO_TEST_SUITE_END()
