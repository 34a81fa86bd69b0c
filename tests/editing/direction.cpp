#include "nada/editing/direction.hpp"

#include <boost/test/unit_test.hpp>

#include "support/files.hpp"
#include "support/random_stylegan2.hpp"
#include "support/tiny.hpp"

BOOST_AUTO_TEST_SUITE(editing_direction)

using namespace nada;

namespace {

Direction in_style_space() {
  return {.name = "a", .space = EditSpace::style, .offsets = {{"conv.8.0", 0.5 * torch::ones({5}, torch::kFloat64)}}};
}

}  // namespace

BOOST_AUTO_TEST_CASE(a_direction_in_w_moves_all_styles_alike_and_one_in_w_plus_each_by_its_row) {
  const auto styles = test::random({2, 3, 4}, 1), one = test::random({4}, 2), rows = test::random({3, 4}, 3);
  const auto alike = moved_styles(styles, {.name = "w", .space = EditSpace::w, .styles = one}, -2);
  const auto each = moved_styles(styles, {.name = "w+", .space = EditSpace::w_plus, .styles = rows}, 0.5);
  for (std::int64_t n = 0; n < 2; ++n)
    for (std::int64_t l = 0; l < 3; ++l) {
      BOOST_TEST(test::largest_difference(alike[n][l], styles[n][l] - 2 * one) < 1e-15);
      BOOST_TEST(test::largest_difference(each[n][l], styles[n][l] + 0.5 * rows[l]) < 1e-15);
    }
  BOOST_TEST(test::same_bits(moved_styles(styles, in_style_space(), 7), styles));
}

BOOST_AUTO_TEST_CASE(a_strength_of_zero_gives_the_sources_bits_in_every_space) {
  const auto generator = test::small_stylegan2({.type = torch::kFloat32});
  const auto styles = test::random_styles(generator, 2);
  const auto before = generator.synthesize(styles);
  const auto l = generator.style_count();
  for (const auto& direction :
       {Direction{.name = "w", .styles = torch::ones({5})},
        Direction{.name = "w+", .space = EditSpace::w_plus, .styles = torch::ones({l, 5})}, in_style_space()}) {
    BOOST_TEST(test::same_bits(edited(generator, styles, direction, 0), before));
    BOOST_TEST(test::largest_difference(edited(generator, styles, direction, 1), before) > 1e-4);
  }
}

BOOST_AUTO_TEST_CASE(an_edit_carries_over_to_an_adapted_generator_on_top_of_its_own_change) {
  const auto source = test::small_stylegan2();
  auto tensors = source.tensors();
  tensors["conv.8.0.affine.bias"] = tensors["conv.8.0.affine.bias"] + 1;
  tensors["conv.8.0.weight"] = 2 * tensors["conv.8.0.weight"];
  const StyleGan2 adapted(tensors);
  const auto styles = test::random_styles(source, 2);
  tensors["conv.8.0.affine.bias"] = tensors["conv.8.0.affine.bias"] + 3 * 0.5;
  BOOST_TEST(test::largest_difference(edited(adapted, styles, in_style_space(), 3),
                                      StyleGan2(tensors).synthesize(styles)) < 1e-12);
}

BOOST_AUTO_TEST_CASE(directions_of_other_sizes_are_refused) {
  const auto generator = test::small_stylegan2();
  const auto refusal = [&](const Direction& d) { return error_of([&] { require_fit(d, generator, "a.npy"); }); };
  BOOST_TEST(refusal({.name = "w", .styles = torch::ones({5})}).empty());
  BOOST_TEST(refusal(in_style_space()).empty());
  BOOST_TEST(refusal({.name = "w", .styles = torch::ones({512})}) ==
             "a.npy: a direction of 512 numbers, the styles of this generator have 5");
  BOOST_TEST(refusal({.name = "w+", .space = EditSpace::w_plus, .styles = torch::ones({18, 5})}) ==
             "a.npy: a direction of 18 styles, this generator has 6");
  BOOST_TEST(refusal({.name = "s", .space = EditSpace::style, .offsets = {{"conv.64.0", torch::ones({5})}}}) ==
             "a.npy: moves [5] style channels of conv.64.0, which this generator does not have");
}

BOOST_AUTO_TEST_SUITE_END()
