#include "nada/adaptation/split_batch.hpp"

#include <boost/test/unit_test.hpp>
#include <cstdint>
#include <utility>
#include <vector>

#include "nada/adaptation/settings.hpp"
#include "nada/adaptation/shared_batch.hpp"

BOOST_AUTO_TEST_SUITE(adaptation_split_batch)

using namespace nada;

namespace {

std::vector<std::pair<std::int64_t, std::int64_t>> pairs(const std::vector<SampleRange>& parts) {
  std::vector<std::pair<std::int64_t, std::int64_t>> out;
  for (const auto& [first, end] : parts) out.emplace_back(first, end);
  return out;
}
using Pairs = std::vector<std::pair<std::int64_t, std::int64_t>>;

}  // namespace

BOOST_AUTO_TEST_CASE(parts_are_neighbours_that_differ_by_one_sample_at_most) {
  BOOST_TEST((pairs(split_into({2, 9}, 3)) == Pairs{{2, 4}, {4, 6}, {6, 9}}));
  BOOST_TEST((pairs(split_into({0, 4}, 2)) == Pairs{{0, 2}, {2, 4}}));
  BOOST_TEST((pairs(split_into({5, 7}, 4)) == Pairs{{5, 6}, {6, 7}}));
  BOOST_TEST((pairs(parts_of_size({1, 6}, 2)) == Pairs{{1, 3}, {3, 5}, {5, 6}}));
}

BOOST_AUTO_TEST_CASE(ranks_share_out_whole_parts_which_do_not_depend_on_their_number) {
  const auto of_ranks = [](const AdaptationSettings& settings, int ranks, bool per_sample = true) {
    std::vector<Pairs> out;
    for (int r = 0; r < ranks; ++r) out.push_back(pairs(parts_of_batch(settings, per_sample, r, ranks)));
    return out;
  };
  AdaptationSettings settings;
  settings.batch = 7;
  BOOST_TEST((of_ranks(settings, 1) == std::vector<Pairs>{{{0, 7}}}));
  BOOST_TEST((of_ranks(settings, 3) == std::vector<Pairs>{{{0, 2}}, {{2, 4}}, {{4, 7}}}));
  settings.split = 3;
  BOOST_TEST((of_ranks(settings, 1) == std::vector<Pairs>{{{0, 2}, {2, 4}, {4, 7}}}));
  BOOST_TEST((of_ranks(settings, 2) == std::vector<Pairs>{{{0, 2}}, {{2, 4}, {4, 7}}}));
  BOOST_TEST((of_ranks(settings, 1, false) == std::vector<Pairs>{{{0, 7}}}));
  settings.micro_batch = 2;  // parts of 2, the last of 1
  BOOST_TEST((of_ranks(settings, 3) == std::vector<Pairs>{{{0, 2}}, {{2, 4}}, {{4, 6}, {6, 7}}}));
}

BOOST_AUTO_TEST_SUITE_END()
