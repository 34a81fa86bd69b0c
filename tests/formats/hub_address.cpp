#include "nada/formats/hub_address.hpp"

#include <boost/test/unit_test.hpp>
#include <string>
#include <vector>

#include "nada/core/error.hpp"
#include "nada/formats/file.hpp"
#include "support/files.hpp"

BOOST_AUTO_TEST_SUITE(formats_hub_address)

using namespace nada;

static const std::string commit = "0123456789abcdef0123456789abcdef01234567";

BOOST_AUTO_TEST_CASE(an_address_has_a_repository_a_file_and_a_revision) {
  struct Case {
    const char *text, *repository, *file, *revision;
  };
  for (const auto& [text, repository, file, revision] :
       std::vector<Case>{{"hf:openai/clip-vit-base-patch32", "openai/clip-vit-base-patch32", "", "main"},
                         {"hf:a/b/model.safetensors", "a/b", "model.safetensors", "main"},
                         {"hf:a/b/deep/er/g.pkl@v1.0", "a/b", "deep/er/g.pkl", "v1.0"},
                         {"hf:a/b@refs/pr/1", "a/b", "", "refs/pr/1"},
                         {"hf:a/b/odd@name.pt@main", "a/b", "odd@name.pt", "main"},
                         {"hf:A_1.x/b-2@0123456789abcdef0123456789abcdef01234567", "A_1.x/b-2", "", commit.c_str()}}) {
    const auto address = HubAddress::parse(text);
    BOOST_TEST(address.repository == repository, text);
    BOOST_TEST(address.file == file, text);
    BOOST_TEST(address.revision == revision, text);
    const auto again = HubAddress::parse(address.text());
    BOOST_TEST((again.repository == repository && again.file == file && again.revision == revision), text);
  }
}

BOOST_AUTO_TEST_CASE(a_malformed_address_is_refused_with_what_is_wrong) {
  const std::vector<std::pair<std::string, std::string>> wrong = {{"hf:", "no slash"},
                                                                  {"hf:gpt2", "no slash"},
                                                                  {"hf:/etc/passwd", "an absolute path"},
                                                                  {"hf:a/", "an empty part"},
                                                                  {"hf:a//b", "an empty part"},
                                                                  {"hf:a/b/", "an empty part"},
                                                                  {"hf:a/b/../../x", "the part '..'"},
                                                                  {"hf:../b", "the part '..'"},
                                                                  {"hf:a/b/./x", "the part '.'"},
                                                                  {"hf:a/b/x\ny", "a character"},
                                                                  {"hf:a/b/..\\x", "a character"},
                                                                  {"hf:a b/c", "another character"},
                                                                  {"hf:a/.b", "begins or ends"},
                                                                  {"hf:a--b/c", "'--' or '..'"},
                                                                  {"hf:a/b..c", "'--' or '..'"},
                                                                  {"hf:a/" + std::string(100, 'b'), "more than 96"},
                                                                  {"hf:a/b@", "nothing behind the @"},
                                                                  {"hf:a/b@x/../y", "in the revision"},
                                                                  {"hf:a/b@/x", "in the revision"},
                                                                  {"hf:a/b@x y", "no revision has"},
                                                                  {"a/b", "no hf:"}};
  for (const auto& [text, found] : wrong) {
    const auto error = error_of([&] { HubAddress::parse(text); });
    BOOST_TEST(error.find("expected an address hf:ORG/NAME") != std::string::npos, text);
    BOOST_TEST(error.find(found) != std::string::npos, text << " gave " << error);
  }
}

BOOST_AUTO_TEST_CASE(forty_lower_case_hexadecimal_digits_are_a_commit) {
  BOOST_TEST(is_commit(commit));
  BOOST_TEST(!is_commit(commit.substr(1)));
  BOOST_TEST(!is_commit("main"));
  BOOST_TEST(!is_commit("G" + commit.substr(1)));
}

BOOST_AUTO_TEST_CASE(a_resolved_address_is_written_with_its_commit_and_no_other_path_changes) {
  BOOST_TEST(pinned("hf:test/unknown/g.pt@main") == "hf:test/unknown/g.pt@main");
  remember_commit("hf:test/known/g.pt@v1", commit);
  BOOST_TEST(pinned("hf:test/known/g.pt@v1") == "hf:test/known/g.pt@" + commit);
  BOOST_TEST(relative_to("hf:test/known/g.pt@v1", "/anywhere") == "hf:test/known/g.pt@" + commit);
  BOOST_TEST(pinned("g.pt") == "g.pt");
  BOOST_TEST(is_hub_address("hf:a/b"));
  BOOST_TEST(!is_hub_address("./hf:a/b"));
}

BOOST_AUTO_TEST_SUITE_END()
