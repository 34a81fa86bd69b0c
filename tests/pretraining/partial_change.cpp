#include "nada/pretraining/partial_change.hpp"

#include <boost/test/unit_test.hpp>

#include "nada/core/error.hpp"
#include "nada/core/stream.hpp"
#include "nada/core/tensor.hpp"
#include "support/files.hpp"
#include "support/tiny.hpp"

BOOST_AUTO_TEST_SUITE(pretraining_partial_change)

using namespace nada;

namespace {

constexpr std::int64_t pairs = 64, side = 16;

/// `pairs` times a picture of a left and a right half of one colour each, as [pairs, 3, side, side].
Tensor halves(double left, double right) {
  auto out = torch::empty({pairs, 3, side, side});
  out.narrow(3, 0, side / 2).fill_(left);
  out.narrow(3, side / 2, side / 2).fill_(right);
  return out;
}

/// Pictures 2 k and 2 k + 1 are of one content.
PartialChanges change(const Tensor& a, const Tensor& b, std::uint64_t seed = 1) {
  const auto images = torch::stack({a, b}, 1).flatten(0, 1);
  return change_partly(images, torch::arange(pairs).repeat_interleave(2) * 2, Stream{seed, 1});
}

}  // namespace

BOOST_AUTO_TEST_CASE(each_pixel_is_one_of_the_two_pictures_and_the_share_counts_the_change) {
  // The left half changes by 0.2, the right by 0.6.
  const auto a = halves(-0.5, 0.1), b = halves(-0.3, 0.7);
  const auto found = change(a, b);
  BOOST_TEST_REQUIRE(found.count() == pairs);
  BOOST_TEST(torch::equal(found.from, 2 * torch::arange(pairs)));
  BOOST_TEST(torch::equal(found.to, 2 * torch::arange(pairs) + 1));
  const auto changed = found.images == b, kept = found.images == a;
  BOOST_TEST((changed != kept).all().item<bool>());
  BOOST_TEST((changed.select(1, 0) == changed.select(1, 2)).all().item<bool>());  // all colours of a pixel
  const double whole = 3 * side * side / 2 * (0.2 + 0.6);
  std::int64_t between = 0;
  for (std::int64_t k = 0; k < pairs; ++k) {
    const auto left = changed[k].narrow(2, 0, side / 2).sum().item<double>();
    const auto right = changed[k].narrow(2, side / 2, side / 2).sum().item<double>();
    const auto share = found.share[k].item<double>();
    BOOST_TEST(share == (0.2 * left + 0.6 * right) / whole, boost::test_tools::tolerance(1e-4));
    between += share > 0.05 && share < 0.95;
  }
  BOOST_TEST(between > pairs / 2);
}

BOOST_AUTO_TEST_CASE(regions_of_one_colour_change_alone_and_a_little_noise_is_one_colour) {
  const auto noise = 0.05 * test::random({pairs, 3, side, side}, 3).to(torch::kFloat32).clamp(-2, 2);
  const auto a = halves(-0.5, 0.5) + noise, b = halves(0.6, -0.6) + noise;
  const auto found = change(a, b);
  const auto changed = found.images == b;
  std::int64_t left = 0, right = 0;
  for (std::int64_t k = 0; k < pairs; ++k) {
    const auto in_left = changed[k].narrow(2, 0, side / 2), in_right = changed[k].narrow(2, side / 2, side / 2);
    left += in_left.all().item<bool>() && !in_right.any().item<bool>();
    right += in_right.all().item<bool>() && !in_left.any().item<bool>();
  }
  BOOST_TEST(left + right == pairs);
  BOOST_TEST(left > pairs / 4);
  BOOST_TEST(right > pairs / 4);
}

BOOST_AUTO_TEST_CASE(pictures_that_have_no_other_of_their_content_are_left_out) {
  const auto images = test::random({4, 3, 8, 8}, 1).to(torch::kFloat32);
  BOOST_TEST(change_partly(images, torch::arange(4), {1, 1}).count() == 0);
  const auto one = change_partly(images, torch::tensor({0, 1, 1, 3}), {1, 1});
  BOOST_TEST(one.count() == 1);
  BOOST_TEST(one.from.item<std::int64_t>() == 1);
  BOOST_TEST(one.to.item<std::int64_t>() == 2);
}

BOOST_AUTO_TEST_CASE(two_equal_pictures_differ_in_nothing) {
  const auto a = halves(-0.5, 0.5);
  const auto found = change(a, a);
  BOOST_TEST(torch::equal(found.images, a));
  BOOST_TEST(found.share.abs().max().item<double>() == 0);
}

BOOST_AUTO_TEST_CASE(refuses_shapes_that_do_not_fit) {
  const auto images = torch::zeros({4, 3, 8, 8});
  BOOST_TEST(error_of([&] {
               change_partly(images, torch::arange(3), {1, 1});
             }) == "partial changes: images [4, 3, 8, 8], units [3]");
}

BOOST_AUTO_TEST_SUITE_END()
