#include <boost/test/unit_test.hpp>

#include <ATen/Parallel.h>
#include <cmath>
#include <cstdint>

#include "nada/core/stateful.hpp"
#include "nada/core/tensor.hpp"
#include "nada/encoders/tokenizer.hpp"
#include "nada/selection/adaptive_top_k.hpp"
#include "nada/selection/selector.hpp"
#include "support/files.hpp"
#include "support/probe.hpp"

BOOST_AUTO_TEST_SUITE(selection_adaptive_top_k, *boost::unit_test::tolerance(1e-12))

using namespace nada;
using boost::test_tools::per_element;
using test::HandMadeProbe;

static_assert(LayerSelector<AdaptiveTopK> && !Stateful<AdaptiveTopK>);

BOOST_AUTO_TEST_CASE(scores_of_a_linear_loss_are_steps_times_rate_times_slope) {
  const HandMadeProbe made({3, -1, 0, 2});
  for (const std::int64_t steps : {1, 4}) {
    const AdaptiveTopK selector{.steps = steps, .rate = 0.05};
    const auto scores = selector.scores(made.probe);
    const auto expected = steps * 0.05 * torch::tensor({3.0, 1.0, 0.0, 2.0}, torch::kFloat64);
    BOOST_TEST(test::largest_difference(scores, expected) < 1e-14);
  }
}

BOOST_AUTO_TEST_CASE(walks_down_a_quadratic_loss_by_a_known_factor_a_step) {
  HandMadeProbe made({1, 1});
  made.probe.global_loss = [](const Tensor& w) { return 1.5 * w.square().sum(); };  // gradient 3 w
  const AdaptiveTopK selector{.batch = 5, .steps = 3, .rate = 0.1};
  const auto walk = selector.walk(made.probe);
  const auto start = test::random({5, 2, 3}, 7);
  BOOST_TEST(test::largest_difference(walk.start, start) == 0);
  BOOST_TEST(test::largest_difference(walk.change, (0.7 * 0.7 * 0.7 - 1) * start) < 1e-14);
  BOOST_TEST(walk.losses.size() == 3U);
  for (std::size_t i = 0; i < walk.losses.size(); ++i)
    BOOST_TEST(walk.losses[i] == 1.5 * std::pow(0.49, i) * test::number(start.square().sum()));
}

BOOST_AUTO_TEST_CASE(a_batch_in_pieces_walks_as_one_whole_does) {
  HandMadeProbe made({1, 1});
  made.probe.global_loss = [](const Tensor& w) { return w.pow(4).mean(); };  // a mean over samples
  std::vector<std::int64_t> firsts;
  made.probe.images = [&](const Tensor& w, std::int64_t first) {
    firsts.push_back(first);
    return w;
  };
  const AdaptiveTopK whole{.batch = 5, .steps = 2}, pieces{.batch = 5, .steps = 2, .chunk = 2};
  const auto expected = whole.walk(made.probe);
  BOOST_TEST(firsts == (std::vector<std::int64_t>{0, 0}), per_element());
  firsts.clear();
  const auto walk = pieces.walk(made.probe);
  BOOST_TEST(firsts == (std::vector<std::int64_t>{0, 2, 4, 0, 2, 4}), per_element());
  BOOST_TEST(test::largest_difference(walk.change, expected.change) < 1e-10);
  for (std::size_t i = 0; i < 2; ++i) BOOST_TEST(walk.losses[i] == expected.losses[i]);
}

BOOST_AUTO_TEST_CASE(samples_that_are_split_among_threads_walk_as_one_whole_does_and_alike_for_any_number_of_threads) {
  HandMadeProbe made({1, 1});
  made.probe.global_loss = [](const Tensor& w) { return w.pow(4).mean(); };
  const auto walk = [&](std::int64_t split, int threads, std::int64_t chunk) {
    at::set_num_threads(threads);
    made.probe.split = split;
    return AdaptiveTopK{.batch = 5, .steps = 2, .chunk = chunk}.walk(made.probe);
  };
  const int before = at::get_num_threads();
  const auto whole = walk(1, 1, 0);
  for (const std::int64_t chunk : {0, 3}) {
    const auto alone = walk(3, 1, chunk);
    BOOST_TEST(test::largest_difference(alone.change, whole.change) < 1e-10);
    for (std::size_t i = 0; i < 2; ++i) BOOST_TEST(alone.losses[i] == whole.losses[i]);
    BOOST_TEST(test::largest_difference(walk(3, 3, chunk).change, alone.change) == 0);
  }
  at::set_num_threads(before);
}

BOOST_AUTO_TEST_CASE(large_pictures_are_rendered_a_few_at_a_time) {
  const AdaptiveTopK selector;
  BOOST_TEST(selector.samples_at_once(8, 256) == 8);
  BOOST_TEST(selector.samples_at_once(8, 512) == 2);
  BOOST_TEST(selector.samples_at_once(8, 1024) == 1);
  BOOST_TEST(selector.samples_at_once(3, 4) == 3);
}

BOOST_AUTO_TEST_CASE(asks_for_styles_of_its_batch) {
  HandMadeProbe made({1, 1});
  std::int64_t asked = 0;
  made.probe.styles = [&](std::int64_t count) {
    asked = count;
    return test::random({count, 2, 3}, 7);
  };
  AdaptiveTopK{.batch = 6}.scores(made.probe);
  BOOST_TEST(asked == 6);
}

BOOST_AUTO_TEST_CASE(chooses_the_convolutions_of_the_k_styles_that_moved_most_whatever_the_sign) {
  const HandMadeProbe made({3, -4, 0.5, 2, -1});
  BOOST_TEST(AdaptiveTopK{.k = 1}.select(made.probe) == HandMadeProbe::convolutions({1}), per_element());
  BOOST_TEST(AdaptiveTopK{.k = 3}.select(made.probe) == HandMadeProbe::convolutions({0, 1, 3}), per_element());
  BOOST_TEST(AdaptiveTopK{.k = 5}.select(made.probe) == HandMadeProbe::convolutions({0, 1, 2, 3, 4}), per_element());
}

BOOST_AUTO_TEST_CASE(does_not_count_styles_that_only_rgb_reads) {
  HandMadeProbe made({1, 2, 100});  // style 2 is read by rgb.1 too; without conv.2 it is no choice
  std::erase(made.probe.candidates, HandMadeProbe::convolution(2));
  BOOST_TEST(AdaptiveTopK{.k = 1}.select(made.probe) == HandMadeProbe::convolutions({1}), per_element());
  BOOST_TEST(AdaptiveTopK::styles_read(made.probe) == (std::set<int>{0, 1}), per_element());
}

BOOST_AUTO_TEST_CASE(k_zero_is_two_thirds_rounded) {
  const AdaptiveTopK selector;
  const std::vector<std::pair<std::size_t, std::size_t>> table{{1, 1}, {2, 1}, {3, 2},  {4, 3},
                                                               {6, 4}, {9, 6}, {13, 9}, {17, 11}};
  for (const auto& [available, chosen] : table) BOOST_TEST(selector.wanted(available) == chosen);
  const HandMadeProbe made({3, -4, 0.5, 2, -1, 0.1});
  BOOST_TEST(selector.select(made.probe) == HandMadeProbe::convolutions({0, 1, 3, 4}), per_element());
}

BOOST_AUTO_TEST_CASE(more_than_there_are_is_an_error_with_both_numbers) {
  HandMadeProbe made({1, 2, 3});
  const auto error = [&] { return error_of([&] { AdaptiveTopK{.k = 3}.select(made.probe); }); };
  BOOST_TEST(error() == "");
  std::erase(made.probe.candidates, HandMadeProbe::convolution(2));  // as an exit does
  BOOST_TEST(error() == "AdaptiveTopK: k is 3, but only 2 styles are read by convolutions that can train");
}

BOOST_AUTO_TEST_CASE(ties_go_to_the_coarser_style) {
  const HandMadeProbe made({1, 2, -2, 2, 1});
  BOOST_TEST(AdaptiveTopK{.k = 1}.select(made.probe) == HandMadeProbe::convolutions({1}), per_element());
  BOOST_TEST(AdaptiveTopK{.k = 2}.select(made.probe) == HandMadeProbe::convolutions({1, 2}), per_element());
  BOOST_TEST(AdaptiveTopK{.k = 4}.select(made.probe) == HandMadeProbe::convolutions({0, 1, 2, 3}), per_element());
}

BOOST_AUTO_TEST_CASE(does_not_depend_on_the_names_of_layers) {
  const HandMadeProbe made({1, 3, 2}), renamed({1, 3, 2}, "a layer ");
  BOOST_TEST(AdaptiveTopK{.k = 2}.select(renamed.probe) == AdaptiveTopK{.k = 2}.select(made.probe), per_element());
  BOOST_TEST(test::largest_difference(AdaptiveTopK{}.scores(renamed.probe), AdaptiveTopK{}.scores(made.probe)) == 0);
}

BOOST_AUTO_TEST_CASE(all_convolutions_that_read_a_chosen_style_train) {
  HandMadeProbe made({1, 3});
  made.layers[HandMadeProbe::convolution(0)].style = 1;  // both convolutions read style 1
  BOOST_TEST(AdaptiveTopK{.k = 1}.select(made.probe) == HandMadeProbe::convolutions({0, 1}), per_element());
}

BOOST_AUTO_TEST_SUITE_END()
