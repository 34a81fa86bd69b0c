#include "nada/pretraining/attribute_change.hpp"

#include <boost/test/unit_test.hpp>

#include <vector>

#include "support/files.hpp"

BOOST_AUTO_TEST_SUITE(pretraining_attribute_change)

using namespace nada;

namespace {

const std::vector<AttributeColumn> columns{{"hair", {"black", "red"}}, {"mouth", {"open", "sad", "smiling"}}};

Tensor classes(const std::vector<std::int64_t>& numbers) { return torch::tensor(numbers).view({-1, 2}); }

}  // namespace

BOOST_AUTO_TEST_CASE(shares_are_counted_by_hand) {
  const auto before = classes({0, 1, 0, 1, 1, 2, 1, 0}), after = classes({0, 2, 1, 2, 1, 2, 1, 1});
  const auto found = attribute_changes(columns, before, after);
  BOOST_TEST_REQUIRE(found.size() == 2U);
  BOOST_TEST((found[0].column == "hair" && found[0].kept == 0.75 && found[0].before == std::vector<double>{0.5, 0.5} &&
              found[0].after == std::vector<double>{0.25, 0.75}));
  const auto& mouth = found[1];
  const auto smiling = mouth.number("smiling");
  BOOST_TEST_REQUIRE(smiling == 2);
  BOOST_TEST((mouth.kept == 0.25 && mouth.before[2] == 0.25 && mouth.after[2] == 0.75));
  BOOST_TEST(mouth.number("laughing") == -1);
}

BOOST_AUTO_TEST_CASE(classes_of_other_shapes_are_refused) {
  BOOST_TEST(error_of([] {
               attribute_changes(columns, classes({0, 1}), classes({0, 1, 0, 1}));
             }) == "attributes of shapes [1, 2] and [2, 2], expected [N, 2] twice");
  BOOST_TEST(!error_of([] { attribute_changes(columns, torch::zeros({0, 2}), torch::zeros({0, 2})); }).empty());
}

BOOST_AUTO_TEST_SUITE_END()
