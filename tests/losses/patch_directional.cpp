#include <boost/test/unit_test.hpp>

#include "nada/core/stream.hpp"
#include "nada/core/tensor.hpp"
#include "nada/losses/directional.hpp"
#include "nada/losses/patch_directional.hpp"
#include "nada/losses/patches.hpp"
#include "nada/losses/term.hpp"
#include "nada/shifts/text_shift.hpp"
#include "support/files.hpp"
#include "support/finite_differences.hpp"
#include "support/tiny.hpp"

BOOST_AUTO_TEST_SUITE(losses_patch_directional, *boost::unit_test::tolerance(1e-10))

using namespace nada;
using test::random;

namespace {

static_assert(EncoderTerm<PatchDirectional, test::LinearEncoder, TextShift> &&
              EncoderTerm<PatchSimilarity, test::LinearEncoder, TextShift>);

const TextShift shift("a photo", "a sketch", {"{}", "this is {}"});

template <class Term>
Tensor evaluate(const Term& term, const test::LinearEncoder& encoder, const Tensor& adapted, const Tensor& anchor,
                std::int64_t step = 0) {
  const Shown shown{adapted, adapted}, shown_anchor{anchor, anchor};
  ComparedBatches<test::LinearEncoder> comparison_batches(encoder, shown, shown_anchor, Stream{7, step});
  Comparison<test::LinearEncoder> comparison(comparison_batches);
  return term.bind(encoder, shift, shift.endpoints(encoder, {}))(comparison);
}

}  // namespace

BOOST_AUTO_TEST_CASE(one_part_and_a_patch_as_large_as_the_image_is_the_directional_term) {
  const auto encoder = test::linear_encoder(5, 4, 1);
  const auto adapted = random({3, 3, 4, 4}, 2), anchor = random({3, 3, 4, 4}, 3);
  const PatchDirectional whole{.size = 4, .parts = {"{}"}};
  BOOST_TEST(test::number(evaluate(whole, encoder, adapted, anchor)) ==
             test::number(evaluate(Directional{}, encoder, adapted, anchor)));
}

BOOST_AUTO_TEST_CASE(equal_images_give_one_over_the_parts) {
  const auto encoder = test::linear_encoder(5, 4, 1);
  const auto images = random({2, 3, 4, 4}, 2);
  const PatchDirectional term{.size = 4, .parts = {"{}", "the eye of {}", "the hair of {}"}};
  BOOST_TEST(test::number(evaluate(term, encoder, images, images)) == 1.0 / 3);  // e = 0: (1 - 0) softmax(0)
}

BOOST_AUTO_TEST_CASE(patches_are_drawn_anew_each_step_and_the_same_again_for_the_same_step) {
  const auto encoder = test::linear_encoder(5, 4, 1);
  const auto adapted = random({2, 3, 16, 12}, 2), anchor = random({2, 3, 16, 12}, 3);
  const PatchDirectional term{.size = 4, .count = 2};
  const double first = test::number(evaluate(term, encoder, adapted, anchor, 1));
  BOOST_TEST(first == test::number(evaluate(term, encoder, adapted, anchor, 1)));
  BOOST_TEST(std::abs(first - test::number(evaluate(term, encoder, adapted, anchor, 2))) > 1e-6);
}

BOOST_AUTO_TEST_CASE(centres_reach_every_place_where_a_patch_fits_and_no_other) {
  const auto centers = draw_patch_centers(Stream{1, 2}, 100, 20, 6, 8, 4);
  BOOST_TEST(centers.sizes() == (std::vector<std::int64_t>{2000, 2}));
  const auto x = centers.select(1, 0), y = centers.select(1, 1);
  BOOST_TEST(x.min().item<std::int64_t>() == 2);
  BOOST_TEST(x.max().item<std::int64_t>() == 6);
  BOOST_TEST(y.min().item<std::int64_t>() == 2);
  BOOST_TEST(y.max().item<std::int64_t>() == 4);
  BOOST_TEST(cut_patches(torch::zeros({100, 3, 6, 8}), centers, 4).sizes() ==
             (std::vector<std::int64_t>{2000, 3, 4, 4}));
}

BOOST_AUTO_TEST_CASE(patches_are_the_pixels_around_their_centres) {
  const auto images = torch::arange(2 * 3 * 6 * 8).view({2, 3, 6, 8});
  const auto patches = cut_patches(images, torch::tensor({2, 2, 6, 4}, torch::kInt64).view({2, 2}), 4);
  BOOST_TEST(at::equal(patches[0], images[0].narrow(1, 0, 4).narrow(2, 0, 4)));
  BOOST_TEST(at::equal(patches[1], images[1].narrow(1, 2, 4).narrow(2, 4, 4)));
}

BOOST_AUTO_TEST_CASE(a_patch_that_does_not_fit_is_named_with_both_sizes) {
  const auto encoder = test::linear_encoder(5, 4, 1);
  const auto images = random({1, 3, 4, 4}, 2);
  const auto error = error_of([&] { evaluate(PatchDirectional{.size = 6}, encoder, images, images); });
  BOOST_TEST(error.find("patches of 6 pixels do not fit into images of 4x4 pixels") != std::string::npos, error);
  BOOST_TEST(error_of([&] { draw_patch_centers(Stream{}, 1, 1, 8, 8, 3); }).find("even") != std::string::npos);
  BOOST_TEST(error_of([&] {
               cut_patches(images, torch::tensor({1, 2}, torch::kInt64).view({1, 2}), 4);
             }).find("not inside") != std::string::npos);
}

BOOST_AUTO_TEST_CASE(similarity_is_zero_for_what_shows_the_parts_equally) {
  const auto encoder = test::linear_encoder(5, 4, 1);
  const auto image = random({1, 3, 4, 4}, 2), features = random({4, 5}, 3);
  const auto centers = torch::tensor({2, 2}, torch::kInt64).view({1, 2});
  BOOST_TEST(test::number(PatchSimilarity::score(encoder, image, image, centers, 4, features, features)) == 0);
  const auto moved = PatchSimilarity::score(encoder, image, image, centers, 4, features, 3 * features);
  const auto seen = encoder.see(image, {}).unit.matmul(features.t()).abs().mean();
  BOOST_TEST(test::number(moved) == 2 * test::number(seen));
}

BOOST_AUTO_TEST_CASE(have_the_gradients_of_finite_differences) {
  const auto encoder = test::linear_encoder(5, 4, 1);
  const auto anchor = random({2, 3, 6, 6}, 5);
  test::check_gradient(
      [&](const Tensor& x) { return evaluate(PatchDirectional{.size = 4, .count = 2}, encoder, x, anchor); },
      random({2, 3, 6, 6}, 4));
  test::check_gradient(
      [&](const Tensor& x) { return evaluate(PatchSimilarity{.size = 4, .count = 2}, encoder, x, anchor); },
      random({2, 3, 6, 6}, 4));
}

BOOST_AUTO_TEST_SUITE_END()
