#include <boost/test/unit_test.hpp>

#include "nada/experiment/table.hpp"
#include "nada/metrics/estimate.hpp"
#include "support/files.hpp"

BOOST_AUTO_TEST_SUITE(experiment_table)

using namespace nada;

namespace {

Estimate with_interval(double value, double half) {
  Estimate out;
  out.value = value;
  out.half_width = half;
  return out;
}

}  // namespace

BOOST_AUTO_TEST_CASE(numbers_have_the_digits_that_their_interval_allows) {
  BOOST_TEST(number_of(with_interval(0.123456, 0.0213)) == "0.123 ± 0.021");
  BOOST_TEST(number_of(with_interval(1234.6, 57)) == "1235 ± 57");
  BOOST_TEST(number_of(with_interval(2, 0)) == "2 ± 0");
  BOOST_TEST(number_of(Cell::number(0.5).estimate) == "0.5");
}

BOOST_AUTO_TEST_CASE(uneven_intervals_are_written_as_their_ends) {
  Estimate share;
  share.value = 1;
  BOOST_TEST(number_of(as_share(share, 200)) == "1.0000 (0.9812 to 1.0000)");
  Table table{{"share"}};
  auto& cell = table.rows.emplace_back().emplace_back(as_share(share, 200));
  cell.mark = "*";
  BOOST_TEST(table.markdown() == "| share |\n|---|\n| 1.0000 (0.9812 to 1.0000)* |\n");
  BOOST_TEST(table.csv().find('*') == std::string::npos);
}

BOOST_AUTO_TEST_CASE(writes_markdown_csv_and_json_of_the_same_numbers) {
  Table table{{"name", "score"}};
  table.add({"a|b, \"c\"", with_interval(1.5, 0.5)});
  table.add({"d", Cell::number(2)});
  BOOST_TEST(table.markdown() == "| name | score |\n|---|---|\n| a\\|b, \"c\" | 1.50 ± 0.50 |\n| d | 2 |\n");
  BOOST_TEST(table.csv() == "name,score,score_low,score_high\n\"a|b, \"\"c\"\"\",1.5,1,2\nd,2,,\n");
  BOOST_TEST(table.only({"score", "none"}).markdown() == "| score |\n|---|\n| 1.50 ± 0.50 |\n| 2 |\n");
  const auto json = table.json();
  BOOST_TEST(json.size() == 2U);
  BOOST_TEST(json[0]["score"]["high"] == 2.0);
  BOOST_TEST(!json[1]["score"].contains("low"));
  BOOST_TEST(error_of([&] { table.add({"one"}); }).find("1 cells for 2 columns") != std::string::npos);
}

BOOST_AUTO_TEST_SUITE_END()
