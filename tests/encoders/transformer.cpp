#include <boost/test/unit_test.hpp>

#include <cmath>

#include "nada/core/tensor.hpp"
#include "nada/encoders/transformer.hpp"
#include "nada/encoders/weights.hpp"
#include "nada/formats/tensor_file.hpp"
#include "support/files.hpp"
#include "support/finite_differences.hpp"
#include "support/naive_transformer.hpp"
#include "support/random_clip.hpp"

BOOST_AUTO_TEST_SUITE(encoders_transformer)

using namespace nada;
using test::largest_difference;
using test::random;

namespace {

constexpr auto ignore = [](std::size_t, const Tensor&) {};

TensorMap blocks() {
  test::RandomClip out(3);
  out.transformer("transformer", 8, 2);
  return out.tensors;
}
Transformer transformer(const TensorMap& tensors, std::int64_t heads = 2, Gelu kind = Gelu::quick) {
  return {Weights(tensors, "clip", torch::kFloat64), "transformer", 8, heads, kind};
}

}  // namespace

BOOST_AUTO_TEST_CASE(attention_is_the_loop_over_heads_and_tokens) {
  const auto q = random({2, 3, 6}, 1), k = random({2, 5, 6}, 2), v = random({2, 5, 6}, 3);
  for (const std::int64_t heads : {1, 2, 3})
    for (std::int64_t n = 0; n < 2; ++n)
      BOOST_TEST(largest_difference(attend(q, k, v, heads)[n], test::naive_attention(q[n], k[n], v[n], heads, false)) <
                 1e-13);
}

BOOST_AUTO_TEST_CASE(attention_with_the_causal_mask_does_not_look_ahead) {
  const auto q = random({1, 5, 6}, 1), k = random({1, 5, 6}, 2), v = random({1, 5, 6}, 3);
  const auto mask = causal_mask(5, torch::kFloat64);
  BOOST_TEST(largest_difference(attend(q, k, v, 2, mask)[0], test::naive_attention(q[0], k[0], v[0], 2, true)) < 1e-13);
}

BOOST_AUTO_TEST_CASE(the_causal_mask_is_zero_up_to_a_token_and_minus_infinity_after_it) {
  const auto mask = causal_mask(4, torch::kFloat32);
  for (std::int64_t t = 0; t < 4; ++t)
    for (std::int64_t s = 0; s < 4; ++s)
      BOOST_TEST(test::number(mask[t][s]) == (s <= t ? 0.0 : -std::numeric_limits<double>::infinity()));
}

BOOST_AUTO_TEST_CASE(blocks_are_attention_and_perceptron_each_on_a_norm_and_added) {
  const auto tensors = blocks();
  const auto x = random({2, 5, 8}, 4);
  for (const bool quick : {true, false}) {
    const auto ours = transformer(tensors, 2, quick ? Gelu::quick : Gelu::erf)(x, {}, ignore);
    for (std::int64_t n = 0; n < 2; ++n)
      BOOST_TEST(largest_difference(ours[n],
                                    test::naive_transformer(x[n], tensors, "transformer", 2, 2, false, quick)) < 1e-12);
  }
}

BOOST_AUTO_TEST_CASE(tap_sees_the_output_of_each_block) {
  const auto tensors = blocks();
  const auto x = random({1, 5, 8}, 4);
  std::vector<Tensor> seen;
  const auto out = transformer(tensors)(x, {}, [&](std::size_t i, const Tensor& value) {
    BOOST_TEST(i == seen.size());
    seen.push_back(value);
  });
  BOOST_TEST_REQUIRE(seen.size() == 2U);
  BOOST_TEST(largest_difference(seen[0][0], test::naive_transformer(x[0], tensors, "transformer", 1, 2, false)) <
             1e-12);
  BOOST_TEST(largest_difference(seen[1], out) == 0);
}

BOOST_AUTO_TEST_CASE(activations_have_their_known_values) {
  const auto x = torch::tensor({0.0, 1.0, -2.0}, torch::kFloat64);
  for (std::int64_t i = 0; i < 3; ++i) {
    const double v = test::number(x[i]);
    BOOST_TEST(test::number(gelu(x, Gelu::quick)[i]) == v / (1 + std::exp(-1.702 * v)),
               boost::test_tools::tolerance(1e-14));
    BOOST_TEST(test::number(gelu(x, Gelu::erf)[i]) == v * 0.5 * std::erfc(-v / std::sqrt(2.0)),
               boost::test_tools::tolerance(1e-14));
  }
}

BOOST_AUTO_TEST_CASE(has_the_gradient_of_finite_differences) {
  const auto model = transformer(blocks());
  const auto probe = random({1, 4, 8}, 5);
  const auto mask = causal_mask(4, torch::kFloat64);
  test::check_gradient([&](const Tensor& x) { return (model(x, mask, ignore) * probe).sum(); }, random({1, 4, 8}, 6));
}

BOOST_AUTO_TEST_CASE(heads_follow_from_the_width_and_must_divide_it) {
  test::RandomClip wide(3);
  wide.transformer("transformer", 128, 1);
  const Weights weights(wide.tensors, "clip", torch::kFloat64);
  const auto x = random({1, 2, 128}, 4);
  const Transformer derived(weights, "transformer", 128, 0, Gelu::quick),
      given(weights, "transformer", 128, 2, Gelu::quick);
  BOOST_TEST(largest_difference(derived(x, {}, ignore), given(x, {}, ignore)) == 0);
  BOOST_TEST(error_of([] { transformer(blocks(), 3); }) == "clip: width 8 does not split into 3 heads");
  BOOST_TEST(error_of([] { transformer(blocks(), 0); }) == "clip: width 8 does not split into 0 heads");
}

BOOST_AUTO_TEST_CASE(a_tensor_that_is_missing_or_misshaped_is_an_error_that_names_it) {
  auto tensors = blocks();
  tensors.erase("transformer.resblocks.1.mlp.c_fc.bias");
  BOOST_TEST(error_of([&] { transformer(tensors); }) ==
             "clip: tensor transformer.resblocks.1.mlp.c_fc.bias is missing");
  tensors = blocks();
  tensors["transformer.resblocks.0.ln_2.weight"] = torch::ones({9});
  BOOST_TEST(error_of([&] { transformer(tensors); }) ==
             "clip: tensor transformer.resblocks.0.ln_2.weight has shape [9], expected [8] (-1: any)");
  BOOST_TEST(error_of([&] { transformer({}); }) == "clip: tensor transformer.resblocks.0.ln_1.weight is missing");
}

BOOST_AUTO_TEST_SUITE_END()
