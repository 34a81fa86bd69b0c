#include "nada/pretraining/encoder_schedule.hpp"

#include <boost/test/unit_test.hpp>

#include "nada/pretraining/encoder_training.hpp"
#include "support/files.hpp"

BOOST_AUTO_TEST_SUITE(pretraining_encoder_schedule)

using namespace nada;

namespace {

const EncoderSchedule first{
    .steps = 100, .warmup = 10, .lr = 0.5, .radius = 2, .radius_from = 0.2, .radius_after = 0.6};

StagedEncoderSchedule staged(std::vector<std::string> stages, std::int64_t all = 100) { return {first, stages, all}; }

}  // namespace

BOOST_AUTO_TEST_CASE(the_rate_rises_over_the_warm_up_and_falls_along_half_a_cosine) {
  BOOST_TEST(first.rate(50) == 0.25, boost::test_tools::tolerance(1e-12));  // cos(pi / 2) = 0
  BOOST_TEST(first.rate(25) == 0.5 * 0.8535533905932737, boost::test_tools::tolerance(1e-12));
  BOOST_TEST(first.rate(0) == 0.05, boost::test_tools::tolerance(1e-12));  // a tenth of the warm-up
  BOOST_TEST(first.rate(100) < 1e-12);
  BOOST_TEST(first.rate(150) < 1e-12);  // it does not rise again
}

BOOST_AUTO_TEST_CASE(the_radius_grows_evenly_between_its_shares) {
  BOOST_TEST(first.radius_now(20) == 0);
  BOOST_TEST(first.radius_now(30) == 0.5, boost::test_tools::tolerance(1e-12));
  BOOST_TEST(first.radius_now(60) == 2);
  BOOST_TEST(first.radius_now(99) == 2);
}

BOOST_AUTO_TEST_CASE(a_stage_changes_what_it_names_and_keeps_the_rest) {
  const auto schedule = staged(
      {"40 radius=0 lr=0.25", " 70  steps=200  mix-weight=0.5 augmentation=0.25 step-weight=2 column-weight=15"}, 150);
  BOOST_TEST(schedule.at(39).radius == 2);
  BOOST_TEST(schedule.at(40).radius == 0);
  BOOST_TEST(schedule.at(40).rate(50) == 0.125, boost::test_tools::tolerance(1e-12));
  BOOST_TEST(schedule.at(69).steps == 100);
  EncoderTrainingSettings settings;
  settings.seed = 7;
  schedule.at(149).apply(settings, 100);
  BOOST_TEST(settings.adam.rate == 0.125, boost::test_tools::tolerance(1e-12));  // half of the new length
  BOOST_TEST(settings.radius == 0);
  BOOST_TEST(settings.mix_weight == 0.5);
  BOOST_TEST(settings.step_weight == 2);
  BOOST_TEST(settings.column_weight == 15);
  BOOST_TEST(settings.augmentation.noise == 0.025, boost::test_tools::tolerance(1e-12));  // a quarter of 0.1
  BOOST_TEST(settings.seed == 7U);
}

BOOST_AUTO_TEST_CASE(a_stage_from_the_start_replaces_the_first_numbers) {
  const auto schedule = staged({"0 steps=50", "50 steps=120"}, 120);
  BOOST_TEST(schedule.at(0).steps == 50);
  BOOST_TEST(schedule.at(49).steps == 50);
  BOOST_TEST(schedule.at(50).steps == 120);
  BOOST_TEST(schedule.at(119).radius == 2);
}

BOOST_AUTO_TEST_CASE(what_is_no_stage_is_refused) {
  const auto refuses = [](std::vector<std::string> stages, const std::string& why, std::int64_t all = 100) {
    const auto found = error_of([&] { staged(stages, all); });
    BOOST_TEST(found.find(why) != std::string::npos, "expected '" << why << "', found '" << found << "'");
  };
  refuses({"radius=0"}, "expected a number, found 'radius=0'");
  refuses({""}, "expected \"FROM NAME=VALUE ...\", found ''");
  refuses({"-3 radius=0"}, "expected 0 or more");
  refuses({"50 radius"}, "expected NAME=VALUE, found 'radius'");
  refuses({"50 radius=big"}, "expected a number, found 'big'");
  refuses({"50 width=3"}, "'width' in '50 width=3' is nothing that changes; these do: steps, lr, radius");
  refuses({"50 radius=0", "50 radius=1"}, "expected more than the 50 of the stage before");
  refuses({"0 steps=100", "0 radius=1"}, "expected more than the 0 of the stage before");
  refuses({"50 lr=0"}, "option lr is 0, expected more than 0");
  refuses({"50 radius=-1"}, "a radius of 0 or more");
  refuses({"50 augmentation=2"}, "option augmentation is 2, expected 0 to 1");
  refuses({"50 mix-weight=nan"}, "option mix-weight is nan");
  refuses({"50 radius-from=0.7"}, "expected 0 <= radius-from <= radius-after <= 1");
  refuses({"50 steps=80"}, "the learning rate is 0 before step 100");
  refuses({"0 steps=40", "60 steps=100"}, "with steps = 40 the learning rate is 0 before step 60");
  refuses({"50 radius=0"}, "the learning rate is 0 before step 110", 110);
}

BOOST_AUTO_TEST_CASE(a_training_without_steps_is_refused_whatever_its_stages_are) {
  auto none = first;
  none.steps = 0;
  const auto found = error_of([&] { StagedEncoderSchedule(none, {"0 steps=50"}, 0); });
  BOOST_TEST(found.find("options steps and warmup are 0 and 10") != std::string::npos, found);
}

BOOST_AUTO_TEST_SUITE_END()
