#include <boost/test/unit_test.hpp>

#include <array>
#include <cmath>
#include <set>
#include <string>
#include <vector>

#include "nada/adaptation/adaptation.hpp"
#include "nada/adaptation/official_training.hpp"
#include "nada/core/stream.hpp"
#include "nada/core/tensor.hpp"
#include "nada/encoders/encoder.hpp"
#include "nada/generators/generator.hpp"
#include "nada/generators/stylegan2.hpp"
#include "nada/losses/directional.hpp"
#include "nada/losses/global.hpp"
#include "nada/losses/term.hpp"
#include "nada/parameterization/full_weights.hpp"
#include "nada/selection/named_layers.hpp"
#include "nada/selection/selector.hpp"
#include "nada/shifts/fixed_shift.hpp"
#include "nada/shifts/text_shift.hpp"
#include "nada/views/crop_views.hpp"
#include "nada/views/views.hpp"
#include "support/files.hpp"
#include "support/random_stylegan2.hpp"
#include "support/tiny_run.hpp"

BOOST_AUTO_TEST_SUITE(adaptation_adaptation)

using namespace nada;
using namespace nada::test;

// -------------------- what a step is

BOOST_AUTO_TEST_CASE(the_first_loss_is_the_sum_over_encoders_and_terms_worked_out_by_hand) {
  const TinyGenerator source(1);
  const auto a = encoder(1), b = encoder(2);
  const auto ends = shift().ends;
  for (const bool clamp : {true, false}) {
    auto options = settings(4, 9);
    options.clamp = clamp;
    Run<> run(source, Encoders({{a, 0.5}, {b, 2.0}}), shift(), terms(3, 0.7), convolutions, {}, {}, {}, options);
    const auto report = run.step(5);
    auto images = source.synthesize(source.map(latents(9, 0, 4), {}), {});
    if (clamp) images = images.clamp(-1, 1);
    const double global = 0.5 * global_of(a, images, ends) + 2 * global_of(b, images, ends);
    const double directional = 2.5;  // the images agree: 1 an encoder
    BOOST_TEST_REQUIRE(report.terms.size() == 2U);
    BOOST_TEST(report.terms[0].first == "directional");
    BOOST_TEST(report.terms[0].second == directional, boost::test_tools::tolerance(1e-12));
    BOOST_TEST(report.terms[1].second == global, boost::test_tools::tolerance(1e-12));
    BOOST_TEST(report.loss == 3 * directional + 0.7 * global, boost::test_tools::tolerance(1e-12));
    BOOST_TEST(report.step == 1);
    BOOST_TEST(report.total == 5);
  }
}

BOOST_AUTO_TEST_CASE(clamping_changes_what_the_encoders_see_and_not_the_scene) {
  TinyGenerator bright(1);
  bright.use(3, 1, bright.slot(3, 1) + 6);  // the bias of rgb.4
  std::array<double, 2> loss{};
  for (const bool clamp : {false, true}) {
    auto options = settings();
    options.clamp = clamp;
    double brightest = 0;
    const Watch watch{[&](const Scene& scene) {
      brightest = test::number(scene.adapted_images.max());
      return 0 * scene.adapted_images.mean();
    }};
    Run<> run(bright, one_encoder(), shift(), terms(0, 1, 1, watch), convolutions, {}, {}, {}, options);
    loss[clamp] = run.step().loss;
    BOOST_TEST(brightest > 1.5);
  }
  BOOST_TEST(std::abs(loss[0] - loss[1]) > 1e-3);
}

BOOST_AUTO_TEST_CASE(one_update_is_adams_on_the_gradient_of_the_leaf) {
  const TinyGenerator source(1);
  const auto ends = shift().ends;
  auto options = settings();
  options.adam.rate = 0.01;
  Run<> run(source, one_encoder(), shift(), terms(0, 1), NamedLayers{{"conv.8.0"}}, {}, {}, {}, options);
  run.step();
  auto copy = source.clone();
  const auto k = find_layer(source.layers(), "conv.8.0");
  const auto leaf = source.slot(k, 0).detach().clone().requires_grad_(true);
  copy.use(k, 0, leaf);
  const auto images = copy.synthesize(source.map(latents(3, 0, 4), {}), {}).clamp(-1, 1);
  const auto loss = test::evaluate(Global{}, encoder(), ends, images);
  const auto gradient = torch::autograd::grad({loss}, {leaf})[0];
  const auto expected = leaf.detach() - 0.01 * gradient / (gradient.abs() + 1e-8);  // t = 1, beta1 = 0
  BOOST_TEST(test::largest_difference(run.adapted().slot(k, 0), expected) < 1e-9);
  BOOST_TEST(!run.moments().at("conv.8.0.weight").first.defined());  // beta1 = 0
  BOOST_TEST(test::largest_difference(run.moments().at("conv.8.0.weight").second, 0.01 * gradient.square()) < 1e-12);
}

BOOST_AUTO_TEST_CASE(the_loss_falls) {
  Run<> run(TinyGenerator(1), one_encoder(), shift(), terms(1), convolutions, {}, {}, {}, settings());
  const double first = run.step().loss;
  double last = first;
  for (int i = 0; i < 80; ++i) last = run.step().loss;
  BOOST_TEST(first == 1);
  BOOST_TEST(last < 0.5);
}

BOOST_AUTO_TEST_CASE(only_the_chosen_layers_move_and_all_others_keep_their_bits) {
  const TinyGenerator source(1);
  for (const std::vector<std::string>& names :
       {std::vector<std::string>{"conv.4.0"}, {"conv.8.0", "rgb.8"}, {"const"}, {"convolution"}}) {
    Run<> run(source, one_encoder(), shift(), terms(1), NamedLayers{names}, {}, {}, {}, settings());
    for (int i = 0; i < 3; ++i) run.step();
    LayerSet expected;
    for (std::size_t k = 0; k < source.layers().size(); ++k)
      if (std::count(names.begin(), names.end(), source.layers()[k].name) ||
          std::count(names.begin(), names.end(), name_of(source.layers()[k].kind)))
        expected.push_back(k);
    BOOST_TEST(moved_layers(source, run.adapted()) == expected, boost::test_tools::per_element());
    BOOST_TEST(moved_layers(source, run.source()).empty());
  }
}

BOOST_AUTO_TEST_CASE(a_layer_keeps_its_leaves_while_it_is_not_chosen) {
  struct Turns {
    LayerSet select(const Probe& probe) const { return {probe.stream.step < 2 ? std::size_t{2} : std::size_t{4}}; }
  };
  const TinyGenerator source(1);
  Run<Terms, Turns> run(source, one_encoder(), shift(), terms(1), {}, {}, {}, {}, settings());
  run.step();
  run.step();
  const auto kept = run.adapted().slot(2, 0).detach().clone();
  BOOST_TEST(!same_bits(kept, source.slot(2, 0)));
  run.step();
  run.step();
  BOOST_TEST(same_bits(run.adapted().slot(2, 0).detach(), kept));
  BOOST_TEST((moved_layers(source, run.adapted()) == LayerSet{2, 4}));
  BOOST_TEST(run.moments().at("conv.4.0.weight").steps == 2);
  BOOST_TEST(run.delta().leaves.size() == 6U);  // both layers
}

BOOST_AUTO_TEST_CASE(the_adapted_generator_carries_no_graph_between_steps) {
  Run<> run(TinyGenerator(1), one_encoder(), shift(), terms(1), convolutions, {}, {}, {}, settings());
  run.step();
  for (std::size_t k = 0; k < run.adapted().layers().size(); ++k)
    for (std::size_t s = 0; s < run.adapted().layers()[k].slots.size(); ++s)
      BOOST_TEST(!run.adapted().slot(k, s).requires_grad());
}

// -------------------- what it does not do

BOOST_AUTO_TEST_CASE(the_anchor_generator_is_not_rendered_where_no_term_reads_it) {
  using Reading = Objective<On<1, Global>>;  // at compile time; the next one at run time
  Run<Reading> never(TinyGenerator(1), Encoders({{encoder(1), 1.0}, {encoder(2), 1.0}}), shift(), Reading{{{1.0, {}}}},
                     convolutions, {}, {}, {}, settings());
  Run<> weightless(TinyGenerator(1), one_encoder(), shift(), terms(0, 1), convolutions, {}, {}, {}, settings());
  Run<> reading(TinyGenerator(1), one_encoder(), shift(), terms(1), convolutions, {}, {}, {}, settings());
  for (int i = 0; i < 2; ++i) never.step(), weightless.step(), reading.step();
  BOOST_TEST(*never.source().rendered == 0);
  BOOST_TEST(*weightless.source().rendered == 0);
  BOOST_TEST(*reading.source().rendered == 2);
  BOOST_TEST(*never.adapted().rendered == 2);
}

BOOST_AUTO_TEST_CASE(each_encoder_sees_each_batch_once_and_one_without_weight_sees_nothing) {
  const auto used = encoder(1), unused = encoder(2);
  Run<> run(TinyGenerator(1), Encoders({{used, 1.0}, {unused, 0.0}}), shift(), terms(1, 1), convolutions, {}, {}, {},
            settings());
  run.step();
  BOOST_TEST(*used.seen == 2);
  BOOST_TEST(*unused.seen == 0);
  BOOST_TEST(run.endpoints().size() == 1U);
}

BOOST_AUTO_TEST_CASE(a_term_bound_to_one_encoder_reads_that_one_alone) {
  using Bound = Objective<On<1, Global>>;
  const auto a = encoder(1), b = encoder(2);
  Run<Bound> run(TinyGenerator(1), Encoders({{a, 1.0}, {b, 0.5}}), shift(), Bound{{{2.0, {}}}}, convolutions, {}, {},
                 {}, settings());
  const auto report = run.step();
  const TinyGenerator source(1);
  const auto images = source.synthesize(source.map(latents(3, 0, 4), {}), {}).clamp(-1, 1);
  BOOST_TEST(report.loss == 2 * 0.5 * global_of(b, images, shift().ends), boost::test_tools::tolerance(1e-12));
  BOOST_TEST(*a.seen == 0);
  BOOST_TEST(
      error_of([&] {
        Run<Bound>(TinyGenerator(1), one_encoder(), shift(), Bound{{{2.0, {}}}}, convolutions, {}, {}, {}, settings());
      }) == "the term global is bound to an encoder that is not there, or that it cannot read");
}

// -------------------- latents and styles

BOOST_AUTO_TEST_CASE(samples_do_not_depend_on_the_batch_size) {
  std::vector<Tensor> styles, images;
  for (const std::int64_t batch : {1, 4}) {
    const Watch watch{[&](const Scene& scene) {
      styles.push_back(scene.styles.clone());
      images.push_back(scene.adapted_images.detach().clone());
      return scene.adapted_images.mean();
    }};
    auto options = settings(batch);
    options.mixing = 0.5;
    Run<> run(TinyGenerator(1), one_encoder(), shift(), terms(0, 0, 1, watch), convolutions, {}, {}, {}, options);
    run.step();
  }
  BOOST_TEST(styles[1].size(0) == 4);
  BOOST_TEST(test::largest_difference(styles[0][0], styles[1][0]) < 1e-14);
  BOOST_TEST(test::largest_difference(images[0][0], images[1][0]) < 1e-14);
  BOOST_TEST(test::largest_difference(styles[0][0], styles[1][1]) > 1e-3);
}

BOOST_AUTO_TEST_CASE(each_step_has_latents_of_its_own_and_recorded_ones_take_their_place) {
  std::vector<Tensor> styles;
  const Watch watch{[&](const Scene& scene) {
    styles.push_back(scene.styles.clone());
    return scene.adapted_images.mean();
  }};
  const TinyGenerator source(1);
  Run<> run(source, one_encoder(), shift(), terms(0, 0, 1, watch), convolutions, {}, {}, {}, settings());
  run.step();
  run.step();
  for (std::int64_t i = 0; i < 2; ++i)
    BOOST_TEST(test::largest_difference(styles[i], source.map(latents(3, i, 4), {})) < 1e-14);
  OfficialTraining replay;
  replay.recorded_latents = [](std::int64_t step) { return torch::full({2, 4}, 0.1 * static_cast<double>(step + 1)); };
  OfficialRun<> recorded(source, one_encoder(), shift(), terms(0, 0, 1, watch), convolutions, {}, {}, {}, settings(),
                         replay);
  recorded.step();
  recorded.step();
  BOOST_TEST(test::largest_difference(styles[3], source.map(torch::full({2, 4}, 0.2, torch::kFloat64), {})) < 1e-7);
}

BOOST_AUTO_TEST_CASE(mixed_samples_take_their_later_styles_from_a_second_latent) {
  Tensor styles;
  const Watch watch{[&](const Scene& scene) {
    styles = scene.styles.clone();
    return scene.adapted_images.mean();
  }};
  const TinyGenerator source(1);
  auto options = settings(16);
  options.mixing = 1;
  Run<> run(source, one_encoder(), shift(), terms(0, 0, 1, watch), convolutions, {}, {}, {}, options);
  run.step();
  const auto first = source.map(latents(3, 0, 16), {});
  std::set<std::int64_t> crossings;
  for (std::int64_t n = 0; n < 16; ++n) {
    std::int64_t from = 0;
    while (from < 4 && test::largest_difference(styles[n][from], first[n][from]) < 1e-12) ++from;
    crossings.insert(from);
    for (std::int64_t l = from; l < 4; ++l) {
      BOOST_TEST(test::largest_difference(styles[n][l], first[n][l]) > 1e-9);
      BOOST_TEST(same_bits(styles[n][l], styles[n][3]));
    }
  }
  BOOST_TEST(crossings == (std::set<std::int64_t>{1, 2, 3}), boost::test_tools::per_element());
}

BOOST_AUTO_TEST_CASE(a_chosen_mapping_layer_trains_and_its_styles_are_the_adapted_generators) {
  std::vector<Tensor> styles;
  const Watch watch{[&](const Scene& scene) {
    styles.push_back(scene.styles.detach().clone());
    return 0 * scene.adapted_images.mean();
  }};
  const TinyGenerator source(1);
  auto options = settings();
  options.adam.rate = 0.02;
  Run<> run(source, one_encoder(), shift(), terms(1, 0, 1, watch), NamedLayers{{"mapping.0"}}, {}, {}, {}, options);
  double loss = 0;
  for (int i = 0; i < 30; ++i) loss = run.step().loss;
  BOOST_TEST((moved_layers(source, run.adapted()) == LayerSet{0}));
  BOOST_TEST(loss < 0.95);
  BOOST_TEST(test::largest_difference(styles[0], source.map(latents(3, 0, 4), {})) < 1e-14);
  BOOST_TEST(test::largest_difference(styles[29], source.map(latents(3, 29, 4), {})) > 1e-3);
}

BOOST_AUTO_TEST_CASE(an_exit_limits_what_is_rendered_and_what_can_be_chosen_and_views_double_what_is_seen) {
  using Early = Run<Terms, NamedLayers, CropViews, EarlyExit>;
  const EarlyExit four{4};
  const TinyGenerator source(1);
  const auto small = encoder(1, 4);
  std::int64_t pixels = 0;
  const Watch watch{[&](const Scene& scene) {
    pixels = scene.adapted_images.size(3);
    return 0 * scene.adapted_images.mean();
  }};
  Early run(source, Encoders({{small, 1.0}}), shift(), terms(0, 1, 1, watch), convolutions, {}, {}, four, settings());
  const auto report = run.step();
  BOOST_TEST(pixels == 4);
  BOOST_TEST(run.resolution() == 4);
  BOOST_TEST((run.candidates() == LayerSet{0, 1, 2, 3}));
  Render early;
  early.resolution = 4;
  const auto images = source.synthesize(source.map(latents(3, 0, 4), {}), early).clamp(-1, 1);
  const auto views = CropViews{}.show(images, Stream{3, 0});
  BOOST_TEST(report.loss == global_of(small, views, shift().ends), boost::test_tools::tolerance(1e-12));
  Early above(source, Encoders({{small, 1.0}}), shift(), terms(0, 1), NamedLayers{{"conv.8.0"}}, {}, {}, four,
              settings());
  BOOST_TEST(error_of([&] { above.step(); }).find("layer conv.8.0 cannot train here") == 0U);
}

BOOST_AUTO_TEST_CASE(the_probe_has_the_global_loss_of_all_encoders_and_styles_of_their_own) {
  const TinyGenerator source(1);
  const auto a = encoder(1), b = encoder(2);
  Run<> run(source, Encoders({{a, 0.5}, {b, 2.0}}), shift(), terms(1), convolutions, {}, {}, {}, settings());
  const auto probe = run.probe(Stream{3, 0});
  const auto w = probe.styles(5);
  BOOST_TEST(w.size(0) == 5);
  BOOST_TEST(test::largest_difference(w.narrow(0, 0, 4), source.map(latents(3, 0, 4), {})) > 1e-3);
  const auto images = probe.images(w, 0);
  BOOST_TEST(test::largest_difference(images, source.synthesize(w, {})) < 1e-14);
  const auto seen = images.clamp(-1, 1);
  BOOST_TEST(test::number(probe.global_loss(images)) ==
                 0.5 * global_of(a, seen, shift().ends) + 2 * global_of(b, seen, shift().ends),
             boost::test_tools::tolerance(1e-12));
}

// -------------------- as the official code does it

BOOST_AUTO_TEST_CASE(with_zero_gradients_layers_that_are_not_chosen_count_steps_and_forget_but_do_not_move) {
  struct OnlyFirst {
    LayerSet select(const Probe& probe) const { return {probe.stream.step < 1 ? std::size_t{2} : std::size_t{4}}; }
  };
  const TinyGenerator source(1);
  OfficialRun<Terms, OnlyFirst> run(source, one_encoder(), shift(), terms(1), {}, {}, {}, {}, settings(),
                                    {.two_noises = false, .bare_selection = false});
  run.step();
  const auto kept = run.adapted().slot(2, 0).detach().clone();
  const auto second = run.moments().at("conv.4.0.weight").second.clone();
  run.step();
  run.step();
  BOOST_TEST(same_bits(run.adapted().slot(2, 0).detach(), kept));
  BOOST_TEST((moved_layers(source, run.adapted()) == LayerSet{2, 4}));
  const auto moments = run.moments();
  BOOST_TEST(!moments.count("mapping.0.weight"));
  for (const auto& [name, m] : moments) BOOST_TEST(m.steps == 3, name);
  BOOST_TEST(moments.count("const.weight") == 1U);
  BOOST_TEST(test::largest_difference(moments.at("conv.4.0.weight").second, 0.99 * 0.99 * second) < 1e-15);
  BOOST_TEST(test::number(second.abs().min()) > 0);
  BOOST_TEST(test::number(moments.at("rgb.8.weight").second.abs().max()) == 0);
  BOOST_TEST(run.delta().leaves.size() == 6U);  // only what moved
}

BOOST_AUTO_TEST_CASE(two_noises_give_anchor_adapted_and_selection_noise_of_their_own) {
  const auto source = test::small_stylegan2();
  for (const bool two : {false, true}) {
    Tensor adapted, anchor;
    const Watch watch{[&](const Scene& scene) {
      adapted = scene.adapted_images.detach().clone();
      anchor = scene.anchor_images.clone();
      return 0 * scene.adapted_images.mean();
    }};
    auto options = settings(3);
    options.noise = Noise::fresh;
    const OfficialTraining training{.two_noises = two, .zero_gradients = false, .bare_selection = false};
    Adaptation run(source, Encoders({{encoder(1, 16), 1.0}}), shift(), terms(1, 0, 1, watch), convolutions,
                   FullWeights{}, Plain{}, FullSize{}, options, training);
    run.step();
    const auto w = source.map(Stream{3, 0}.normal(Purpose::latents, {3, 6}));
    const auto with_noise_of = [&](const Tensor& styles, std::int64_t first_sample) {
      return source.synthesize(styles, {0, Noise::fresh, Stream{3, 0}, first_sample});
    };
    BOOST_TEST(test::largest_difference(adapted, with_noise_of(w, 0)) < 1e-12);
    BOOST_TEST(test::largest_difference(anchor, with_noise_of(w, two ? 3 : 0)) < 1e-12);
    Adaptation fresh(source, Encoders({{encoder(1, 16), 1.0}}), shift(), terms(1, 0, 1, watch), convolutions,
                     FullWeights{}, Plain{}, FullSize{}, options, training);
    const auto probe = fresh.probe(Stream{3, 0});
    const auto styles = probe.styles(2);
    BOOST_TEST(test::largest_difference(probe.images(styles, 0), with_noise_of(styles, two ? 6 : 0)) < 1e-12);
    BOOST_TEST(test::largest_difference(probe.images(styles.narrow(0, 1, 1), 1),
                                        probe.images(styles, 0).narrow(0, 1, 1)) < 1e-12);
    BOOST_TEST((test::largest_difference(adapted, anchor) > 1e-3) == two);
  }
}

BOOST_AUTO_TEST_CASE(the_official_selection_scales_cosines_and_reads_the_bare_target) {
  const TinyGenerator source(1);
  const auto one = encoder();  // its scale is 50
  OfficialTraining training;
  training.recorded_selection = [](std::int64_t step) { return torch::full({3, 4}, 0.1 * static_cast<double>(step)); };
  OfficialRun<> run(source, Encoders({{one, 2.0}}), shift(), terms(1), convolutions, {}, {}, {}, settings(), training);
  const auto probe = run.probe(Stream{3, 2});
  const auto w = probe.styles(3);
  BOOST_TEST(test::largest_difference(w, source.map(torch::full({3, 4}, 0.2, torch::kFloat64), {})) < 1e-7);
  const auto images = probe.images(w, 0);
  const auto seen = images.clamp(-1, 1);
  const auto exact = boost::test_tools::tolerance(1e-12);
  BOOST_TEST(test::number(probe.global_loss(images)) == 2 * (1 - 0.5 * (1 - global_of(one, seen, shift().ends))),
             exact);

  const TextShift texts("a face", "a cat", {"a drawing of {}", "the {}"});
  const auto reads = [&](const std::string& text) { return one.read(one.tokenize(std::vector{text})); };
  for (const bool official : {false, true}) {
    training.bare_selection = official;
    Adaptation worded(source, Encoders({{one, 1.0}}), texts, terms(1), convolutions, FullWeights{}, Plain{}, FullSize{},
                      settings(), training);
    const auto target = official ? reads("a cat") : unit(reads("a drawing of a cat") + reads("the a cat"));
    const double global = global_of(one, seen, {{}, target, {}});
    BOOST_TEST(
        test::number(worded.probe(Stream{3, 2}).global_loss(images)) == (official ? 1 - 0.5 * (1 - global) : global),
        exact);
  }
}

BOOST_AUTO_TEST_SUITE_END()
