#include "nada/formats/file.hpp"

#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include <boost/test/unit_test.hpp>

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>
#include <cstdlib>
#include <fstream>
#include <iterator>
#include <string>
#include <thread>
#include <utility>

#include "support/files.hpp"

BOOST_AUTO_TEST_SUITE(formats_file)

using namespace nada;
namespace fs = std::filesystem;

namespace {

std::string text_of(const MappedFile& file) {
  return {reinterpret_cast<const char*>(file.bytes().data()), file.bytes().size()};
}

// Independent of what is tested.
void put(const fs::path& path, std::string_view text) { std::ofstream(path, std::ios::binary) << text; }
std::string get(const fs::path& path) {
  std::ifstream in(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(in), {}};
}
std::size_t entries(const fs::path& folder) {
  return static_cast<std::size_t>(std::distance(fs::directory_iterator(folder), fs::directory_iterator()));
}

/// Returns the only temporary in a folder.
fs::path temporary_of(const fs::path& folder) {
  fs::path found;
  for (const auto& entry : fs::directory_iterator(folder))
    if (entry.path().extension() == ".tmp") found = found.empty() ? entry.path() : fs::path("several");
  return found;
}

}  // namespace

BOOST_AUTO_TEST_CASE(a_mapping_gives_the_bytes_and_can_be_moved) {
  const TemporaryFolder folder;
  const std::string content("one\0two\xFF", 8);
  put(folder / "a", content);
  put(folder / "b", "b");
  MappedFile first(folder / "a");
  BOOST_TEST(text_of(first) == content);
  MappedFile second = std::move(first);
  BOOST_TEST(text_of(second) == content);
  BOOST_TEST(second.path() == folder / "a");
  BOOST_TEST(first.bytes().empty());  // NOLINT: what a moved-from mapping promises
  second = MappedFile(folder / "b");
  BOOST_TEST(text_of(second) == "b");
}

BOOST_AUTO_TEST_CASE(an_empty_file_is_an_empty_range) {
  const TemporaryFolder folder;
  put(folder / "empty", "");
  BOOST_TEST(MappedFile(folder / "empty").bytes().empty());
  BOOST_TEST(read_text(folder / "empty").empty());
}

BOOST_AUTO_TEST_CASE(what_cannot_be_mapped_is_named) {
  const TemporaryFolder folder;
  put(folder / "file", "x");
  const auto missing = (folder / "generator.safetensors").string();
  BOOST_TEST(error_of([&] { MappedFile{missing}; }) == missing + ": no such file");
  BOOST_TEST(error_of([&] { MappedFile{folder / "file/below"}; }) ==
             (folder / "file/below").string() + ": no such file");
  BOOST_TEST(error_of([&] { MappedFile{folder.path()}; }) == folder.path().string() + ": is a folder, expected a file");
  BOOST_TEST(error_of([&] { MappedFile{"/dev/null"}; }) == "/dev/null: is a device or a pipe, expected a regular file");
  BOOST_REQUIRE(::mkfifo((folder / "pipe").c_str(), 0600) == 0);
  BOOST_TEST(
      error_of([&] { MappedFile{folder / "pipe"}; }).ends_with("is a device or a pipe, expected a regular file"));
}

BOOST_AUTO_TEST_CASE(reading_text_keeps_to_its_limit) {
  const TemporaryFolder folder;
  const std::string content(200'000, 'x');
  put(folder / "a", content);
  BOOST_TEST(read_text(folder / "a") == content);
  BOOST_TEST(read_text(folder / "a", content.size()).size() == content.size());
  BOOST_TEST(error_of([&] { read_text(folder / "a", content.size() - 1); }) ==
             (folder / "a").string() + ": is larger than the 199999 bytes expected at most");
  BOOST_TEST(error_of([&] { read_text(folder.path()); }).ends_with("is a folder, expected a file"));
  BOOST_TEST(error_of([&] { read_text(folder / "none"); }).ends_with("none: no such file"));
  BOOST_TEST(error_of([] { read_text("/dev/zero", 100'000); }).starts_with("/dev/zero: is larger than"));
}

BOOST_AUTO_TEST_CASE(reading_text_takes_a_pipe) {
  const TemporaryFolder folder;
  BOOST_REQUIRE(::mkfifo((folder / "pipe").c_str(), 0600) == 0);
  std::thread writer([&] { put(folder / "pipe", "through a pipe"); });
  BOOST_TEST(read_text(folder / "pipe") == "through a pipe");
  writer.join();
}

BOOST_AUTO_TEST_CASE(the_target_appears_only_at_commit) {
  const TemporaryFolder folder;
  put(folder / "target", "old");
  {
    AtomicFile file(folder / "target");
    file.write("new");
    file.write(std::as_bytes(std::span("er", 2)));
    BOOST_TEST(get(folder / "target") == "old");
    BOOST_TEST(get(temporary_of(folder.path())) == "newer");
    file.commit();
    BOOST_TEST(error_of([&] { file.write("more"); }).ends_with("target: it is already finished"));
    BOOST_TEST(error_of([&] { file.commit(); }).ends_with("target: it is already finished"));
  }
  BOOST_TEST(get(folder / "target") == "newer");
  BOOST_TEST(entries(folder.path()) == 1U);
}

BOOST_AUTO_TEST_CASE(without_commit_the_target_stays_and_nothing_is_left) {
  const TemporaryFolder folder;
  put(folder / "target", "old");
  { AtomicFile(folder / "target").write("new"); }
  BOOST_TEST(get(folder / "target") == "old");
  BOOST_TEST(entries(folder.path()) == 1U);
}

BOOST_AUTO_TEST_CASE(writers_of_one_target_do_not_meet) {
  const TemporaryFolder folder;
  {
    AtomicFile first(folder / "target"), second(folder / "target");
    BOOST_TEST(entries(folder.path()) == 2U);
    first.write("first");
    second.write("second");
    second.commit();
    BOOST_TEST(get(folder / "target") == "second");
    first.commit();
    BOOST_TEST(get(folder / "target") == "first");
  }
  std::vector<std::thread> writers;
  for (const char letter : {'a', 'b', 'c', 'd'})
    writers.emplace_back([&, letter] {
      for (int i = 0; i < 20; ++i) {
        AtomicFile file(folder / "target");
        for (int part = 0; part < 10; ++part) file.write(std::string(1000, letter));
        file.commit();
      }
    });
  for (auto& writer : writers) writer.join();
  const auto content = get(folder / "target");
  BOOST_TEST(content.size() == 10'000U);
  BOOST_TEST(content == std::string(10'000, content[0]));
  BOOST_TEST(entries(folder.path()) == 1U);
}

BOOST_AUTO_TEST_CASE(folders_are_made_with_those_above_them) {
  const TemporaryFolder folder;
  make_folders(folder / "a/b/c");
  BOOST_TEST(fs::is_directory(folder / "a/b/c"));
  make_folders(folder / "a/b/d/");
  BOOST_TEST(fs::is_directory(folder / "a/b/d"));
  put(folder / "a/file", "");
  BOOST_TEST(error_of([&] { make_folders(folder / "a/file/x"); }).starts_with("cannot make the folder "));
}

BOOST_AUTO_TEST_CASE(a_line_that_does_not_fit_leaves_the_file_as_it_was) {
  const TemporaryFolder folder;
  put(folder / "log", "whole\n");
  std::fflush(nullptr);
  const pid_t child = ::fork();  // so that the limit stays there
  BOOST_REQUIRE(child >= 0);
  if (child == 0) {
    ignore_file_size_signal();
    const rlimit limit{8, 8};
    if (::setrlimit(RLIMIT_FSIZE, &limit) != 0) ::_exit(10);
    const nada::detail::Descriptor log(::open((folder / "log").c_str(), O_WRONLY | O_APPEND));
    const auto message = error_of([&] { nada::detail::append_whole(log, "longer\n", folder / "log"); });
    ::_exit(message == "cannot write " + (folder / "log").string() + ": File too large" ? 0 : 11);
  }
  int status = 0;
  BOOST_REQUIRE(::waitpid(child, &status, 0) == child);
  BOOST_TEST((WIFEXITED(status) ? WEXITSTATUS(status) : -1) == 0);
  BOOST_TEST(get(folder / "log") == "whole\n");
}

BOOST_AUTO_TEST_CASE(a_link_is_followed) {
  const TemporaryFolder folder;
  fs::create_directory(folder / "real");
  put(folder / "real/file", "old");
  fs::create_symlink("real/file", folder / "link");
  write_text(folder / "link", "new");
  BOOST_TEST(fs::is_symlink(folder / "link"));
  BOOST_TEST(get(folder / "real/file") == "new");
}

BOOST_AUTO_TEST_CASE(a_name_alone_is_written_in_the_current_folder) {
  const TemporaryFolder folder;
  const auto before = fs::current_path();
  fs::current_path(folder.path());
  write_text("alone", "x");
  fs::current_path(before);
  BOOST_TEST(get(folder / "alone") == "x");
}

BOOST_AUTO_TEST_CASE(what_cannot_be_written_is_named) {
  const TemporaryFolder folder;
  fs::create_directory(folder / "sub");
  const auto path = [&](std::string_view name) { return (folder / name).string(); };
  BOOST_TEST(error_of([&] { write_text(folder / "none/x", ""); }) ==
             "cannot write " + path("none/x") + ": there is no folder " + path("none"));
  BOOST_TEST(error_of([&] { write_text(folder / "sub", ""); }) == "cannot write " + path("sub") + ": it is a folder");
  BOOST_TEST(error_of([&] { write_text(path("sub/"), ""); }) ==
             "cannot write " + path("sub/") + ": it names a folder, expected a file");
  BOOST_TEST(error_of([&] { write_text("/dev/null", ""); }) == "cannot write /dev/null: it is not a regular file");
  const std::string long_name(255, 'x');
  BOOST_TEST(error_of([&] { write_text(folder / long_name, ""); }) ==
             "cannot write " + path(long_name) + ": File name too long");
  BOOST_TEST(entries(folder.path()) == 1U);
}

BOOST_AUTO_TEST_CASE(a_write_beyond_the_size_limit_is_a_clear_error_and_leaves_nothing) {
  const TemporaryFolder folder;
  const auto target = folder / "state.safetensors";
  std::fflush(nullptr);
  const pid_t child = ::fork();  // so that the limit stays there
  BOOST_REQUIRE(child >= 0);
  if (child == 0) {
    ignore_file_size_signal();
    const rlimit limit{100'000, 100'000};
    if (::setrlimit(RLIMIT_FSIZE, &limit) != 0) ::_exit(10);
    const auto message = error_of([&] { write_text(target, std::string(150'000, 'x')); });
    if (message != "cannot write " + target.string() + ": File too large") ::_exit(11);
    if (entries(folder.path()) != 0) ::_exit(12);
    const auto within = error_of([&] { write_text(target, std::string(100'000, 'x')); });
    if (!within.empty() || fs::file_size(target) != 100'000) ::_exit(13);
    const auto again = error_of([&] { write_text(target, std::string(100'001, 'y')); });
    if (again.empty() || get(target) != std::string(100'000, 'x')) ::_exit(14);
    ::_exit(0);
  }
  int status = 0;
  BOOST_REQUIRE(::waitpid(child, &status, 0) == child);
  BOOST_REQUIRE(WIFEXITED(status));
  BOOST_TEST(WEXITSTATUS(status) == 0);
}

BOOST_AUTO_TEST_CASE(a_full_disk_is_a_clear_error) {
  // /dev/full says what a full disk says, but is no regular file; so write to it below the checks.
  const TemporaryFolder folder;
  AtomicFile file(folder / "x");
  const int full = ::open("/dev/full", O_WRONLY);
  if (full < 0) return;
  struct stat ours {};
  BOOST_REQUIRE(::stat(temporary_of(folder.path()).c_str(), &ours) == 0);
  int number = -1;
  for (int candidate = 3; candidate < 1024 && number < 0; ++candidate) {
    struct stat status {};
    if (::fstat(candidate, &status) == 0 && status.st_ino == ours.st_ino && status.st_dev == ours.st_dev)
      number = candidate;
  }
  BOOST_REQUIRE(number >= 0);
  BOOST_REQUIRE(::dup2(full, number) == number);
  ::close(full);
  BOOST_TEST(error_of([&] { file.write("x"); }) ==
             "cannot write " + (folder / "x").string() + ": No space left on device");
  BOOST_TEST(entries(folder.path()) == 0U);
}

BOOST_AUTO_TEST_CASE(only_stale_temporaries_are_removed) {
  const TemporaryFolder folder;
  fs::create_directory(folder / "sub");
  fs::create_directory(folder / ".folder.1.tmp");
  for (const auto* const name : {".state.safetensors.123.tmp", ".a.1.tmp", ".sample 1.png.99999.tmp"})
    put(folder / name, "");
  for (const auto* const name :
       {"a.1.tmp", ".a.tmp", ".1.tmp", "..1.tmp", ".a.1x.tmp", ".a..tmp", ".a.1.tmp2", ".tmp", "a", "sub/.a.1.tmp"})
    put(folder / name, "");
  BOOST_TEST(remove_stale_temporaries(folder.path()) == 3U);
  BOOST_TEST(entries(folder.path()) == 11U);
  BOOST_TEST(fs::exists(folder / "sub/.a.1.tmp"));
  BOOST_TEST(remove_stale_temporaries(folder.path()) == 0U);
  BOOST_TEST(error_of([&] { remove_stale_temporaries(folder / "none"); }).find("none: cannot be listed: ") !=
             std::string::npos);
}

BOOST_AUTO_TEST_CASE(names_in_errors_stay_on_one_short_line) {
  BOOST_TEST(nada::in_quotes("a\nb\x7F") == "\"a\\x0Ab\\x7F\"");
  BOOST_TEST(nada::in_quotes("\xFF\xC3\xA9") == "\"\\xFF\\xC3\\xA9\"");
  BOOST_TEST(nada::in_quotes("\xC3\xA9") == "\"\xC3\xA9\"");
  BOOST_TEST(nada::in_quotes(std::string(79, 'x') + "\xC3\xA9y") == "\"" + std::string(79, 'x') + "...\"");
}

BOOST_AUTO_TEST_SUITE_END()
