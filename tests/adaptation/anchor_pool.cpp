#include "nada/adaptation/anchor_pool.hpp"

#include <boost/test/unit_test.hpp>
#include <cstdint>
#include <memory>
#include <vector>

#include "nada/adaptation/adaptation.hpp"
#include "nada/adaptation/state_file.hpp"
#include "nada/selection/adaptive_top_k.hpp"
#include "nada/shifts/moving_anchor.hpp"
#include "nada/views/crop_views.hpp"
#include "support/files.hpp"
#include "support/tiny_run.hpp"

BOOST_AUTO_TEST_SUITE(adaptation_anchor_pool)

using namespace nada;
using namespace nada::test;

namespace {

using Cropped = Run<Terms, NamedLayers, CropViews>;

/// A run of batches of 4 with crops; `watch` sees the images of each step.
Cropped pooled(std::int64_t pool, const Encoders& encoders = one_encoder(), Watch watch = {}) {
  auto chosen = settings();
  chosen.anchor_pool = pool;
  return Cropped(TinyGenerator(1), encoders, shift(), terms(1, 0.3, 1, std::move(watch)), convolutions, {}, {}, {},
                 chosen);
}

/// Returns the anchor's images of the batch that a step draws, as TinyGenerator gives them.
Tensor images_of(const TinyGenerator& generator, std::int64_t drawn_step) {
  return generator.synthesize(generator.map(latents(3, drawn_step, 4), {}), {});
}

}  // namespace

BOOST_AUTO_TEST_CASE(steps_take_the_batches_in_turn) {
  AnchorPool pool(12, 4), none(0, 4);
  for (const std::int64_t step : {0, 1, 2}) BOOST_TEST(pool.drawn_step(step) == step);
  BOOST_TEST(pool.drawn_step(3) == 0);
  BOOST_TEST(pool.drawn_step(10) == 1);
  BOOST_TEST((pool.batch(1) == pool.batch(4) && pool.batch(1) != pool.batch(2)));
  BOOST_TEST(none.drawn_step(7) == 7);
  BOOST_TEST((none.batch(7) == nullptr));
}

BOOST_AUTO_TEST_CASE(a_run_whose_pool_lasts_for_all_its_steps_has_the_bits_of_a_run_without) {
  auto with = pooled(24), without = pooled(0);
  for (int i = 0; i < 6; ++i) BOOST_TEST(with.step().loss == without.step().loss);
  check_same_bits(slots_of(with.adapted()), slots_of(without.adapted()));
  BOOST_TEST(with.step().loss != without.step().loss);  // the pool's first batch again
}

BOOST_AUTO_TEST_CASE(batches_that_come_again_have_the_anchor_images_of_their_first_step_and_are_not_rendered) {
  std::vector<Tensor> seen;
  const Watch watch{[&](const Scene& scene) {
    seen.push_back(scene.anchor_images);
    return 0 * scene.adapted_images.mean();
  }};
  auto run = pooled(8, one_encoder(), watch);
  for (int i = 0; i < 2; ++i) run.step();
  const int rendered = *run.source().rendered;
  for (int i = 0; i < 4; ++i) run.step();
  BOOST_TEST(*run.source().rendered == rendered);
  for (std::int64_t i = 0; i < 6; ++i)
    BOOST_TEST(same_bits(seen[static_cast<std::size_t>(i)], images_of(TinyGenerator(1), i % 2)), "step " << i);
}

BOOST_AUTO_TEST_CASE(features_of_the_anchor_are_those_of_the_views_of_the_batch_and_are_made_once) {
  const Encoders encoders({{encoder(1), 1.0}, {encoder(2), 0.5}});
  std::vector<int*> counts;
  encoders.each([&](const LinearEncoder& e, double, std::size_t) { counts.push_back(e.seen.get()); });
  auto run = pooled(8, encoders);
  for (int i = 0; i < 2; ++i) run.step();
  for (int* count : counts) *count = 0;
  for (int i = 0; i < 4; ++i) run.step();
  for (const int* count : counts) BOOST_TEST(*count == 4);  // the adapted images of each step alone

  // The loss of step 3 by hand: the adapted images of batch 0 against the kept features.
  auto again = pooled(8);
  for (int i = 0; i < 2; ++i) again.step();
  const auto adapted = images_of(again.adapted(), 0), anchor = images_of(TinyGenerator(1), 0);
  const auto show = [](const Tensor& images) { return CropViews{}.show(images.clamp(-1, 1), {3, 0}); };
  const auto ends = shift().ends;
  const auto of = [&](const Tensor& images) { return encoder().see(show(images), {}).unit; };
  const auto move = of(adapted) - of(anchor);
  const auto length = move.norm(2, 1, true).clamp_min(0.2);
  const auto expected =
      (1 - (move / length * ends.direction).sum(1)).mean() + 0.3 * (1 - (of(adapted) * ends.target).sum(1)).mean();
  BOOST_TEST(again.step().loss == number(expected), boost::test_tools::tolerance(1e-12));
}

BOOST_AUTO_TEST_CASE(a_resumed_run_with_a_pool_ends_with_the_bits_of_an_uninterrupted_one) {
  const TemporaryFolder folder;
  auto whole = pooled(12);
  std::vector<double> losses;
  for (int i = 0; i < 10; ++i) losses.push_back(whole.step().loss);
  for (const int middle : {2, 5}) {
    auto first = pooled(12);
    for (int i = 0; i < middle; ++i) first.step();
    save_state(folder / "state.safetensors", first.state());
    auto second = pooled(12);
    second.restore(load_state(folder / "state.safetensors"));
    for (int i = middle; i < 10; ++i) BOOST_TEST(second.step().loss == losses[static_cast<std::size_t>(i)]);
    check_same_bits(slots_of(second.adapted()), slots_of(whole.adapted()));
  }
}

BOOST_AUTO_TEST_CASE(an_anchor_that_moves_empties_the_pool) {
  std::vector<Tensor> seen;
  const Watch watch{[&](const Scene& scene) {
    seen.push_back(scene.anchor_images);
    return 0 * scene.adapted_images.mean();
  }};
  using Moving = Adaptation<TinyGenerator, Encoders, MovingAnchor<FixedShift>, Terms, NamedLayers>;
  auto chosen = settings();
  chosen.anchor_pool = 4;
  Moving run(TinyGenerator(1), one_encoder(), MovingAnchor{shift(), 3}, terms(1, 0, 1, watch), convolutions, {}, {}, {},
             chosen);
  for (int i = 0; i < 3; ++i) run.step();
  const auto moved = run.adapted().clone();
  for (int i = 0; i < 2; ++i) run.step();
  for (const std::size_t i : {0, 1, 2}) BOOST_TEST(same_bits(seen[i], images_of(TinyGenerator(1), 0)));
  for (const std::size_t i : {3, 4})
    BOOST_TEST(largest_difference(seen[i], moved.synthesize(TinyGenerator(1).map(latents(3, 0, 4), {}), {})) < 1e-12);
}

BOOST_AUTO_TEST_CASE(a_pool_that_is_no_multiple_of_the_batch_is_refused) {
  const auto error = [](std::int64_t pool) { return error_of([&] { pooled(pool); }); };
  BOOST_TEST(error(6) == "the anchor pool is 6, expected 0 or a multiple of the batch of 4");
  BOOST_TEST(error(-4) == "the anchor pool is -4, expected 0 or a multiple of the batch of 4");
  BOOST_CHECK_NO_THROW(pooled(8));
}

BOOST_AUTO_TEST_CASE(the_selection_renders_up_to_its_own_exit) {
  const auto run = [](int exit) {
    auto chosen = settings();
    chosen.selection_exit = exit;
    return std::make_unique<Run<Terms, AdaptiveTopK>>(TinyGenerator(1), one_encoder(), shift(), terms(0, 1),
                                                      AdaptiveTopK{.k = 1}, FullWeights{}, Plain{}, FullSize{}, chosen);
  };
  for (const int exit : {0, 4, 8, 16}) {
    const auto made = run(exit);
    const auto probe = made->probe({3, 0});
    const int expected = exit == 4 ? 4 : 8;
    BOOST_TEST(probe.resolution == expected);
    const auto w = probe.styles(2);
    Render render;
    render.resolution = expected;
    BOOST_TEST(same_bits(probe.images(w, 0), TinyGenerator(1).synthesize(w, render)));
    BOOST_TEST(made->resolution() == 8);
  }
  BOOST_TEST(error_of([&] { run(6); }) == "the selection's exit is 6 pixels, expected 0 or a power of two from 4");
}

BOOST_AUTO_TEST_SUITE_END()
