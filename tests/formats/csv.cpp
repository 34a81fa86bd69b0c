#include "nada/formats/csv.hpp"

#include <boost/test/unit_test.hpp>
#include <cmath>
#include <fstream>
#include <string>
#include <vector>

#include "nada/formats/file.hpp"
#include "support/files.hpp"

BOOST_AUTO_TEST_SUITE(formats_csv)

using namespace nada;

namespace {
void append(const std::filesystem::path& path, const char* text) { std::ofstream(path, std::ios::app) << text; }
std::string refusal(std::string_view text) {
  return error_of([&] { parse_csv(text, "a.csv"); });
}
}  // namespace

BOOST_AUTO_TEST_CASE(a_text_is_split_at_each_separator) {
  BOOST_TEST((split_at("a,b", ',') == CsvRow{"a", "b"}));
  BOOST_TEST((split_at("", ',') == CsvRow{""}));
  BOOST_TEST((split_at(",a,", ',') == CsvRow{"", "a", ""}));
  BOOST_TEST((split_at("\"a|b\"", '|') == CsvRow{"\"a", "b\""}));
}

BOOST_AUTO_TEST_CASE(a_line_is_split_outside_of_quotes) {
  BOOST_TEST((split_csv_line("1,,\"x, \"\"y\"\"\",z\r") == CsvRow{"1", "", "x, \"y\"", "z"}));
  BOOST_TEST((split_csv_line("") == CsvRow{""}));
  BOOST_TEST((split_csv_line("5\" nails,\"open, to the end") == CsvRow{"5\" nails", "open, to the end"}));
}

BOOST_AUTO_TEST_CASE(a_row_is_written_with_quotes_where_it_needs_them) {
  BOOST_TEST(csv_line({"step", "loss"}) == "step,loss\n");
  BOOST_TEST(csv_line({"", ""}) == ",\n");
  BOOST_TEST(csv_line({"a,b", "say \"x\"", "two\nlines"}) == "\"a,b\",\"say \"\"x\"\"\",\"two\nlines\"\n");
}

BOOST_AUTO_TEST_CASE(what_is_written_is_read_again) {
  for (const CsvRow& row : {CsvRow{"a", "b"}, CsvRow{"", ""}, CsvRow{"x, y", "\"", "\"\"", ",\n\r\n"}, CsvRow{" é "}})
    BOOST_TEST((parse_csv(csv_line(row), "a.csv") == std::vector<CsvRow>{row}));
  const CsvRow marked{"\xEF\xBB\xBFx", "y"};
  BOOST_TEST((parse_csv(csv_line(marked), "text") == std::vector<CsvRow>{marked}));
}

BOOST_AUTO_TEST_CASE(numbers_are_as_short_as_their_digits_allow) {
  BOOST_TEST(csv_number(0.5) == "0.5");
  BOOST_TEST(csv_number(3) == "3");
  BOOST_TEST(csv_number(1.0 / 3) == "0.333333333");
  BOOST_TEST(csv_number(1.0 / 3, 6) == "0.333333");
  BOOST_TEST(csv_number(1.25e-12) == "1.25e-12");
  BOOST_TEST(csv_number(std::nan("")) == "nan");
  BOOST_TEST(csv_fixed(0.25) == "0.2500");
  BOOST_TEST(csv_fixed(-1e308).size() == 310U + 5U);
}

BOOST_AUTO_TEST_CASE(files_keep_commas_and_quotes_and_refuse_ragged_rows) {
  const TemporaryFolder folder;
  write_text(folder / "t.csv",
             "\xEF\xBB\xBF"
             "a,b\r\n\r\n\"x, \"\"y\"\"\",2\n\n,");
  const std::vector<CsvRow> expected{{"a", "b"}, {"x, \"y\"", "2"}, {"", ""}};
  BOOST_TEST((read_csv(folder / "t.csv") == expected));
  BOOST_TEST(refusal("a,b\n1\n").find("a.csv: row 2 has 1 cells, expected 2") == 0U);
  BOOST_TEST(refusal("a,b\n\"1,2\n").find("never closed") != std::string::npos);
  BOOST_TEST(parse_csv("", "a.csv").empty());
}

BOOST_AUTO_TEST_CASE(a_growing_file_is_read_by_whole_lines) {
  const TemporaryFolder folder;
  const auto path = folder / "m.csv";
  CsvTail tail(path);
  BOOST_TEST(tail.more().empty());
  append(path, "step,lo");
  BOOST_TEST(tail.more().empty());
  BOOST_TEST(tail.header().empty());
  append(path, "ss\n1,0.5\n2,0.");
  BOOST_TEST((tail.more() == std::vector<CsvRow>{{"1", "0.5"}}));
  BOOST_TEST((tail.header() == CsvRow{"step", "loss"}));
  append(path, "25\n3\n4,0.125\n");  // a row of another count of cells is passed over
  BOOST_TEST((tail.more() == std::vector<CsvRow>{{"2", "0.25"}, {"4", "0.125"}}));
  BOOST_TEST(tail.more().empty());
  write_text(path, "step,pull\n1,7\n");  // written anew
  BOOST_TEST((tail.more() == std::vector<CsvRow>{{"1", "7"}}));
  BOOST_TEST((tail.header() == CsvRow{"step", "pull"}));
}

BOOST_AUTO_TEST_CASE(a_log_that_goes_on_keeps_the_whole_rows_up_to_its_step) {
  const TemporaryFolder folder;
  const auto path = folder / "m.csv";
  {
    CsvLog log(path, {"step", "loss"});
    BOOST_TEST(log.kept() == 0);
    for (const char* step : {"10", "20", "30"}) log.row({step, csv_number(0.5)});
    BOOST_TEST(read_text(path) == "step,loss\n10,0.5\n20,0.5\n30,0.5\n");
  }
  append(path, "40,0.");
  BOOST_TEST(CsvLog(path, {"step", "loss"}, 50).kept() == 3);
  CsvLog log(path, {"step", "loss"}, 20);
  BOOST_TEST(log.kept() == 2);
  log.row({"21", "x,y"});
  BOOST_TEST(read_text(path) == "step,loss\n10,0.5\n20,0.5\n21,\"x,y\"\n");
  BOOST_TEST(error_of([&] {
               CsvLog(path, {"step", "pull"}, 20);
             }).find("the columns are not those of this run") != std::string::npos);
  CsvLog(path, {"step", "pull"});
  BOOST_TEST(read_text(path) == "step,pull\n");
  BOOST_TEST(CsvLog(folder / "missing.csv", {"step"}, 3).kept() == 0);
}

BOOST_AUTO_TEST_SUITE_END()
