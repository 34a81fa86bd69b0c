#include "nada/formats/http.hpp"

#include <boost/test/unit_test.hpp>

#include "support/files.hpp"

BOOST_AUTO_TEST_SUITE(formats_http)

using namespace nada;

BOOST_AUTO_TEST_CASE(addresses_of_one_server_have_one_origin) {
  BOOST_TEST(url_origin("https://HuggingFace.co/a?b") == "https://huggingface.co:443");
  BOOST_TEST(url_origin("http://me:secret@127.0.0.1:8000/x") == "http://127.0.0.1:8000");
  BOOST_TEST(url_origin("http://huggingface.co") != url_origin("https://huggingface.co"));
  BOOST_TEST(url_origin("https://huggingface.co.evil.org") != url_origin("https://huggingface.co"));
  BOOST_TEST(error_of([] { url_origin("file:///etc/passwd"); }).find("http") != std::string::npos);
}

BOOST_AUTO_TEST_CASE(a_redirect_is_read_from_the_address_that_gave_it) {
  BOOST_TEST(redirected("https://a.b/c/d?e", "/f?g") == "https://a.b/f?g");
  BOOST_TEST(redirected("https://a.b/c/d?e", "https://x.y/z") == "https://x.y/z");
}

BOOST_AUTO_TEST_CASE(what_has_a_meaning_in_addresses_is_escaped) {
  BOOST_TEST(in_url("a b/c%?#\xC3\xA4.pt", true) == "a%20b/c%25%3F%23%C3%A4.pt");
  BOOST_TEST(in_url("refs/pr/1", false) == "refs%2Fpr%2F1");
}

BOOST_AUTO_TEST_SUITE_END()
