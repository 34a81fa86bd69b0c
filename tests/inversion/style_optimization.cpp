#include <boost/test/unit_test.hpp>

#include <algorithm>
#include <cmath>
#include <memory>
#include <utility>
#include <vector>

#include "nada/core/stream.hpp"
#include "nada/core/tensor.hpp"
#include "nada/encoders/ensemble.hpp"
#include "nada/encoders/feature_extractor.hpp"
#include "nada/inversion/inverter.hpp"
#include "nada/inversion/style_optimization.hpp"
#include "nada/metrics/twins.hpp"
#include "support/files.hpp"
#include "support/random_stylegan2.hpp"
#include "support/tiny.hpp"

BOOST_AUTO_TEST_SUITE(inversion_style_optimization)

using namespace nada;
using test::TinyGenerator;

namespace {

using Set = Members<test::LinearEncoder>;
const Set& encoders() {
  static const Set set({{test::linear_encoder(6, 8, 1), 1.0}});
  return set;
}
auto inverter(StyleOptimizationSettings settings) {
  return StyleOptimization(TokenFeatures{&encoders()}, std::move(settings));
}
StyleOptimizationSettings pixels_only(std::int64_t steps) {
  StyleOptimizationSettings out;
  out.steps = steps;
  out.candidates = 16;
  out.perceptual = 0;
  out.pull = 0;
  return out;
}
/// Looks at the first 30 numbers of images and keeps the images that it was shown.
struct Spy {
  std::shared_ptr<std::vector<Tensor>> shown = std::make_shared<std::vector<Tensor>>();
  Tensor operator()(const Tensor& images) const {
    shown->push_back(images.detach().clone());
    return images.flatten(1).narrow(1, 0, 30);
  }
};
/// w [n, D] of the first `n` latents that an inversion with this stream draws.
Tensor drawn(const TinyGenerator& generator, const Stream& stream, std::int64_t n) {
  const auto z = Stream{stream.seed, 0}.normal(Purpose::inversion, {n, 4}).to(torch::kFloat64);
  return generator.map(z, {}).select(1, 0);
}
/// An image of styles that the mapping network did not make, and these.
std::pair<Tensor, Tensor> made(const TinyGenerator& generator) {
  const auto styles = 0.5 * test::random({1, 4, 4}, 77);
  return {generator.synthesize(styles, {}), styles};
}

}  // namespace

static_assert(Inverter<StyleOptimization<TokenFeatures<Set>>, TinyGenerator>);

BOOST_AUTO_TEST_CASE(finds_an_image_that_the_generator_made) {
  const TinyGenerator generator(1);
  const auto [image, styles] = made(generator);
  const auto found = inverter(pixels_only(300)).invert(generator, image, Stream{1, 0});
  BOOST_TEST(found.styles.sizes() == at::IntArrayRef({1, 4, 4}));
  BOOST_TEST(test::number(psnr(generator.synthesize(found.styles, {}), image)) > 40);
  BOOST_TEST(found.loss == test::number((generator.synthesize(found.styles, {}) - image).square().mean()),
             boost::test_tools::tolerance(1e-9));
}

BOOST_AUTO_TEST_CASE(starts_at_the_mean_style_and_at_the_candidates_that_look_most_like_the_picture) {
  const TinyGenerator generator(1);
  const auto image = made(generator).first;
  auto settings = pixels_only(1);
  settings.perceptual = 0.3;
  settings.style_noise = 0;
  settings.at_once = 5;  // does not divide 16
  const Spy spy;
  StyleOptimization(spy, settings).invert(generator, image, Stream{7, 3});

  std::vector<std::pair<double, Tensor>> scored;
  for (std::int64_t i = 0; i < 16; ++i) {
    const auto w = drawn(generator, {7, 3}, 16)[i];
    const auto sample = generator.synthesize(w.expand({1, 4, 4}), {});
    const auto features = (sample - image).flatten(1).narrow(1, 0, 30);
    scored.emplace_back(test::number(0.3 * features.square().sum() + (sample - image).square().mean()), sample);
  }
  std::sort(scored.begin(), scored.end(), [](const auto& a, const auto& b) { return a.first < b.first; });
  BOOST_TEST_REQUIRE(scored[2].first < 0.99 * scored[3].first);
  // Shown are the picture, the candidates in four pieces, the starts at the only step, the starts at the end.
  BOOST_TEST_REQUIRE(spy.shown->size() == 7U);
  const auto& starts = spy.shown->at(5);
  BOOST_TEST_REQUIRE(starts.size(0) == 4);
  BOOST_TEST(test::largest_difference(starts[0],
                                      generator.synthesize(torch::zeros({1, 4, 4}, torch::kFloat64), {})[0]) < 1e-12);
  for (std::size_t i = 0; i < 3; ++i)
    BOOST_TEST(test::largest_difference(starts[static_cast<std::int64_t>(i) + 1], scored[i].second[0]) < 1e-12);
}

BOOST_AUTO_TEST_CASE(a_search_that_is_stopped_beside_its_candidates_begins_with_those_that_it_saw) {
  const TinyGenerator generator(1);
  const auto image = made(generator).first;
  auto settings = pixels_only(2);
  settings.perceptual = 0.3;
  settings.at_once = 5;
  const auto starts_after = [&](int asked) {  // at so many answers yes
    const Spy spy;
    settings.goes_on = [left = asked]() mutable { return left-- > 0; };
    StyleOptimization(spy, settings).invert(generator, image, Stream{7, 3});
    return spy.shown->at(spy.shown->size() - 1).size(0);
  };
  BOOST_TEST(starts_after(0) == 1);     // the mean style
  BOOST_TEST(starts_after(1000) == 4);  // and the three best of all
  const auto all = inverter(settings).invert(generator, image, Stream{7, 3});
  settings.goes_on = {};
  const auto unasked = inverter(settings).invert(generator, image, Stream{7, 3});
  BOOST_TEST(torch::equal(all.styles, unasked.styles));
}

BOOST_AUTO_TEST_CASE(one_step_is_adams_on_the_loss_with_style_noise_and_a_pull_in_deviations) {
  const TinyGenerator generator(1);
  const auto all = drawn(generator, {7, 3}, 1024);
  const auto image = generator.synthesize((all[9] + test::row({0.3, -0.2, 0.1, 0.2})).expand({1, 4, 4}), {});
  // Weights as small as Adam's epsilon, so that the length of a step tells the length of the gradient.
  auto settings = pixels_only(1);
  settings.starts = 2;
  settings.pixels = 3e-8;
  settings.pull = 2e-8;
  settings.style_noise = 0.2;
  settings.rate = 1e-3;
  settings.ramp_up = 0;
  const auto found = inverter(settings).invert(generator, image, Stream{7, 3});
  BOOST_TEST_REQUIRE(found.start == 1U);

  const auto spread = std::sqrt(test::number(all.square().sum(1).mean()));
  const auto deviation = all.square().mean(0).sqrt();  // the mean style is 0
  Tensor nearest;
  double least = 1e300;
  for (std::int64_t i = 0; i < 16; ++i) {
    const auto w = all[i].expand({1, 4, 4});
    const double score = test::number((generator.synthesize(w, {}) - image).square().mean());
    if (score < least) least = score, nearest = w;
  }
  const auto jitter = Stream{7, 0}.normal(Purpose::inversion, {2, 4, 4}, 0, 1).to(torch::kFloat64)[1];
  const auto w = nearest.contiguous().requires_grad_(true);
  const auto loss = 3e-8 * (generator.synthesize(w + 0.2 * spread * jitter, {}) - image).square().mean() +
                    2e-8 * (w / deviation).square().mean();
  const auto gradient = torch::autograd::grad({loss}, {w})[0];
  const auto expected = w.detach() - 1e-3 * gradient / (gradient.abs() + 1e-8);  // Adam's first step
  BOOST_TEST(test::largest_difference(found.styles, expected) < 1e-11);
  BOOST_TEST(test::largest_difference(expected, w.detach()) < 9.9e-4);  // the gradient's size counts
}

BOOST_AUTO_TEST_CASE(style_noise_is_of_the_size_of_the_spread_and_fades_with_the_square_of_what_is_left_of_its_ramp) {
  const TinyGenerator generator(1);
  auto settings = pixels_only(8);
  settings.perceptual = 1;
  settings.starts = 1;
  settings.style_noise = 0.5;
  settings.style_noise_ramp = 0.75;
  settings.rate = 1e-13;  // stands still
  const Spy spy;
  StyleOptimization(spy, settings).invert(generator, made(generator).first, Stream{7, 3});
  const auto spread = std::sqrt(test::number(drawn(generator, {7, 3}, 1024).square().sum(1).mean()));
  BOOST_TEST_REQUIRE(spy.shown->size() == 1U + 8 + 1);  // the picture, the steps, the end
  for (std::int64_t step = 0; step < 8; ++step) {
    const double left = std::max(0.0, 1 - static_cast<double>(step) / 6);
    const auto jitter = Stream{7, step}.normal(Purpose::inversion, {1, 4, 4}, 0, 1).to(torch::kFloat64);
    const auto expected = generator.synthesize(0.5 * spread * left * left * jitter, {});
    BOOST_TEST(test::largest_difference(spy.shown->at(static_cast<std::size_t>(step) + 1), expected) < 1e-10);
  }
}

BOOST_AUTO_TEST_CASE(in_w_all_layers_share_a_style) {
  const TinyGenerator generator(1);
  auto settings = pixels_only(20);
  settings.space = StyleSpace::w;
  const auto found = inverter(settings).invert(generator, made(generator).first, Stream{1, 0});
  BOOST_TEST(test::largest_difference(found.styles, found.styles.narrow(1, 0, 1)) == 0);
}

BOOST_AUTO_TEST_CASE(the_same_stream_finds_the_same_and_pieces_find_what_the_whole_does) {
  const TinyGenerator generator(1);
  const auto image = made(generator).first;
  auto settings = pixels_only(30);
  settings.perceptual = 1;
  settings.pull = 0.01;
  const auto once = inverter(settings).invert(generator, image, Stream{1, 0});
  BOOST_TEST(test::largest_difference(once.styles, inverter(settings).invert(generator, image, Stream{1, 0}).styles) ==
             0);
  settings.at_once = 1;
  const auto pieces = inverter(settings).invert(generator, image, Stream{1, 0});
  BOOST_TEST(test::largest_difference(once.styles, pieces.styles) < 1e-9);
  BOOST_TEST(once.start == pieces.start);
}

BOOST_AUTO_TEST_CASE(the_pull_holds_styles_near_the_mean) {
  const TinyGenerator generator(1);
  const auto image = made(generator).first;
  auto settings = pixels_only(200);
  settings.starts = 1;
  const auto free = inverter(settings).invert(generator, image, Stream{1, 0});
  settings.pull = 1e4;
  settings.style_noise = 0;
  const auto held = inverter(settings).invert(generator, image, Stream{1, 0});
  BOOST_TEST(test::number(held.styles.abs().max()) < 0.01);
  BOOST_TEST(test::number(free.styles.abs().max()) > 0.1);
}

BOOST_AUTO_TEST_CASE(several_starts_end_no_higher_than_the_first_alone) {
  const TinyGenerator generator(3);
  const auto image = made(generator).first;
  auto settings = pixels_only(25);
  settings.style_noise = 0;
  const auto many = inverter(settings).invert(generator, image, Stream{1, 0});
  settings.starts = 1;
  const auto one = inverter(settings).invert(generator, image, Stream{1, 0});
  BOOST_TEST(many.loss <= one.loss + 1e-12);
}

BOOST_AUTO_TEST_CASE(the_learning_rate_goes_up_in_a_line_and_down_in_half_a_cosine) {
  const auto made = inverter({});
  BOOST_TEST(made.ramp(0) == 0);
  BOOST_TEST(made.ramp(0.025) == 0.5, boost::test_tools::tolerance(1e-12));
  BOOST_TEST(made.ramp(0.5) == 1, boost::test_tools::tolerance(1e-12));
  BOOST_TEST(made.ramp(0.75) == 1, boost::test_tools::tolerance(1e-12));
  BOOST_TEST(made.ramp(0.875) == 0.5, boost::test_tools::tolerance(1e-12));
  BOOST_TEST(made.ramp(1) < 1e-12);
}

BOOST_AUTO_TEST_CASE(noise_maps_are_found_with_the_styles_and_travel_with_them) {
  const auto generator = test::small_stylegan2();
  const auto image = generator.synthesize(0.5 * test::random({1, generator.style_count(), 5}, 8));
  auto settings = pixels_only(40);
  settings.noise_maps = true;
  settings.noise_weight = 1;
  const auto found = inverter(settings).invert(generator, image, Stream{1, 0});
  BOOST_TEST(found.noise.size() == generator.noise_map_count());
  for (const auto& map : found.noise) BOOST_TEST(std::abs(test::number(map.mean())) < 1e-9);
  const auto again = with_noise(generator, found).synthesize(found.styles);
  BOOST_TEST(found.loss == test::number((again - image).square().mean()), boost::test_tools::tolerance(1e-9));
  BOOST_TEST(test::largest_difference(again, generator.synthesize(found.styles)) > 1e-3);
}

BOOST_AUTO_TEST_CASE(a_watcher_sees_every_step_and_may_stop) {
  const TinyGenerator generator(1);
  std::vector<std::int64_t> steps;
  inverter(pixels_only(50))
      .invert(generator, made(generator).first, Stream{1, 0}, [&](std::int64_t step, std::int64_t total, double loss) {
        BOOST_TEST(total == 50);
        BOOST_TEST(std::isfinite(loss));
        steps.push_back(step);
        return step < 3;
      });
  BOOST_TEST(steps == (std::vector<std::int64_t>{1, 2, 3}), boost::test_tools::per_element());
}

BOOST_AUTO_TEST_CASE(settings_that_make_no_sense_are_named) {
  auto settings = pixels_only(0);
  BOOST_TEST(error_of([&] { inverter(settings); }) ==
             "an inversion takes at least one step from one start, found 0 and 4");
  settings = pixels_only(1);
  settings.pixels = 0;
  BOOST_TEST(error_of([&] { inverter(settings); }) == "every term of the inversion has weight 0");
}

BOOST_AUTO_TEST_SUITE_END()
