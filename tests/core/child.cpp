#include <boost/test/unit_test.hpp>

#include <fcntl.h>
#include <unistd.h>

#include <csignal>
#include <memory>
#include <string>
#include <string_view>
#include <thread>
#include <vector>

#include "nada/core/child.hpp"
#include "nada/core/error.hpp"
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

BOOST_AUTO_TEST_CASE(a_child_inherits_no_open_file) {
  const TemporaryFolder folder;
  const int open = ::open((folder / "x").c_str(), O_RDWR | O_CREAT, 0600);  // without O_CLOEXEC
  BOOST_REQUIRE(open > 2);
  const auto words = std::vector<std::string>{"sh", "-c", "test ! -e /proc/self/fd/" + std::to_string(open)};
  BOOST_TEST(Child(words).wait() == 0);
  BOOST_TEST(Child(words, {.ends_with_parent = true}).wait() == 0);
  ::close(open);
}

BOOST_AUTO_TEST_CASE(a_bound_child_ends_with_the_thread_that_made_it_and_is_else_as_another) {
  const TemporaryFolder folder;
  Child::Settings settings;
  settings.log = folder / "log";
  settings.ends_with_parent = true;
  BOOST_TEST(Child({"sh", "-c", "echo out; echo err >&2; exit 3"}, settings).wait() == 3);
  BOOST_TEST(read_text(folder / "log") == "out\nerr\n");
  BOOST_CHECK_EXCEPTION(Child({"/no/such/program"}, settings), Error, [](const Error& error) {
    return std::string_view(error.what()).starts_with("cannot run /no/such");
  });
  std::unique_ptr<Child> child;
  std::thread([&] { child = std::make_unique<Child>(std::vector<std::string>{"sleep", "60"}, settings); }).join();
  BOOST_TEST(child->wait() == 128 + SIGTERM);
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
