#include <boost/test/unit_test.hpp>

#include <cmath>
#include <string>

#include "nada/training/schedule.hpp"
#include "support/files.hpp"

BOOST_AUTO_TEST_SUITE(training_schedule, *boost::unit_test::tolerance(1e-14))

using namespace nada;

namespace {
Schedule read(const std::string& text) { return read_schedule(text, 300, "option s"); }
std::string error(const std::string& text) {
  return error_of([&] { read(text); });
}
}  // namespace

BOOST_AUTO_TEST_CASE(a_constant_is_one_at_every_step) {
  BOOST_TEST(Schedule{}.is_constant());
  BOOST_TEST(read("constant").is_constant());
  for (const auto step : {0, 7, 100000}) BOOST_TEST(Schedule{}.factor(step) == 1);
}

BOOST_AUTO_TEST_CASE(a_warm_up_rises_by_equal_steps_and_never_is_zero) {
  const auto s = read("warmup:4");
  BOOST_TEST(!s.is_constant());
  BOOST_TEST(s.factor(0) == 0.25);
  BOOST_TEST(s.factor(2) == 0.75);
  BOOST_TEST(s.factor(3) == 1);
  BOOST_TEST(s.factor(99) == 1);
}

BOOST_AUTO_TEST_CASE(a_cosine_falls_from_the_warm_up_to_its_floor_at_the_end_of_the_run) {
  const auto s = read("warmup:100,cosine:0.1");
  BOOST_TEST(s.factor(49) == 0.5);
  BOOST_TEST(s.factor(100) == 1);
  BOOST_TEST(s.factor(200) == 0.55);
  BOOST_TEST(s.factor(150) == 0.1 + 0.45 * (1 + std::sqrt(0.5)));
  BOOST_TEST(s.factor(300) == 0.1);
  BOOST_TEST(s.factor(900) == 0.1);
  BOOST_TEST(read("cosine:0:50").factor(25) == 0.5);
}

BOOST_AUTO_TEST_CASE(a_line_and_points_are_straight_between_their_ends) {
  BOOST_TEST(read("linear:0.5:100").factor(50) == 0.75);
  const auto s = read("10=0,20=1,40=0.5");
  BOOST_TEST(s.factor(0) == 0);
  BOOST_TEST(s.factor(10) == 0);
  BOOST_TEST(s.factor(15) == 0.5);
  BOOST_TEST(s.factor(20) == 1);
  BOOST_TEST(s.factor(30) == 0.75);
  BOOST_TEST(s.factor(500) == 0.5);
  BOOST_TEST(read("warmup:2,0=0.5").factor(0) == 0.25);
}

BOOST_AUTO_TEST_CASE(other_texts_are_refused_in_one_sentence) {
  const std::string shapes =
      "option s: expected constant, warmup:STEPS, cosine:FLOOR[:END], linear:FLOOR[:END] or STEP=FACTOR, found '";
  BOOST_TEST(error("") == shapes + "'");
  BOOST_TEST(error("cosine") == shapes + "cosine'");
  BOOST_TEST(error("warmup:3,step:2") == shapes + "step:2'");
  BOOST_TEST(error("warmup:x") == "option s: expected a number, found 'x'");
  BOOST_TEST(error("cosine:0.1,linear:0.2") == "option s: has two shapes, expected one");
  BOOST_TEST(error("0=1,cosine:0.2") == "option s: has two shapes, expected one");
  BOOST_TEST(error("cosine:-1") == "option s: expected a last factor >= 0, found -1");
  BOOST_TEST(error("warmup:300,cosine:0") == "option s: expected an end behind the warm-up of 300 steps, found 300");
  BOOST_TEST(error("5=1,5=2") == "option s: expected rising steps from 0 on, found 5");
  BOOST_TEST(error("warmup:-2") == "option s: expected a warm-up of 0 steps or more, found -2");
  BOOST_TEST(error("0=nan") == "option s: expected a factor >= 0, found nan");
}

BOOST_AUTO_TEST_SUITE_END()
