#include "nada/core/progress.hpp"

#include <algorithm>
#include <boost/test/unit_test.hpp>
#include <sstream>
#include <string>
#include <string_view>

#include "nada/core/unicode.hpp"

BOOST_AUTO_TEST_SUITE(core_progress)

using namespace nada;
using namespace nada::detail;

namespace {

std::size_t count(std::string_view text, std::string_view part) {
  std::size_t n = 0;
  for (auto at = text.find(part); at != text.npos; at = text.find(part, at + part.size())) ++n;
  return n;
}
bool has(std::string_view text, std::string_view part) { return text.find(part) != text.npos; }

ProgressState example() {
  return {.label = "adapt", .note = "loss 0.4321", .done = 129, .total = 300, .per_second = 4.8, .seconds = 27};
}

}  // namespace

BOOST_AUTO_TEST_CASE(a_plain_line_says_everything) {
  BOOST_TEST(plain_line(example()) == "adapt  43%  129/300  4.8/s  0:36 left  loss 0.4321");
}

BOOST_AUTO_TEST_CASE(a_bar_line_fits_every_width) {
  for (const bool unicode : {false, true}) {
    for (int columns = 2; columns <= 200; ++columns) {
      const std::string line = bar_line(example(), columns, unicode);
      BOOST_TEST(columns_of(line) <= columns - 1);
      BOOST_TEST(!has(line, "\n"));
    }
  }
  const std::string wide = bar_line(example(), 100, false);
  BOOST_TEST(has(wide, "[#############-------------------]"));
  BOOST_TEST(has(wide, "43%  129/300  4.8/s  0:36 left  loss 0.4321"));
  BOOST_TEST(has(bar_line(example(), 100, true), "━"));
  BOOST_TEST(bar_line(example(), 30, false) == " 43%  129/300  loss 0.4321");
}

BOOST_AUTO_TEST_CASE(texts_from_outside_cannot_break_the_line) {
  ProgressState state = example();
  state.label =
      "a label\nof two lines \x1b[2J and of very great length, 日本語のラベル, longer than any terminal is wide";
  state.note = "note\r\nwith breaks";
  for (const std::string& line : {bar_line(state, 80, true), plain_line(state)}) {
    BOOST_TEST(std::none_of(line.begin(), line.end(), [](unsigned char c) { return c < 0x20; }));
  }
}

BOOST_AUTO_TEST_CASE(a_terminal_gets_one_line_redrawn_at_most_ten_times_a_second) {
  std::ostringstream out;
  {
    Progress progress("adapt", 1000, 0, out, /*terminal=*/true);
    progress.start_at(0);
    for (int i = 1; i <= 1000; ++i) progress.update_at(i, "loss 0.5", i * 0.002);  // two seconds
    BOOST_TEST(count(out.str(), "\n") == 0U);
    BOOST_TEST(count(out.str(), "\r") >= 15U);
    BOOST_TEST(count(out.str(), "\r") <= 21U);
    progress.finish_at("wrote runs/sketch-1", 2.0);
    BOOST_TEST(has(out.str(), "100%  1000/1000  500/s  0:02  loss 0.5"));
    BOOST_TEST(out.str().ends_with("\nwrote runs/sketch-1\n"));
  }
  BOOST_TEST(count(out.str(), "\n") == 2U);
}

BOOST_AUTO_TEST_CASE(elsewhere_a_plain_line_is_written_every_five_seconds_and_one_at_the_end) {
  std::ostringstream out;
  {
    Progress progress("adapt", 160, 0, out);  // a stringstream is no terminal
    progress.start_at(0);
    for (int i = 1; i <= 160; ++i) progress.update_at(i, "loss 0.5", i * 0.1);  // sixteen seconds
    BOOST_TEST(count(out.str(), "\n") == 3U);
    progress.finish_at("", 16.0);
  }
  BOOST_TEST(count(out.str(), "\n") == 4U);
  BOOST_TEST(count(out.str(), "\r") == 0U);
  BOOST_TEST(count(out.str(), "\x1b") == 0U);
  BOOST_TEST(out.str().ends_with("adapt  100%  160/160  10.0/s  0:16  loss 0.5\n"));
}

BOOST_AUTO_TEST_CASE(the_cursor_never_stays_in_mid_line) {
  for (const bool terminal : {false, true}) {
    std::ostringstream untouched, left, finished, twice, said;
    { Progress progress("a", 10, 0, untouched, terminal); }
    BOOST_TEST(untouched.str().empty());
    {
      Progress progress("a", 10, 0, left, terminal);
      progress.start_at(0);
      progress.update_at(3, "", 6);  // then an exception, say
    }
    BOOST_TEST(left.str().ends_with("\n"));
    {
      Progress progress("a", 10, 0, finished, terminal);
      progress.finish();
    }
    BOOST_TEST(finished.str().ends_with("\n"));
    BOOST_TEST(count(finished.str(), "\n") == 1U);
    {
      Progress progress("a", 10, 0, twice, terminal);
      progress.finish("one");
      progress.finish("two");
      progress.update(4, "late");
    }
    BOOST_TEST(twice.str().ends_with("\none\n"));
    {
      Progress progress("a", 10, 0, said, terminal);
      progress.update(1, "");
      progress.say("step 1: saved");
    }
    BOOST_TEST(has(said.str(), "step 1: saved\n"));
    BOOST_TEST(said.str().ends_with("\n"));
  }
}

BOOST_AUTO_TEST_CASE(the_rate_is_recent_and_does_not_count_steps_made_earlier) {
  std::ostringstream out;
  Progress progress("a", 1000, 500, out, true);  // resumed at 500
  progress.start_at(0);
  progress.update_at(501, "", 1);
  progress.update_at(502, "", 2);
  BOOST_TEST(has(out.str(), "502/1000  1.0/s  8:18 left"));
  for (int i = 1; i <= 120; ++i) progress.update_at(502 + i, "", 2 + i * 0.25);  // then four times as fast
  BOOST_TEST(has(out.str(), "622/1000  4.0/s"));
  progress.finish_at("", 32);
  BOOST_TEST(has(out.str(), "622/1000  3.8/s  0:32"));
}

BOOST_AUTO_TEST_CASE(very_slow_and_unknown_totals_are_told_plainly) {
  std::ostringstream out;
  Progress progress("a", 100, 0, out, false);
  progress.start_at(0);
  progress.update_at(1, "", 60);
  progress.update_at(2, "", 120);
  BOOST_TEST(has(out.str(), "a  2%  2/100  60 s each  1:38:00 left\n"));
  std::ostringstream endless;
  Progress unknown("b", 0, 0, endless, false);
  unknown.start_at(0);
  unknown.update_at(50, "n", 10);
  BOOST_TEST(endless.str() == "b  50  5.0/s  n\n");
}

BOOST_AUTO_TEST_CASE(times_read_like_a_clock) {
  BOOST_TEST(clock_text(7) == "0:07");
  BOOST_TEST(clock_text(750) == "12:30");
  BOOST_TEST(clock_text(11100) == "3:05:00");
  BOOST_TEST(clock_text(2 * 86400 + 4 * 3600) == "2d 04:00");
  BOOST_TEST(clock_text(-1) == "?");
  BOOST_TEST(rate_text(0) == "-/s");
}

BOOST_AUTO_TEST_SUITE_END()
