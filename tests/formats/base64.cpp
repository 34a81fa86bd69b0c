#include "nada/formats/base64.hpp"

#include <boost/test/unit_test.hpp>
#include <span>
#include <string>
#include <string_view>

BOOST_AUTO_TEST_SUITE(formats_base64)

namespace {
std::string base64_of(std::string_view text) {
  return nada::base64(std::as_bytes(std::span(text.data(), text.size())));
}
}  // namespace

BOOST_AUTO_TEST_CASE(gives_the_answers_of_rfc_4648) {
  BOOST_TEST(base64_of("") == "");
  BOOST_TEST(base64_of("f") == "Zg==");
  BOOST_TEST(base64_of("fo") == "Zm8=");
  BOOST_TEST(base64_of("foo") == "Zm9v");
  BOOST_TEST(base64_of("foobar") == "Zm9vYmFy");
}

BOOST_AUTO_TEST_CASE(bytes_above_127_are_no_negative_numbers) { BOOST_TEST(base64_of("\xFF\xFE\xFD") == "//79"); }

BOOST_AUTO_TEST_SUITE_END()
