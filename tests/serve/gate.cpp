#include "serve/gate.hpp"

#include <boost/test/unit_test.hpp>

#include "serve/owners.hpp"

BOOST_AUTO_TEST_SUITE(serve_gate)

using namespace nada::serve;

namespace {
Request from(const std::string& peer, Headers headers) {
  Request q;
  q.method = "GET";
  q.path = "/api/v2/status";
  q.peer = peer;
  q.headers = std::move(headers);
  return q;
}
int status_of(const Gate& gate, Request& q) {
  const auto refused = gate.refusal(q);
  return refused ? refused->status : 200;
}
}  // namespace

BOOST_AUTO_TEST_CASE(a_proxy_is_believed_where_it_is_trusted_and_nobody_else) {
  Clients clients(ClientLimits{});
  const Gate gate({true, {"studio.example"}}, {"127.0.0.1", "10.0.0.1"}, "", clients);
  const Headers headers{{"host", "localhost"},
                        {"x-forwarded-for", "1.1.1.1, 203.0.113.7, 10.0.0.1"},
                        {"x-forwarded-host", "studio.example"},
                        {"x-forwarded-proto", "https"},
                        {"x-forwarded-prefix", "/nada/"},
                        {"origin", "https://studio.example"}};
  auto q = from("127.0.0.1", headers);
  BOOST_TEST(status_of(gate, q) == 200);
  BOOST_TEST(q.client ==
             "203.0.113.7");  // the last that no trusted proxy wrote of itself; 1.1.1.1 is the client's own word
  BOOST_TEST(q.host == "studio.example");
  BOOST_TEST(q.prefix == "/nada");
  BOOST_TEST(q.secure);
  q = from("198.51.100.1", headers);
  BOOST_TEST(status_of(gate, q) == 403);  // the Origin is not the Host's
  BOOST_TEST(q.client == "198.51.100.1");
  BOOST_TEST(q.host == "localhost");
  BOOST_TEST(q.prefix.empty());
  BOOST_TEST(!q.secure);
  q = from("127.0.0.1", {{"host", "localhost"}, {"x-forwarded-host", "evil.example"}});
  BOOST_TEST(status_of(gate, q) == 403);
}

BOOST_AUTO_TEST_CASE(a_password_is_asked_for_but_by_healthz) {
  Clients clients(ClientLimits{});
  const Gate gate({}, {}, "open sesame", clients);
  const auto with = [&](const char* authorization) {
    auto q = from("127.0.0.1", {{"host", "localhost"}, {"authorization", authorization}});
    return status_of(gate, q);
  };
  BOOST_TEST(with("Basic YW55Om9wZW4gc2VzYW1l") == 200);  // any:open sesame
  BOOST_TEST(with("basic Om9wZW4gc2VzYW1l") == 200);      // :open sesame
  for (const char* wrong : {"", "Basic", "Basic ", "Basic YW55Om9wZW4gc2VzYW0=", "Basic ====", "Basic b3BlbiBzZXNhbWU=",
                            "Bearer x", "Basic YW55Om9wZW4gc2VzYW1lIQ=="})
    BOOST_TEST(with(wrong) == 401, wrong);
  auto q = from("127.0.0.1", {{"host", "localhost"}});
  BOOST_TEST(status_of(gate, q) == 401);
  q.path = "/healthz";
  BOOST_TEST(status_of(gate, q) == 200);
}

BOOST_AUTO_TEST_CASE(a_client_that_asks_too_much_is_told_when_to_come_back_and_others_are_not_stopped) {
  const auto now = Clients::Clock::now();
  Clients clients(ClientLimits{.requests = 2, .upload = 6000});
  for (int i = 0; i < 20; ++i) clients.ask("a", 0, now);
  BOOST_CHECK_EXCEPTION(clients.ask("a", 0, now), Refusal,
                        [](const Refusal& r) { return r.status == 429 && r.retry_after == 1; });
  clients.ask("b", 0, now);
  clients.ask("a", 0, now + std::chrono::milliseconds(600));  // half a second makes one request
  clients.ask("c", 12000, now);
  BOOST_CHECK_EXCEPTION(clients.ask("c", 100, now), Refusal, [](const Refusal& r) { return r.retry_after == 2; });
  clients.ask("c", 100, now + std::chrono::seconds(2));
}

BOOST_AUTO_TEST_CASE(an_owner_is_known_by_the_cookie) {
  const std::string token(32, 'a');
  auto q = from("x", {{"cookie", "a=b; nada-owner=" + token + "; c=d"}});
  settle_owner(q);
  BOOST_TEST(q.owner == token);
  BOOST_TEST(!q.new_owner);
  for (const char* cookie : {"", "nada-owner=", "nada-owner=short", "x-nada-owner=aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa",
                             "nada-owner=AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA"}) {
    q = from("x", {{"cookie", cookie}});
    settle_owner(q);
    BOOST_TEST(q.new_owner, cookie);
    BOOST_TEST(is_token(q.owner));
    BOOST_TEST(q.owner != token);
  }
}

BOOST_AUTO_TEST_SUITE_END()
