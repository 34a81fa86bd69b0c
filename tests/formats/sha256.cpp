#include "nada/formats/sha256.hpp"

#include <boost/test/unit_test.hpp>
#include <string>

BOOST_AUTO_TEST_SUITE(formats_sha256)

using namespace nada;

namespace {
std::string digest(std::string_view text) {
  Sha256 sha;
  sha.update(text);
  return sha.hex();
}
}  // namespace

BOOST_AUTO_TEST_CASE(gives_the_answers_of_the_standard) {
  BOOST_TEST(digest("") == "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
  BOOST_TEST(digest("abc") == "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
  BOOST_TEST(digest("abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq") ==
             "248d6a61d20638b8e5c026930c3e6039a33ce45964ff2167f6ecedd419db06c1");
  BOOST_TEST(digest(std::string(1'000'000, 'a')) == "cdc76e5c9914fb9281a1c7e284d73e67f1809a48a497200e046d39ccc7112cd0");
}

BOOST_AUTO_TEST_CASE(does_not_depend_on_how_the_bytes_are_cut) {
  Sha256 sha;
  sha.update("a");
  sha.update("");
  sha.update(std::as_bytes(std::span("bc", 2)));
  BOOST_TEST(sha.hex() == digest("abc"));
}

BOOST_AUTO_TEST_CASE(goes_on_after_an_answer) {
  Sha256 sha;
  sha.update("ab");
  BOOST_TEST(sha.hex() == digest("ab"));
  sha.update("c");
  BOOST_TEST(sha.hex() == digest("abc"));
}

BOOST_AUTO_TEST_SUITE_END()
