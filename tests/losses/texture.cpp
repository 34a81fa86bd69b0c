#include <boost/test/unit_test.hpp>

#include "nada/core/tensor.hpp"
#include "nada/losses/term.hpp"
#include "nada/losses/texture.hpp"
#include "nada/shifts/fixed_shift.hpp"
#include "support/files.hpp"
#include "support/finite_differences.hpp"
#include "support/tiny.hpp"

BOOST_AUTO_TEST_SUITE(losses_texture, *boost::unit_test::tolerance(1e-12))

using namespace nada;
using test::random;

static_assert(EncoderTerm<Texture, test::LinearEncoder, FixedShift> && !has(Texture::reads, Reads::anchor));

BOOST_AUTO_TEST_CASE(is_zero_for_the_pictures_themselves_and_cycles_through_them) {
  const auto pictures = random({2, 3, 2, 2}, 1);
  const auto encoder = test::linear_encoder(5, 2, 1);
  BOOST_TEST(test::number(test::evaluate(Texture{pictures}, encoder, {}, pictures)) == 0);
  BOOST_TEST(test::number(test::evaluate(Texture{pictures}, encoder, {}, torch::cat({pictures, pictures}))) == 0);
  BOOST_TEST(test::number(test::evaluate(Texture{pictures}, encoder, {}, pictures.flip(0))) > 0.1);
}

BOOST_AUTO_TEST_CASE(is_the_mean_square_of_raw_features_not_of_unit_ones) {
  const Texture term{test::pixels(test::row({1, 0, 0}))};
  const auto value = test::evaluate(term, test::PixelEncoder{}, {}, test::pixels(test::row({4, 0, 0})));
  BOOST_TEST(test::number(value) == 9.0 / 3);
}

BOOST_AUTO_TEST_CASE(has_the_gradient_of_finite_differences) {
  const auto encoder = test::linear_encoder(5, 2, 1);
  const Texture term{random({1, 3, 2, 2}, 2)};
  test::check_gradient([&](const Tensor& x) { return test::evaluate(term, encoder, {}, x); }, random({3, 3, 2, 2}, 4));
}

BOOST_AUTO_TEST_CASE(needs_pictures) {
  const auto encoder = test::linear_encoder(5, 2, 1);
  BOOST_TEST(error_of([&] {
               test::evaluate(Texture{}, encoder, {}, random({1, 3, 2, 2}, 1));
             }).find("needs pictures") != std::string::npos);
}

BOOST_AUTO_TEST_SUITE_END()
