#include <boost/test/unit_test.hpp>

#include <csignal>
#include <string_view>

#include "nada/core/child.hpp"
#include "nada/formats/file.hpp"
#include "support/files.hpp"

BOOST_AUTO_TEST_SUITE(core_child)

using namespace nada;

BOOST_AUTO_TEST_CASE(the_exit_code_is_the_childs) {
  BOOST_TEST(Child({"sh", "-c", "exit 7"}).wait() == 7);
  BOOST_TEST(Child({"true"}).wait() == 0);
}

BOOST_AUTO_TEST_CASE(what_is_written_arrives_and_both_outputs_go_to_the_log) {
  const TemporaryFolder folder;
  Child::Settings settings;
  settings.write_to_it = true;
  settings.log = folder / "log";
  Child child({"sh", "-c", "cat; echo err >&2"}, settings);
  const std::string_view text = "two\nlines\n";
  child.write(std::as_bytes(std::span(text.data(), text.size())));
  BOOST_TEST(child.wait() == 0);
  BOOST_TEST(read_text(folder / "log") == "two\nlines\nerr\n");
}

BOOST_AUTO_TEST_CASE(a_child_can_be_stopped_and_its_signal_is_told) {
  Child child({"sleep", "60"});
  BOOST_TEST(child.running());
  child.stop();
  BOOST_TEST(child.wait() == 128 + SIGTERM);
  BOOST_TEST(!child.running());
}

BOOST_AUTO_TEST_CASE(writing_to_one_that_ended_is_an_error) {
  Child::Settings settings;
  settings.write_to_it = true;
  Child child({"true"}, settings);
  const std::vector<std::byte> much(1 << 22);
  BOOST_TEST(error_of([&] { child.write(much); }).find("true stopped reading: ") == 0U);
}

BOOST_AUTO_TEST_CASE(a_program_that_is_not_there_is_an_error) {
  BOOST_TEST(error_of([] { Child({"no-such-program-at-all"}); }) ==
             "cannot run no-such-program-at-all: No such file or directory");
}

BOOST_AUTO_TEST_SUITE_END()
