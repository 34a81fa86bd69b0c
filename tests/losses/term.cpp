#include <boost/test/unit_test.hpp>

#include <tuple>
#include <type_traits>
#include <vector>

#include "nada/core/stream.hpp"
#include "nada/core/tensor.hpp"
#include "nada/encoders/encoder.hpp"
#include "nada/losses/directional.hpp"
#include "nada/losses/global.hpp"
#include "nada/losses/range_penalty.hpp"
#include "nada/losses/term.hpp"
#include "nada/shifts/fixed_shift.hpp"
#include "support/tiny.hpp"

BOOST_AUTO_TEST_SUITE(losses_term)

using namespace nada;

namespace {

struct NotPerSample {
  static constexpr std::string_view name = "whole batch";
  static constexpr Reads reads = Reads::leaves;
  static constexpr bool per_sample = false;
  Tensor operator()(const Scene& scene) const { return scene.leaves.front().value.sum(); }
};
struct Nameless {
  static constexpr Reads reads = Reads::adapted;
  static constexpr bool per_sample = true;
  Tensor operator()(const Scene& scene) const { return scene.adapted_images.mean(); }
};
static_assert(SceneTerm<NotPerSample> && Term<NotPerSample>);
static_assert(!SceneTerm<Nameless> && !Term<Nameless> && !Term<int>);
static_assert(EncoderTerm<On<1, Directional>, test::LinearEncoder, FixedShift> && Term<On<1, Directional>>);

}  // namespace

BOOST_AUTO_TEST_CASE(a_sum_of_weighted_terms_has_their_types_in_order) {
  using Sum = decltype(1.0 * Directional{} + 0.3 * Global{} + weigh(10, RangePenalty{}));
  static_assert(std::is_same_v<Sum, Objective<Directional, Global, RangePenalty>>);
  static_assert(!std::is_same_v<Sum, Objective<Global, Directional, RangePenalty>>);
  BOOST_TEST(std::tuple_size_v<decltype(Sum::terms)> == 3U);
}

BOOST_AUTO_TEST_CASE(a_sum_keeps_the_weight_and_the_options_of_each_term) {
  const auto sum = 0.5 * Directional{.min_length = 0.1} + (2 * Global{.scaled = true} + weigh(10, RangePenalty{}));
  BOOST_TEST(std::get<0>(sum.terms).weight == 0.5);
  BOOST_TEST(std::get<0>(sum.terms).term.min_length == 0.1);
  BOOST_TEST(std::get<1>(sum.terms).weight == 2);
  BOOST_TEST(std::get<1>(sum.terms).term.scaled);
  BOOST_TEST(std::get<2>(sum.terms).weight == 10);
}

BOOST_AUTO_TEST_CASE(an_objective_reads_what_any_of_its_terms_reads) {
  static_assert(decltype(1.0 * Global{})::reads == Reads::adapted);
  static_assert(decltype(1.0 * Global{} + 1.0 * Directional{})::reads == (Reads::adapted | Reads::anchor));
  static_assert(!has(decltype(1.0 * Global{} + 1.0 * RangePenalty{})::reads, Reads::anchor));
  BOOST_TEST(has(decltype(1.0 * Global{} + 1.0 * NotPerSample{})::reads, Reads::leaves));
}

BOOST_AUTO_TEST_CASE(an_objective_is_per_sample_when_all_of_its_terms_are) {
  static_assert(decltype(1.0 * Global{} + 1.0 * Directional{})::per_sample);
  BOOST_TEST((!decltype(1.0 * Global{} + 1.0 * NotPerSample{})::per_sample));
}

BOOST_AUTO_TEST_CASE(flags_combine_and_are_told_apart) {
  constexpr auto both = Reads::anchor | Reads::tokens;
  static_assert(has(both, Reads::anchor) && has(both, Reads::tokens) && !has(both, Reads::adapted));
  static_assert(!has(Reads::nothing, Reads::adapted) && !has(both, Reads::nothing));
  BOOST_TEST((both != Reads::anchor));
}

BOOST_AUTO_TEST_CASE(on_binds_a_term_to_one_encoder_and_is_the_term_otherwise) {
  static_assert(only_encoder<On<2, Global>>::value == 2 && only_encoder<Global>::value < 0);
  static_assert(On<2, Global>::name == Global::name && On<2, Global>::reads == Global::reads);
  const auto encoder = test::linear_encoder(4, 2, 1);
  const auto ends = test::endpoints_between(test::random({1, 4}, 2), test::random({1, 4}, 3));
  const auto images = test::random({2, 3, 2, 2}, 4);
  BOOST_TEST(test::number(test::evaluate(On<2, Global>{{.scaled = true}}, encoder, ends, images)) ==
             test::number(test::evaluate(Global{.scaled = true}, encoder, ends, images)));
}

BOOST_AUTO_TEST_CASE(a_comparison_computes_each_embedding_at_most_once_and_none_that_nobody_asks_for) {
  const auto encoder = test::linear_encoder(4, 2, 1);
  const Shown adapted{test::random({2, 3, 2, 2}, 1), test::random({2, 3, 2, 2}, 1)};
  const Shown anchor{test::random({2, 3, 2, 2}, 2), test::random({2, 3, 2, 2}, 2)};
  ComparedBatches<test::LinearEncoder> comparison_batches(encoder, adapted, anchor, Stream{});
  Comparison<test::LinearEncoder> comparison(comparison_batches);
  BOOST_TEST(*encoder.seen == 0);
  const auto first = comparison.adapted().unit;
  BOOST_TEST(*encoder.seen == 1);
  const auto second = comparison.adapted().unit;
  BOOST_TEST(*encoder.seen == 1);
  BOOST_TEST(first.is_same(second));
  comparison.anchor();
  comparison.anchor();
  BOOST_TEST(*encoder.seen == 2);
}

BOOST_AUTO_TEST_CASE(a_comparison_embeds_the_views_and_shows_the_images) {
  const auto encoder = test::linear_encoder(4, 2, 1);
  const Shown adapted{test::random({1, 3, 2, 2}, 1), test::random({2, 3, 2, 2}, 2)}, anchor{};
  ComparedBatches<test::LinearEncoder> comparison_batches(encoder, adapted, anchor, Stream{5, 6});
  Comparison<test::LinearEncoder> comparison(comparison_batches);
  BOOST_TEST(comparison.adapted_images().is_same(adapted.images));
  const auto expected = adapted.views.flatten(1).matmul(encoder.weight.t());
  BOOST_TEST(test::largest_difference(comparison.adapted().raw, expected) < 1e-12);
  BOOST_TEST(comparison.stream().seed == 5U);
  BOOST_TEST(comparison.stream().step == 6);
}

BOOST_AUTO_TEST_CASE(a_comparison_carries_the_graph_of_the_adapted_images_and_none_of_the_anchors) {
  const auto encoder = test::linear_encoder(4, 2, 1);
  const auto trained = test::random({2, 3, 2, 2}, 1).requires_grad_(true);
  const Shown adapted{trained, trained}, anchor{trained, trained};
  ComparedBatches<test::LinearEncoder> comparison_batches(encoder, adapted, anchor, Stream{});
  Comparison<test::LinearEncoder> comparison(comparison_batches);
  BOOST_TEST(comparison.adapted().unit.requires_grad());
  BOOST_TEST(!comparison.anchor().unit.requires_grad());
}

BOOST_AUTO_TEST_CASE(a_comparison_asks_for_tokens_only_where_they_are_wanted) {
  const auto encoder = test::linear_encoder(4, 2, 1);
  const Shown adapted{test::random({2, 3, 2, 2}, 1), test::random({2, 3, 2, 2}, 1)}, anchor{};
  ComparedBatches<test::LinearEncoder> without_batches(encoder, adapted, anchor, Stream{});
  Comparison<test::LinearEncoder> without(without_batches);
  ComparedBatches<test::LinearEncoder> with_batches(encoder, adapted, anchor, Stream{}, Wanted{.tokens = true});
  Comparison<test::LinearEncoder> with(with_batches);
  BOOST_TEST(!without.adapted().tokens.defined());
  BOOST_TEST(with.adapted().tokens.defined());
}

BOOST_AUTO_TEST_CASE(linear_encoder_and_tiny_generator_do_what_tests_rely_on) {
  const auto encoder = test::linear_encoder(4, 2, 1);
  BOOST_TEST(std::abs(test::number(encoder.see(test::random({1, 3, 2, 2}, 1), {}).unit.norm()) - 1) < 1e-12);
  const test::TinyGenerator generator;
  const auto w = generator.map(test::random({2, 4}, 1), {});
  const auto image = generator.synthesize(w, {});
  for (std::size_t k = 1; k < generator.layers().size(); ++k)  // every slot changes the image
    for (std::size_t s = 0; s < generator.layers()[k].slots.size(); ++s) {
      auto other = generator.clone();
      other.use(k, s, other.slot(k, s) + 0.1);
      BOOST_TEST_CONTEXT(generator.layers()[k].name << "." << generator.layers()[k].slots[s])
      BOOST_TEST(test::largest_difference(other.synthesize(w, {}), image) > 1e-4);
    }
}

BOOST_AUTO_TEST_CASE(what_a_term_computes_of_the_anchor_is_kept_by_key_where_there_is_room) {
  const auto encoder = test::linear_encoder(4, 4, 1);
  const Shown images{torch::ones({1, 3, 4, 4}), {}};
  const char first = 0, second = 0;
  int made = 0;
  const auto make = [&] {
    ++made;
    return std::vector<Tensor>{torch::full({2}, made, torch::kFloat32)};
  };
  KeptAnchor kept;
  kept.room = 12;  // one of two tensors of 8 bytes
  const auto value = [&](const char& key, KeptAnchor* in) {
    ComparedBatches<test::LinearEncoder> batches(encoder, images, images, Stream{}, {}, in);
    return Comparison<test::LinearEncoder>(batches).of_anchor(&key, make).at(0)[0].item<float>();
  };
  BOOST_TEST(value(first, &kept) == 1);
  BOOST_TEST(value(second, &kept) == 2);
  BOOST_TEST(value(first, &kept) == 1);   // kept
  BOOST_TEST(value(second, &kept) == 3);  // no room: made anew
  BOOST_TEST(value(first, nullptr) == 4);
}

BOOST_AUTO_TEST_SUITE_END()
