#include <boost/test/unit_test.hpp>

#include <string>
#include <string_view>
#include <vector>

#include "nada/adaptation/adaptation.hpp"
#include "nada/adaptation/official_training.hpp"
#include "nada/adaptation/training_policy.hpp"
#include "nada/core/stream.hpp"
#include "nada/core/tensor.hpp"
#include "nada/generators/generator.hpp"
#include "nada/parameterization/full_weights.hpp"
#include "nada/selection/adaptive_top_k.hpp"
#include "nada/selection/selector.hpp"
#include "nada/shifts/fixed_shift.hpp"
#include "nada/shifts/shift.hpp"
#include "nada/shifts/text_shift.hpp"
#include "nada/views/views.hpp"
#include "support/random_stylegan2.hpp"
#include "support/tiny_run.hpp"

BOOST_AUTO_TEST_SUITE(adaptation_official_training)

using namespace nada;
using test::same_bits;

namespace {

const OfficialTraining none{.two_noises = false, .zero_gradients = false, .bare_selection = false};
const OfficialTraining only_noises{.two_noises = true, .zero_gradients = false, .bare_selection = false};
const OfficialTraining only_zeros{.two_noises = false, .zero_gradients = true, .bare_selection = false};
const OfficialTraining only_selection{.two_noises = false, .zero_gradients = false, .bare_selection = true};

const TextShift texts("a face", "a cat", {"a drawing of {}", "the {}"});

/// What a run did in some steps.
struct Result {
  std::vector<double> losses;
  std::vector<LayerSet> chosen;
  std::vector<Tensor> slots;
  std::size_t moments = 0, leaves_of_delta = 0;
};

/// Five steps with fresh noise, a selection that follows the gradient, and a textual shift: each switch matters.
template <class Training>
Result five_steps(const Training& training) {
  auto options = test::settings(3);
  options.noise = Noise::fresh;
  options.adam.rate = 0.05;
  Adaptation run(test::small_stylegan2(), test::Encoders({{test::encoder(1, 16), 1.0}}), texts, test::terms(1, 0.5),
                 AdaptiveTopK{.k = 2, .batch = 4}, FullWeights{}, Plain{}, FullSize{}, options, training);
  Result out;
  for (int i = 0; i < 5; ++i) {
    const auto report = run.step();
    out.losses.push_back(report.loss);
    out.chosen.push_back(report.chosen);
  }
  const auto& g = run.adapted();
  for (std::size_t k = 0; k < g.layers().size(); ++k)
    for (std::size_t s = 0; s < g.layers()[k].slots.size(); ++s) out.slots.push_back(g.slot(k, s).detach().clone());
  out.moments = run.moments().size();
  out.leaves_of_delta = run.delta().leaves.size();
  return out;
}

bool same(const Result& a, const Result& b) {
  if (a.losses != b.losses || a.chosen != b.chosen || a.moments != b.moments || a.slots.size() != b.slots.size() ||
      a.leaves_of_delta != b.leaves_of_delta)
    return false;
  for (std::size_t i = 0; i < a.slots.size(); ++i)
    if (!same_bits(a.slots[i], b.slots[i])) return false;
  return true;
}

}  // namespace

BOOST_AUTO_TEST_CASE(with_all_switches_off_it_is_our_own_training_bit_for_bit_and_each_switch_changes_it) {
  const auto own = five_steps(OwnTraining{});
  BOOST_TEST(same(five_steps(none), own));
  const auto noises = five_steps(only_noises), zeros = five_steps(only_zeros);
  BOOST_TEST(noises.losses.front() != own.losses.front());  // the images do not agree at the first step
  BOOST_TEST(noises.moments == own.moments);
  BOOST_TEST(zeros.losses.front() == own.losses.front());
  BOOST_TEST(zeros.chosen.front() == own.chosen.front(), boost::test_tools::per_element());
  BOOST_TEST(zeros.moments > own.moments);  // of all candidates but those of the mapping network
  BOOST_TEST(zeros.leaves_of_delta <= own.leaves_of_delta);
}

BOOST_AUTO_TEST_CASE(two_noises_count_samples_from_a_batch_on) {
  for (const auto draw : {Draw::adapted, Draw::anchor, Draw::selection}) {
    BOOST_TEST(OwnTraining{}.first_sample(draw, 6) == 0);
    BOOST_TEST(none.first_sample(draw, 6) == 0);
    BOOST_TEST(only_zeros.first_sample(draw, 6) == 0);
  }
  BOOST_TEST(only_noises.first_sample(Draw::adapted, 6) == 0);
  BOOST_TEST(only_noises.first_sample(Draw::anchor, 6) == 6);
  BOOST_TEST(only_noises.first_sample(Draw::selection, 6) == 12);
}

BOOST_AUTO_TEST_CASE(zero_gradients_step_all_candidates_but_mapping_layers_that_were_not_chosen) {
  const test::TinyGenerator g;  // mapping.0, const, conv.4.0, rgb.4, conv.8.0, conv.8.1, rgb.8
  const LayerSet candidates{0, 1, 2, 3, 4}, chosen{2, 4};
  BOOST_TEST((OwnTraining{}.stepping(g.layers(), candidates, chosen) == chosen));
  BOOST_TEST((none.stepping(g.layers(), candidates, chosen) == chosen));
  BOOST_TEST((only_selection.stepping(g.layers(), candidates, chosen) == chosen));
  BOOST_TEST((only_zeros.stepping(g.layers(), candidates, chosen) == LayerSet{1, 2, 3, 4}));
  BOOST_TEST((only_zeros.stepping(g.layers(), candidates, {0, 2}) == candidates));
}

BOOST_AUTO_TEST_CASE(zero_gradients_stand_where_there_are_none) {
  const auto leaf = test::random({2, 3}, 1), gradient = test::random({2, 3}, 2);
  BOOST_TEST(OwnTraining{}.gradient(leaf, gradient).is_same(gradient));
  BOOST_TEST(!OwnTraining{}.gradient(leaf, {}).defined());
  BOOST_TEST(!none.gradient(leaf, {}).defined());
  BOOST_TEST(only_zeros.gradient(leaf, gradient).is_same(gradient));
  BOOST_TEST(same_bits(only_zeros.gradient(leaf, {}), torch::zeros({2, 3}, torch::kFloat64)));
}

BOOST_AUTO_TEST_CASE(with_zero_gradients_a_delta_holds_layers_that_moved_alone) {
  const std::vector<Tensor> start{test::random({2}, 1), test::random({3}, 2)};
  const std::vector<Tensor> moved{start[0].clone(), start[1] + 1e-15};
  const auto initial = [&] { return start; };
  const auto never = []() -> std::vector<Tensor> { throw std::logic_error("the leaves were made anew for nothing"); };
  BOOST_TEST(OwnTraining{}.in_delta(start, never));
  BOOST_TEST(none.in_delta(start, never));
  BOOST_TEST(only_zeros.in_delta(moved, initial));
  BOOST_TEST(!only_zeros.in_delta({start[0].clone(), start[1].clone()}, initial));
}

BOOST_AUTO_TEST_CASE(a_bare_selection_reads_the_target_without_templates_and_scales_cosines) {
  const auto encoder = test::encoder();  // its scale is 50
  const auto ends = texts.endpoints(encoder, {});
  const auto bare = encoder.read(encoder.tokenize(std::vector<std::string>{"a cat"}));
  BOOST_TEST(same_bits(OwnTraining{}.selection_target(encoder, texts, ends), ends.target));
  BOOST_TEST(same_bits(none.selection_target(encoder, texts, ends), ends.target));
  BOOST_TEST(same_bits(only_selection.selection_target(encoder, texts, ends), bare));
  BOOST_TEST(test::largest_difference(bare, ends.target) > 1e-4);
  const auto without_texts = test::shift();
  BOOST_TEST(same_bits(only_selection.selection_target(encoder, without_texts, without_texts.ends),
                       without_texts.ends.target));
  BOOST_TEST(OwnTraining{}.selection_scale(encoder) == 1);
  BOOST_TEST(none.selection_scale(encoder) == 1);
  BOOST_TEST(only_selection.selection_scale(encoder) == 0.5);
}

BOOST_AUTO_TEST_CASE(recorded_latents_take_the_place_of_drawn_ones_each_for_its_purpose) {
  const Stream stream{3, 7};
  const auto step_in = [](std::int64_t step) { return torch::full({2, 4}, static_cast<double>(step)); };
  const auto drawn = [&](Purpose purpose) { return stream.normal(purpose, {5, 4}); };
  for (const auto purpose : {Purpose::latents, Purpose::selection}) {
    BOOST_TEST(same_bits(OwnTraining{}.latents(stream, purpose, 5, 4), drawn(purpose)));
    BOOST_TEST(same_bits(OfficialTraining{}.latents(stream, purpose, 5, 4), drawn(purpose)));
  }
  OfficialTraining training, selection;
  training.recorded_latents = step_in;
  selection.recorded_selection = step_in;
  BOOST_TEST(same_bits(training.latents(stream, Purpose::latents, 5, 4), step_in(7)));
  BOOST_TEST(same_bits(training.latents(stream, Purpose::selection, 5, 4), drawn(Purpose::selection)));
  BOOST_TEST(same_bits(selection.latents(stream, Purpose::selection, 5, 4), step_in(7)));
  BOOST_TEST(same_bits(selection.latents(stream, Purpose::latents, 5, 4), drawn(Purpose::latents)));
}

BOOST_AUTO_TEST_SUITE_END()
