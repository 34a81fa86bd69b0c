#include <boost/test/unit_test.hpp>

#include "nada/experiment/training_run.hpp"
#include "nada/formats/file.hpp"
#include "support/files.hpp"

BOOST_AUTO_TEST_SUITE(experiment_training_run)

using namespace nada;

BOOST_AUTO_TEST_CASE(a_log_goes_on_after_the_saved_step) {
  const TemporaryFolder folder;
  {
    TrainingLog log(folder / "metrics.csv", {"loss", "rare"}, 0);
    log.add("loss", 1);
    log.add("loss", 3);
    log.row(10);
    log.add("loss", 5);
    log.add("rare", 7);
    log.row(20);
  }
  BOOST_TEST(read_text(folder / "metrics.csv") == "step,loss,rare\n10,2,\n20,5,7\n");
  {
    TrainingLog log(folder / "metrics.csv", {"loss", "rare"}, 10);
    log.add("loss", 6);
    log.row(20);
  }
  BOOST_TEST(read_text(folder / "metrics.csv") == "step,loss,rare\n10,2,\n20,6,\n");
  BOOST_TEST(error_of([&] { TrainingLog(folder / "metrics.csv", {"other"}, 10); }).find("columns") !=
             std::string::npos);
}

BOOST_AUTO_TEST_CASE(lists_of_numbers_are_read_and_anything_else_is_refused) {
  BOOST_TEST(whole_numbers("128,96,4", "channels") == (std::vector<std::int64_t>{128, 96, 4}),
             boost::test_tools::per_element());
  for (const char* text : {"", "1,", ",1", "1,,2", "1,x", "0", "-3", "1 2"})
    BOOST_TEST(error_of([&] { whole_numbers(text, "channels"); }).find("expected numbers > 0") != std::string::npos,
               text);
}

BOOST_AUTO_TEST_SUITE_END()
