#include <boost/test/unit_test.hpp>

#include <cstddef>
#include <string>
#include <type_traits>
#include <utility>
#include <variant>
#include <vector>

#include "nada/adaptation/adaptation.hpp"
#include "nada/adaptation/bound_objective.hpp"
#include "nada/encoders/encoder.hpp"
#include "nada/encoders/ensemble.hpp"
#include "nada/encoders/feature_extractor.hpp"
#include "nada/losses/any_term.hpp"
#include "nada/losses/away.hpp"
#include "nada/losses/term.hpp"
#include "nada/selection/named_layers.hpp"
#include "nada/shifts/text_shift.hpp"
#include "support/files.hpp"
#include "support/tiny_run.hpp"

BOOST_AUTO_TEST_SUITE(losses_any_term)

using namespace nada;

namespace {

/// LinearEncoder of the means of a grid of 2 x 2: patches and images alike can be seen.
struct GridEncoder : test::LinearEncoder {
  Features see(const Tensor& images, Wanted wanted) const {
    return LinearEncoder::see(at::adaptive_avg_pool2d(images, {2, 2}), wanted);
  }
};
using Encoders = Members<GridEncoder>;
Encoders encoders() {
  return Encoders(
      {{GridEncoder{test::linear_encoder(4, 2, 1)}, 1.0}, {GridEncoder{test::linear_encoder(4, 2, 2)}, 0.5}});
}
const TextShift texts("a face", "a cat", {"{}", "a drawing of {}"});

template <class O>
using Run = Adaptation<test::TinyGenerator, Encoders, TextShift, O, NamedLayers>;

template <class O>
Run<O> make_run(O objective) {
  return Run<O>(test::TinyGenerator(1), encoders(), texts, std::move(objective), NamedLayers{{"convolution", "rgb"}},
                {}, {}, {}, test::settings());
}

/// Adds the terms of an objective, which are bound to all encoders.
template <class... Ts>
void add(TermList& list, const Objective<Ts...>& objective) {
  objective.each([&](double weight, const auto& term, std::ptrdiff_t only) {
    BOOST_TEST_REQUIRE(only == -1);
    list.add({weight, AnyTerm(term)});
  });
}

/// Every term that there is, in the menu's order, each with options that are not the defaults.
auto every_term() {
  const AnyFeatureExtractor rows = [](const Tensor& images) { return images.mean(3).flatten(1); };
  return weigh(1, Directional{.min_length = 0.3}) + weigh(0.7, Global{.scaled = true}) + weigh(2, RangePenalty{}) +
         weigh(0.1, PixelAnchor{}) + weigh(0.2, PerceptualAnchor{}) + weigh(0.3, LpipsAnchor(rows)) +
         weigh(0.4, Manifold{}) + weigh(0.5, Moment{.covariance = 0.8}) +
         weigh(0.6, PatchDirectional{.size = 4, .count = 2, .parts = {"the ear of a {}", "the nose of a {}"}}) +
         weigh(0.9, PatchSimilarity{.size = 4, .count = 1, .parts = {"the ear of a {}"}}) +
         weigh(0.01, Texture{test::random({2, 3, 8, 8}, 61)}) + weigh(0.35, WithinDomain{.min_length = 0.1}) +
         weigh(0.45, InDomainDiversity{}) + weigh(0.05, WeightAnchor{}) + weigh(0.15, Away{.text = "a dog"}) +
         weigh(0.25, LearnedStep{.from = 0.1, .required = false}) + weigh(0.55, FaceAnchor(rows));
}

}  // namespace

BOOST_AUTO_TEST_CASE(a_list_gives_the_numbers_of_the_objective_composed_when_compiled_bit_for_bit) {
  const auto objective = every_term();
  static_assert(std::tuple_size_v<decltype(objective.terms)> == std::variant_size_v<AnyTerm::Choice>);
  TermList list;
  add(list, objective);
  auto composed = make_run(objective);
  auto listed = make_run(list);
  BOOST_TEST(listed.term_names() == composed.term_names(), boost::test_tools::per_element());
  for (int i = 0; i < 3; ++i) {
    const auto ours = listed.step(), theirs = composed.step();
    BOOST_TEST(ours.loss == theirs.loss);
    BOOST_TEST_REQUIRE(ours.terms.size() == 17U);
    for (std::size_t t = 0; t < ours.terms.size(); ++t) {
      BOOST_TEST(ours.terms[t].first == theirs.terms[t].first);
      BOOST_TEST(ours.terms[t].second == theirs.terms[t].second, ours.terms[t].first);
      // the tiny images stay in range, and the tiny encoders have no step heads
      if (i == 2 && ours.terms[t].first != "range" && ours.terms[t].first != "learned")
        BOOST_TEST(ours.terms[t].second != 0, ours.terms[t].first);  // it had a part in the comparison
    }
  }
  test::check_same_bits(test::slots_of(listed.adapted()), test::slots_of(composed.adapted()));
}

BOOST_AUTO_TEST_CASE(a_term_of_a_list_can_be_bound_to_one_encoder) {
  auto composed = make_run(weigh(1, Global{}) + weigh(0.5, On<1, Manifold>{}));
  TermList list;
  list.add({1, {Global{}}});
  list.add({0.5, {Manifold{}}, 1});
  auto listed = make_run(list);
  for (int i = 0; i < 3; ++i) BOOST_TEST(listed.step().loss == composed.step().loss);
  test::check_same_bits(test::slots_of(listed.adapted()), test::slots_of(composed.adapted()));
  const auto error = [](const TermList::Entry& entry) {
    TermList terms;
    terms.add(entry);
    return error_of([&] { make_run(terms); });
  };
  BOOST_TEST(error({0.5, {Manifold{}}, 0}) == "");
  BOOST_TEST(error({0.5, {Manifold{}}, 2}) ==
             "the term manifold is bound to an encoder that is not there, or that it cannot read");
  BOOST_TEST(error({0.5, {RangePenalty{}}, 0}) == "the term range sees no encoder, so it cannot be bound to one");
}

BOOST_AUTO_TEST_CASE(a_list_reads_what_its_terms_of_weight_above_0_read) {
  TermList list;
  list.add({1, {Global{}}});
  list.add({0, {PerceptualAnchor{}}});
  list.add({0, {WeightAnchor{}}});
  BOOST_TEST((BoundObjective<Encoders, TextShift, TermList>(list).reads() == Reads::adapted));
  auto run = make_run(list);
  run.step();
  BOOST_TEST(*run.source().rendered == 0);
  list.add({1, {PixelAnchor{}}});
  BOOST_TEST((BoundObjective<Encoders, TextShift, TermList>(list).reads() == (Reads::adapted | Reads::anchor)));
}

BOOST_AUTO_TEST_CASE(a_term_twice_is_refused_unless_one_of_both_has_weight_0) {
  const auto error = [](double first, double second) {
    TermList list;
    list.add({1, {RangePenalty{}}});
    list.add({first, {Global{}}});
    return error_of([&] { list.add({second, {Global{.scaled = true}}}); });
  };
  BOOST_TEST(error(1, 1) == "the term global was given twice");
  BOOST_TEST(error(0, 1) == "");
  BOOST_TEST(error(1, 0) == "");
  BOOST_TEST(error(0, 0) == "");
}

BOOST_AUTO_TEST_CASE(a_refused_term_is_not_in_the_list_and_the_columns_are_those_with_a_weight) {
  TermList list;
  list.add({0, {Global{}}});
  list.add({2, {Global{.scaled = true}}});
  error_of([&] { list.add({3, {Global{}}}); });
  BOOST_TEST_REQUIRE(list.entries().size() == 2U);
  BOOST_TEST(list.entries()[1].weight == 2);
  BOOST_TEST(std::get<Global>(list.entries()[1].term.choice()).scaled);
  BOOST_TEST(make_run(list).term_names() == (std::vector<std::string_view>{"global"}),
             boost::test_tools::per_element());
}

BOOST_AUTO_TEST_CASE(each_visits_weights_terms_and_encoders_in_the_order_of_adding) {
  TermList list;
  list.add({2, {RangePenalty{}}});
  list.add({3, {Directional{.min_length = 0.7}}, 4});
  std::vector<std::string> seen;
  list.each([&](double weight, const auto& term, std::ptrdiff_t only) {
    seen.push_back(join(weight, " ", term.name, " ", only));
    if constexpr (std::is_same_v<std::decay_t<decltype(term)>, Directional>) BOOST_TEST(term.min_length == 0.7);
  });
  BOOST_TEST(seen == (std::vector<std::string>{"2 range -1", "3 directional 4"}), boost::test_tools::per_element());
}

BOOST_AUTO_TEST_CASE(an_empty_list_is_refused_when_bound) {
  BOOST_TEST(error_of([] { make_run(TermList{}); }) ==
             "every term of the objective has weight 0: there is nothing to train for");
}

BOOST_AUTO_TEST_SUITE_END()
