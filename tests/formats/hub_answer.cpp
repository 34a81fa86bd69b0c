#include <boost/test/unit_test.hpp>

#include <map>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "nada/formats/hub_answer.hpp"
#include "support/files.hpp"

BOOST_AUTO_TEST_SUITE(formats_hub_answer)

using namespace nada;

static const std::string commit = "0123456789abcdef0123456789abcdef01234567";

namespace {

std::string listing(const std::string& name) {
  return R"({"sha": ")" + commit + R"(", "siblings": [{"rfilename": "config.json"}, {"rfilename": ")" + name +
         R"("}]})";
}

HubFile file(const std::map<std::string, std::string>& headers, bool elsewhere = false) {
  return parse_hub_file(
      [&](const std::string& name) { return headers.count(name) > 0 ? headers.at(name) : std::string(); }, elsewhere,
      commit, "hub");
}

}  // namespace

BOOST_AUTO_TEST_CASE(a_listing_has_a_commit_and_files) {
  const auto read = parse_hub_listing(listing("deep/er/caf\xC3\xA9.bin"), "hub");
  BOOST_TEST(read.commit == commit);
  BOOST_TEST((read.files == std::set<std::string>{"config.json", "deep/er/caf\xC3\xA9.bin"}));
  for (const auto* odd : {"a\\\\b", "a\\u0000b", "a\\nb"})  // no path here can have them
    BOOST_TEST((parse_hub_listing(listing(odd), "hub").files == std::set<std::string>{"config.json"}), odd);
}

BOOST_AUTO_TEST_CASE(a_listing_that_names_a_file_outside_of_the_folder_is_refused) {
  for (const auto& [name, fault] : std::vector<std::pair<std::string, std::string>>{{"../x", "the part '..'"},
                                                                                    {"a/../../b", "the part '..'"},
                                                                                    {"/etc/passwd", "an empty part"},
                                                                                    {"a//b", "an empty part"},
                                                                                    {"./a", "the part '.'"},
                                                                                    {"", "an empty part"}}) {
    const auto error = error_of([&] { parse_hub_listing(listing(name), "hub"); });
    BOOST_TEST(error.find("hub does not answer as the Hugging Face Hub does (it lists a file \"" + name + "\" with " +
                          fault) == 0U,
               name << ": " << error);
  }
}

BOOST_AUTO_TEST_CASE(other_json_is_no_listing) {
  for (const auto& text : {std::string(), std::string("[]"), std::string(R"({"sha": "main", "siblings": []})"),
                           R"({"sha": ")" + commit + R"("})", std::string(1000, '['),
                           R"({"sha": )" + std::string(500, '[') + std::string(500, ']') + "}"}) {
    BOOST_CHECK_THROW(parse_hub_listing(text, "hub"), HubUnanswered);
    BOOST_TEST(parse_hub_shards(text, "").empty());
  }
}

BOOST_AUTO_TEST_CASE(a_file_is_described_by_its_headers) {
  const auto small = file({{"x-repo-commit", commit}, {"etag", "W/\"abc\""}, {"content-length", "12"}});
  BOOST_TEST((small.etag == "abc" && small.size == 12));
  const auto large = file({{"x-repo-commit", commit},
                           {"etag", "\"other\""},
                           {"x-linked-etag", "\"def\""},
                           {"x-linked-size", "99999999999"},
                           {"content-length", "12"}},
                          /*elsewhere=*/true);
  BOOST_TEST((large.etag == "def" && large.size == 99999999999));
  const std::map<std::string, std::string> good = {{"x-repo-commit", commit}, {"etag", "abc"}, {"content-length", "1"}};
  for (const auto& [name, value] : std::vector<std::pair<std::string, std::string>>{{"etag", "../x"},
                                                                                    {"etag", ".x"},
                                                                                    {"etag", ""},
                                                                                    {"etag", std::string(201, 'a')},
                                                                                    {"content-length", "-1"},
                                                                                    {"content-length", "1 "},
                                                                                    {"content-length", "9e9"},
                                                                                    {"x-repo-commit", "main"}}) {
    auto headers = good;
    headers[name] = value;
    BOOST_TEST(error_of([&] { file(headers); }) ==
                   "hub does not answer as the Hugging Face Hub does: expected X-Repo-Commit, an ETag and a size",
               name << ": " << value);
  }
  BOOST_CHECK_THROW(file(good, /*elsewhere=*/true), HubUnanswered);  // the length is the redirection's
}

BOOST_AUTO_TEST_CASE(an_index_names_shards_beside_it_and_no_others) {
  const auto shards = parse_hub_shards(
      R"({"weight_map": {"a": "m-1.safetensors", "b": "m-2.safetensors", "c": "m-1.safetensors", "d": "../x", "e": "f/x", "f": 1}})",
      "folder/");
  BOOST_TEST((shards == std::set<std::string>{"folder/m-1.safetensors", "folder/m-2.safetensors"}));
}

BOOST_AUTO_TEST_SUITE_END()
