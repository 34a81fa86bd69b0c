// Fuzz target: requests to the page, a head and a body as they come from a socket.
#include <boost/asio/buffer.hpp>
#include <boost/beast/http.hpp>

#include <algorithm>
#include <span>
#include <string>
#include <string_view>

#include "http.hpp"
#include "http_text.hpp"
#include "input.hpp"
#include "message.hpp"
#include "owners.hpp"

#include "fuzz.hpp"

using namespace nada;
using namespace nada::serve;

namespace {

namespace http = boost::beast::http;

/// What a handler asks of a request must end in a value or in a refusal whose sentence can be sent.
template <class Read>
void attempt_request(std::size_t size, Read&& read) {
  std::string sentence;
  {
    const fuzz::MemoryLimit limit(size);
    try {
      read();
      return;
    } catch (const Refusal& refusal) {
      fuzz::hold(refusal.status >= 400 && refusal.status < 500, "a refusal without its status");
      sentence = refusal.what();
    }
  }
  const bool plain = std::none_of(sentence.begin(), sentence.end(),
                                  [](char c) { return static_cast<unsigned char>(c) < 0x20 || c == 0x7F; });
  fuzz::hold(!sentence.empty() && plain && is_utf8(sentence) && sentence.size() < 4000,
             "a refusal that is no sentence: " + sentence);
}

void read_fields(const Request& q) {
  for (const auto& [name, value] : fields_of(q.query)) fuzz::touch(std::as_bytes(std::span(value)));
}

void read_body(std::string_view body) {
  auto input = Input::parse(body);
  if (input.has("latents"))
    for (auto& latent : input.objects("latents", 4)) {
      const auto seed = latent.whole("seed", 0, largest_seed);
      fuzz::hold(seed >= 0 && seed <= largest_seed, "a seed outside of its limits");
      latent.finish();
    }
  const auto names = input.names("presets", 3, {});
  for (const auto& name : names) fuzz::hold(is_name(name), "a name that is none");
  const auto text = input.text("target", 20, "none");
  fuzz::hold(!text.empty() && text.size() <= 20 && is_utf8(text), "a text outside of its limits");
  const auto number = input.number("strength", -2, 2, 1);
  fuzz::hold(number >= -2 && number <= 2, "a number outside of its limits");
  input.finish();
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  http::request_parser<http::empty_body> parser;
  parser.header_limit(64 << 10);
  boost::system::error_code error;
  const auto used = parser.put(boost::asio::buffer(data, size), error);
  if (error || !parser.is_header_done()) return 0;
  Request q;
  for (const auto& field : parser.get())
    q.headers.emplace_back(lower_case({field.name_string().data(), field.name_string().size()}),
                           std::string(field.value()));
  if (!read_target(std::string(parser.get().target()), q)) return 0;
  fuzz::hold(q.path.starts_with('/') || q.path == "*", "a path that is none");
  for (const auto& part : path_parts(q.path)) fuzz::touch(std::as_bytes(std::span(part)));
  const auto host = host_name(q.header("host"));
  fuzz::hold(!is_own_host(q.header("host"), Names{false, {"studio.example"}}) || !host.empty(),
             "an own host without a name");
  static_cast<void>(is_own_origin(q.header("origin"), q.header("host")));
  settle_owner(q);
  fuzz::hold(is_token(q.owner), "an owner without a token");
  attempt_request(size, [&] { read_fields(q); });
  attempt_request(size, [&] { read_body({reinterpret_cast<const char*>(data) + used, size - used}); });
  return 0;
}
