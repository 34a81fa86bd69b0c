#include "nada/experiment/observers/tensorboard.hpp"

#include <boost/test/unit_test.hpp>
#include <cstdint>
#include <cstring>
#include <filesystem>
#include <string>
#include <vector>

#include "nada/adaptation/any_observer.hpp"
#include "nada/adaptation/observer.hpp"
#include "nada/core/tensor.hpp"
#include "nada/experiment/observers/metrics.hpp"
#include "nada/experiment/observers/samples.hpp"
#include "nada/experiment/run_folder.hpp"
#include "nada/formats/file.hpp"
#include "support/files.hpp"

BOOST_AUTO_TEST_SUITE(experiment_observers_tensorboard)

using namespace nada;
namespace fs = std::filesystem;

namespace {

const RunNotes notes{"a -> b", "steps = 3\nseed = 7\n", {}, {}, 7};

/// Logs a third every second step.
struct Third {
  static constexpr const char* columns[] = {"third"};
  void on_step(const Report& report, RunAccess& run) const {
    if (report.step % 2 == 0) run.log("third", static_cast<double>(report.step) / 3);
  }
};

/// Takes the steps of one sitting, whose samples are drawn every second step, and finishes where `finish` is true.
void sit(const RunFolder& folder, std::int64_t from, std::int64_t to, bool finish) {
  RunAccess run;
  run.step = from;
  run.total = 9;
  run.latent_size = 4;
  run.source_images = run.adapted_images = [](const Tensor& z) { return torch::zeros({z.size(0), 3, 8, 8}); };
  run.delta = [] { return Delta{"0123", "full", {{"leaf", torch::ones({2})}}}; };
  Third third;
  MetricsObserver metrics(folder / "metrics.csv", {"directional"});
  SampleObserver samples(folder, {}, 2, 1);
  TensorBoardObserver events(folder, samples);
  const std::vector<AnyObserver> all{AnyObserver(third), AnyObserver(metrics), AnyObserver(samples),
                                     AnyObserver(events)};
  for (const auto& observer : all) observer.on_start(run);
  while (run.step < to) {
    ++run.step;
    run.logged.begin_step();
    tell_step(all, {run.step, run.total, 0.1, {{"directional", 0.5}}, 0.125, {}}, run);
  }
  if (finish) tell_finish(all, run);
}

/// How often a text occurs in the event file.
int occurrences(const RunFolder& folder, const std::string& part) {
  const auto text = read_text(folder / TensorBoardObserver::file_name);
  int count = 0;
  for (auto at = text.find(part); at != text.npos; at = text.find(part, at + 1)) ++count;
  return count;
}

/// The bytes of a value: its tag, then the number.
std::string scalar(const std::string& tag, float value) {
  std::string bytes(sizeof value, '\0');
  std::memcpy(bytes.data(), &value, sizeof value);
  return tag + "\x15" + bytes;
}

}  // namespace

BOOST_AUTO_TEST_CASE(the_numbers_of_the_table_the_grids_and_the_options_are_events) {
  const TemporaryFolder temporary;
  const auto folder = RunFolder::create(temporary / "run", notes);
  sit(folder, 0, 5, true);
  BOOST_TEST(read_text(folder / "metrics.csv") ==
             "step,loss,directional,third,seconds\n"
             "1,0.1,0.5,,0.1250\n"
             "2,0.1,0.5,0.666666667,0.1250\n"
             "3,0.1,0.5,,0.1250\n"
             "4,0.1,0.5,1.33333333,0.1250\n"
             "5,0.1,0.5,,0.1250\n");
  BOOST_TEST(occurrences(folder, scalar("loss", 0.1F)) == 5);
  BOOST_TEST(occurrences(folder, scalar("directional", 0.5F)) == 5);
  BOOST_TEST(occurrences(folder, "third\x15") == 2);
  BOOST_TEST(occurrences(folder, scalar("third", 0.666666667F)) == 1);
  BOOST_TEST(occurrences(folder, "seconds") == 0);
  BOOST_TEST(occurrences(folder, "    steps = 3\n    seed = 7\n") == 1);
  BOOST_TEST(occurrences(folder, "sample grid") == 4);  // of the steps 0, 2, 4 and 5
  for (const int step : {0, 2, 4, 5}) {
    const MappedFile png(folder.picture(step));
    BOOST_TEST(occurrences(folder, {reinterpret_cast<const char*>(png.bytes().data()), png.bytes().size()}) == 1);
  }
}

BOOST_AUTO_TEST_CASE(a_run_that_goes_on_has_each_event_once) {
  const TemporaryFolder temporary;
  const auto folder = RunFolder::create(temporary / "run", notes);
  sit(folder, 0, 6, false);  // killed behind its state of step 3
  sit(folder, 3, 5, false);
  sit(folder, 5, 6, true);
  sit(folder, 6, 6, true);  // only the end was missing
  BOOST_TEST(occurrences(folder, "loss\x15") == 6);
  BOOST_TEST(occurrences(folder, "third\x15") == 3);
  BOOST_TEST(occurrences(folder, "sample grid") == 4);
  BOOST_TEST(occurrences(folder, "options.cfg") == 1);
  BOOST_TEST(occurrences(folder, "brain.Event:2") == 1);
}

BOOST_AUTO_TEST_SUITE_END()
