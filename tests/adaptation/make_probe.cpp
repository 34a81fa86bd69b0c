#include <boost/test/unit_test.hpp>

#include <cmath>
#include <string>
#include <vector>

#include "nada/adaptation/candidate_layers.hpp"
#include "nada/adaptation/make_probe.hpp"
#include "nada/adaptation/settings.hpp"
#include "nada/adaptation/training_policy.hpp"
#include "nada/core/stream.hpp"
#include "nada/core/tensor.hpp"
#include "nada/generators/generator.hpp"
#include "nada/parameterization/affine_only.hpp"
#include "nada/selection/named_layers.hpp"
#include "nada/selection/selector.hpp"
#include "nada/training/trained_leaves.hpp"
#include "support/files.hpp"
#include "support/tiny_run.hpp"

BOOST_AUTO_TEST_SUITE(adaptation_make_probe)

using namespace nada;
using test::number;
using test::same_bits;
using test::TinyGenerator;

namespace {

constexpr std::size_t conv_4 = 2, conv_8 = 4;  // conv.4.0 and conv.8.0 of TinyGenerator

/// What a probe refers to, without an Adaptation: affine layers train.
struct Parts {
  TinyGenerator adapted{1}, mapper{2};
  test::Encoders encoders{{{test::encoder(1), 0.5}, {test::encoder(2), 0.0}, {test::encoder(3), 2.0}}};
  std::vector<Tensor> targets{unit(test::random({1, 4}, 31)), unit(test::random({1, 4}, 32))};
  CandidateLayers<TinyGenerator, AffineOnly> candidates{adapted, {}, 8, 0};
  TrainedLeaves leaves;
  OwnTraining training;
  AdaptationSettings settings = test::settings();
  Render render;

  Probe probe(const Stream& stream = {5, 9}) const {
    return make_probe(
        ProbedRun<TinyGenerator, test::Encoders, AffineOnly, OwnTraining>{
            adapted, mapper, encoders, targets, candidates, leaves, training, settings, render},
        stream);
  }
  double global(const Tensor& images) const {
    return 0.5 * test::global_of(test::encoder(1), images, {{}, targets[0], {}}) +
           2 * test::global_of(test::encoder(3), images, {{}, targets[1], {}});
  }
};

/// Styles of `count` latents of the selection.
Tensor styles_by_hand(const TinyGenerator& mapper, const Stream& stream, std::int64_t count) {
  return mapper.map(stream.normal(Purpose::selection, {count, 4}).to(torch::kFloat64), {});
}

/// Root mean square of the loss's slope in each number of a slot, by finite differences.
double slope_by_hand(const Parts& parts, std::size_t layer, std::size_t slot, const Tensor& styles) {
  const auto value = parts.adapted.slot(layer, slot).detach();
  double squares = 0;
  for (std::int64_t i = 0; i < value.numel(); ++i) {
    const auto loss = [&](double by) {
      auto moved = value.clone();
      moved.view(-1)[i] += by;
      auto g = parts.adapted.clone();
      g.use(layer, slot, moved);
      return parts.global(g.synthesize(styles, {}).clamp(-1, 1));
    };
    squares += std::pow((loss(1e-5) - loss(-1e-5)) / 2e-5, 2);
  }
  return std::sqrt(squares / static_cast<double>(value.numel()));
}

}  // namespace

BOOST_AUTO_TEST_CASE(tells_the_layers_the_candidates_and_the_resolution_of_its_images) {
  Parts parts;
  const auto full = parts.probe();
  BOOST_TEST(full.layers.size() == 7U);
  BOOST_TEST(full.layers[conv_4].name == "conv.4.0");
  BOOST_TEST((full.candidates == LayerSet{2, 4, 5}));
  BOOST_TEST(full.resolution == 8);
  BOOST_TEST(full.stream.seed == 5U);
  BOOST_TEST(full.stream.step == 9);
  parts.render.resolution = 4;
  const auto early = parts.probe();
  BOOST_TEST(early.resolution == 4);
  BOOST_TEST(early.images(early.styles(2), 0).size(3) == 4);
}

BOOST_AUTO_TEST_CASE(styles_are_the_mappers_of_latents_of_their_own_and_images_are_the_adapted_generators) {
  const Parts parts;
  const Stream stream{5, 9};
  const auto probe = parts.probe(stream);
  const auto w = probe.styles(3);
  BOOST_TEST(same_bits(w, styles_by_hand(parts.mapper, stream, 3)));
  BOOST_TEST(!w.requires_grad());
  BOOST_TEST(same_bits(probe.images(w, 0), parts.adapted.synthesize(w, {})));
  const auto asked = w.clone().requires_grad_(true);
  BOOST_TEST(number(torch::autograd::grad({probe.images(asked, 0).sum()}, {asked})[0].abs().max()) > 1e-3);
}

BOOST_AUTO_TEST_CASE(the_global_loss_sums_encoders_that_have_a_weight_each_with_its_target) {
  Parts parts;
  const auto images = 2 * test::random({3, 3, 8, 8}, 40);
  BOOST_TEST(number(parts.probe().global_loss(images)) == parts.global(images.clamp(-1, 1)),
             boost::test_tools::tolerance(1e-12));
  parts.settings.clamp = false;
  BOOST_TEST(number(parts.probe().global_loss(images)) == parts.global(images), boost::test_tools::tolerance(1e-12));
}

BOOST_AUTO_TEST_CASE(weight_gradients_are_of_leaves_that_train_or_would_begin_and_0_of_all_other_layers) {
  Parts parts;
  const Stream stream{5, 9};
  for (const bool trained : {false, true}) {
    if (trained) {  // a leaf that has moved since it began
      parts.candidates.begin(conv_4, parts.leaves);
      parts.leaves.update(Adam{.rate = 0.1}, "conv.4.0.affine.weight", test::random({4, 4}, 50));
      parts.candidates.put_effective(parts.adapted, {conv_4}, parts.leaves, /*graph=*/false);
    }
    const auto sizes = parts.probe(stream).weight_gradients(3);
    BOOST_TEST_REQUIRE(sizes.size() == 7U);
    const auto styles = styles_by_hand(parts.mapper, stream, 3);
    for (const auto k : {conv_4, conv_8})
      BOOST_TEST(sizes[k] == slope_by_hand(parts, k, 2, styles), boost::test_tools::tolerance(1e-5));
    for (const std::size_t k : {0U, 1U, 3U, 6U}) BOOST_TEST(sizes[k] == 0);
  }
}

BOOST_AUTO_TEST_CASE(weight_gradients_leave_the_run_as_it_is) {
  Parts parts;
  parts.candidates.begin(conv_4, parts.leaves);
  parts.candidates.put_effective(parts.adapted, {conv_4}, parts.leaves, /*graph=*/false);
  const auto before = test::slots_of(parts.adapted);
  {
    const torch::NoGradGuard no_grad;  // of the caller
    BOOST_TEST(parts.probe().weight_gradients(2)[conv_4] > 0);
  }
  test::check_same_bits(test::slots_of(parts.adapted), before);
  for (std::size_t k = 0; k < 7; ++k) BOOST_TEST(!parts.adapted.slot(k, 0).requires_grad());
  const auto& leaf = parts.leaves["conv.4.0.affine.weight"];
  BOOST_TEST(!leaf.grad().defined());
  BOOST_TEST(leaf.requires_grad());
  BOOST_TEST(parts.leaves.leaves().size() == 1U);  // nothing began
}

BOOST_AUTO_TEST_CASE(the_change_of_a_layer_is_relative_to_its_size_and_0_where_nothing_trained) {
  Parts parts;
  const auto size = [&](std::size_t k) {
    double squares = 0;
    for (std::size_t s = 0; s < 3; ++s) squares += number(TinyGenerator(1).slot(k, s).square().sum());
    return std::sqrt(squares);
  };
  for (std::size_t k = 0; k < 7; ++k) BOOST_TEST(parts.probe().change(k) == 0);
  const auto move = [&](std::size_t k,
                        const std::string& name) {  // Adam's first step moves each of 16 numbers by its rate
    parts.candidates.begin(k, parts.leaves);
    parts.leaves.update(Adam{.rate = 0.1}, name, test::random({4, 4}, 50));
    parts.candidates.put_effective(parts.adapted, {k}, parts.leaves, /*graph=*/false);
  };
  move(conv_4, "conv.4.0.affine.weight");
  parts.candidates.begin(conv_8, parts.leaves);  // chosen, but not moved yet
  const auto probe = parts.probe();
  BOOST_TEST(probe.change(conv_4) == 0.4 / size(conv_4), boost::test_tools::tolerance(1e-6));
  BOOST_TEST(probe.change(conv_8) == 0);
  move(conv_8, "conv.8.0.affine.weight");
  BOOST_TEST(parts.probe().change(conv_8) == 0.4 / size(conv_8), boost::test_tools::tolerance(1e-6));
  BOOST_TEST(error_of([&] { probe.change(7); }) == "change: layer 7 of 7");
}

BOOST_AUTO_TEST_CASE(a_layer_of_zeros_that_has_moved_has_changed_without_bound) {
  TinyGenerator g(1);
  for (std::size_t s = 0; s < 3; ++s) g.use(conv_4, s, torch::zeros_like(g.slot(conv_4, s)));
  const CandidateLayers<TinyGenerator, AffineOnly> candidates(g, {}, 8, 0);
  BOOST_TEST(candidates.change(g, conv_4) == 0);
  g.use(conv_4, 2, torch::ones({4, 4}, torch::kFloat64));
  BOOST_TEST(std::isinf(candidates.change(g, conv_4)));
}

BOOST_AUTO_TEST_CASE(weights_are_copies_of_the_effective_tensors_of_the_last_step_without_graph) {
  test::Run<> run(TinyGenerator(1), test::one_encoder(), test::shift(), test::terms(1), {{"conv.4.0"}}, {}, {}, {},
                  test::settings());
  const auto at_start = run.probe({}).weight(conv_4, 0);
  BOOST_TEST(same_bits(at_start, TinyGenerator(1).slot(conv_4, 0)));
  run.step();
  const auto later = run.probe({}).weight(conv_4, 0);
  BOOST_TEST(same_bits(later, run.adapted().slot(conv_4, 0)));
  BOOST_TEST(!same_bits(later, at_start));  // which is still the weight of the start
  BOOST_TEST(!later.requires_grad());
  later.zero_();
  BOOST_TEST(!same_bits(later, run.adapted().slot(conv_4, 0)));
  BOOST_TEST(same_bits(run.probe({}).weight(6, 1), run.adapted().slot(6, 1)));  // of a layer that does not train
  BOOST_TEST(error_of([&] { run.probe({}).weight(6, 2); }) == "weight: slot 2 of rgb.8, which has 2");
  BOOST_TEST(error_of([&] { run.probe({}).weight(7, 0); }) == "weight: layer 7 of 7");
}

BOOST_AUTO_TEST_CASE(weight_gradients_of_the_mapping_network_are_those_of_the_styles_that_it_maps) {
  const TinyGenerator source(1);
  const Stream stream{3, 2};
  for (const bool trained : {false, true}) {
    test::Run<> run(source, test::one_encoder(), test::shift(), test::terms(1),
                    NamedLayers{{trained ? "mapping.0" : "conv.4.0"}}, {}, {}, {}, test::settings());
    run.step();
    run.step();
    const auto probe = run.probe(stream);
    double squares = 0;
    for (std::size_t s = 0; s < 2; ++s) {
      const auto value = run.adapted().slot(0, s).detach();
      for (std::int64_t i = 0; i < value.numel(); ++i) {
        const auto loss = [&](double by) {
          auto moved = value.clone();
          moved.view(-1)[i] += by;
          auto g = run.adapted().clone();
          g.use(0, s, moved);
          return number(probe.global_loss(g.synthesize(styles_by_hand(g, stream, 3), {})));
        };
        squares += std::pow((loss(1e-5) - loss(-1e-5)) / 2e-5, 2);
      }
    }
    BOOST_TEST(probe.weight_gradients(3)[0] == std::sqrt(squares / 20), boost::test_tools::tolerance(1e-5));
  }
}

BOOST_AUTO_TEST_CASE(a_run_whose_mapping_network_trains_shows_the_adapted_styles) {
  const TinyGenerator source(1);
  const Stream stream{3, 2};
  for (const bool mapping : {false, true}) {
    test::Run<> run(source, test::one_encoder(), test::shift(), test::terms(1),
                    NamedLayers{{mapping ? "mapping.0" : "conv.4.0"}}, {}, {}, {}, test::settings());
    run.step();
    run.step();
    const auto w = run.probe(stream).styles(3);
    BOOST_TEST(same_bits(w, styles_by_hand(run.adapted(), stream, 3)));
    BOOST_TEST(same_bits(w, styles_by_hand(source, stream, 3)) == !mapping);
  }
}

BOOST_AUTO_TEST_SUITE_END()
