#include <boost/test/unit_test.hpp>

#include <span>
#include <string>
#include <vector>

#include "nada/adaptation/candidate_layers.hpp"
#include "nada/core/stream.hpp"
#include "nada/core/tensor.hpp"
#include "nada/generators/generator.hpp"
#include "nada/parameterization/affine_only.hpp"
#include "nada/parameterization/full_weights.hpp"
#include "nada/parameterization/parameterization.hpp"
#include "nada/selection/selector.hpp"
#include "nada/training/trained_leaves.hpp"
#include "support/files.hpp"
#include "support/tiny.hpp"

BOOST_AUTO_TEST_SUITE(adaptation_candidate_layers)

using namespace nada;
using test::same_bits;
using test::TinyGenerator;

namespace {

// Layers of TinyGenerator: mapping.0, const, conv.4.0, rgb.4, conv.8.0, conv.8.1, rgb.8.
constexpr std::size_t conv_4 = 2, rgb_4 = 3, rgb_8 = 6;

/// Of rgb layers alone: the weight is the base plus a leaf of zeros, the bias the base times a drawn leaf.
struct Change {
  static constexpr std::string_view name = "change";
  bool covers(const Layer& layer) const { return layer.kind == LayerKind::rgb; }
  std::vector<std::string> names(const Layer&) const { return {"weight.plus", "bias.times"}; }
  std::vector<Tensor> leaves(const Layer&, std::span<const Tensor> base, const Stream& stream) const {
    return {torch::zeros_like(base[0]).requires_grad_(true),
            stream.uniform(Purpose::leaves, {base[1].size(0)}).to(base[1].options()).requires_grad_(true)};
  }
  std::vector<Tensor> effective(const Layer&, std::span<const Tensor> base, std::span<const Tensor> leaves) const {
    return {base[0] + leaves[0], base[1] * leaves[1]};
  }
};
static_assert(Parameterization<Change>);

struct Forgetful : FullWeights {
  std::vector<std::string> names(const Layer& layer) const { return {layer.slots.front()}; }
};

using Changes = CandidateLayers<TinyGenerator, Change>;
using Full = CandidateLayers<TinyGenerator, FullWeights>;

bool same(const TinyGenerator& a, const TinyGenerator& b) {
  for (std::size_t k = 0; k < a.layers().size(); ++k)
    for (std::size_t s = 0; s < a.layers()[k].slots.size(); ++s)
      if (!same_bits(a.slot(k, s).detach(), b.slot(k, s).detach())) return false;
  return true;
}

}  // namespace

BOOST_AUTO_TEST_CASE(are_the_layers_below_the_exit_that_the_parameterization_covers) {
  const TinyGenerator g(1);
  BOOST_TEST((Full(g, {}, 8, 0).all() == LayerSet{0, 1, 2, 3, 4, 5, 6}));
  BOOST_TEST((Full(g, {}, 4, 0).all() == LayerSet{0, 1, 2, 3}));
  BOOST_TEST((Changes(g, {}, 8, 0).all() == LayerSet{3, 6}));
  BOOST_TEST((Changes(g, {}, 4, 0).all() == LayerSet{3}));
  BOOST_TEST((CandidateLayers<TinyGenerator, AffineOnly>(g, {}, 8, 0).all() == LayerSet{2, 4, 5}));
  const Changes changes(g, {}, 4, 0);
  BOOST_TEST(changes.layer_count() == 7U);
  BOOST_TEST(changes.layer(rgb_8).name == "rgb.8");
  BOOST_TEST(changes.covers(rgb_8));  // it cannot be chosen, but a state may hold it
  BOOST_TEST(!changes.covers(conv_4));
  BOOST_TEST((changes.options().dtype() == torch::kFloat64));
}

BOOST_AUTO_TEST_CASE(leaves_are_named_by_layer_and_leaf_and_made_anew_alike) {
  const TinyGenerator g(1);
  const Changes changes(g, {}, 8, 5);
  BOOST_TEST(changes.names(rgb_4) == (std::vector<std::string>{"rgb.4.weight.plus", "rgb.4.bias.times"}),
             boost::test_tools::per_element());
  const auto first = changes.initial(rgb_4), second = changes.initial(rgb_4);
  BOOST_TEST_REQUIRE(first.size() == 2U);
  BOOST_TEST(!first[0].is_same(second[0]));
  BOOST_TEST(same_bits(first[1].detach(), second[1].detach()));
  const auto drawn = Stream{5, 0}.uniform(Purpose::leaves, {3}).to(torch::kFloat64);  // by the run's seed, at step 0
  BOOST_TEST(same_bits(first[1].detach(), drawn));
  const auto effective = changes.effective(rgb_4, {torch::ones({3, 4}, torch::kFloat64), 2 * drawn});
  BOOST_TEST(same_bits(effective[0], g.slot(rgb_4, 0) + 1));
  BOOST_TEST(same_bits(effective[1], g.slot(rgb_4, 1) * (2 * drawn)));
}

BOOST_AUTO_TEST_CASE(the_base_stays_what_it_was_whatever_becomes_of_the_generator) {
  TinyGenerator g(1);
  const auto as_it_was = g.clone();
  const Full full(g, {}, 8, 0);
  for (std::size_t k = 0; k < g.layers().size(); ++k) g.slot(k, 0).mul_(2);  // in place
  g.use(rgb_8, 1, torch::zeros({3}, torch::kFloat64));
  BOOST_TEST(!same(g, as_it_was));
  full.put_base(g);
  BOOST_TEST(same(g, as_it_was));
}

BOOST_AUTO_TEST_CASE(a_layer_is_trained_from_its_beginning_on) {
  const TinyGenerator g(1);
  const Changes changes(g, {}, 4, 0);
  TrainedLeaves leaves;
  BOOST_TEST(changes.trained_layers(leaves).empty());
  changes.begin(rgb_8, leaves);  // above the exit: an earlier sitting chose it
  changes.begin(rgb_4, leaves);
  BOOST_TEST((changes.trained_layers(leaves) == LayerSet{3, 6}));
  BOOST_TEST(changes.trained(rgb_4, leaves));
  BOOST_TEST(!changes.trained(conv_4, leaves));
  const auto of_layer = changes.leaves(rgb_4, leaves);
  BOOST_TEST_REQUIRE(of_layer.size() == 2U);
  BOOST_TEST(of_layer[0].is_same(leaves["rgb.4.weight.plus"]));  // in the order of names(), not of the alphabet
  BOOST_TEST(of_layer[1].is_same(leaves["rgb.4.bias.times"]));
  BOOST_TEST(of_layer[0].requires_grad());
}

BOOST_AUTO_TEST_CASE(effective_tensors_are_put_into_the_layers_that_are_named_with_or_without_their_graph) {
  const TinyGenerator g(1);
  const Changes changes(g, {}, 8, 0);
  TrainedLeaves leaves;
  changes.begin(rgb_4, leaves);
  changes.begin(rgb_8, leaves);
  for (const bool graph : {true, false}) {
    auto moved = g.clone();
    changes.put_effective(moved, {rgb_4}, leaves, graph);
    BOOST_TEST(moved.slot(rgb_4, 0).requires_grad() == graph);
    BOOST_TEST(same_bits(moved.slot(rgb_4, 0).detach(), g.slot(rgb_4, 0)));
    BOOST_TEST(same_bits(moved.slot(rgb_4, 1).detach(), (g.slot(rgb_4, 1) * leaves["rgb.4.bias.times"]).detach()));
    BOOST_TEST(same_bits(moved.slot(rgb_8, 1), g.slot(rgb_8, 1)));  // not named
    if (!graph) continue;
    const auto gradient = torch::autograd::grad({moved.slot(rgb_4, 1).sum()}, {leaves["rgb.4.bias.times"]})[0];
    BOOST_TEST(same_bits(gradient, g.slot(rgb_4, 1)));
  }
  const torch::NoGradGuard no_grad;  // of the caller: the graph is made where it is asked for
  auto moved = g.clone();
  changes.put_effective(moved, {rgb_4}, leaves, /*graph=*/true);
  BOOST_TEST(moved.slot(rgb_4, 1).requires_grad());
}

BOOST_AUTO_TEST_CASE(a_parameterization_that_names_other_leaves_than_it_makes_is_refused) {
  const CandidateLayers<TinyGenerator, Forgetful> forgetful(TinyGenerator(1), {}, 8, 0);
  TrainedLeaves leaves;
  BOOST_TEST(error_of([&] { forgetful.begin(rgb_4, leaves); }) ==
             "the parameterization full names 1 leaves of rgb.4 and makes 2");
  BOOST_TEST(leaves.leaves().empty());
}

BOOST_AUTO_TEST_SUITE_END()
