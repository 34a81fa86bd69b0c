#include "nada/checks/check_selector.hpp"

#include <algorithm>
#include <boost/test/unit_test.hpp>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>

#include "nada/core/tensor.hpp"
#include "nada/selection/adaptive_top_k.hpp"
#include "nada/selection/all_layers.hpp"
#include "nada/selection/any_selector.hpp"
#include "nada/selection/by_change.hpp"
#include "nada/selection/every.hpp"
#include "nada/selection/gradient_top_k.hpp"
#include "nada/selection/named_layers.hpp"
#include "nada/selection/official_index.hpp"
#include "nada/selection/random_k.hpp"
#include "nada/selection/selector.hpp"
#include "support/files.hpp"
#include "support/tiny.hpp"

BOOST_AUTO_TEST_SUITE(checks_check_selector)

using namespace nada;

namespace {

/// Checked on the tiny generator, which is the fastest.
template <class S>
std::string error(const S& selector) {
  return error_of([&] { check_part(selector, test::TinyGenerator(1)); });
}
bool tells(const std::string& text, const std::string& part) { return text.find(part) != std::string::npos; }

LayerSet turn(const Probe& probe, std::int64_t n) {
  return {probe.candidates[static_cast<std::size_t>(n) % probe.candidates.size()]};
}

/// Chooses by how often it was asked.
struct Counting {
  std::int64_t asked = 0;
  LayerSet select(const Probe& probe) { return turn(probe, asked++); }
};
struct CountingWithState : Counting {
  TensorMap state() const { return {{"asked", torch::tensor({asked})}}; }
  void restore(const TensorMap& state) { asked = state.at("asked")[0].item<std::int64_t>(); }
};
struct Forgetful : Counting {
  TensorMap state() const { return {}; }
  void restore(const TensorMap&) {}
};
struct Refusing : CountingWithState {
  void restore(const TensorMap&) { fail("this is not mine"); }
};
struct Complex : CountingWithState {
  TensorMap state() const { return {{"asked", torch::zeros({1}, torch::kComplexDouble)}}; }
};
/// Chooses by a running mean of the layers' gradients, in float64.
struct RunningMean {
  Tensor mean;  // [layers]
  LayerSet select(const Probe& probe) {
    const auto now = torch::tensor(probe.weight_gradients(2), torch::kFloat64);
    mean = mean.defined() ? 0.9 * mean + 0.1 * now : now;
    const auto scaled = (1e6 * mean.sum() / mean.max()).item<double>();  // depends on many digits
    return turn(probe, static_cast<std::int64_t>(scaled));
  }
  TensorMap state() const { return mean.defined() ? TensorMap{{"mean", mean}} : TensorMap{}; }
  void restore(const TensorMap& state) { mean = state.empty() ? Tensor{} : state.at("mean"); }
};
/// The same, but its state has half of the digits.
struct Rounded : RunningMean {
  TensorMap state() const { return mean.defined() ? TensorMap{{"mean", mean.to(torch::kFloat16)}} : TensorMap{}; }
  void restore(const TensorMap& state) { mean = state.empty() ? Tensor{} : state.at("mean").to(torch::kFloat64); }
};
struct Shared {
  std::shared_ptr<CountingWithState> inner = std::make_shared<CountingWithState>();
  LayerSet select(const Probe& probe) { return inner->select(probe); }
  TensorMap state() const { return inner->state(); }
  void restore(const TensorMap& state) { inner->restore(state); }
};
struct Chance {
  LayerSet select(const Probe& probe) const { return turn(probe, torch::randint(1000, {1}).item<std::int64_t>()); }
};
struct Backwards {
  LayerSet select(const Probe& probe) const { return {probe.candidates.rbegin(), probe.candidates.rend()}; }
};
struct Twice {
  LayerSet select(const Probe& probe) const { return {probe.candidates[0], probe.candidates[0]}; }
};
struct Nothing {
  LayerSet select(const Probe&) const { return {}; }
};
struct Beyond {
  LayerSet select(const Probe& probe) const { return {probe.layers.size()}; }
};

}  // namespace

BOOST_AUTO_TEST_CASE(the_selectors_of_the_framework_pass) {
  BOOST_TEST(error_of([] { check_part(Every{10, AdaptiveTopK{}}); }) == "");  // on the small generator
  BOOST_TEST(error_of([] { check_part(NamedLayers{{"coarse", "conv.64.0"}}); }) == "");
  BOOST_TEST(error(AllLayers{}) == "");
  BOOST_TEST(error(AdaptiveTopK{.k = 2}) == "");
  BOOST_TEST(error(GradientTopK{.k = 2}) == "");
  BOOST_TEST(error(RandomK{.k = 2}) == "");
  BOOST_TEST(error(Every{3, RandomK{.k = 1}}) == "");
  BOOST_TEST(error(OfficialIndex<AdaptiveTopK>{}) == "");
  BOOST_TEST(error(AnySelector::named("adaptive:2")) == "");
  BOOST_TEST(error(MostChanged{.k = 2, .all_until = 3}) == "");
  BOOST_TEST(error(LeastChanged{.k = 2}) == "");
  BOOST_TEST(error(CountingWithState{}) == "");
  BOOST_TEST(error(RunningMean{}) == "");
  BOOST_TEST(error(Every{3, RunningMean{}}) == "");
}

BOOST_AUTO_TEST_CASE(a_selector_that_forgets_when_a_run_is_resumed_is_told) {
  BOOST_TEST(tells(error(Counting{}),
                   "the selector chooses other layers at step 1 when it was not asked before: it "
                   "remembers something, so it needs `nada::TensorMap state() const`"));
  BOOST_TEST(tells(error(Forgetful{}), "when its state() of step 1 was restored: the state lacks something"));
  BOOST_TEST(error(Refusing{}) == "the selector does not take back its own state: this is not mine");
  BOOST_TEST(tells(error(Rounded{}), "was restored: the state lacks something"));
  BOOST_TEST(tells(error(Complex{}), "the selector's state cannot be saved: "));
}

BOOST_AUTO_TEST_CASE(a_choice_that_depends_on_something_else_than_the_probe_is_told) {
  BOOST_TEST(tells(error(Chance{}), "it draws random numbers that are not of the probe's stream"));
  BOOST_TEST(tells(error(Shared{}), "its copies share memory"));
}

BOOST_AUTO_TEST_CASE(a_choice_that_a_run_would_refuse_is_told) {
  BOOST_TEST(tells(error(Backwards{}), "the selector's choice is not sorted at step 0: 6 stands before 5"));
  BOOST_TEST(error(Twice{}) == "the selector chooses the layer 0 twice at step 0");
  BOOST_TEST(error(Nothing{}) == "the selector chooses no layer at step 0");
  BOOST_TEST(error(Beyond{}) == "the selector chooses the layer 7 at step 0, which is no candidate");
  BOOST_TEST(tells(error(AdaptiveTopK{.k = 99}), "the selector cannot choose at step 0: AdaptiveTopK: k is 99"));
}

BOOST_AUTO_TEST_SUITE_END()
