#include "nada/formats/hub_cache.hpp"

#include <stdlib.h>

#include <boost/test/unit_test.hpp>
#include <map>
#include <optional>
#include <set>
#include <string>

#include "nada/formats/file.hpp"
#include "support/files.hpp"

BOOST_AUTO_TEST_SUITE(formats_hub_cache)

using namespace nada;

namespace {

/// Variables of the environment that have another value while it lives; an empty one is not set.
class Environment {
 public:
  explicit Environment(const std::map<std::string, std::string>& values) {
    for (const auto& [name, value] : values) {
      const char* const before = ::getenv(name.c_str());
      before_[name] = before == nullptr ? std::nullopt : std::optional<std::string>(before);
      put(name, value.empty() ? std::nullopt : std::optional(value));
    }
  }
  ~Environment() {
    for (const auto& [name, value] : before_) put(name, value);
  }

 private:
  static void put(const std::string& name, const std::optional<std::string>& value) {
    if (value)
      ::setenv(name.c_str(), value->c_str(), 1);
    else
      ::unsetenv(name.c_str());
  }
  std::map<std::string, std::optional<std::string>> before_;
};

const std::string commit = "0123456789abcdef0123456789abcdef01234567";

}  // namespace

BOOST_AUTO_TEST_CASE(the_folder_is_the_one_that_huggingface_hub_takes) {
  std::map<std::string, std::string> values{{"HF_HUB_CACHE", ""},
                                            {"HUGGINGFACE_HUB_CACHE", ""},
                                            {"HF_HOME", ""},
                                            {"XDG_CACHE_HOME", ""},
                                            {"HOME", "/home/me"}};
  const auto folder = [&](const char* name, const char* value) {
    values[name] = value;
    const Environment set(values);
    return hub_cache_folder().string();
  };
  BOOST_TEST(folder("HOME", "/home/me") == "/home/me/.cache/huggingface/hub");
  BOOST_TEST(folder("XDG_CACHE_HOME", "/x") == "/x/huggingface/hub");
  BOOST_TEST(folder("HF_HOME", "~/hf") == "/home/me/hf/hub");
  BOOST_TEST(folder("HUGGINGFACE_HUB_CACHE", "/old") == "/old");
  BOOST_TEST(folder("HF_HUB_CACHE", "~/new") == "/home/me/new");
}

BOOST_AUTO_TEST_CASE(a_file_is_a_link_to_its_blob_and_found_by_commit) {
  const TemporaryFolder folder;
  const CachedRepository cache("org/name", folder.path());
  BOOST_TEST(!cache.commit_of("main").has_value());
  BOOST_TEST(cache.commit_of(commit).value() == commit);
  make_folders(folder / "models--org--name/blobs");
  write_text(cache.blob("abc"), "content");
  cache.link(commit, "sub/file.txt", "abc");
  cache.keep_commit("refs/pr/1", commit);
  const auto link = folder / ("models--org--name/snapshots/" + commit + "/sub/file.txt");
  BOOST_TEST(std::filesystem::read_symlink(link) == "../../../blobs/abc");
  BOOST_TEST(read_text(link) == "content");
  BOOST_TEST(read_text(folder / "models--org--name/refs/refs/pr/1") == commit);
  BOOST_TEST(cache.commit_of("refs/pr/1").value() == commit);
  BOOST_TEST((cache.files(commit) == std::set<std::string>{"sub/file.txt"}));
  BOOST_TEST(cache.has(commit, "sub/file.txt"));
  BOOST_TEST(!cache.lacks(commit, "config.json"));
  cache.keep_lack(commit, "config.json");
  BOOST_TEST(cache.lacks(commit, "config.json"));
  std::filesystem::remove(cache.blob("abc"));
  BOOST_TEST(!cache.has(commit, "sub/file.txt"));
  BOOST_TEST(cache.files(commit).empty());
}

BOOST_AUTO_TEST_CASE(git_names_files_by_the_sha1_of_their_size_and_bytes) {
  const TemporaryFolder folder;
  write_text(folder / "a", "hello\n");
  write_text(folder / "b", "");
  BOOST_TEST(git_blob_sha1(folder / "a") == "ce013625030ba8dba906f756967f9e9ca394464a");  // of git hash-object
  BOOST_TEST(git_blob_sha1(folder / "b") == "e69de29bb2d1d6434b8b29ae775ad8c2e48c5391");
}

BOOST_AUTO_TEST_SUITE_END()
