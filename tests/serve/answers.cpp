#include "serve/answers.hpp"

#include <boost/test/unit_test.hpp>

BOOST_AUTO_TEST_SUITE(serve_answers)

using namespace nada::serve;

BOOST_AUTO_TEST_CASE(a_query_is_decoded_and_no_field_comes_twice) {
  const auto fields = fields_of("text=a%20b+c&x=%C3%A9&empty=&flag");
  BOOST_REQUIRE(fields.size() == 4U);
  BOOST_TEST(fields[0].second == "a b c");
  BOOST_TEST(fields[1].second == "\xC3\xA9");
  BOOST_TEST(fields[2].second.empty());
  BOOST_TEST(fields[3].first == "flag");
  for (const char* query : {"a=1&a=2", "a=%", "a=%4", "a=%zz", "a=%-1"}) BOOST_CHECK_THROW(fields_of(query), Refusal);
}

BOOST_AUTO_TEST_CASE(ranges_are_those_of_rfc_9110) {
  const auto range = [](const char* text) { return read_range(text, 100); };
  BOOST_TEST((range("bytes=0-9")->first == 0U && range("bytes=0-9")->size == 10U));
  BOOST_TEST((range("bytes=90-")->first == 90U && range("bytes=90-")->size == 10U));
  BOOST_TEST((range("bytes=-7")->first == 93U && range("bytes=-7")->size == 7U));
  BOOST_TEST(range("bytes=-700")->size == 100U);
  BOOST_TEST(range("bytes=50-1000")->size == 50U);
  BOOST_TEST(range("bytes=100-")->size == 0U);  // beyond the end
  BOOST_TEST(range("bytes=-0")->size == 0U);
  for (const char* other :
       {"", "bytes=", "bytes=-", "bytes=9-1", "bytes=0-1,5-6", "lines=0-1", "bytes=a-b", "bytes=0-1x", "bytes=+1-2"})
    BOOST_TEST(!range(other).has_value(), other);
}

BOOST_AUTO_TEST_CASE(a_validator_is_found_in_a_list) {
  BOOST_TEST(names_etag("\"a\", W/\"b\"", "\"b\""));
  BOOST_TEST(names_etag("*", "\"b\""));
  BOOST_TEST(!names_etag("\"a\"", "\"b\""));
  BOOST_TEST(!names_etag("", "\"b\""));
}

BOOST_AUTO_TEST_CASE(a_good_answer_gets_a_validator_and_is_sent_once) {
  Request q;
  q.method = "GET";
  auto r = give({{"a", 1}});
  apply_conditions(q, r);
  BOOST_REQUIRE(r.has("etag"));
  q.headers = {{"if-none-match", etag_of(r.content())}};
  auto again = give({{"a", 1}});
  apply_conditions(q, again);
  BOOST_TEST(again.status == 304);
  auto changed = give({{"a", 2}});
  apply_conditions(q, changed);
  BOOST_TEST(changed.status == 200);
}

BOOST_AUTO_TEST_SUITE_END()
