#include <boost/test/unit_test.hpp>

#include <vector>

#include "nada/core/stream.hpp"
#include "nada/core/tensor.hpp"
#include "nada/generators/generator.hpp"
#include "nada/parameterization/full_weights.hpp"
#include "nada/parameterization/parameterization.hpp"
#include "nada/selection/all_layers.hpp"
#include "support/tiny.hpp"

BOOST_AUTO_TEST_SUITE(parameterization_full_weights)

using namespace nada;
using test::random;
using test::same_bits;

namespace {

static_assert(Parameterization<FullWeights> && !Parameterization<AllLayers> && !Parameterization<int>);

const Layer layer{"conv.8.0", LayerKind::convolution, 8, 1, {"weight", "bias"}};

}  // namespace

BOOST_AUTO_TEST_CASE(covers_every_kind_of_layer_and_names_leaves_as_the_slots) {
  for (const auto kind : {LayerKind::mapping, LayerKind::constant, LayerKind::convolution, LayerKind::rgb})
    BOOST_TEST(FullWeights{}.covers({"l", kind, 8, 1, {"weight"}}));
  BOOST_TEST(FullWeights{}.names(layer) == layer.slots, boost::test_tools::per_element());
  BOOST_TEST(FullWeights::name == "full");
}

BOOST_AUTO_TEST_CASE(leaves_are_copies_of_the_base_that_train) {
  const std::vector<Tensor> base{random({2, 3}, 1), random({2}, 2)};
  auto leaves = FullWeights{}.leaves(layer, base, Stream{});
  BOOST_TEST_REQUIRE(leaves.size() == 2U);
  for (std::size_t i = 0; i < 2; ++i) {
    BOOST_TEST(same_bits(leaves[i].detach(), base[i]));
    BOOST_TEST(leaves[i].requires_grad());
    BOOST_TEST(leaves[i].is_leaf());
  }
  leaves[0].detach().add_(1);
  BOOST_TEST(same_bits(base[0], random({2, 3}, 1)));
}

BOOST_AUTO_TEST_CASE(effective_tensors_are_the_leaves_with_their_graph) {
  const std::vector<Tensor> base{random({2, 3}, 1)};
  const auto leaves = FullWeights{}.leaves(layer, base, Stream{});
  const auto effective = FullWeights{}.effective(layer, base, leaves);
  BOOST_TEST_REQUIRE(effective.size() == 1U);
  BOOST_TEST(same_bits(effective[0].detach(), base[0]));  // leaves start where effective is the base
  const auto gradient = torch::autograd::grad({(effective[0] * base[0]).sum()}, {leaves[0]})[0];
  BOOST_TEST(test::largest_difference(gradient, base[0]) == 0);
}

BOOST_AUTO_TEST_SUITE_END()
