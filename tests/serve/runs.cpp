#include "serve/runs.hpp"

#include <fstream>

#include <boost/test/unit_test.hpp>

#include "nada/formats/file.hpp"
#include "support/files.hpp"

BOOST_AUTO_TEST_SUITE(serve_runs)

using namespace nada::serve;
namespace fs = std::filesystem;

namespace {

struct Folder {
  nada::TemporaryFolder temporary;
  Runs runs{temporary.path() / "runs"};

  fs::path add(const std::string& id, const std::string& options) {
    const auto path = runs.folder() / id;
    fs::create_directories(path / "samples");
    nada::write_text(path / "options.cfg", options);
    return path;
  }
};

}  // namespace

BOOST_AUTO_TEST_CASE(a_run_is_found_by_its_name_and_nothing_else_is) {
  Folder here;
  here.add("a-zombie-1", "# adapt of nada x\ntarget = a zombie\nsteps = 3\n");
  BOOST_TEST(here.runs.find("a-zombie-1").has_value());
  for (const char* id :
       {"", ".", "..", "a-zombie-1/", "../runs/a-zombie-1", "a-zombie", "A-ZOMBIE-1", "/", "a-zombie-1/samples"})
    BOOST_TEST(!here.runs.find(id).has_value(), id);
}

BOOST_AUTO_TEST_CASE(a_link_out_of_the_folder_is_no_run) {
  Folder here;
  fs::create_directory_symlink("/etc", here.runs.folder() / "etc");
  BOOST_TEST(!here.runs.find("etc").has_value());
}

BOOST_AUTO_TEST_CASE(what_a_folder_holds_is_told_and_other_folders_are_left_out) {
  Folder here;
  const auto path = here.add("a-zombie-1", "# adapt of nada x\ntarget = a zombie\nsteps = 3\n");
  here.add("other", "# invert of nada x\nsteps = 3\n");
  here.add("broken", "no options\n");
  for (const char* name : {"000000.png", "000030.png", "x.png", "000031.tmp"})
    nada::write_text(path / "samples" / name, "x");
  auto list = here.runs.list();
  BOOST_REQUIRE(list.size() == 1U);
  BOOST_TEST(list[0].id == "a-zombie-1");
  BOOST_TEST(list[0].kind == "adapt");
  BOOST_TEST(list[0].option("target") == "a zombie");
  BOOST_TEST((list[0].pictures == std::vector<std::int64_t>{0, 30}));
  BOOST_TEST(!list[0].finished);
  BOOST_TEST(!list[0].resumable);
  nada::write_text(path / "state.safetensors", "x");
  nada::write_text(path / "report.html", "x");
  nada::write_text(path / "adapted.safetensors", "x");
  list = here.runs.list();
  BOOST_TEST(list[0].finished);
  BOOST_TEST(list[0].resumable);
}

BOOST_AUTO_TEST_CASE(files_have_fixed_names) {
  Folder here;
  const auto path = here.add("a-1", "# adapt of nada x\n");
  nada::write_text(path / "samples" / "000030.png", "x");
  nada::write_text(path / "secret", "x");
  BOOST_TEST((run_file(path, {"options.cfg"}) == path / "options.cfg"));
  BOOST_TEST((run_file(path, {"samples", "30"}) == path / "samples" / "000030.png"));
  using Name = std::vector<std::string>;
  for (const Name& name :
       {Name{"secret"}, Name{".."}, Name{"samples", ".."}, Name{"samples", "000030.png"}, Name{"samples", "-30"},
        Name{"samples", "31"}, Name{"samples", "99999999999"}, Name{"metrics.csv"}, Name{}, Name{"samples"},
        Name{"samples", "30", "x"}, Name{"options.cfg", ""}})
    BOOST_CHECK_EXCEPTION(run_file(path, name), Refusal, [](const Refusal& refused) { return refused.status == 404; });
}

BOOST_AUTO_TEST_CASE(metrics_are_read_line_by_whole_line_as_they_grow) {
  Folder here;
  const auto path = here.add("a-1", "# adapt of nada x\n") / "metrics.csv";
  MetricsTail tail(path);
  BOOST_TEST(tail.more().empty());
  const auto append = [&](const char* text) { std::ofstream(path, std::ios::app) << text; };
  append("step,loss,directional,seconds\n1,0.5,0.25,0.1\n2,0.4");
  auto rows = tail.more();
  BOOST_REQUIRE(rows.size() == 1U);
  BOOST_TEST(rows[0].step == 1);
  BOOST_TEST(rows[0].loss == 0.5);
  BOOST_TEST(rows[0].terms.at(0).first == "directional");
  BOOST_TEST(rows[0].terms.at(0).second == 0.25);
  BOOST_TEST(rows[0].seconds == 0.1);
  append(",0.2,0.1\n3,0.3,0.1,0.1\n");
  rows = tail.more();
  BOOST_REQUIRE(rows.size() == 2U);
  BOOST_TEST(rows[0].loss == 0.4);
  BOOST_TEST(rows[1].step == 3);
  std::ofstream(path) << "step,loss,directional,seconds\n1,0.5,0.25,0.1\n";  // a resumed run wrote it anew
  BOOST_TEST(tail.more().size() == 1U);
  append("2,0.5,,0.1\n");  // an observer's number that this step did not log
  rows = tail.more();
  BOOST_REQUIRE(rows.size() == 1U);
  BOOST_TEST(rows[0].terms.empty());
  BOOST_TEST(rows[0].seconds == 0.1);
}

BOOST_AUTO_TEST_SUITE_END()
