#include <boost/test/unit_test.hpp>

#include "nada/adaptation/delta.hpp"
#include "nada/core/stream.hpp"
#include "nada/core/tensor.hpp"
#include "nada/encoders/ensemble.hpp"
#include "nada/encoders/feature_extractor.hpp"
#include "nada/inversion/inverter.hpp"
#include "nada/inversion/pivotal_tuning.hpp"
#include "support/files.hpp"
#include "support/tiny.hpp"

BOOST_AUTO_TEST_SUITE(inversion_pivotal_tuning)

using namespace nada;
using test::TinyGenerator;

namespace {

using Set = Members<test::LinearEncoder>;
const Set& encoders() {
  static const Set set({{test::linear_encoder(6, 8, 1), 1.0}});
  return set;
}
PivotalTuningSettings settings(std::int64_t steps, double locality = 0) {
  PivotalTuningSettings out;
  out.steps = steps;
  out.rate = 0.003;
  out.locality = locality;
  return out;
}
double difference(const Tensor& a, const Tensor& b) { return test::number((a - b).square().mean()); }

}  // namespace

BOOST_AUTO_TEST_CASE(brings_the_pivot_to_the_picture_and_changes_images_only_through_convolutions_and_rgb) {
  const TinyGenerator generator(1);
  const auto image = 0.5 * test::random({1, 3, 8, 8}, 5).tanh();
  const auto pivot = MeanStyle{}.invert(generator, image, {}, {});
  const auto delta =
      PivotalTuning(TokenFeatures{&encoders()}, settings(150)).tune(generator, image, pivot, Stream{1, 0});
  const auto tuned = apply_delta(generator, delta, "tuned");
  const auto before = difference(generator.synthesize(pivot.styles, {}), image);
  BOOST_TEST(difference(tuned.synthesize(pivot.styles, {}), image) < 0.8 * before);
  for (const auto& [name, value] : delta.leaves) BOOST_TEST((name.starts_with("conv.") || name.starts_with("rgb.")));
  BOOST_TEST(test::largest_difference(tuned.slot(0, 0), generator.slot(0, 0)) == 0);
  BOOST_TEST(test::largest_difference(tuned.slot(1, 0), generator.slot(1, 0)) == 0);
}

BOOST_AUTO_TEST_CASE(locality_keeps_other_pictures_as_they_were) {
  const TinyGenerator generator(1);
  const auto image = 0.5 * test::random({1, 3, 8, 8}, 5).tanh();
  const auto pivot = MeanStyle{}.invert(generator, image, {}, {});
  const auto near = pivot.styles + test::random({1, 4, 4}, 9);
  const auto moved = [&](double locality) {
    const auto delta =
        PivotalTuning(TokenFeatures{&encoders()}, settings(60, locality)).tune(generator, image, pivot, Stream{1, 0});
    const auto tuned = apply_delta(generator, delta, "tuned");
    return difference(tuned.synthesize(near, {}), generator.synthesize(near, {}));
  };
  BOOST_TEST(moved(5) < 0.7 * moved(0));
}

BOOST_AUTO_TEST_CASE(settings_that_make_no_sense_are_named) {
  BOOST_TEST(error_of([] { PivotalTuning(TokenFeatures{&encoders()}, settings(0)); }) ==
             "pivotal tuning takes at least one step, found 0");
}

BOOST_AUTO_TEST_SUITE_END()
