// Adaptation by several ranks: the batch of one, computed beside each other.
#include <boost/test/unit_test.hpp>

#include <algorithm>
#include <cmath>
#include <functional>
#include <limits>
#include <string>
#include <vector>

#include "nada/adaptation/adaptation.hpp"
#include "nada/adaptation/shared_batch.hpp"
#include "nada/core/process_group.hpp"
#include "nada/core/stop.hpp"
#include "nada/losses/within_domain.hpp"
#include "nada/selection/adaptive_top_k.hpp"
#include "nada/selection/every.hpp"
#include "nada/training/sgd.hpp"
#include "nada/views/crop_views.hpp"
#include "support/files.hpp"
#include "support/ranks.hpp"
#include "support/tiny_run.hpp"

BOOST_AUTO_TEST_SUITE(adaptation_shared_batch)

using namespace nada;
using namespace nada::test;

namespace {

using SharedRun = Run<Terms, Every<AdaptiveTopK>, CropViews>;

/// What a run of some steps ends with.
struct Outcome {
  std::vector<std::vector<double>> numbers;  // loss and terms of each step
  std::vector<Tensor> slots;
  TensorMap leaves;
  std::string error;
};

Outcome outcome_of(AdaptationSettings options, const ProcessGroup& ranks, std::int64_t steps, torch::ScalarType type) {
  options.ranks = ranks;
  const Encoders encoders({{linear_encoder(features, 8, 1, type), 1.0}});
  const FixedShift ends{endpoints_between(random({1, features}, 21).to(type), random({1, features}, 22).to(type))};
  SharedRun run(TinyGenerator(1, type), encoders, ends, terms(1, 0.3), Every{3, AdaptiveTopK{.k = 2}}, {}, {}, {},
                options);
  Outcome out;
  for (std::int64_t i = 0; i < steps; ++i) {
    const auto report = run.step();
    auto& row = out.numbers.emplace_back(std::vector{report.loss});
    for (const auto& [name, value] : report.terms) row.push_back(value);
  }
  out.slots = slots_of(run.adapted());
  out.leaves = run.delta().leaves;
  return out;
}

/// Returns the largest difference of numbers and of leaves, relative to their size.
double difference_of(const Outcome& a, const Outcome& b) {
  double out = 0;
  for (std::size_t s = 0; s < b.numbers.size(); ++s)
    for (std::size_t i = 0; i < b.numbers[s].size(); ++i)
      out = std::max(out, std::abs(a.numbers.at(s).at(i) - b.numbers[s][i]) / std::abs(b.numbers[s][i]));
  if (a.leaves.size() != b.leaves.size()) return std::numeric_limits<double>::infinity();
  for (const auto& [name, leaf] : b.leaves)
    out = std::max(out, largest_difference(a.leaves.at(name), leaf) / number(leaf.abs().max()));
  return out;
}

std::vector<Outcome> outcomes_of(const AdaptationSettings& options, int size, std::int64_t steps,
                                 torch::ScalarType type) {
  std::vector<Outcome> out(static_cast<std::size_t>(size));
  as_ranks(size, [&](const ProcessGroup& ranks) {
    auto& own = out[static_cast<std::size_t>(ranks.rank())];
    own.error = error_of([&] { own = outcome_of(options, ranks, steps, type); });
    if (!own.error.empty()) ranks.leave(own.error, false);
  });
  return out;
}

void check_as_alone(const AdaptationSettings& options, int size, torch::ScalarType type, double tolerance) {
  const auto alone = outcome_of(options, {}, 20, type);
  const auto shared = outcomes_of(options, size, 20, type);
  BOOST_TEST(alone.numbers.size() == 20U);
  BOOST_TEST(alone.leaves.size() >= 3U);
  for (const auto& of_rank : shared) {
    BOOST_TEST_REQUIRE(of_rank.error == "");
    BOOST_TEST(difference_of(of_rank, alone) < tolerance, size << " ranks: " << difference_of(of_rank, alone));
    check_same_bits(of_rank.slots, shared.front().slots);  // ranks never drift apart
    BOOST_TEST(of_rank.numbers == shared.front().numbers);
  }
}

AdaptationSettings many_settings() {
  auto out = settings(7);
  out.mixing = 0.5;
  out.clip_norm = 0.05;
  out.half_life = 4;
  return out;
}

}  // namespace

BOOST_AUTO_TEST_CASE(twenty_steps_of_several_ranks_are_those_of_one_in_float64) {
  for (const int size : {2, 3}) check_as_alone(many_settings(), size, torch::kFloat64, 1e-12);
  auto in_parts = many_settings();
  in_parts.micro_batch = 2;
  check_as_alone(in_parts, 2, torch::kFloat64, 1e-12);
  auto pooled = many_settings();
  pooled.anchor_pool = 21;
  check_as_alone(pooled, 2, torch::kFloat64, 1e-12);
}

BOOST_AUTO_TEST_CASE(twenty_steps_of_several_ranks_are_those_of_one_in_float32) {
  check_as_alone(settings(8), 2, torch::kFloat32, 1e-5);
}

BOOST_AUTO_TEST_CASE(with_the_same_parts_the_bits_do_not_depend_on_the_number_of_ranks) {
  for (const auto type : {torch::kFloat32, torch::kFloat64})
    for (const std::int64_t part : {1, 2}) {
      auto options = many_settings();
      options.micro_batch = part;
      const auto alone = outcome_of(options, {}, 20, type);
      for (const int size : {2, 3}) {
        for (const auto& of_rank : outcomes_of(options, size, 20, type)) {
          BOOST_TEST_REQUIRE(of_rank.error == "");
          BOOST_TEST(of_rank.numbers == alone.numbers);
          check_same_bits(of_rank.slots, alone.slots);
        }
      }
    }
}

BOOST_AUTO_TEST_CASE(a_rank_that_fails_ends_the_others_which_keep_their_last_step) {
  std::vector<std::string> errors(2);
  std::vector<std::int64_t> done(2);
  as_ranks(2, [&](const ProcessGroup& ranks) {
    const auto rank = static_cast<std::size_t>(ranks.rank());
    auto options = settings(4);
    options.ranks = ranks;
    std::int64_t steps = 0;
    Run<> run(TinyGenerator(1), one_encoder(), shift(),
              terms(1, 0, 1, {[&](const Scene& scene) {
                      const bool bad = ranks.rank() == 1 && steps == 3;
                      return scene.adapted_images.mean() * (bad ? std::numeric_limits<double>::quiet_NaN() : 0.1);
                    }}),
              convolutions, {}, {}, {}, options);
    errors[rank] = error_of([&] {
      for (; steps < 10; ++steps) run.step();
    });
    ranks.leave(errors[rank], ranks.is_first());
    done[rank] = run.steps_done();
  });
  BOOST_TEST(errors[1] == "step 4: the term watch is nan; the run cannot go on");
  BOOST_TEST(errors[0] == "rank 1: step 4: the term watch is nan; the run cannot go on");
  BOOST_TEST((done == std::vector<std::int64_t>{3, 3}));
}

BOOST_AUTO_TEST_CASE(all_ranks_stop_before_the_same_step_when_one_of_them_wants_to) {
  std::vector<std::int64_t> done(3);
  as_ranks(3, [&](const ProcessGroup& ranks) {
    auto options = settings(4);
    options.ranks = ranks;
    Run<> run(TinyGenerator(1), one_encoder(), shift(), terms(1), convolutions, {}, {}, {}, options);
    struct StopAt {
      std::int64_t step;
      void on_step(const Report& report, RunAccess& access) const {
        if (report.step == step) access.stop();
      }
    } observer{ranks.rank() == 2 ? 4 : 100};
    run.run(20, observer);
    done[static_cast<std::size_t>(ranks.rank())] = run.steps_done();
  });
  BOOST_TEST((done == std::vector<std::int64_t>{4, 4, 4}));
}

BOOST_AUTO_TEST_CASE(a_term_that_is_no_mean_over_samples_and_a_batch_that_is_too_small_are_refused) {
  std::vector<std::string> terms_refused(2), batch_refused(2), parts_refused(2);
  as_ranks(2, [&](const ProcessGroup& ranks) {
    auto options = settings(4);
    options.ranks = ranks;
    using Within = Objective<Directional, WithinDomain>;
    const auto make = [&](double weight) {
      return error_of([&] {
        Run<Within>(TinyGenerator(1), one_encoder(), shift(), weigh(1, Directional{}) + weigh(weight, WithinDomain{}),
                    convolutions, {}, {}, {}, options);
      });
    };
    const auto rank = static_cast<std::size_t>(ranks.rank());
    terms_refused[rank] = make(0) + make(0.5);
    options.batch = 1;
    batch_refused[rank] = make(0);
    options.batch = options.micro_batch = 4;
    parts_refused[rank] = make(0);
  });
  for (const auto& error : terms_refused)
    BOOST_TEST(error == "the batch cannot be shared by 2 ranks: the term within is no mean over samples");
  for (const auto& error : batch_refused)
    BOOST_TEST(error == "the batch is 1, expected at least 2: one sample for each rank");
  for (const auto& error : parts_refused)
    BOOST_TEST(error == "the batch of 4 is computed 4 samples at a time, which are too few parts for 2 ranks");
}

BOOST_AUTO_TEST_SUITE_END()
