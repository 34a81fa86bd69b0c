#include "serve/http_text.hpp"

#include <boost/test/unit_test.hpp>

BOOST_AUTO_TEST_SUITE(serve_http_text)

using namespace nada::serve;

BOOST_AUTO_TEST_CASE(a_target_is_a_path_with_a_query_or_a_whole_address) {
  Request q;
  q.headers = {{"host", "localhost"}};
  BOOST_TEST(read_target("/api?a=b?c", q));
  BOOST_TEST(q.path == "/api");
  BOOST_TEST(q.query == "a=b?c");
  BOOST_TEST(q.header("host") == "localhost");
  BOOST_TEST(read_target("HTTP://studio.example:80?x", q));
  BOOST_TEST(q.path == "/");
  BOOST_TEST(q.query == "x");
  BOOST_TEST(q.header("host") == "studio.example:80");  // RFC 9112, 3.2.2: the Host is ignored then
  BOOST_TEST(read_target("*", q));
  for (const char* other : {"api", "ftp://x/", "localhost:80", "?a"}) BOOST_TEST(!read_target(other, q), other);
}

BOOST_AUTO_TEST_CASE(a_head_tells_the_length_of_the_body_but_where_none_can_come) {
  Response r;
  r.set("etag", "x");
  BOOST_TEST(head_of(r, 7, false, true).ends_with("etag: x\r\ncontent-length: 7\r\nconnection: close\r\n\r\n"));
  BOOST_TEST(head_of(r, 7, true, false).find("content-length") == std::string::npos);
  r.status = 304;
  BOOST_TEST(head_of(r, 7, false, false).find("content-length") == std::string::npos);
  BOOST_TEST(head_of(r, 7, false, false).starts_with("HTTP/1.1 304 Not Modified\r\ndate: "));
}

BOOST_AUTO_TEST_SUITE_END()
