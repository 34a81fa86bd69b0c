#include <boost/test/unit_test.hpp>

#include <cmath>
#include <set>

#include "nada/core/stateful.hpp"
#include "nada/core/stream.hpp"
#include "nada/core/tensor.hpp"
#include "nada/pretraining/adaptive_augmentation.hpp"
#include "nada/pretraining/discriminator.hpp"
#include "nada/pretraining/regularizer.hpp"
#include "support/files.hpp"
#include "support/tiny.hpp"

BOOST_AUTO_TEST_SUITE(pretraining_adaptive_augmentation)

using namespace nada;
using boost::test_tools::tolerance;

static_assert(AdversarialAugmentation<NoAugmentation> && AdversarialAugmentation<AdaptiveAugmentation>);
static_assert(!AdversarialAugmentation<R1> && !AdversarialAugmentation<int>);

namespace {

constexpr std::int64_t size = 12;
const Stream stream{5, 1};

/// Nothing changes but what the test turns on; then it always does.
AdaptiveAugmentation nothing() {
  AdaptiveAugmentation out;
  out.shift = out.geometry = out.colour = out.luma_flip = false;
  out.scale = out.rotation = out.stretch = out.offset = 0;
  out.brightness = out.contrast = out.hue = out.saturation = 0;
  out.most = 1;
  out.p = torch::ones({}, torch::kFloat64);
  return out;
}
AdaptiveAugmentation all(double p) {
  AdaptiveAugmentation out;
  out.mirror = out.turn = true;
  out.p = torch::full({}, p, torch::kFloat64);
  return out;
}
Tensor pictures(std::int64_t n = 16) { return test::random({n, 3, size, size}, 3); }

/// An image of a bump of this width and height at a place from the middle, in pixels.
Tensor bump(double wide, double high, double x = 0, double y = 0) {
  const auto place = torch::arange(size, torch::kFloat64) - (size - 1) / 2.0;
  const auto row = (-((place - x) / wide).square()).exp(), column = (-((place - y) / high).square()).exp();
  return at::outer(column, row).view({1, 1, size, size}).expand({1, 3, size, size});
}

bool is_one_of(const Tensor& image, const std::vector<Tensor>& candidates) {
  return std::ranges::any_of(candidates, [&](const Tensor& c) { return test::largest_difference(image, c) < 1e-9; });
}

Tensor mirrored_shift(const Tensor& image, std::int64_t x, std::int64_t y) {
  auto out = torch::empty_like(image);
  const auto place = [](std::int64_t i) {
    const auto m = ((i % (2 * size)) + 2 * size) % (2 * size);
    return m < size ? m : 2 * size - 1 - m;
  };
  for (std::int64_t r = 0; r < size; ++r)
    for (std::int64_t c = 0; c < size; ++c)
      out.select(2, c).select(1, r).copy_(image.select(2, place(c - x)).select(1, place(r - y)));
  return out;
}

}  // namespace

BOOST_AUTO_TEST_CASE(a_probability_of_zero_leaves_the_images_themselves) {
  const auto images = pictures();
  BOOST_TEST(all(0)(images, stream, 0).is_same(images));
  BOOST_TEST(NoAugmentation{}(images, stream, 0).is_same(images));
  // And with a small one most images stay as they are, bit for bit.
  const auto many = pictures(64);
  const auto out = all(0.02)(many, stream, 0);
  int same = 0;
  for (int i = 0; i < 64; ++i) same += test::largest_difference(out[i], many[i]) < 1e-12 ? 1 : 0;
  BOOST_TEST((same > 40 && same < 64), same);
}

BOOST_AUTO_TEST_CASE(mirroring_turning_and_shifting_move_pixels_and_nothing_else) {
  const auto images = pictures(40);
  auto mirror = nothing(), turn = nothing(), shift = nothing();
  mirror.mirror = turn.turn = shift.shift = true;
  const auto mirrored = mirror(images, stream, 0), turned = turn(images, stream, 0), shifted = shift(images, stream, 0);
  std::set<int> turns;
  int flips = 0;
  std::set<std::pair<std::int64_t, std::int64_t>> shifts;
  for (std::int64_t i = 0; i < images.size(0); ++i) {
    BOOST_TEST(is_one_of(mirrored[i], {images[i], images[i].flip(2)}));
    flips += test::largest_difference(mirrored[i], images[i]) > 1e-9 ? 1 : 0;
    for (int k = 0; k < 4; ++k)
      if (test::largest_difference(turned[i], images[i].rot90(k, {1, 2})) < 1e-9) turns.insert(k);
    BOOST_TEST(is_one_of(
        turned[i], {images[i], images[i].rot90(1, {1, 2}), images[i].rot90(2, {1, 2}), images[i].rot90(3, {1, 2})}));
    bool found = false;
    for (std::int64_t x = -2; x <= 2; ++x)  // an eighth of 12 px, rounded
      for (std::int64_t y = -2; y <= 2; ++y)
        if (test::largest_difference(shifted[i], mirrored_shift(images[i], x, y)) < 1e-9) {
          found = true;
          shifts.insert({x, y});
        }
    BOOST_TEST(found, "image " << i << " was not shifted by whole pixels");
  }
  BOOST_TEST((flips > 8 && flips < 32), flips);
  BOOST_TEST(turns.size() == 4U);
  BOOST_TEST(shifts.size() > 8U);
}

BOOST_AUTO_TEST_CASE(geometry_draws_a_bump_wider_stretched_or_elsewhere_and_a_flat_image_as_it_is) {
  const auto n = 12;
  const auto z = stream.normal(Purpose::views, {n, 8}, 0, 0).to(torch::kFloat64);
  const auto number = [&](int i, int column) { return z[i][column].item<double>(); };
  const auto round = bump(2, 2).expand({n, 3, size, size});
  auto scale = nothing(), stretch = nothing(), rotate = nothing(), offset = nothing();
  scale.geometry = stretch.geometry = rotate.geometry = offset.geometry = true;
  scale.scale = stretch.stretch = 0.2;
  rotate.rotation = 1;
  offset.offset = 0.03;
  const auto a = scale(round, stream, 0), b = stretch(round, stream, 0), c = rotate(round, stream, 0),
             d = offset(round, stream, 0);
  for (int i = 0; i < n; ++i) {
    const double s = std::exp2(0.2 * number(i, 0)), t = std::exp2(0.2 * number(i, 1));
    BOOST_TEST(test::largest_difference(a[i], bump(2 * s, 2 * s)[0]) < 0.03, "scale " << s);
    BOOST_TEST(test::largest_difference(b[i], bump(2 * t, 2 / t)[0]) < 0.03, "stretch " << t);
    BOOST_TEST(test::largest_difference(c[i], round[i]) < 0.03);
    const double x = 0.03 * size * number(i, 2), y = 0.03 * size * number(i, 3);
    BOOST_TEST(test::largest_difference(d[i], bump(2, 2, x, y)[0]) < 0.03, "shift by " << x << ", " << y);
  }
  const auto flat = torch::full({n, 3, size, size}, 0.3, torch::kFloat64);
  auto everything = all(1);
  everything.colour = false;
  everything.most = 1;
  BOOST_TEST(test::largest_difference(everything(flat, stream, 0), flat) < 1e-12);
}

BOOST_AUTO_TEST_CASE(a_rotation_turns_by_the_angle_that_was_drawn) {
  const auto n = 12;
  auto rotate = nothing();
  rotate.geometry = true;
  rotate.rotation = 1;
  const auto u = stream.uniform(Purpose::views, {n, 24}, 0, 0).to(torch::kFloat64);
  const auto out = rotate(bump(2, 2, 2.5, 0).expand({n, 3, size, size}), stream, 0);
  const auto middle = [](const Tensor& x) { return x.narrow(1, 2, size - 4).narrow(2, 2, size - 4); };  // not mirrored
  int one_way = 0, other_way = 0;
  for (int i = 0; i < n; ++i) {
    // Before and after the stretch, each with probability 1 - sqrt(1 - p) = 1: the angles add up.
    const double angle = M_PI * (2 * u[i][8].item<double>() - 1 + 2 * u[i][11].item<double>() - 1);
    const auto at = [&](double sign) { return bump(2, 2, 2.5 * std::cos(angle), sign * 2.5 * std::sin(angle))[0]; };
    one_way += test::largest_difference(middle(out[i]), middle(at(1))) < 0.03 ? 1 : 0;
    other_way += test::largest_difference(middle(out[i]), middle(at(-1))) < 0.03 ? 1 : 0;
  }
  BOOST_TEST(std::max(one_way, other_way) == n, one_way << " and " << other_way << " of " << n);
}

BOOST_AUTO_TEST_CASE(colours_change_in_closed_form) {
  const auto n = 10;
  const auto z = stream.normal(Purpose::views, {n, 8}, 0, 0).to(torch::kFloat64);
  const auto u = stream.uniform(Purpose::views, {n, 24}, 0, 0).to(torch::kFloat64);
  const auto images = pictures(n);
  const auto of = [&](auto change) {
    auto out = nothing();
    out.colour = true;
    change(out);
    return out(images, stream, 0);
  };
  const auto each = [&](const Tensor& x) { return x.view({n, 1, 1, 1}); };
  const auto gray = images.mean(1, true);
  BOOST_TEST(test::largest_difference(of([](auto& a) { a.brightness = 0.2; }), images + 0.2 * each(z.select(1, 4))) <
             1e-12);
  BOOST_TEST(test::largest_difference(of([](auto& a) { a.contrast = 0.5; }),
                                      images * each(at::exp2(0.5 * z.select(1, 5)))) < 1e-12);
  BOOST_TEST(test::largest_difference(of([](auto& a) { a.saturation = 1; }),
                                      gray + (images - gray) * each(at::exp2(z.select(1, 6)))) < 1e-12);
  const auto flipped = of([](auto& a) { a.luma_flip = true; });
  BOOST_TEST(test::largest_difference(flipped, torch::where(each(u.select(1, 16) >= 0.5), images - 2 * gray, images)) <
             1e-12);
  const auto turned = of([](auto& a) { a.hue = 1; });
  BOOST_TEST(test::largest_difference(turned.mean(1, true), gray) < 1e-12);  // as light as before
  BOOST_TEST(test::largest_difference((turned - gray).square().sum(1), (images - gray).square().sum(1)) < 1e-10);
  const auto cosine = ((turned - gray) * (images - gray)).sum(1) / (images - gray).square().sum(1);
  BOOST_TEST(test::largest_difference(
                 cosine, (M_PI * (2 * u.select(1, 18) - 1)).cos().view({n, 1, 1}).expand_as(cosine)) < 1e-9);
}

BOOST_AUTO_TEST_CASE(samples_are_changed_alike_in_any_batch_and_otherwise_in_another_one_of_the_step) {
  const auto images = pictures(8);
  const auto some = all(0.7);
  const auto out = some(images, stream, 0);
  BOOST_TEST(test::largest_difference(some(images.narrow(0, 0, 3), stream, 0), out.narrow(0, 0, 3)) < 1e-12);
  BOOST_TEST(test::largest_difference(some(images, stream, 1), out) > 0.1);
  BOOST_TEST(test::largest_difference(some(images, Stream{5, 2}, 0), out) > 0.1);
  BOOST_TEST(some(images.to(torch::kFloat32), stream, 0).scalar_type() == torch::kFloat32);
}

BOOST_AUTO_TEST_CASE(gradients_flow_through_every_change_exactly_because_it_is_affine) {
  const auto some = all(0.8);
  const auto images = pictures(4).requires_grad_(true);
  const auto weights = test::random(images.sizes(), 8), direction = test::random(images.sizes(), 9);
  const auto gradient = torch::autograd::grad({(some(images, stream, 0) * weights).sum()}, {images})[0];
  const torch::NoGradGuard no_grad;
  const auto moved = some(images + direction, stream, 0) - some(images, stream, 0);
  BOOST_TEST(test::number((gradient * direction).sum()) == test::number((moved * weights).sum()), tolerance(1e-9));
  BOOST_TEST(gradient.abs().max().item<double>() > 0.1);
}

BOOST_AUTO_TEST_CASE(the_gradient_penalty_has_a_gradient_behind_the_changes) {
  // D(x) = sum k tanh(x): what R1 says of D behind the changes, and its derivative in k against finite differences.
  const auto some = all(0.8);
  const auto images = 0.3 * pictures(4);
  const auto penalty = [&](const Tensor& k) {
    R1 r1;
    return r1([&](const Tensor& x) { return (some(x, stream, 0).tanh() * k).flatten(1).sum(1, true); }, images);
  };
  const auto k = test::random({3, size, size}, 4).requires_grad_(true);
  const auto gradient = torch::autograd::grad({penalty(k)}, {k})[0];
  const auto direction = test::random({3, size, size}, 5);
  const double h = 1e-5;
  const double numeric =
      test::number(penalty(k.detach() + h * direction) - penalty(k.detach() - h * direction)) / (2 * h);
  BOOST_TEST(test::number((gradient * direction).sum()) == numeric, tolerance(1e-6));
}

BOOST_AUTO_TEST_CASE(the_probability_follows_how_sure_the_discriminator_is) {
  AdaptiveAugmentation a;
  a.images = 1000;
  const auto sure = torch::ones({10, 1}), unsure = torch::tensor({1.0, -1.0, 1.0, -1.0}).view({4, 1});
  for (int i = 0; i < 3; ++i) a.observe(sure);
  BOOST_TEST(*a.share() == 0);  // not yet
  a.observe(sure);
  BOOST_TEST(*a.share() == 0.04, tolerance(1e-12));  // 40 of 1,000 images
  for (int i = 0; i < 4; ++i) a.observe(unsure);
  BOOST_TEST(*a.share() == 0.024, tolerance(1e-12));
  for (int i = 0; i < 12; ++i) a.observe(unsure);
  BOOST_TEST(*a.share() == 0);  // never below
  for (int i = 0; i < 200; ++i) a.observe(sure);
  BOOST_TEST(*a.share() == 0.8);  // never above
  // At the target it stays: r = (8 - 2) / 10.
  const auto even = torch::cat({torch::ones({8, 1}), -torch::ones({2, 1})});
  for (int i = 0; i < 4; ++i) a.observe(even);
  BOOST_TEST(*a.share() == 0.8);
  a.images = 0;
  for (int i = 0; i < 40; ++i) a.observe(unsure);
  BOOST_TEST(*a.share() == 0.8);
  NoAugmentation none;
  none.observe(sure);
  BOOST_TEST((!none.share() && !Stateful<NoAugmentation> && Stateful<AdaptiveAugmentation>));
}

BOOST_AUTO_TEST_CASE(refuses_numbers_that_make_no_sense) {
  AdaptiveAugmentation a;
  a.check();
  a.target = 1;
  BOOST_TEST(error_of([&] { a.check(); }).find("target is 1, expected") != std::string::npos);
  a = {};
  a.most = 0;
  BOOST_TEST(error_of([&] { a.check(); }).find("expected a number in (0, 1]") != std::string::npos);
  a = {};
  a.p = torch::full({}, 0.9, torch::kFloat64);
  BOOST_TEST(error_of([&] { a.check(); }).find("probability is 0.9, expected 0 to 0.8") != std::string::npos);
  a = {};
  a.turn = true;
  a.p = torch::full({}, 0.5, torch::kFloat64);
  BOOST_TEST(error_of([&] { a(torch::zeros({2, 3, 4, 8}), stream, 0); }) == "quarter turns need square images");
}

BOOST_AUTO_TEST_SUITE_END()
