#include <boost/test/unit_test.hpp>

#include <cmath>
#include <limits>

#include "nada/inversion/inverter.hpp"
#include "nada/metrics/twins.hpp"
#include "support/files.hpp"
#include "support/tiny.hpp"

BOOST_AUTO_TEST_SUITE(inversion_inverter)

using namespace nada;
using test::TinyGenerator;

static_assert(Inverter<MeanStyle, TinyGenerator>);
static_assert(!Inverter<int, TinyGenerator> && !Inverter<MeanStyle, int>);

BOOST_AUTO_TEST_CASE(psnr_of_a_constant_difference_is_known) {
  const auto a = torch::zeros({3, 3, 4, 4}, torch::kFloat64);
  auto b = a.clone();
  b[1] += 0.2;
  b[2] += 2;  // outside [-1, 1]: as 1
  const auto found = psnr(a, b);
  BOOST_TEST(test::number(found[0]) > 120);
  BOOST_TEST(test::number(found[1]) == 20 * std::log10(2 / 0.2), boost::test_tools::tolerance(1e-12));
  BOOST_TEST(test::number(found[2]) == 20 * std::log10(2.0), boost::test_tools::tolerance(1e-12));
}

BOOST_AUTO_TEST_CASE(the_mean_style_is_the_same_for_all_layers) {
  const TinyGenerator generator(1);
  const auto found = MeanStyle{}.invert(generator, {}, {}, {});
  BOOST_TEST(found.styles.sizes() == at::IntArrayRef({1, 4, 4}));
  BOOST_TEST(test::largest_difference(found.styles, generator.mean_style()) == 0);
}

BOOST_AUTO_TEST_CASE(an_image_of_another_size_or_with_nan_is_an_error) {
  const TinyGenerator generator(1);
  BOOST_TEST(error_of([&] {
               check_image(generator, torch::zeros({1, 3, 8, 4}));
             }) == "an image of shape [1, 3, 8, 4], expected [1, 3, 8, 8]");
  BOOST_TEST(error_of([&] {
               check_image(generator, torch::full({1, 3, 8, 8}, std::numeric_limits<double>::quiet_NaN()));
             }) == "the image holds values that are not finite");
}

BOOST_AUTO_TEST_SUITE_END()
