// Adaptation, second part: resuming, failing and being watched (two files, so that they compile side by side).
#include <boost/test/unit_test.hpp>

#include <array>
#include <cmath>
#include <limits>
#include <string>
#include <vector>

#include "nada/adaptation/adaptation.hpp"
#include "nada/adaptation/delta.hpp"
#include "nada/adaptation/delta_file.hpp"
#include "nada/adaptation/observer.hpp"
#include "nada/adaptation/official_training.hpp"
#include "nada/adaptation/state_file.hpp"
#include "nada/core/stop.hpp"
#include "nada/core/tensor.hpp"
#include "nada/formats/file.hpp"
#include "nada/formats/safetensors.hpp"
#include "nada/formats/tensor_file.hpp"
#include "nada/losses/term.hpp"
#include "nada/selection/adaptive_top_k.hpp"
#include "nada/selection/every.hpp"
#include "nada/selection/named_layers.hpp"
#include "nada/selection/official_index.hpp"
#include "nada/selection/selector.hpp"
#include "support/files.hpp"
#include "support/tiny_run.hpp"

BOOST_AUTO_TEST_SUITE(adaptation_resume)

using namespace nada;
using namespace nada::test;

// -------------------- resume

using RunEvery = Run<Terms, Every<AdaptiveTopK>>;

RunEvery every(std::uint64_t seed = 3, std::uint64_t generator = 1) {
  return RunEvery(TinyGenerator(generator), one_encoder(), shift(), terms(1, 0.3), Every{10, AdaptiveTopK{.k = 2}}, {},
                  {}, {}, settings(4, seed));
}

BOOST_AUTO_TEST_CASE(a_run_resumed_mid_way_ends_with_the_bits_of_an_uninterrupted_one) {
  const TemporaryFolder folder;
  auto whole = every();
  std::vector<double> losses;
  for (int i = 0; i < 25; ++i) losses.push_back(whole.step().loss);
  for (const std::int64_t middle : {1, 10, 13}) {
    const auto path = folder / "state.safetensors";
    {
      auto first = every();
      for (std::int64_t i = 0; i < middle; ++i) first.step();
      save_state(path, first.state());
    }
    auto second = every();
    second.restore(load_state(path));
    BOOST_TEST(second.steps_done() == middle);
    for (std::int64_t i = middle; i < 25; ++i) BOOST_TEST(second.step().loss == losses[static_cast<std::size_t>(i)]);
    check_same_bits(slots_of(second.adapted()), slots_of(whole.adapted()));
    const auto ours = second.moments(), theirs = whole.moments();
    BOOST_TEST_REQUIRE(ours.size() == theirs.size());
    for (const auto& [name, moments] : theirs) {
      BOOST_TEST(ours.at(name).steps == moments.steps);
      BOOST_TEST(same_bits(ours.at(name).second, moments.second));
    }
  }
}

BOOST_AUTO_TEST_CASE(a_run_with_zero_gradients_resumes_with_the_counts_and_moments_of_layers_that_never_moved) {
  const TemporaryFolder folder;
  const auto official = [] {
    return OfficialRun<Terms, OfficialIndex<AdaptiveTopK>>(TinyGenerator(1), one_encoder(), shift(), terms(1),
                                                           OfficialIndex(AdaptiveTopK{.k = 2}), {}, {}, {}, settings(),
                                                           {.two_noises = false});
  };
  auto whole = official(), second = official();
  for (int i = 0; i < 9; ++i) whole.step();
  {
    auto first = official();
    for (int i = 0; i < 4; ++i) first.step();
    save_state(folder / "state.safetensors", first.state());
  }
  second.restore(load_state(folder / "state.safetensors"));
  for (int i = 4; i < 9; ++i) second.step();
  check_same_bits(slots_of(second.adapted()), slots_of(whole.adapted()));
  const auto ours = second.moments(), theirs = whole.moments();
  BOOST_TEST_REQUIRE(ours.size() == theirs.size());
  for (const auto& [name, moments] : theirs) {
    BOOST_TEST(ours.at(name).steps == 9);
    BOOST_TEST(same_bits(ours.at(name).second, moments.second));
  }
  BOOST_TEST(second.delta().leaves.size() == whole.delta().leaves.size());
}

/// Chooses the layer whose running mean of the gradients is largest, and lowers that mean: every digit counts.
struct RunningMean {
  Tensor mean;  // [layers], float64
  LayerSet select(const Probe& probe) {
    const auto now = torch::tensor(probe.weight_gradients(2), torch::kFloat64);
    mean = mean.defined() ? 0.9 * mean + 0.1 * now : now;
    const auto chosen = mean.argmax().item<std::int64_t>();
    mean[chosen] = mean[chosen] * 0.6;
    return {static_cast<std::size_t>(chosen)};
  }
  TensorMap state() const { return mean.defined() ? TensorMap{{"mean", mean}} : TensorMap{}; }
  void restore(const TensorMap& state) { mean = state.empty() ? Tensor{} : state.at("mean"); }
};

template <class S>
void check_that_a_run_resumes_exactly(const S& selector) {
  const auto make = [&] {
    return Run<Terms, S>(TinyGenerator(1), one_encoder(), shift(), terms(1, 0.3), selector, {}, {}, {}, settings());
  };
  const TemporaryFolder folder;
  const auto mean_of = [](const auto& run) {
    const auto state = run.state().selector;
    return state.count("mean") ? state.at("mean") : state.at("inner.mean");
  };
  auto whole = make();
  std::vector<LayerSet> chosen;
  for (int i = 0; i < 12; ++i) chosen.push_back(whole.step().chosen);
  for (const std::int64_t middle : {0, 1, 5}) {
    {
      auto first = make();
      for (std::int64_t i = 0; i < middle; ++i) first.step();
      save_state(folder / "state.safetensors", first.state());
    }
    auto second = make();
    second.restore(load_state(folder / "state.safetensors"));
    for (auto i = static_cast<std::size_t>(middle); i < 12; ++i) BOOST_TEST((second.step().chosen == chosen[i]));
    BOOST_TEST(same_bits(mean_of(second), mean_of(whole)));
    check_same_bits(slots_of(second.adapted()), slots_of(whole.adapted()));
  }
}

BOOST_AUTO_TEST_CASE(a_selector_with_running_means_in_float64_resumes_with_their_bits) {
  check_that_a_run_resumes_exactly(RunningMean{});
  check_that_a_run_resumes_exactly(Every{3, RunningMean{}});
}

BOOST_AUTO_TEST_CASE(a_loaded_state_replaces_all_that_the_run_did_before) {
  const TemporaryFolder folder;
  Run<> early(TinyGenerator(1), one_encoder(), shift(), terms(1), NamedLayers{{"conv.4.0"}}, {}, {}, {}, settings());
  early.step();
  save_state(folder / "state.safetensors", early.state());
  Run<> other(TinyGenerator(1), one_encoder(), shift(), terms(1), convolutions, {}, {}, {}, settings());
  for (int i = 0; i < 3; ++i) other.step();
  other.restore(load_state(folder / "state.safetensors"));
  check_same_bits(slots_of(other.adapted()), slots_of(early.adapted()));
  BOOST_TEST(other.delta().leaves.size() == 3U);
}

BOOST_AUTO_TEST_CASE(a_state_of_another_seed_or_base_or_kind_is_refused) {
  const TemporaryFolder folder;
  const auto path = folder / "state.safetensors";
  auto run = every(3);
  run.step();
  save_state(path, run.state());
  BOOST_TEST(error_of([&] { every(4).restore(load_state(path)); }) ==
             path.string() + ": nada.seed is 3, this run has 4");
  BOOST_TEST(error_of([&] { every(3, 2).restore(load_state(path)); }).find(path.string() + ": nada.base_sha256 is ") ==
             0U);
  save_delta(folder / "delta.safetensors", run.delta());
  BOOST_TEST(error_of([&] { every(3).restore(load_state(folder / "delta.safetensors")); }) ==
             (folder / "delta.safetensors").string() +
                 " is a delta of an adapted generator, expected the state of a run");
  auto untouched = every(4);
  error_of([&] { untouched.restore(load_state(path)); });
  BOOST_TEST(untouched.steps_done() == 0);
}

BOOST_AUTO_TEST_CASE(a_damaged_state_is_refused) {
  const TemporaryFolder folder;
  const auto path = folder / "state.safetensors";
  auto run = every();
  run.step();
  save_state(path, run.state());
  const auto file = Safetensors::open(path);
  const auto tensors = to_tensors(file);
  const auto error_with = [&](const std::function<void(TensorMap&, Metadata&)>& damage) {
    auto changed = tensors;
    auto metadata = file.metadata();
    damage(changed, metadata);
    const auto bad = folder / "bad.safetensors";
    save_tensors(bad, changed, metadata);
    const auto text = error_of([&] { every().restore(load_state(bad)); });
    return text.find(bad.string()) == 0 ? text.substr(bad.string().size()) : "without the file: " + text;
  };
  BOOST_TEST(error_with([](auto&, auto&) {}) == "without the file: ");
  BOOST_TEST(error_with([](auto&, Metadata& m) { m["nada.step"] = "x"; }) ==
             ": nada.step is 'x', expected a number >= 0");
  BOOST_TEST(error_with([](auto&, Metadata& m) { m["nada.counts"] = "7"; }) == ": nada.counts is damaged");
  BOOST_TEST(error_with([](auto&, Metadata& m) { m["nada.selector"] = "{"; }) == ": nada.selector is damaged");
  BOOST_TEST(error_with([](auto&, Metadata& m) { m["nada.selector"] = "[99]"; }) ==
             ": nada.selector names a layer that is not there");
  const auto leaf = tensors.begin()->first;  // "leaf.<layer>.<slot>"
  const auto second = "second." + leaf.substr(5);
  BOOST_TEST(error_with([&](TensorMap& t, auto&) { t.erase(second); }) == ": tensor " + second + " is missing");
  BOOST_TEST(error_with([&](TensorMap& t, auto&) {
               t[second] = torch::zeros({3, 7});
             }).find(": tensor " + second + " has shape [3, 7], expected [") == 0U);
  BOOST_TEST(error_with([&](TensorMap& t, auto&) {
               t[leaf] = torch::zeros({3, 7});
             }).find(": tensor " + leaf + " has shape [3, 7], expected [") == 0U);
  BOOST_TEST(error_with([&](TensorMap& t, auto&) { t.erase(leaf); }).find(leaf) != std::string::npos);
}

// -------------------- what goes wrong

BOOST_AUTO_TEST_CASE(a_term_that_is_not_finite_stops_the_run_naming_step_and_term_and_changes_nothing) {
  for (const double bad : {std::numeric_limits<double>::quiet_NaN(), std::numeric_limits<double>::infinity()}) {
    int calls = 0;
    const Watch watch{[&](const Scene& scene) { return scene.adapted_images.mean() * (++calls == 3 ? bad : 0.0); }};
    Run<> run(TinyGenerator(1), one_encoder(), shift(), terms(1, 0, 1, watch), convolutions, {}, {}, {}, settings());
    run.step();
    run.step();
    const auto before = slots_of(run.adapted());
    const auto error = error_of([&] { run.step(); });
    BOOST_TEST(error.find("step 3: the term watch is ") == 0U, error);
    BOOST_TEST(run.steps_done() == 2);
    check_same_bits(slots_of(run.adapted()), before);
    BOOST_TEST(run.moments().at("conv.4.0.weight").steps == 2);
    BOOST_TEST(!run.adapted().slot(2, 0).requires_grad());  // no graph is left in the adapted generator
    BOOST_TEST(!run.adapted().synthesize(run.source().map(latents(3, 0, 2), {}), {}).requires_grad());
  }
}

BOOST_AUTO_TEST_CASE(a_gradient_that_is_not_finite_stops_the_run_naming_a_leaf_and_changes_nothing) {
  int calls = 0;
  const Watch watch{[&](const Scene& scene) {
    return (scene.adapted_images.mean() * (++calls == 2 ? 0.0 : 1.0)).square().sqrt();  // 0 with gradient 0 / 0
  }};
  Run<> run(TinyGenerator(1), one_encoder(), shift(), terms(0, 0, 1, watch), convolutions, {}, {}, {}, settings());
  run.step();
  const auto before = slots_of(run.adapted());
  BOOST_TEST(error_of([&] { run.step(); }) ==
             "step 2: the gradient of conv.4.0.weight is not finite (terms: watch 0); the run cannot go on");
  BOOST_TEST(run.steps_done() == 1);
  check_same_bits(slots_of(run.adapted()), before);
}

BOOST_AUTO_TEST_CASE(a_failed_step_is_told_to_the_observers_who_can_save_the_state_before_it) {
  struct Saver {
    std::filesystem::path path;
    int failures = 0, finishes = 0;
    void on_step(const Report&, RunAccess&) {}
    void on_failure(RunAccess& access) {
      ++failures;
      save_state(path, access.state());
    }
    void on_finish(RunAccess&) { ++finishes; }
  };
  const TemporaryFolder folder;
  int calls = 0;
  const Watch watch{[&](const Scene& scene) { return scene.adapted_images.mean() * (++calls == 3 ? NAN : 0.0); }};
  Run<> run(TinyGenerator(1), one_encoder(), shift(), terms(1, 0, 1, watch), convolutions, {}, {}, {}, settings());
  Saver saver{folder / "state.safetensors"};
  BOOST_TEST(error_of([&] { run.run(9, saver); }) == "step 3: the term watch is nan; the run cannot go on");
  BOOST_TEST(saver.failures == 1);
  BOOST_TEST(saver.finishes == 0);
  Run<> resumed(TinyGenerator(1), one_encoder(), shift(), terms(1), convolutions, {}, {}, {}, settings());
  resumed.restore(load_state(saver.path));
  Run<> reference(TinyGenerator(1), one_encoder(), shift(), terms(1), convolutions, {}, {}, {}, settings());
  reference.step();
  reference.step();
  BOOST_TEST(resumed.steps_done() == 2);
  check_same_bits(slots_of(resumed.adapted()), slots_of(reference.adapted()));
}

BOOST_AUTO_TEST_CASE(options_that_make_no_sense_are_refused) {
  const auto error = [](AdaptationSettings options, Terms objective = terms(1)) {
    return error_of([&] {
      Run<>(TinyGenerator(1), one_encoder(), shift(), std::move(objective), convolutions, {}, {}, {}, options);
    });
  };
  BOOST_TEST(error(settings()) == "");
  BOOST_TEST(error(settings(0)) == "the batch is 0, expected at least 1");
  auto mixing = settings();
  mixing.mixing = 1.5;
  BOOST_TEST(error(mixing) == "mixing is 1.5, expected a share in [0, 1]");
  auto rate = settings();
  rate.adam.rate = -1;
  BOOST_TEST(error(rate) == "the learning rate is -1, expected a number > 0");
  BOOST_TEST(error(settings(), terms(1, -2)) == "the weight of the term global is -2, expected a number >= 0");
  BOOST_TEST(error(settings(), terms(0)) == "every term of the objective has weight 0: there is nothing to train for");
  Run<> run(TinyGenerator(1), one_encoder(), shift(), terms(1), convolutions, {}, {}, {}, settings());
  BOOST_TEST(error_of([&] { run.run(0); }) == "the number of steps is 0, expected at least 1");
}

BOOST_AUTO_TEST_CASE(a_failed_step_leaves_no_leaves_of_layers_that_it_chose_first) {
  struct FirstThenSecond {
    LayerSet select(const Probe& probe) const { return {probe.stream.step < 1 ? std::size_t{2} : std::size_t{4}}; }
  };
  int calls = 0;
  const Watch watch{[&](const Scene& scene) { return scene.adapted_images.mean() * (++calls == 2 ? NAN : 0.0); }};
  Run<Terms, FirstThenSecond> run(TinyGenerator(1), one_encoder(), shift(), terms(1, 0, 1, watch), {}, {}, {}, {},
                                  settings());
  run.step();
  const auto before = run.state();
  BOOST_TEST(!error_of([&] { run.step(); }).empty());
  const auto after = run.state();
  BOOST_TEST(after.leaves.size() == before.leaves.size());
  BOOST_TEST(after.leaves.count("conv.8.0.weight") == 0U);
  BOOST_TEST(run.delta().leaves.size() == before.leaves.size());
}

BOOST_AUTO_TEST_CASE(a_report_keeps_its_numbers_while_the_run_goes_on) {
  Run<> run(TinyGenerator(1), one_encoder(), shift(), terms(1), convolutions, {}, {}, {}, settings());
  const auto first = run.step();
  const auto value = first.terms.at(0).second;
  const auto chosen = first.chosen;
  for (int i = 0; i < 5; ++i) run.step();
  BOOST_TEST(first.terms.at(0).first == "directional");
  BOOST_TEST(first.terms.at(0).second == value);
  BOOST_TEST((first.chosen == chosen));
}

BOOST_AUTO_TEST_CASE(labels_are_one_class_for_all_samples) {
  auto options = settings(4);
  options.labels = torch::zeros({4, 2});
  BOOST_TEST(error_of([&] {
               Run<>(TinyGenerator(1), one_encoder(), shift(), terms(1), convolutions, {}, {}, {}, options);
             }) == "labels of shape [4, 2], expected [1, C]: one class for all samples");
}

// -------------------- a run

BOOST_AUTO_TEST_CASE(a_run_tells_its_observers_about_start_steps_and_end) {
  struct Log {
    std::vector<std::string>* lines;
    void on_start(RunAccess& access) { lines->push_back(join("start ", access.step, " of ", access.total)); }
    void on_step(const Report& report, RunAccess& access) {
      lines->push_back(join("step ", report.step, " ", access.step, " of ", report.total, " ", report.chosen.size()));
    }
    void on_finish(RunAccess& access) { lines->push_back(join("finish ", access.step)); }
  };
  std::vector<std::string> lines;
  Run<> run(TinyGenerator(1), one_encoder(), shift(), terms(1), convolutions, {}, {}, {}, settings());
  BOOST_TEST(run.run(2, Log{&lines}));
  const std::vector<std::string> expected{"start 0 of 2", "step 1 1 of 2 3", "step 2 2 of 2 3", "finish 2"};
  BOOST_TEST(lines == expected, boost::test_tools::per_element());
  lines.clear();
  BOOST_TEST(run.run(2, Log{&lines}));  // finished already: nothing to do, successfully
  BOOST_TEST(lines == (std::vector<std::string>{"start 2 of 2", "finish 2"}), boost::test_tools::per_element());
}

BOOST_AUTO_TEST_CASE(an_observer_can_stop_a_run_look_at_images_and_save) {
  struct Stopper {
    std::filesystem::path delta;
    Tensor source, adapted;
    void on_step(const Report& report, RunAccess& access) {
      if (report.step != 3) return;
      const auto z = test::random({2, access.latent_size}, 5);
      source = access.source_images(z);
      adapted = access.adapted_images(z);
      save_delta(delta, access.delta(), {{"nada.target", "a drawing"}});
      access.stop();
    }
  };
  const TemporaryFolder folder;
  Stopper stopper{folder / "delta.safetensors", {}, {}};
  const TinyGenerator source(1);
  Run<> run(source, one_encoder(), shift(), terms(1), convolutions, {}, {}, {}, settings());
  BOOST_TEST(!run.run(9, stopper));
  BOOST_TEST(run.steps_done() == 3);
  const auto w = source.map(test::random({2, 4}, 5), {});
  BOOST_TEST(test::largest_difference(stopper.source, source.synthesize(w, {})) < 1e-14);
  BOOST_TEST(test::largest_difference(stopper.adapted, run.adapted().synthesize(w, {})) < 1e-14);
  BOOST_TEST(!stopper.adapted.requires_grad());
  const auto file = Safetensors::open(stopper.delta);
  BOOST_TEST(file.metadata().at("nada.target") == "a drawing");
  check_same_bits(slots_of(apply_delta(source, load_delta(file), "delta")), slots_of(run.adapted()));
}

BOOST_AUTO_TEST_CASE(a_stop_token_ends_a_run_after_the_step_in_progress) {
  struct Asker {
    void on_step(const Report&, RunAccess&) { StopToken::request(); }
  };
  Run<> run(TinyGenerator(1), one_encoder(), shift(), terms(1), convolutions, {}, {}, {}, settings());
  const bool all = run.run(5, Asker{});
  StopToken::reset();
  BOOST_TEST(!all);
  BOOST_TEST(run.steps_done() == 1);
}

BOOST_AUTO_TEST_CASE(a_run_can_start_from_weights_that_are_not_the_sources) {
  const TinyGenerator source(1), start(2);
  Run<> run(source, one_encoder(), shift(), terms(1), convolutions, {}, {}, {}, settings(), {}, start);
  BOOST_TEST(moved_layers(start, run.adapted()).empty());
  const auto loss = run.step().loss;
  BOOST_TEST(std::abs(loss - 1) > 1e-3);  // the images do not agree at the first step
  BOOST_TEST((moved_layers(start, run.adapted()) == LayerSet{2, 4, 5}));
  BOOST_TEST(run.delta().base_hash == base_hash(start));
  BOOST_TEST(run.delta().base_hash != base_hash(source));
}

BOOST_AUTO_TEST_CASE(names_of_the_terms_with_weight_are_the_columns) {
  Run<> run(TinyGenerator(1), one_encoder(), shift(), terms(1, 0, 2), convolutions, {}, {}, {}, settings());
  BOOST_TEST(run.term_names() == (std::vector<std::string_view>{"directional", "watch"}),
             boost::test_tools::per_element());
}

BOOST_AUTO_TEST_SUITE_END()
