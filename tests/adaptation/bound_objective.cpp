#include <boost/test/unit_test.hpp>

#include <cmath>
#include <limits>
#include <memory>
#include <string>
#include <type_traits>
#include <vector>

#include "nada/adaptation/bound_objective.hpp"
#include "nada/core/error.hpp"
#include "nada/core/stream.hpp"
#include "nada/core/tensor.hpp"
#include "nada/encoders/encoder.hpp"
#include "nada/encoders/ensemble.hpp"
#include "nada/losses/directional.hpp"
#include "nada/losses/global.hpp"
#include "nada/losses/perceptual_anchor.hpp"
#include "nada/losses/pixel_anchor.hpp"
#include "nada/losses/range_penalty.hpp"
#include "nada/losses/term.hpp"
#include "nada/losses/weight_anchor.hpp"
#include "nada/shifts/fixed_shift.hpp"
#include "nada/shifts/shift.hpp"
#include "support/files.hpp"
#include "support/tiny.hpp"

BOOST_AUTO_TEST_SUITE(adaptation_bound_objective, *boost::unit_test::tolerance(1e-12))

using namespace nada;
using test::LinearEncoder;
using test::number;
using test::random;

namespace {

using Encoders = Members<LinearEncoder>;
template <class O, class Es = Encoders, class S = FixedShift>
using Bound = BoundObjective<Es, S, O>;

/// Encoders of images of two pixels a side; score_scale() tells which one it is.
LinearEncoder encoder(int which) {
  auto out = test::linear_encoder(4, 2, static_cast<std::uint64_t>(which));
  out.scale = which;
  return out;
}
const FixedShift shift{test::endpoints_between(random({1, 4}, 21), random({1, 4}, 22))};

/// Binds an objective to encoders, without any generator.
template <class O, class Es, class S = FixedShift>
Bound<O, Es, S> bound(O objective, const Es& encoders, const S& to = shift) {
  Bound<O, Es, S> out(std::move(objective));
  out.bind(encoders, to, {});
  return out;
}

/// The images of a step.
struct Images {
  Tensor adapted = random({3, 3, 2, 2}, 31), anchor = random({3, 3, 2, 2}, 32);
  Shown adapted_shown{adapted, adapted}, anchor_shown{anchor, anchor};
  Scene scene{adapted, anchor, {}, {}};
  template <class B>
  TermValues values(const B& objective, std::int64_t step = 0) const {
    return objective.evaluate(scene, adapted_shown, anchor_shown, Stream{7, step});
  }
};

/// Unit feature of sample n, number by number.
std::vector<double> feature(const LinearEncoder& e, const Tensor& images, std::int64_t n) {
  const auto x = images[n].flatten();
  std::vector<double> out;
  double squares = 0;
  for (std::int64_t i = 0; i < e.weight.size(0); ++i) {
    out.push_back(number(e.weight[i].dot(x)));
    squares += out.back() * out.back();
  }
  for (auto& value : out) value /= std::sqrt(squares);
  return out;
}
double dot(const std::vector<double>& a, const Tensor& row) {
  double sum = 0;
  for (std::size_t i = 0; i < a.size(); ++i) sum += a[i] * number(row[0][static_cast<std::int64_t>(i)]);
  return sum;
}
double global_by_hand(const LinearEncoder& e, const Tensor& images, const Endpoints& ends = shift.ends) {
  double sum = 0;
  for (std::int64_t n = 0; n < images.size(0); ++n) sum += 1 - dot(feature(e, images, n), ends.target);
  return sum / static_cast<double>(images.size(0));
}
double directional_by_hand(const LinearEncoder& e, const Tensor& adapted, const Tensor& anchor) {
  double sum = 0;
  for (std::int64_t n = 0; n < adapted.size(0); ++n) {
    auto step = feature(e, adapted, n);
    const auto from = feature(e, anchor, n);
    double squares = 0;
    for (std::size_t i = 0; i < step.size(); ++i) {
      step[i] -= from[i];
      squares += step[i] * step[i];
    }
    sum += 1 - dot(step, shift.ends.direction) / std::sqrt(squares);
  }
  return sum / static_cast<double>(adapted.size(0));
}

/// A term that notes by which encoders it was bound and is `value`.
struct Counting {
  static constexpr std::string_view name = "counting";
  static constexpr Reads reads = Reads::adapted;
  static constexpr bool per_sample = true;
  double value = 1;
  std::shared_ptr<std::vector<double>> binds = std::make_shared<std::vector<double>>();
  template <TextImageEncoder E>
  auto bind(const E& e, const auto& /*shift*/, const Endpoints&) const {
    binds->push_back(e.score_scale());
    return [v = value](auto& c) -> Tensor { return v + 0 * c.adapted_images().mean(); };
  }
};

struct NeverBound {
  static constexpr std::string_view name = "never";
  static constexpr Reads reads = Reads::anchor | Reads::tokens;
  static constexpr bool per_sample = true;
  template <TextImageEncoder E>
  auto bind(const E&, const auto& /*shift*/, const Endpoints&) const {
    fail("a term of weight 0 was bound");
    return [](auto& c) -> Tensor { return c.anchor_images().mean(); };
  }
};

/// A scene's number, whatever the scene.
struct Constant {
  static constexpr std::string_view name = "constant";
  static constexpr Reads reads = Reads::nothing;
  static constexpr bool per_sample = true;
  double value = 0;
  Tensor operator()(const Scene&) const { return torch::full({}, value, torch::kFloat64); }
};

/// Reads LinearEncoder alone.
struct LinearOnly {
  static constexpr std::string_view name = "linear only";
  static constexpr Reads reads = Reads::adapted;
  static constexpr bool per_sample = true;
  auto bind(const LinearEncoder& e, const auto& shift, const Endpoints& ends) const {
    return Global{}.bind(e, shift, ends);
  }
};

/// 1 where the encoder gave tokens, else 0; it does not ask for them.
struct TellsTokens {
  static constexpr std::string_view name = "tells";
  static constexpr Reads reads = Reads::adapted;
  static constexpr bool per_sample = true;
  auto bind(const LinearEncoder&, const auto& /*shift*/, const Endpoints&) const {
    return [](auto& c) -> Tensor { return torch::full({}, c.adapted().tokens.defined() ? 1.0 : 0.0); };
  }
};

}  // namespace

// -------------------- the sum

BOOST_AUTO_TEST_CASE(is_the_weighted_sum_of_terms_summed_over_the_encoders_with_their_weights) {
  const auto a = encoder(1), b = encoder(2), unused = encoder(3);
  const Encoders encoders({{a, 0.5}, {unused, 0.0}, {b, 2.0}});
  const auto objective = bound(weigh(3, Global{}) + weigh(0.25, Directional{.min_length = 0}), encoders);
  const Images images;
  const auto values = images.values(objective);
  const double global = 0.5 * global_by_hand(a, images.adapted) + 2 * global_by_hand(b, images.adapted);
  const double directional = 0.5 * directional_by_hand(a, images.adapted, images.anchor) +
                             2 * directional_by_hand(b, images.adapted, images.anchor);
  BOOST_TEST_REQUIRE(values.terms.size() == 2U);
  BOOST_TEST(values.terms[0].first == "global");
  BOOST_TEST(values.terms[0].second == global);
  BOOST_TEST(values.terms[1].first == "directional");
  BOOST_TEST(values.terms[1].second == directional);
  BOOST_TEST(number(values.loss) == 3 * global + 0.25 * directional);
  BOOST_TEST(*a.seen == 2);  // each batch once, whatever the number of terms
  BOOST_TEST(*b.seen == 2);
  BOOST_TEST(*unused.seen == 0);
  BOOST_TEST(objective.endpoints().size() == 2U);
}

BOOST_AUTO_TEST_CASE(terms_of_encoders_and_of_the_scene_stand_side_by_side) {
  const auto a = encoder(1);
  const Encoders encoders({{a, 4.0}});
  const auto objective = bound(weigh(2, PixelAnchor{}) + weigh(3, Global{}) + weigh(5, RangePenalty{}), encoders);
  Images images;
  images.adapted_shown = {images.adapted.clamp(-1, 1), images.adapted.clamp(-1, 1)};
  const auto values = images.values(objective);
  const double pixels = number((images.adapted - images.anchor).abs().mean());
  const double global = 4 * global_by_hand(a, images.adapted.clamp(-1, 1));
  const double range = number((images.adapted.abs() - 1).clamp_min(0).square().mean());  // of images as generated
  BOOST_TEST_REQUIRE(values.terms.size() == 3U);
  BOOST_TEST(values.terms[0].second == pixels);  // without the encoder's weight
  BOOST_TEST(values.terms[1].second == global);
  BOOST_TEST(values.terms[2].second == range);
  BOOST_TEST(range > 0.01);
  BOOST_TEST(number(values.loss) == 2 * pixels + 3 * global + 5 * range);
}

BOOST_AUTO_TEST_CASE(the_loss_has_a_graph_to_the_adapted_images_and_terms_are_numbers) {
  const auto a = encoder(1);
  const Encoders encoders({{a, 1.0}});
  const auto objective = bound(weigh(2, PixelAnchor{}) + weigh(3, Global{}), encoders);
  Images images;
  images.adapted.requires_grad_(true);
  images.anchor.requires_grad_(true);
  const auto loss = images.values(objective).loss;
  const auto gradient = torch::autograd::grad({loss}, {images.adapted})[0];
  const auto by_pixels = 2 * (images.adapted - images.anchor).detach().sign() / 36;
  const auto again = images.adapted.detach().clone().requires_grad_(true);
  const auto by_global = torch::autograd::grad({3 * test::evaluate(Global{}, a, shift.ends, again)}, {again})[0];
  BOOST_TEST((test::largest_difference(gradient, by_pixels + by_global) < 1e-12));
}

// -------------------- what is bound to what

BOOST_AUTO_TEST_CASE(a_term_of_weight_0_is_never_bound) {
  const Encoders encoders({{encoder(1), 1.0}});
  const Counting counting;
  const auto objective = bound(weigh(0, NeverBound{}) + weigh(1, Global{}) + weigh(0, counting), encoders);
  BOOST_TEST(counting.binds->empty());
  BOOST_TEST(Images{}.values(objective).terms.size() == 1U);
  BOOST_TEST(error_of([&] { bound(weigh(1, NeverBound{}), encoders); }) == "a term of weight 0 was bound");
}

BOOST_AUTO_TEST_CASE(a_term_is_bound_once_by_each_encoder_that_has_a_weight) {
  const Encoders encoders({{encoder(1), 1.0}, {encoder(2), 0.0}, {encoder(3), 0.5}});
  const Counting counting{.value = 8};
  const auto objective = bound(weigh(1, counting), encoders);
  BOOST_TEST(*counting.binds == (std::vector<double>{1, 3}), boost::test_tools::per_element());
  const Images images;
  BOOST_TEST(number(images.values(objective).loss) == 12);
  images.values(objective);
  BOOST_TEST(counting.binds->size() == 2U);  // evaluating binds nothing
}

BOOST_AUTO_TEST_CASE(a_term_that_names_an_encoder_is_bound_to_no_other) {
  const auto a = encoder(1), b = encoder(2), c = encoder(3);
  const Encoders encoders({{a, 1.0}, {b, 0.5}, {c, 1.0}});
  const Counting counting{.value = 8};
  const auto objective = bound(weigh(3, On<1, Counting>{counting}), encoders);
  BOOST_TEST(*counting.binds == (std::vector<double>{2}), boost::test_tools::per_element());
  BOOST_TEST(number(Images{}.values(objective).loss) == 3 * 0.5 * 8);
  const auto beside = bound(weigh(1, Global{}) + weigh(3, On<2, Global>{}), encoders);
  const Images images;
  BOOST_TEST(images.values(beside).terms[1].second == global_by_hand(c, images.adapted));
}

BOOST_AUTO_TEST_CASE(an_encoder_that_is_not_there_is_refused_when_bound) {
  const auto error = [](const auto& objective, const Encoders& encoders) {
    Bound<std::decay_t<decltype(objective)>> out(objective);  // not before
    return error_of([&] { out.bind(encoders, shift, {}); });
  };
  const std::string refused = "the term global is bound to an encoder that is not there, or that it cannot read";
  const Encoders two({{encoder(1), 1.0}, {encoder(2), 1.0}}), first({{encoder(1), 1.0}, {encoder(2), 0.0}});
  BOOST_TEST(error(weigh(1, On<1, Global>{}), two) == "");
  BOOST_TEST(error(weigh(1, On<2, Global>{}), two) == refused);
  BOOST_TEST(error(weigh(1, On<1, Global>{}), first) == refused);  // that encoder has no weight
  BOOST_TEST(error(weigh(1, RangePenalty{}) + weigh(1, On<2, Global>{}), two) == refused);
  BOOST_TEST(error(weigh(1, RangePenalty{}) + weigh(0, On<2, Global>{}), two) == "");
}

BOOST_AUTO_TEST_CASE(encoders_that_a_term_cannot_read_are_passed_over_where_another_one_can) {
  using Both = Ensemble<test::PixelEncoder, LinearEncoder>;
  const auto a = test::linear_encoder(3, 1, 1);
  const Both encoders({test::PixelEncoder{}, 3.0}, {a, 0.5});
  const FixedShift of_three{test::endpoints_between(random({1, 3}, 21), random({1, 3}, 22))};
  const auto objective = bound(weigh(2, LinearOnly{}), encoders, of_three);
  Images images;
  images.adapted = test::pixels(random({2, 3}, 1));
  images.adapted_shown = {images.adapted, images.adapted};
  BOOST_TEST(number(images.values(objective).loss) == 2 * 0.5 * global_by_hand(a, images.adapted, of_three.ends));
  BOOST_TEST(objective.endpoints().size() == 2U);
  BOOST_TEST(error_of([&] { bound(weigh(2, On<0, LinearOnly>{}), encoders, of_three); }) ==
             "the term linear only is bound to an encoder that is not there, or that it cannot read");
}

BOOST_AUTO_TEST_CASE(bound_again_it_has_the_new_endpoints_alone) {
  const auto a = encoder(1);
  const Encoders encoders({{a, 1.0}});
  auto objective = bound(weigh(1, Global{}) + weigh(1, Constant{2}), encoders);
  const FixedShift other{test::endpoints_between(random({1, 4}, 51), random({1, 4}, 52))};
  objective.bind(encoders, other, {});
  const Images images;
  const auto values = images.values(objective);
  BOOST_TEST(values.terms[0].second == global_by_hand(a, images.adapted, other.ends));
  BOOST_TEST(number(values.loss) == global_by_hand(a, images.adapted, other.ends) + 2);
  BOOST_TEST_REQUIRE(objective.endpoints().size() == 1U);
  BOOST_TEST(test::same_bits(objective.endpoints()[0].target, other.ends.target));
}

BOOST_AUTO_TEST_CASE(a_shift_is_asked_for_each_encoders_endpoints_with_the_sampler) {
  struct ByImages {
    Endpoints endpoints(const LinearEncoder& e, const Sampler& sampler) const {
      const auto feature = unit(e.see(sampler(2), {}).unit.mean(0, true));
      return {feature, feature, feature};
    }
  };
  const auto a = encoder(1), b = encoder(2);
  const Encoders encoders({{a, 1.0}, {b, 1.0}});
  Bound<Objective<Global>, Encoders, ByImages> objective(weigh(1, Global{}));
  objective.bind(encoders, ByImages{}, [](std::int64_t count) { return random({count, 3, 2, 2}, 9); });
  BOOST_TEST_REQUIRE(objective.endpoints().size() == 2U);
  const auto of_a = unit(a.see(random({2, 3, 2, 2}, 9), {}).unit.mean(0, true));
  BOOST_TEST(test::same_bits(objective.endpoints()[0].target, of_a));
  BOOST_TEST((test::largest_difference(objective.endpoints()[1].target, of_a) > 1e-3));
}

// -------------------- terms that are logged

BOOST_AUTO_TEST_CASE(a_logged_term_is_evaluated_without_gradient_and_has_no_share_in_the_loss) {
  const auto a = encoder(1), b = encoder(2);
  const Encoders encoders({{a, 0.5}, {b, 2.0}});
  const auto objective =
      weigh(0, Global{}) + weigh(3, Directional{.min_length = 0}) + weigh(0, PixelAnchor{}) + weigh(0, NeverBound{});
  Bound<std::decay_t<decltype(objective)>> out(objective, {"global", "pixels", "directional"});
  out.bind(encoders, shift, {});
  Images images;
  images.adapted_shown.images.requires_grad_(true);
  const auto values = images.values(out);
  BOOST_TEST_REQUIRE(values.terms.size() == 3U);
  BOOST_TEST(values.terms[0].second == 0.5 * global_by_hand(a, images.adapted) + 2 * global_by_hand(b, images.adapted));
  BOOST_TEST(values.terms[2].second == number((images.adapted - images.anchor).abs().mean()));
  BOOST_TEST(number(values.loss) == 3 * values.terms[1].second);
  const auto alone = bound(weigh(3, Directional{.min_length = 0}), encoders);
  const auto gradient = [&](const TermValues& of) {
    return torch::autograd::grad({of.loss}, {images.adapted}, {}, /*retain_graph=*/true)[0];
  };
  BOOST_TEST(test::same_bits(gradient(values), gradient(images.values(alone))));
  BOOST_TEST((out.reads() == (Reads::adapted | Reads::anchor)));
  BOOST_TEST(*a.seen == 4);  // each batch once for each of the two objectives
}

BOOST_AUTO_TEST_CASE(a_logged_term_may_be_infinite_and_the_last_of_its_name_counts) {
  const Encoders encoders({{encoder(1), 1.0}});
  const auto objective =
      weigh(1, Global{}) + weigh(0, Constant{1}) + weigh(0, Constant{std::numeric_limits<double>::infinity()});
  Bound<std::decay_t<decltype(objective)>> out(objective, {"constant", "constant"});
  out.bind(encoders, shift, {});
  const auto values = Images{}.values(out);
  BOOST_TEST_REQUIRE(values.terms.size() == 2U);
  BOOST_TEST(std::isinf(values.terms[1].second));
  BOOST_TEST(std::isfinite(number(values.loss)));
}

BOOST_AUTO_TEST_CASE(logging_makes_no_objective_of_terms_that_do_not_train) {
  const auto error = [](const auto& objective, const std::vector<std::string>& logged) {
    return error_of([&] { Bound<std::decay_t<decltype(objective)>>(objective, logged); });
  };
  BOOST_TEST(error(weigh(1, Global{}), {"pixels"}) ==
             "the term pixels cannot be logged: the objective has no term of this name");
  BOOST_TEST(error(weigh(0, Global{}), {"global"}) ==
             "every term of the objective has weight 0: there is nothing to train for");
  BOOST_TEST(error(weigh(1, Global{}), {"global"}) == "");
}

// -------------------- what it says of itself

BOOST_AUTO_TEST_CASE(reads_what_terms_that_have_a_weight_read) {
  const auto reads = [](double global, double directional, double tokens, double weights) {
    return Bound<Objective<Global, Directional, PerceptualAnchor, WeightAnchor>>(
               weigh(global, Global{}) + weigh(directional, Directional{}) + weigh(tokens, PerceptualAnchor{}) +
               weigh(weights, WeightAnchor{}))
        .reads();
  };
  BOOST_TEST((reads(1, 0, 0, 0) == Reads::adapted));
  BOOST_TEST((reads(1, 2, 0, 0) == (Reads::adapted | Reads::anchor)));
  BOOST_TEST((reads(0, 0, 0, 3) == Reads::leaves));
  BOOST_TEST((reads(1, 0, 0, 3) == (Reads::adapted | Reads::leaves)));
  BOOST_TEST((reads(0, 0, 1, 0) == (Reads::adapted | Reads::anchor | Reads::tokens)));
  BOOST_TEST((reads(1, 1, 1, 1) == all_reads));
}

BOOST_AUTO_TEST_CASE(encoders_give_tokens_only_where_a_term_that_has_a_weight_reads_them) {
  const Encoders encoders({{encoder(1), 1.0}});
  for (const double weight : {0.0, 1.0}) {
    const auto objective = bound(weigh(1, TellsTokens{}) + weigh(weight, PerceptualAnchor{}), encoders);
    BOOST_TEST(Images{}.values(objective).terms[0].second == weight);
  }
}

BOOST_AUTO_TEST_CASE(names_are_those_of_terms_that_have_a_weight_in_their_order) {
  const Bound<Objective<RangePenalty, Global, PixelAnchor, Directional>> objective(
      weigh(1, RangePenalty{}) + weigh(0, Global{}) + weigh(2, PixelAnchor{}) + weigh(1, Directional{}));
  BOOST_TEST(objective.names() == (std::vector<std::string_view>{"range", "pixels", "directional"}),
             boost::test_tools::per_element());
}

// -------------------- what it refuses

BOOST_AUTO_TEST_CASE(a_value_that_is_not_finite_names_the_step_and_the_term) {
  constexpr double infinity = std::numeric_limits<double>::infinity();
  const Encoders encoders({{encoder(1), 1.0}});
  const auto error = [&](double scene, double counted, std::int64_t step) {
    const auto objective =
        bound(weigh(1, Global{}) + weigh(1, Constant{scene}) + weigh(1, Counting{counted}), encoders);
    return error_of([&] { Images{}.values(objective, step); });
  };
  BOOST_TEST(error(0, 1, 0) == "");
  BOOST_TEST(error(NAN, 1, 0) == "step 1: the term constant is nan; the run cannot go on");
  BOOST_TEST(error(0, infinity, 6) == "step 7: the term counting is inf; the run cannot go on");
  BOOST_TEST(error(-infinity, 1, 41) == "step 42: the term constant is -inf; the run cannot go on");
}

BOOST_AUTO_TEST_CASE(weights_that_make_no_sense_are_refused) {
  const auto error = [](double global, double range) {
    return error_of(
        [&] { Bound<Objective<Global, RangePenalty>>(weigh(global, Global{}) + weigh(range, RangePenalty{})); });
  };
  BOOST_TEST(error(1, 0) == "");
  BOOST_TEST(error(1, -2) == "the weight of the term range is -2, expected a number >= 0");
  BOOST_TEST(error(NAN, 1) == "the weight of the term global is nan, expected a number >= 0");
  BOOST_TEST(error(1, std::numeric_limits<double>::infinity()) ==
             "the weight of the term range is inf, expected a number >= 0");
  BOOST_TEST(error(0, 0) == "every term of the objective has weight 0: there is nothing to train for");
}

BOOST_AUTO_TEST_CASE(encoders_without_any_weight_are_refused) {
  const Ensemble<LinearEncoder> none(Member<LinearEncoder>{encoder(1), 0.0});
  BOOST_TEST(error_of([&] { bound(weigh(1, RangePenalty{}), none); }) == "no encoder has a weight > 0");
}

BOOST_AUTO_TEST_SUITE_END()
