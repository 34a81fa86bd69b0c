#include "nada/experiment/run_folder.hpp"

#include <algorithm>
#include <boost/test/unit_test.hpp>
#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <iostream>
#include <string>
#include <utility>
#include <vector>

#include "nada/adaptation/delta.hpp"
#include "nada/adaptation/delta_file.hpp"
#include "nada/adaptation/observer.hpp"
#include "nada/adaptation/state.hpp"
#include "nada/adaptation/state_file.hpp"
#include "nada/core/stream.hpp"
#include "nada/core/tensor.hpp"
#include "nada/experiment/observers/metrics.hpp"
#include "nada/experiment/observers/progress.hpp"
#include "nada/experiment/observers/results.hpp"
#include "nada/experiment/observers/samples.hpp"
#include "nada/experiment/observers/states.hpp"
#include "nada/formats/file.hpp"
#include "nada/formats/images.hpp"
#include "nada/formats/safetensors.hpp"
#include "nada/formats/tensor_file.hpp"
#include "support/files.hpp"
#include "support/option_program.hpp"

BOOST_AUTO_TEST_SUITE(experiment_run_folder)

using namespace nada;
namespace fs = std::filesystem;

namespace {

RunNotes notes(std::string options_text = "steps = 3\n") {
  return {"a portrait -> a sketch", std::move(options_text), {{"steps", "3"}}, {{"threads", "1"}}, 7};
}

/// A run that is at a step without having taken any: its source is black, its adapted generator white, 8 pixels.
struct FakeRun {
  RunAccess access;
  int states = 0;               // how often the state was asked for
  std::vector<Tensor> latents;  // that the source was given

  FakeRun(std::int64_t step, std::int64_t total) {
    access.step = step;
    access.total = total;
    access.latent_size = 4;
    access.source_images = [this](const Tensor& z) {
      latents.push_back(z);
      return torch::full({z.size(0), 3, 8, 8}, -1.F);
    };
    access.adapted_images = [](const Tensor& z) { return torch::full({z.size(0), 3, 8, 8}, 1.F); };
    access.state = [this] {
      ++states;
      AdaptationState state;
      state.step = access.step;
      state.seed = "7";
      return state;
    };
    access.delta = [this] {
      return Delta{"0123", "full", {{"conv.4.0.weight", torch::full({2}, static_cast<float>(access.step))}}};
    };
    access.stop = [] {};
  }
  FakeRun(const FakeRun&) = delete;

  /// Tells an observer of the next step.
  template <class O>
  void step(O& observer) {
    ++access.step;
    observer.on_step(report(), access);
  }
  Report report() const {
    return {access.step, access.total, 0.25, {{"directional", 0.5}, {"global", 1.0 / 3}}, 0.125, {}};
  }
};

/// The folder of a run that can be resumed.
void make_resumable(const fs::path& path) {
  const auto folder = RunFolder::create(path, notes());
  save_state(folder.state(), AdaptationState{});
}

DeltaOrigin origin(const TemporaryFolder& folder) { return {{{"nada.target", "a sketch"}}, folder / "base.pt"}; }

/// The value of the one leaf of a delta's file.
float leaf_of(const fs::path& delta) {
  return load_delta(Safetensors::open(delta)).leaves.at("conv.4.0.weight")[0].item<float>();
}

bool contains(const std::string& text, const std::string& part) { return text.find(part) != text.npos; }

std::vector<std::string> names_in(const fs::path& folder) {
  std::vector<std::string> out;
  if (fs::exists(folder))
    for (const auto& entry : fs::directory_iterator(folder)) out.push_back(entry.path().filename().string());
  std::sort(out.begin(), out.end());
  return out;
}

using Names = std::vector<std::string>;

}  // namespace

BOOST_AUTO_TEST_CASE(a_new_run_gets_a_new_or_an_empty_folder) {
  const TemporaryFolder folder;
  fs::create_directory(folder / "empty");
  for (const char* name : {"empty", "new", "new_above/new"}) {
    const auto run = RunFolder::create(folder / name, notes());
    BOOST_TEST(read_text(folder / name / "options.cfg") == "steps = 3\n");
    BOOST_TEST(!run.resumed());
    BOOST_TEST(run.notes().seed == 7U);
  }
  const auto refused = [&](const char* name) { return error_of([&] { RunFolder::create(folder / name, notes()); }); };
  BOOST_TEST(refused("new") == join(folder / "new",
                                    " is not empty; give another --out, or continue the run in it with "
                                    "--resume ",
                                    folder / "new"));
  write_text(folder / "file", "");
  BOOST_TEST(refused("file") == join(folder / "file", " is a file, expected an empty folder or a new one"));
  BOOST_TEST(contains(refused("file/below"), join("cannot make the folder ", folder / "file/below")));
}

BOOST_AUTO_TEST_CASE(a_run_resumes_where_its_options_and_its_state_are) {
  const TemporaryFolder folder;
  const auto path = folder / "run";
  const auto refused = [&] { return error_of([&] { RunFolder::open(path, notes()); }); };
  BOOST_TEST(refused() == join(path, " is not the folder of a run: it has no options.cfg"));
  fs::create_directory(path);
  BOOST_TEST(refused() == join(path, " is not the folder of a run: it has no options.cfg"));
  write_text(path / "options.cfg", "steps = 3\n");
  BOOST_TEST(contains(refused(), "stopped before its first state was saved; there is nothing to resume"));
  save_state(path / "state.safetensors", AdaptationState{});
  {
    const auto run = RunFolder::open(path, notes());  // a refusal keeps no lock
    BOOST_TEST(run.resumed());
    BOOST_TEST(run.state() == path / "state.safetensors");
  }
  RunFolder::open(path, notes("steps = 9\n"));
  BOOST_TEST(read_text(path / "options.cfg") == "steps = 9\n");
}

BOOST_AUTO_TEST_CASE(what_a_killed_run_left_half_written_goes_when_it_resumes) {
  const TemporaryFolder folder;
  make_resumable(folder / "run");
  for (const char* name :
       {".state.safetensors.12.tmp", "samples/.000003.png.12.tmp", "deltas/.000003.safetensors.12.tmp"}) {
    fs::create_directories((folder / "run" / name).parent_path());
    write_text(folder / "run" / name, "half");
  }
  RunFolder::open(folder / "run", notes());
  BOOST_TEST(names_in(folder / "run") == (Names{"deltas", "options.cfg", "samples", "state.safetensors"}),
             boost::test_tools::per_element());
  BOOST_TEST(names_in(folder / "run/samples").empty());
  BOOST_TEST(names_in(folder / "run/deltas").empty());
}

BOOST_AUTO_TEST_CASE(a_folder_has_one_run_at_a_time) {
  const TemporaryFolder folder;
  const auto path = folder / "run";
  make_resumable(path);
  const auto refused = [&] { return error_of([&] { RunFolder::open(path, notes()); }); };
  const auto in_use = join(path, " is in use by another run");
  {
    auto first = RunFolder::open(path, notes());
    BOOST_TEST(refused() == in_use);
    const auto moved = std::move(first);  // takes the lock along
    BOOST_TEST(refused() == in_use);
    BOOST_TEST(moved.path() == path);
    fs::remove(path / "options.cfg");
    fs::remove(path / "state.safetensors");
    BOOST_TEST(error_of([&] { RunFolder::create(path, notes()); }) == in_use);  // empty, but in use
  }
  BOOST_TEST(error_of([&] { RunFolder::create(path, notes()); }) == "");
}

BOOST_AUTO_TEST_CASE(files_of_a_step_are_called_by_six_digits) {
  const TemporaryFolder folder;
  const auto run = RunFolder::create(folder / "run", notes());
  BOOST_TEST(RunFolder::step_name(150) == "000150");
  BOOST_TEST(RunFolder::step_name(1234567) == "1234567");
  BOOST_TEST(run.picture(150) == folder / "run" / "samples" / "000150.png");
  BOOST_TEST(run / "metrics.csv" == folder / "run" / "metrics.csv");
  BOOST_TEST(fs::is_directory(run.subfolder("samples")));
  BOOST_TEST(run.subfolder("samples") == folder / "run" / "samples");  // again: it is there
  write_text(run / "deltas", "");
  BOOST_TEST(contains(error_of([&] { run.subfolder("deltas"); }), "cannot make the folder"));
}

BOOST_AUTO_TEST_CASE(a_run_is_complete_with_its_delta_and_its_report) {
  const TemporaryFolder folder;
  const auto run = RunFolder::create(folder / "run", notes());
  BOOST_TEST(!run.complete());
  write_text(run / "report.html", "");
  BOOST_TEST(!run.complete());
  write_text(run / "adapted.safetensors", "");
  BOOST_TEST(run.complete());
}

BOOST_AUTO_TEST_CASE(free_folders_are_called_by_the_target_and_counted) {
  const TemporaryFolder folder;
  const auto name = [&](const std::string& target) { return free_run_folder(target, folder.path()).filename(); };
  BOOST_TEST(name("A pencil-sketch, of  3 cats!") == "a-pencil-sketch-of-3-cats-1");
  fs::create_directory(folder / "a-zombie-1");
  write_text(folder / "a-zombie-2", "");
  BOOST_TEST(name("a zombie") == "a-zombie-3");
  BOOST_TEST(name("a-zombie") == "a-zombie-3");
  for (const char* none : {"", "...", "  ", "\xC3\xA4"}) BOOST_TEST(name(none) == "run-1", none);
  BOOST_TEST(name("..x..") == "x-1");
  BOOST_TEST(name(std::string(100, 'a')) == std::string(60, 'a') + "-1");
  BOOST_TEST(name(std::string(59, 'a') + " bc") == std::string(59, 'a') + "-1");  // no "--"
  BOOST_TEST(free_run_folder("a zombie").parent_path() == "runs");
}

BOOST_AUTO_TEST_CASE(metrics_are_a_line_a_step) {
  const TemporaryFolder folder;
  FakeRun run(0, 3);
  MetricsObserver metrics(folder / "metrics.csv", {"directional", "global"});
  metrics.on_start(run.access);
  BOOST_TEST(read_text(folder / "metrics.csv") == "step,loss,directional,global,seconds\n");
  run.step(metrics);
  run.step(metrics);
  BOOST_TEST(read_text(folder / "metrics.csv") ==
             "step,loss,directional,global,seconds\n"
             "1,0.25,0.5,0.333333333,0.1250\n"
             "2,0.25,0.5,0.333333333,0.1250\n");
}

BOOST_AUTO_TEST_CASE(a_run_that_resumes_keeps_the_lines_up_to_its_state) {
  const TemporaryFolder folder;
  const auto file = folder / "metrics.csv";
  const std::string header = "step,loss,directional,global,seconds\n";
  const auto start = [&](std::int64_t step, const std::string& lines) {
    write_text(file, lines);
    FakeRun run(step, 9);
    MetricsObserver metrics(file, {"directional", "global"});
    metrics.on_start(run.access);
    run.step(metrics);
    return read_text(file);
  };
  BOOST_TEST(start(2, header + "1,a,b,c,d\n2,a,b,c,d\n3,a,b,c,d\n4,a") ==
             header + "1,a,b,c,d\n2,a,b,c,d\n3,0.25,0.5,0.333333333,0.1250\n");
  BOOST_TEST(start(0, header + "1,a,b,c,d\n") == header + "1,0.25,0.5,0.333333333,0.1250\n");  // a new run: anew
  const auto refused = [&](std::int64_t step, const std::string& lines) {
    return error_of([&] { start(step, lines); });
  };
  BOOST_TEST(refused(1, "step,loss,global,seconds\n1,a,b,c\n") ==
             join(file, ": the columns are not those of this run"));
  BOOST_TEST(refused(3, header + "1,a,b,c,d\n2,a,b,c,d\n") == join(file, ": expected 3 lines, found 2"));
  BOOST_TEST(refused(2, header + "1,a,b,c,d\n2,a,b") == join(file, ": expected 2 lines, found 1"));  // cut off
  fs::remove(file);
  FakeRun run(2, 9);
  MetricsObserver metrics(file, {"directional", "global"});
  BOOST_TEST(error_of([&] { metrics.on_start(run.access); }) == join(file, ": expected 2 lines, found 0"));
}

BOOST_AUTO_TEST_CASE(the_state_is_saved_every_n_steps_and_at_the_end) {
  const TemporaryFolder folder;
  const auto file = folder / "state.safetensors";
  FakeRun run(0, 7);
  StateObserver states(file, 3);
  std::vector<int> saved;
  for (int step = 1; step <= 7; ++step) {
    run.step(states);
    saved.push_back(run.states);
    if (step >= 3) BOOST_TEST(load_state(file).step == step / 3 * 3);
  }
  BOOST_TEST(saved == (std::vector<int>{0, 0, 1, 1, 1, 2, 2}), boost::test_tools::per_element());
  states.on_finish(run.access);
  BOOST_TEST(run.states == 3);
  BOOST_TEST(load_state(file).step == 7);
}

BOOST_AUTO_TEST_CASE(the_state_of_a_step_is_saved_once) {
  const TemporaryFolder folder;
  FakeRun done(0, 2);
  StateObserver states(folder / "done", 1);
  done.step(states);
  done.step(states);  // the last step: on_finish saves it
  BOOST_TEST(done.states == 1);
  states.on_finish(done.access);
  BOOST_TEST(done.states == 2);

  FakeRun stopped(4, 9);
  StateObserver more(folder / "stopped", 5);
  stopped.step(more);
  more.on_finish(stopped.access);  // stopped after a step whose state is there
  BOOST_TEST(stopped.states == 1);
  BOOST_TEST(load_state(folder / "stopped").step == 5);
}

BOOST_AUTO_TEST_CASE(the_state_before_a_step_that_fails_is_saved) {
  const TemporaryFolder folder;
  FakeRun run(0, 9);
  StateObserver states(folder / "state", 3);
  for (int step = 0; step < 4; ++step) run.step(states);
  states.on_failure(run.access);
  BOOST_TEST(run.states == 2);
  BOOST_TEST(load_state(folder / "state").step == 4);
  FakeRun at_once(3, 9);
  StateObserver again(folder / "state", 3);
  at_once.step(again);
  again.on_failure(at_once.access);
  BOOST_TEST(at_once.states == 1);
  BOOST_TEST(error_of([&] { StateObserver(folder / "state", 0); }) ==
             "the state must be saved every 1 step or more, not every 0");
}

BOOST_AUTO_TEST_CASE(samples_are_drawn_at_the_start_every_n_steps_and_at_the_end) {
  const TemporaryFolder folder;
  const auto path = RunFolder::create(folder / "run", notes());
  FakeRun run(0, 6);
  SampleObserver samples(path, origin(folder), 2, 3);
  samples.on_start(run.access);
  BOOST_TEST(names_in(path / "samples") == Names{"000000.png"}, boost::test_tools::per_element());
  for (int step = 1; step <= 6; ++step) run.step(samples);
  samples.on_finish(run.access);
  BOOST_TEST(names_in(path / "samples") == (Names{"000000.png", "000002.png", "000004.png", "000006.png"}),
             boost::test_tools::per_element());
  // the first is the source, the last is adapted.safetensors
  BOOST_TEST(names_in(path / "deltas") == (Names{"000002.safetensors", "000004.safetensors"}),
             boost::test_tools::per_element());
  BOOST_TEST(leaf_of(path / "deltas/000004.safetensors") == 4.F);
  const auto file = Safetensors::open(path / "deltas/000004.safetensors");
  BOOST_TEST(value_or(file.metadata(), "nada.target") == "a sketch");
  BOOST_TEST(value_or(file.metadata(), "nada.base") == "../../base.pt");
}

BOOST_AUTO_TEST_CASE(a_picture_shows_the_source_above_the_adapted_generator) {
  const TemporaryFolder folder;
  const auto path = RunFolder::create(folder / "run", notes());
  FakeRun run(0, 6);
  SampleObserver samples(path, origin(folder), 0, 3);
  samples.on_start(run.access);
  const auto picture = read_picture(path.picture(0));
  BOOST_TEST_REQUIRE(picture.width == 3 * 128);  // small pictures are enlarged
  BOOST_TEST_REQUIRE(picture.height == 2 * 128);
  const auto half = picture.pixels.begin() + static_cast<std::ptrdiff_t>(picture.pixels.size() / 2);
  BOOST_TEST(std::all_of(picture.pixels.begin(), half, [](auto value) { return value == 0; }));
  BOOST_TEST(std::all_of(half, picture.pixels.end(), [](auto value) { return value == 255; }));
  BOOST_TEST(picture.text.at("nada:options") == "steps = 3\n");
  BOOST_TEST(picture.text.at("nada:step") == "0");
}

BOOST_AUTO_TEST_CASE(samples_show_the_same_latents_a_few_at_a_time) {
  const TemporaryFolder folder;
  const auto path = RunFolder::create(folder / "run", notes());
  FakeRun run(0, 6);
  SampleObserver samples(path, origin(folder), 0, 6);
  samples.on_start(run.access);
  samples.on_finish(run.access);
  BOOST_TEST_REQUIRE(run.latents.size() == 2U);  // the source's row is drawn once and kept
  const auto expected = Stream{7, 0}.normal(Purpose::samples, {6, 4});
  BOOST_TEST(run.latents[0].size(0) == 4);
  BOOST_TEST(at::equal(torch::cat(run.latents), expected));
}

BOOST_AUTO_TEST_CASE(a_run_that_resumes_draws_no_start) {
  const TemporaryFolder folder;
  const auto path = RunFolder::create(folder / "run", notes());
  FakeRun run(4, 6);
  SampleObserver samples(path, origin(folder), 0, 3);
  samples.on_start(run.access);
  run.step(samples);
  run.step(samples);
  BOOST_TEST(names_in(path / "samples").empty());
  samples.on_finish(run.access);
  BOOST_TEST(names_in(path / "samples") == Names{"000006.png"}, boost::test_tools::per_element());
  BOOST_TEST(!fs::exists(path / "deltas"));
  BOOST_TEST(contains(error_of([&] { SampleObserver(path, {}, -1); }), "samples every -1 steps"));
}

BOOST_AUTO_TEST_CASE(results_are_the_delta_and_a_report) {
  const TemporaryFolder folder;
  const auto path = RunFolder::create(folder / "run", notes());
  const auto finish_at = [&](std::int64_t step) {
    FakeRun run(0, 3);
    MetricsObserver metrics(path / "metrics.csv", {"directional", "global"});
    SampleObserver samples(path, origin(folder), 1, 2);
    ResultObserver results(path, origin(folder));
    metrics.on_start(run.access);
    samples.on_start(run.access);
    results.on_start(run.access);
    while (run.access.step < step) {
      run.step(metrics);
      samples.on_step(run.report(), run.access);
      results.on_step(run.report(), run.access);
    }
    BOOST_TEST(!path.complete());
    samples.on_finish(run.access);
    results.on_finish(run.access);
    BOOST_TEST(path.complete());
    BOOST_TEST(leaf_of(path / "adapted.safetensors") == static_cast<float>(step));
    const auto html = read_text(path / "report.html");
    fs::remove(path / "report.html");
    return html;
  };
  const auto stopped = finish_at(2);
  BOOST_TEST(contains(stopped, "Stopped after 2 of 3 steps; --resume goes on."));
  const auto done = finish_at(3);
  BOOST_TEST(contains(done, "All 3 steps are done."));
  for (const char* part : {"a portrait -&gt; a sketch", "After 3 steps", "After 2 steps", "directional", "threads",
                           "time of the last sitting", "peak memory"})
    BOOST_TEST(contains(done, part), part);
  BOOST_TEST(value_or(Safetensors::open(path / "adapted.safetensors").metadata(), "nada.base") == "../base.pt");
}

BOOST_AUTO_TEST_CASE(a_report_needs_the_last_picture) {
  const TemporaryFolder folder;
  const auto path = RunFolder::create(folder / "run", notes());
  FakeRun run(3, 3);
  ResultObserver results(path, origin(folder));
  results.on_start(run.access);
  BOOST_TEST(contains(error_of([&] { results.on_finish(run.access); }), "samples/000003.png"));
}

BOOST_AUTO_TEST_CASE(progress_tells_the_loss) {
  const test::Captured errors(std::cerr);
  FakeRun run(0, 2);
  ProgressObserver progress;
  progress.on_start(run.access);
  run.step(progress);
  run.step(progress);
  progress.on_finish(run.access);
  BOOST_TEST(contains(errors.text(), "adapting  100%  2/2"));
  BOOST_TEST(contains(errors.text(), "loss 0.2500"));
}

BOOST_AUTO_TEST_SUITE_END()
