#include <boost/test/unit_test.hpp>

#include "nada/core/tensor.hpp"
#include "nada/encoders/encoder.hpp"
#include "nada/shifts/image_shift.hpp"
#include "nada/shifts/mean_source.hpp"
#include "nada/shifts/shift.hpp"
#include "nada/shifts/text_shift.hpp"
#include "support/files.hpp"
#include "support/tiny.hpp"

BOOST_AUTO_TEST_SUITE(shifts_image_shift, *boost::unit_test::tolerance(1e-12))

using namespace nada;
using test::random;

namespace {

static_assert(Shift<ImageShift, test::LinearEncoder> && !TextualShift<ImageShift> && !MovingShift<ImageShift>);
static_assert(Shift<MeanSource<TextShift>, test::LinearEncoder> && TextualShift<MeanSource<TextShift>> &&
              !TextualShift<MeanSource<ImageShift>>);

/// Pictures whose features are given unit vectors.
Tensor pictures(std::vector<Tensor> rows) { return test::pixels(torch::cat(rows)); }
const Sampler no_sampler = [](std::int64_t) -> Tensor { throw std::logic_error("asked for samples"); };

}  // namespace

BOOST_AUTO_TEST_CASE(goes_from_the_mean_of_one_set_to_the_mean_of_the_other) {
  const ImageShift shift(pictures({test::row({1, 0, 0}), test::row({0, 1, 0})}), pictures({test::row({0, 0, 1})}));
  const auto ends = shift.endpoints(test::PixelEncoder{}, no_sampler);
  BOOST_TEST((test::largest_difference(ends.source, unit(test::row({1, 1, 0}))) < 1e-12));
  BOOST_TEST((test::largest_difference(ends.target, test::row({0, 0, 1})) < 1e-12));
  BOOST_TEST((test::largest_difference(ends.direction, unit(test::row({-0.5, -0.5, 1}))) < 1e-12));
}

BOOST_AUTO_TEST_CASE(exchanging_the_sets_turns_it_around_and_duplicates_change_nothing) {
  const auto encoder = test::linear_encoder(5, 2, 1);
  const auto a = random({3, 3, 2, 2}, 1), b = random({4, 3, 2, 2}, 2);
  const auto direction = [&](const Tensor& x, const Tensor& y) {
    return ImageShift(x, y).endpoints(encoder, no_sampler).direction;
  };
  BOOST_TEST((test::largest_difference(direction(a, b), -direction(b, a)) < 1e-12));
  BOOST_TEST((test::largest_difference(direction(a, b), direction(torch::cat({a, a}), b.flip(0))) < 1e-12));
}

BOOST_AUTO_TEST_CASE(takes_the_source_from_the_anchor_generator_and_sees_it_in_pieces) {
  const auto encoder = test::linear_encoder(5, 2, 1);
  const auto generated = random({40, 3, 2, 2}, 3).clamp(-1, 1), target = random({2, 3, 2, 2}, 4);
  const Sampler sampler = [&](std::int64_t count) { return generated.narrow(0, 0, count); };
  const auto ends = ImageShift(target, 37).endpoints(encoder, sampler);
  const auto mean = [&](const Tensor& x) { return encoder.see(x, {}).unit.mean(0, true); };
  BOOST_TEST((test::largest_difference(ends.direction, unit(mean(target) - mean(generated.narrow(0, 0, 37)))) < 1e-12));
  BOOST_TEST((test::largest_difference(MeanSource(ImageShift(target, 5), 37).endpoints(encoder, sampler).direction,
                                       unit(unit(mean(target)) - mean(generated.narrow(0, 0, 37)))) < 1e-12));
}

BOOST_AUTO_TEST_CASE(a_text_with_mean_source_starts_at_the_images) {
  const auto encoder = test::linear_encoder(5, 2, 1);
  const auto generated = random({8, 3, 2, 2}, 3).clamp(-1, 1);
  const Sampler sampler = [&](std::int64_t count) { return generated.narrow(0, 0, count); };
  const TextShift text("a photo", "a sketch");
  const auto ends = MeanSource(text, 8).endpoints(encoder, sampler);
  const auto mean = encoder.see(generated, {}).unit.mean(0, true);
  BOOST_TEST((test::largest_difference(ends.target, text.endpoints(encoder, {}).target) < 1e-12));
  BOOST_TEST((test::largest_difference(ends.direction, unit(ends.target - mean)) < 1e-12));
}

BOOST_AUTO_TEST_CASE(says_what_is_missing) {
  BOOST_TEST(error_of([] { ImageShift(Tensor{}); }).find("target pictures of shape nothing") != std::string::npos);
  BOOST_TEST(error_of([] {
               ImageShift(random({1, 3, 2, 2}, 1), std::int64_t{0});
             }).find("0 samples") != std::string::npos);
  const auto same = pictures({test::row({1, 0, 0})});
  BOOST_TEST(error_of([&] {
               ImageShift(same, same).endpoints(test::PixelEncoder{}, no_sampler);
             }).find("look the same") != std::string::npos);
}

BOOST_AUTO_TEST_SUITE_END()
