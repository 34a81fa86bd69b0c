// Adaptation, third part: a step renders, encodes and copies what terms read, and nothing else.
#include <boost/test/unit_test.hpp>

#include <cmath>
#include <functional>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "nada/adaptation/adaptation.hpp"
#include "nada/core/stream.hpp"
#include "nada/core/tensor.hpp"
#include "nada/generators/generator.hpp"
#include "nada/losses/global.hpp"
#include "nada/losses/term.hpp"
#include "nada/losses/weight_anchor.hpp"
#include "nada/parameterization/full_weights.hpp"
#include "nada/selection/named_layers.hpp"
#include "nada/selection/selector.hpp"
#include "nada/shifts/fixed_shift.hpp"
#include "support/files.hpp"
#include "support/tiny_run.hpp"

BOOST_AUTO_TEST_SUITE(adaptation_reads)

using namespace nada;
using namespace nada::test;

namespace {

/// Shows a scene to a function and is what that returns; it says that it reads `what`.
template <Reads what>
struct Show {
  static constexpr std::string_view name = "show";
  static constexpr Reads reads = what;
  static constexpr bool per_sample = true;
  std::function<Tensor(const Scene&)> look;
  Tensor operator()(const Scene& scene) const { return look(scene); }
};

/// FullWeights that counts how often it made a layer's leaves.
struct CountingWeights : FullWeights {
  std::shared_ptr<int> made = std::make_shared<int>(0);
  std::vector<Tensor> leaves(const Layer& layer, std::span<const Tensor> base, const Stream& stream) const {
    ++*made;
    return FullWeights::leaves(layer, base, stream);
  }
};

/// sum (leaf - 1)^2 of all leaves: its slope does not vanish at the start.
Tensor distance_from_one(const Scene& scene) {
  auto sum = torch::zeros({}, torch::kFloat64);
  for (const auto& leaf : scene.leaves) sum = sum + (leaf.value - 1).square().sum();
  return sum;
}
using OfLeaves = Show<Reads::leaves>;

template <class O, class Sel = NamedLayers>
using CountedRun = Adaptation<TinyGenerator, Encoders, FixedShift, O, Sel, CountingWeights>;

}  // namespace

BOOST_AUTO_TEST_CASE(no_images_are_rendered_and_no_encoder_sees_any_where_terms_read_leaves_alone) {
  const TinyGenerator source(1);
  const auto e = encoder();
  auto options = settings();
  options.adam.rate = 0.01;
  std::vector<std::string> names;
  const OfLeaves term{[&](const Scene& scene) {
    BOOST_TEST(!scene.adapted_images.defined());
    BOOST_TEST(!scene.anchor_images.defined());
    names.clear();
    for (const auto& leaf : scene.leaves) {
      names.push_back(leaf.name);
      BOOST_TEST(leaf.value.requires_grad());
      BOOST_TEST(!leaf.initial.requires_grad());
    }
    return distance_from_one(scene);
  }};
  Run<Objective<OfLeaves>> run(source, Encoders({{e, 1.0}}), shift(), weigh(1, term), NamedLayers{{"rgb.8"}}, {}, {},
                               {}, options);
  const auto report = run.step();
  BOOST_TEST(*run.adapted().rendered == 0);
  BOOST_TEST(*run.source().rendered == 0);
  BOOST_TEST(*e.seen == 0);
  BOOST_TEST(names == (std::vector<std::string>{"rgb.8.weight", "rgb.8.bias"}), boost::test_tools::per_element());
  const auto weight = source.slot(6, 0), bias = source.slot(6, 1);
  BOOST_TEST(report.loss == test::number((weight - 1).square().sum() + (bias - 1).square().sum()),
             boost::test_tools::tolerance(1e-12));
  const auto gradient = 2 * (weight - 1);
  BOOST_TEST(test::largest_difference(run.adapted().slot(6, 0), weight - 0.01 * gradient / (gradient.abs() + 1e-8)) <
             1e-9);
}

BOOST_AUTO_TEST_CASE(images_of_the_anchor_do_not_bring_the_adapted_ones) {
  using OfAnchor = Show<Reads::anchor>;
  const TinyGenerator source(1);
  bool adapted = false;
  Tensor anchor;
  const OfAnchor term{[&](const Scene& scene) {
    adapted = scene.adapted_images.defined();
    anchor = scene.anchor_images;
    return scene.anchor_images.mean();
  }};
  Run<Objective<OfAnchor, OfLeaves>> run(source, one_encoder(), shift(),
                                         weigh(1, term) + weigh(1, OfLeaves{distance_from_one}), convolutions, {}, {},
                                         {}, settings());
  run.step();
  BOOST_TEST(!adapted);
  BOOST_TEST(*run.adapted().rendered == 0);
  BOOST_TEST(*run.source().rendered == 1);
  BOOST_TEST(test::largest_difference(anchor, source.synthesize(source.map(latents(3, 0, 4), {}), {})) < 1e-14);
}

BOOST_AUTO_TEST_CASE(no_leaves_are_copied_where_no_term_that_has_a_weight_reads_them) {
  using Looking = Show<Reads::adapted>;
  for (const double weight : {0.0, 0.5}) {
    std::size_t leaves = 0;
    const Looking looking{[&](const Scene& scene) {
      leaves = scene.leaves.size();
      return scene.adapted_images.mean();
    }};
    const CountingWeights counting;
    CountedRun<Objective<Looking, WeightAnchor>> run(TinyGenerator(1), one_encoder(), shift(),
                                                     weigh(1, looking) + weigh(weight, WeightAnchor{}), convolutions,
                                                     counting, {}, {}, settings());
    for (int i = 0; i < 4; ++i) run.step();
    BOOST_TEST(leaves == 0U);                            // a term sees no leaves that another term reads
    BOOST_TEST(*counting.made == (weight > 0 ? 6 : 3));  // each layer's when it begins, and once for its copies
  }
}

// -------------------- leaves are those that train

BOOST_AUTO_TEST_CASE(leaves_come_with_the_layers_as_they_are_chosen_and_initial_stays) {
  struct Turns {
    LayerSet select(const Probe& probe) const { return {probe.stream.step < 2 ? std::size_t{6} : std::size_t{3}}; }
  };
  const TinyGenerator source(1);
  std::vector<std::vector<std::string>> names;
  const OfLeaves term{[&](const Scene& scene) {
    names.emplace_back();
    for (const auto& leaf : scene.leaves) {
      names.back().push_back(leaf.name);
      const auto k = leaf.name.starts_with("rgb.4") ? std::size_t{3} : std::size_t{6};
      BOOST_TEST(same_bits(leaf.initial, source.slot(k, leaf.name.ends_with("bias") ? 1 : 0)), leaf.name);
    }
    return distance_from_one(scene);
  }};
  Run<Objective<OfLeaves>, Turns> run(source, one_encoder(), shift(), weigh(1, term), {}, {}, {}, {}, settings());
  for (int i = 0; i < 3; ++i) run.step();
  const std::vector<std::string> first{"rgb.8.weight", "rgb.8.bias"};
  BOOST_TEST(names[0] == first, boost::test_tools::per_element());
  BOOST_TEST(names[1] == first, boost::test_tools::per_element());
  BOOST_TEST(names[2] == (std::vector<std::string>{"rgb.4.weight", "rgb.4.bias", "rgb.8.weight", "rgb.8.bias"}),
             boost::test_tools::per_element());
}

BOOST_AUTO_TEST_CASE(after_a_failed_step_terms_read_the_leaves_that_train) {
  const TinyGenerator source(1);
  const auto result_of = [&](int failures) {
    int calls = 0;
    const OfLeaves term{[&](const Scene& scene) {
      return calls++ < failures ? distance_from_one(scene) * NAN : distance_from_one(scene);
    }};
    Run<Objective<OfLeaves>> run(source, one_encoder(), shift(), weigh(1, term), NamedLayers{{"rgb.8"}}, {}, {}, {},
                                 settings());
    for (int i = 0; i < failures; ++i)
      BOOST_TEST(error_of([&] { run.step(); }) == "step 1: the term show is nan; the run cannot go on");
    for (int i = 0; i < 3; ++i) run.step();
    return slots_of(run.adapted());
  };
  check_same_bits(result_of(1), result_of(0));
}

BOOST_AUTO_TEST_CASE(after_a_state_was_restored_terms_read_the_leaves_that_train) {
  const TinyGenerator source(1);
  const auto make = [&] {
    return Run<Objective<OfLeaves>>(source, one_encoder(), shift(), weigh(1, OfLeaves{distance_from_one}),
                                    NamedLayers{{"rgb.8"}}, {}, {}, {}, settings());
  };
  auto whole = make(), saved = make(), other = make();
  for (int i = 0; i < 5; ++i) whole.step();
  for (int i = 0; i < 2; ++i) saved.step();
  for (int i = 0; i < 4; ++i) other.step();  // of the same layers
  other.restore(saved.state());
  while (other.steps_done() < 5) other.step();
  check_same_bits(slots_of(other.adapted()), slots_of(whole.adapted()));
}

BOOST_AUTO_TEST_CASE(a_scene_term_that_reads_what_it_does_not_declare_is_told_even_where_another_term_reads_it) {
  const auto anchor_mean = [](const Scene& scene) { return scene.anchor_images.mean(); };
  const auto objective = weigh(1.0, Show<Reads::adapted>{anchor_mean}) + weigh(1.0, Directional{});
  Run<Objective<Show<Reads::adapted>, Directional>> run(TinyGenerator(1), one_encoder(), shift(), objective,
                                                        convolutions, {}, {}, {}, settings());
  const auto error = error_of([&] { run.step(); });
  BOOST_TEST(error.starts_with("the term show failed: "));
  BOOST_TEST(error.ends_with("; does it read images that its `reads` does not declare?"));
}

BOOST_AUTO_TEST_SUITE_END()
