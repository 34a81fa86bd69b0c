// Ranks of a group, as threads of this process.
#include <boost/test/unit_test.hpp>

#include <chrono>
#include <functional>
#include <string>
#include <thread>
#include <vector>

#include "nada/core/error.hpp"
#include "nada/core/process_group.hpp"
#include "nada/core/tensor.hpp"
#include "support/files.hpp"
#include "support/ranks.hpp"

BOOST_AUTO_TEST_SUITE(core_process_group)

using namespace nada;
using namespace nada::test;

BOOST_AUTO_TEST_CASE(a_group_of_one_changes_nothing) {
  const ProcessGroup alone;
  BOOST_TEST((alone.rank() == 0 && alone.size() == 1 && alone.is_first() && alone.is_alone()));
  auto numbers = torch::arange(3);
  alone.all_reduce(numbers);
  alone.broadcast(numbers);
  BOOST_TEST(at::equal(numbers, torch::arange(3)));
  BOOST_TEST(alone.broadcast("words") == "words");
  BOOST_TEST(alone.any(true));
  BOOST_TEST(!alone.any(false));
  BOOST_TEST(alone.leave("anything", true));
  BOOST_TEST(world().is_alone());
}

BOOST_AUTO_TEST_CASE(ranks_add_up_and_hear_rank_0) {
  std::vector<std::string> wrong(3);
  as_ranks(3, [&](const ProcessGroup& ranks) {
    const auto rank = ranks.rank();
    auto& error = wrong[static_cast<std::size_t>(rank)];
    for (const auto type : {torch::kFloat32, torch::kFloat64, torch::kInt64}) {
      auto sum = torch::full({2, 2}, rank + 1, type).t();  // 1 + 2 + 3
      ranks.all_reduce(sum);
      if (sum.scalar_type() != type || !at::equal(sum, torch::full({2, 2}, 6, type))) error = "sum";
    }
    auto numbers = torch::full({5}, rank + 7, torch::kFloat32);
    ranks.broadcast(numbers);
    if (!at::equal(numbers, torch::full({5}, 7, torch::kFloat32))) error = "broadcast";
    if (ranks.broadcast(rank == 0 ? "a text" : "another") != "a text") error = "text";
    if (!ranks.broadcast(rank == 0 ? "" : "another").empty()) error = "empty text";
    if (!ranks.any(rank == 2) || ranks.any(false)) error = "any";
    if (ranks.size() != 3 || ranks.is_alone()) error = "size";
  });
  for (const auto& error : wrong) BOOST_TEST(error == "");
}

BOOST_AUTO_TEST_CASE(a_sum_in_order_has_the_bits_of_one_process) {
  const auto part = [](int rank, torch::ScalarType type) {
    return torch::linspace(-1, 2, 1001, type).mul(0.7 * rank + 0.3).exp();
  };
  std::vector<std::string> wrong(4);
  as_ranks(4, [&](const ProcessGroup& ranks) {
    const std::vector<torch::ScalarType> types{torch::kFloat32, torch::kFloat64};
    std::vector<Tensor> sums, expected;
    for (const auto type : types) {
      sums.push_back(torch::zeros({1001}, type));
      expected.push_back(torch::zeros({1001}, type));
      for (int rank = 0; rank < 4; ++rank) expected.back().add_(part(rank, type), 0.3);
    }
    ranks.sum_in_order(sums, [&](std::size_t i, Tensor& sum) { sum.add_(part(ranks.rank(), types[i]), 0.3); });
    for (std::size_t i = 0; i < types.size(); ++i)
      if (!at::equal(sums[i], expected[i])) wrong[static_cast<std::size_t>(ranks.rank())] = "other bits";
  });
  for (const auto& error : wrong) BOOST_TEST(error == "");
}

BOOST_AUTO_TEST_CASE(texts_that_differ_are_refused_by_the_rank_that_has_the_other) {
  std::vector<std::string> errors(2);
  as_ranks(2, [&](const ProcessGroup& ranks) {
    errors[static_cast<std::size_t>(ranks.rank())] =
        error_of([&] { ranks.require_same(ranks.is_first() ? "batch 4" : "batch 8", "the options"); });
  });
  BOOST_TEST(errors[0] == "");
  BOOST_TEST(errors[1] == "the options of rank 1 differ from those of rank 0: all ranks need the same");
}

BOOST_AUTO_TEST_CASE(who_leaves_with_an_error_lets_nobody_wait) {
  std::vector<std::string> errors(3);
  std::vector<int> tells(3);
  as_ranks(3, [&](const ProcessGroup& ranks) {
    const auto rank = static_cast<std::size_t>(ranks.rank());
    if (rank == 1) {
      tells[rank] = ranks.leave("the disk is full", false);
      return;
    }
    errors[rank] = error_of([&] {
      auto numbers = torch::ones({1000});
      ranks.all_reduce(numbers);
    });
    tells[rank] = ranks.leave(errors[rank], true);
  });
  BOOST_TEST(errors[0] == "rank 1: the disk is full");
  BOOST_TEST(errors[2] == "rank 1: the disk is full");
  BOOST_TEST((tells == std::vector<int>{1, 1, 0}));  // the rank itself, and rank 0, whose words are the run's
}

BOOST_AUTO_TEST_CASE(an_error_of_all_ranks_is_told_once) {
  std::vector<int> tells(3);
  as_ranks(3, [&](const ProcessGroup& ranks) {
    tells[static_cast<std::size_t>(ranks.rank())] = ranks.leave("option steps: expected at least 1", false);
  });
  BOOST_TEST(tells[0] + tells[1] + tells[2] == 1);
}

BOOST_AUTO_TEST_CASE(a_rank_that_goes_without_a_word_is_noticed) {
  std::vector<std::string> errors(2);
  as_ranks(2, [&](ProcessGroup ranks) {
    const auto rank = static_cast<std::size_t>(ranks.rank());
    if (rank == 0) {
      ranks = {};  // as if it were killed: the store is gone, too
      return;
    }
    errors[rank] = error_of([&] { ranks.any(true); });
  });
  BOOST_TEST(errors[1] == "another of the 2 ranks has ended without a word");
}

BOOST_AUTO_TEST_CASE(a_rank_that_does_not_answer_is_not_waited_for_longer_than_said) {
  std::vector<std::string> errors(2);
  as_ranks(
      2,
      [&](const ProcessGroup& ranks) {
        if (ranks.rank() == 0) {
          std::this_thread::sleep_for(std::chrono::seconds(5));
          return;
        }
        errors[1] = error_of([&] { ranks.any(true); });
      },
      std::chrono::seconds(3));
  BOOST_TEST(errors[1] == "another of the 2 ranks did not answer for 3 s");
}

BOOST_AUTO_TEST_SUITE_END()
