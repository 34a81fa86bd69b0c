#include "serve/http.hpp"

#include <boost/test/unit_test.hpp>

BOOST_AUTO_TEST_SUITE(serve_http)

using namespace nada::serve;

BOOST_AUTO_TEST_CASE(a_server_on_loopback_answers_to_loopback_names_only) {
  const Names names;
  for (const char* host :
       {"localhost", "localhost:8080", "LOCALHOST:1", "127.0.0.1:8080", "127.0.0.1", "[::1]:8080", "[::1]"})
    BOOST_TEST(is_own_host(host, names), host);
  for (const char* host :
       {"", "evil.example", "127.0.0.1.evil.example", "localhost.", "10.0.0.1", "[::2]", "localhost:", "localhost:x",
        "localhost:123456", "[::1", "user@localhost", "localhost:80:80", "[::1]x"})
    BOOST_TEST(!is_own_host(host, names), host);
}

BOOST_AUTO_TEST_CASE(an_open_server_answers_to_addresses_and_names_that_were_given) {
  const Names names{false, {"studio.example"}};
  for (const char* host : {"10.0.0.1:8080", "[2001:db8::1]:80", "studio.example", "Studio.Example:443", "localhost"})
    BOOST_TEST(is_own_host(host, names), host);
  for (const char* host : {"evil.example", "studio.example.evil", "10.0.0", "10.0.0.1.example"})
    BOOST_TEST(!is_own_host(host, names), host);
}

BOOST_AUTO_TEST_CASE(an_origin_is_own_where_its_host_is_the_one_that_was_asked) {
  BOOST_TEST(is_own_origin("", "localhost:8080"));
  BOOST_TEST(is_own_origin("http://localhost:8080", "localhost:8080"));
  BOOST_TEST(is_own_origin("https://studio.example", "studio.example"));
  for (const char* origin : {"null", "http://localhost", "http://localhost:8081", "http://evil.example",
                             "ftp://localhost:8080", "http://localhost:8080/", "http://localhost:8080.evil"})
    BOOST_TEST(!is_own_origin(origin, "localhost:8080"), origin);
}

BOOST_AUTO_TEST_CASE(empty_parts_of_a_path_stay) {
  using Parts = std::vector<std::string>;
  BOOST_TEST((path_parts("/api/v1/runs") == Parts{"api", "v1", "runs"}));
  BOOST_TEST((path_parts("/") == Parts{""}));
  BOOST_TEST((path_parts("/a//b/") == Parts{"a", "", "b", ""}));
}

BOOST_AUTO_TEST_CASE(names_have_no_dots_slashes_or_capitals) {
  for (const char* name : {"a", "a-zombie-1", "x_2"}) BOOST_TEST(is_name(name), name);
  for (const std::string& name :
       {std::string(), std::string(81, 'a'), std::string(".."), std::string("a.b"), std::string("a/b"),
        std::string("A"), std::string("\xC3\xA9"), std::string("a\0b", 3)})
    BOOST_TEST(!is_name(name), name);
}

BOOST_AUTO_TEST_CASE(an_ipv6_network_counts_as_one) {
  BOOST_TEST(counted_as("10.0.0.1") == "10.0.0.1");
  BOOST_TEST(counted_as("2001:db8:1:2:3:4:5:6") == "2001:db8:1:2::");
  BOOST_TEST(counted_as("2001:db8:1:2::9") == "2001:db8:1:2::");
}

BOOST_AUTO_TEST_CASE(sentences_have_no_paths_of_this_machine) {
  BOOST_TEST(without_paths("cannot read \"/srv/runs/a-1/x.png\": gone") == "cannot read \"x.png\": gone");
  BOOST_TEST(without_paths("/a/b is in use") == "b is in use");
  BOOST_TEST(without_paths("1/2 of 3, and/or") == "1/2 of 3, and/or");
}

BOOST_AUTO_TEST_SUITE_END()
