// Adaptation, third part: optimizers, schedules, batches in parts and the running mean.
#include <boost/test/unit_test.hpp>

#include <ATen/Parallel.h>
#include <cmath>
#include <limits>
#include <string>
#include <vector>

#include "nada/adaptation/adaptation.hpp"
#include "nada/adaptation/parts.hpp"
#include "nada/adaptation/state_file.hpp"
#include "nada/losses/within_domain.hpp"
#include "nada/selection/adaptive_top_k.hpp"
#include "nada/selection/every.hpp"
#include "nada/training/adafactor.hpp"
#include "nada/training/sgd.hpp"
#include "nada/views/crop_views.hpp"
#include "support/files.hpp"
#include "support/tiny_run.hpp"

BOOST_AUTO_TEST_SUITE(adaptation_training_settings)

using namespace nada;
using namespace nada::test;

namespace {

using CropRun = Run<Terms, Every<AdaptiveTopK>, CropViews>;

CropRun crop_run(const AdaptationSettings& options, double global = 0.3) {
  return {TinyGenerator(1), one_encoder(), shift(), terms(1, global), Every{3, AdaptiveTopK{.k = 2}}, {}, {}, {},
          options};
}

/// Returns the largest difference of two runs' slots, relative to the largest number.
double relative_difference(const std::vector<Tensor>& a, const std::vector<Tensor>& b) {
  double difference = 0, size = 0;
  for (std::size_t i = 0; i < a.size(); ++i) {
    difference = std::max(difference, test::largest_difference(a[i], b[i]));
    size = std::max(size, test::number(b[i].abs().max()));
  }
  return difference / size;
}

}  // namespace

BOOST_AUTO_TEST_CASE(a_batch_in_parts_is_the_large_batch_after_one_step_and_after_several) {
  for (const std::int64_t steps : {1, 8}) {
    for (const std::int64_t size : {1, 2, 3, 7}) {
      auto options = settings(7);
      options.mixing = 0.5;
      options.optimizer = Sgd{.rate = 0.05, .momentum = 0.5};  // Adam divides by |g|, which makes rounding large
      auto whole = crop_run(options);
      options.micro_batch = size;
      auto parts = crop_run(options);
      double loss = 0, of_parts = 0;
      std::vector<std::pair<std::string, double>> terms;
      for (std::int64_t i = 0; i < steps; ++i) {
        loss = whole.step().loss;
        const auto report = parts.step();
        of_parts = report.loss;
        terms = report.terms;
      }
      BOOST_TEST(of_parts == loss, boost::test_tools::tolerance(1e-12));
      BOOST_TEST(terms.size() == 2U);
      BOOST_TEST(relative_difference(slots_of(parts.adapted()), slots_of(whole.adapted())) < 1e-12);
      BOOST_TEST(moved_layers(parts.source(), parts.adapted()).size() >= 2U);
    }
  }
}

BOOST_AUTO_TEST_CASE(a_split_batch_is_the_large_batch_and_has_the_same_bits_for_any_number_of_threads) {
  const auto after = [&](std::int64_t split, int threads, std::int64_t pool) {
    auto options = settings(5);
    options.mixing = 0.5;
    options.optimizer = Sgd{.rate = 0.05, .momentum = 0.5};
    options.split = split;
    options.anchor_pool = pool;
    at::set_num_threads(threads);
    auto run = crop_run(options);
    for (int i = 0; i < 8; ++i) run.step();
    return slots_of(run.adapted());
  };
  const int before = at::get_num_threads();
  for (const std::int64_t pool : {0, 15}) {
    const auto whole = after(1, 1, pool);
    for (const std::int64_t split : {2, 3, 9}) {
      const auto alone = after(split, 1, pool);
      BOOST_TEST(relative_difference(alone, whole) < 1e-12);
      check_same_bits(after(split, 2, pool), alone);
      check_same_bits(after(split, 4, pool), alone);
    }
  }
  at::set_num_threads(before);
}

BOOST_AUTO_TEST_CASE(an_error_in_a_split_batch_comes_out_and_leaves_the_run_as_it_was) {
  auto options = settings(4);
  options.split = 4;
  const int before = at::get_num_threads();
  at::set_num_threads(4);
  bool broken = true;
  const Watch watch{[&](const Scene& scene) {
    return scene.adapted_images.mean() * (broken ? std::numeric_limits<double>::quiet_NaN() : 0.0);
  }};
  Run<Terms> run(TinyGenerator(1), one_encoder(), shift(), terms(1, 0.3, 1, watch), convolutions, {}, {}, {}, options);
  const auto start = slots_of(run.adapted());
  BOOST_TEST(error_of([&] { run.step(); }).starts_with("step 1: the term "));
  check_same_bits(slots_of(run.adapted()), start);
  broken = false;
  run.step();
  BOOST_TEST(run.steps_done() == 1);
  at::set_num_threads(before);
}

BOOST_AUTO_TEST_CASE(a_batch_in_parts_in_float32_is_the_large_batch_to_1e_5) {
  auto options = settings(8);
  options.optimizer = Sgd{.rate = 0.05, .momentum = 0.5};
  std::vector<std::vector<Tensor>> ends;
  for (const std::int64_t size : {0, 3}) {
    options.micro_batch = size;
    const Encoders encoders({{linear_encoder(features, 8, 1, torch::kFloat32), 1.0}});
    const FixedShift ends_in_float{endpoints_between(random({1, features}, 21).to(torch::kFloat32),
                                                     random({1, features}, 22).to(torch::kFloat32))};
    CropRun run(TinyGenerator(1, torch::kFloat32), encoders, ends_in_float, terms(1, 0.3),
                Every{3, AdaptiveTopK{.k = 2}}, {}, {}, {}, options);
    for (int i = 0; i < 8; ++i) run.step();
    ends.push_back(slots_of(run.adapted()));
  }
  BOOST_TEST((ends[0].front().scalar_type() == torch::kFloat32));
  BOOST_TEST(relative_difference(ends[0], ends[1]) < 1e-5);
}

BOOST_AUTO_TEST_CASE(a_term_that_is_no_mean_over_samples_and_parts_that_are_too_large_are_refused) {
  auto options = settings(4);
  options.micro_batch = 2;
  using Within = Objective<Directional, WithinDomain>;
  const auto make = [&](double weight) {
    return error_of([&] {
      Run<Within>(TinyGenerator(1), one_encoder(), shift(), weigh(1, Directional{}) + weigh(weight, WithinDomain{}),
                  convolutions, {}, {}, {}, options);
    });
  };
  BOOST_TEST(make(0) == "");
  BOOST_TEST(make(0.5) == "the batch cannot be computed 2 samples at a time: the term within is no mean over samples");
  options.micro_batch = 5;
  BOOST_TEST(make(0) == "the batch is computed 5 samples at a time, expected 0 to 4");
  options.micro_batch = 0;
  options.split = 2;
  BOOST_TEST(make(0.5) == "");  // as a whole
  options.split = 0;
  BOOST_TEST(make(0) == "the batch is split into 0 parts, expected at least 1");
}

BOOST_AUTO_TEST_CASE(a_schedule_multiplies_the_rate_of_each_step) {
  auto options = settings();
  options.optimizer = Sgd{.rate = 1};
  options.rate = read_schedule("0=0,1=0.5,2=0", 3, "s");
  Run<> run(TinyGenerator(1), one_encoder(), shift(), terms(0, 1), convolutions, {}, {}, {}, options);
  const auto start = slots_of(run.adapted());
  run.step();
  check_same_bits(slots_of(run.adapted()), start);
  run.step();
  const auto second = slots_of(run.adapted());
  options.rate = {};
  options.optimizer = Sgd{.rate = 0.5};
  Run<> plain(TinyGenerator(1), one_encoder(), shift(), terms(0, 1), convolutions, {}, {}, {}, options);
  auto state = plain.state();
  state.step = 1;
  plain.restore(state);
  plain.step();
  check_same_bits(second, slots_of(plain.adapted()));
  run.step();
  check_same_bits(slots_of(run.adapted()), second);
}

BOOST_AUTO_TEST_CASE(a_schedule_multiplies_the_weight_of_a_term_that_is_bound_from_the_start) {
  auto options = settings();
  options.weights["global"] = read_schedule("0=0,2=1", 9, "s");
  Run<> run(TinyGenerator(1), one_encoder(), shift(), terms(1, 0.6), convolutions, {}, {}, {}, options);
  for (const double weight : {0.0, 0.3, 0.6, 0.6}) {
    const auto report = run.step();
    BOOST_TEST_REQUIRE(report.terms.size() == 2U);
    BOOST_TEST(report.loss == report.terms[0].second + weight * report.terms[1].second,
               boost::test_tools::tolerance(1e-12));
    BOOST_TEST(report.terms[1].second > 0);
  }
  options.weights = {{"glob", {}}};
  BOOST_TEST(error_of([&] {
               Run<>(TinyGenerator(1), one_encoder(), shift(), terms(1, 1), convolutions, {}, {}, {}, options);
             }) == "there is a schedule for the term glob, but no term of this name and a weight > 0");
}

BOOST_AUTO_TEST_CASE(the_delta_and_the_images_are_those_of_the_running_mean) {
  auto options = settings();
  options.optimizer = Sgd{.rate = 0.1};
  options.half_life = 2;
  Run<> run(TinyGenerator(1), one_encoder(), shift(), terms(1, 1), convolutions, {}, {}, {}, options);
  const auto k = find_layer(run.source().layers(), "conv.8.0");
  auto mean = run.source().slot(k, 0).detach().clone();
  const double d = std::exp2(-0.5);
  for (int i = 0; i < 5; ++i) {
    run.step();
    mean = d * mean + (1 - d) * run.adapted().slot(k, 0).detach();
    BOOST_TEST(test::largest_difference(run.delta().leaves.at("conv.8.0.weight"), mean) < 1e-14);
  }
  const auto z = latents(3, 0, 2);
  const auto as_delta = apply_delta(run.source(), run.delta(), "the delta");
  BOOST_TEST(same_bits(run.adapted_images(z), as_delta.synthesize(as_delta.map(z, {}), {})));
  BOOST_TEST(test::largest_difference(run.adapted().slot(k, 0).detach(), mean) > 1e-4);
}

BOOST_AUTO_TEST_CASE(with_everything_on_a_run_resumes_to_the_bits_of_an_unbroken_one) {
  for (const auto& optimizer : std::vector<AnyOptimizer>{Adam{.beta1 = 0.5}, AdamW{}, Sgd{.rate = 0.1, .momentum = 0.9},
                                                         Adafactor{.rate = 0.01}, Adam{}}) {
    auto options = settings(5);
    options.optimizer = optimizer;
    options.rate = read_schedule("warmup:3,cosine:0.1", 12, "s");
    options.weights["global"] = read_schedule("0=0,6=1", 12, "s");
    options.micro_batch = 2;
    options.half_life = 3;
    options.clip_norm = 0.05;
    auto whole = crop_run(options);
    for (int i = 0; i < 12; ++i) whole.step();
    for (const std::int64_t middle : {1, 4, 7}) {
      const TemporaryFolder folder;
      {
        auto first = crop_run(options);
        for (std::int64_t i = 0; i < middle; ++i) first.step();
        save_state(folder / "state.safetensors", first.state());
      }
      auto second = crop_run(options);
      second.restore(load_state(folder / "state.safetensors"));
      for (std::int64_t i = middle; i < 12; ++i) second.step();
      check_same_bits(slots_of(second.adapted()), slots_of(whole.adapted()));
      const auto delta = second.delta(), expected = whole.delta();
      BOOST_TEST_REQUIRE(delta.leaves.size() == expected.leaves.size());
      for (const auto& [name, leaf] : expected.leaves) BOOST_TEST(same_bits(delta.leaves.at(name), leaf), name);
      const auto ours = second.moments(), theirs = whole.moments();
      for (const auto& [name, moments] : theirs)
        for (const auto& [key, value] : moments.others) BOOST_TEST(same_bits(ours.at(name).others.at(key), value));
    }
  }
}

BOOST_AUTO_TEST_CASE(a_state_of_adam_that_kept_a_first_moment_of_no_use_still_resumes_and_lacking_ones_are_told) {
  const auto make = [](const AnyOptimizer& optimizer) {
    auto options = settings();
    options.optimizer = optimizer;
    return crop_run(options);
  };
  auto first = make(Adam{}), second = make(Adam{});
  for (int i = 0; i < 3; ++i) first.step();
  auto state = first.state();
  for (auto& [name, moments] : state.moments)
    if (moments.steps > 0) moments.first = torch::ones_like(moments.second);
  second.restore(state);
  first.step();
  second.step();
  check_same_bits(slots_of(second.adapted()), slots_of(first.adapted()));
  BOOST_TEST(error_of([&] { make(Adafactor{}).restore(state); }).find("is missing") != std::string::npos);
  state.origin = "file";
  for (auto& [name, moments] : state.moments) moments.first = Tensor{};
  BOOST_TEST(error_of([&] { make(Adam{.beta1 = 0.9}).restore(state); }).find("file: tensor first.") == 0U);
}

BOOST_AUTO_TEST_CASE(parts_take_an_optimizer_of_any_type) {
  const AdaptationParts parts{TinyGenerator(1), one_encoder(), shift(),    terms(1),  convolutions,
                              FullWeights{},    Plain{},       FullSize{}, settings()};
  const auto other = parts.with(Sgd{.rate = 0.25});
  BOOST_TEST(!parts.settings.optimizer);
  BOOST_TEST(other.settings.chosen_optimizer().name() == "sgd");
  BOOST_TEST(parts.settings.chosen_optimizer().name() == "adam");
  Adaptation run{other};
  run.step();
  BOOST_TEST(!run.moments().at("conv.4.0.weight").second.defined());
}

BOOST_AUTO_TEST_SUITE_END()
