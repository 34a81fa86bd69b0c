// Bodies of http_server.hpp, compiled by themselves: nothing else includes Beast.
#include "http_server.hpp"

#include <fcntl.h>
#include <sys/resource.h>

#include <array>
#include <atomic>
#include <charconv>
#include <exception>
#include <limits>
#include <map>
#include <mutex>
#include <system_error>
#include <thread>
#include <utility>

#include <boost/asio/awaitable.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/read.hpp>
#include <boost/asio/redirect_error.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/thread_pool.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <boost/asio/write.hpp>
#include <boost/beast/core/flat_buffer.hpp>
#include <boost/beast/core/tcp_stream.hpp>
#include <boost/beast/http/empty_body.hpp>
#include <boost/beast/http/parser.hpp>
#include <boost/beast/http/read.hpp>

#include "http.hpp"
#include "http_meaning.hpp"
#include "http_text.hpp"
#include "nada/core/error.hpp"

namespace nada::serve {
namespace {

namespace asio = boost::asio;
namespace beast = boost::beast;
namespace http = boost::beast::http;
using Tcp = asio::ip::tcp;
using Error = boost::system::error_code;
using Clock = std::chrono::steady_clock;
template <class T>
using Awaitable = asio::awaitable<T>;

constexpr std::size_t slice = std::size_t{256} << 10;
constexpr auto pulse = std::chrono::milliseconds(200);  // between two parts of a stream

auto into(Error& error) { return asio::redirect_error(asio::use_awaitable, error); }

}  // namespace

struct HttpServer::Parts {
  ServerLimits limits;
  std::vector<std::string> trusted;
  Handlers handlers;
  asio::io_context sockets{1};
  asio::thread_pool workers{6};
  Tcp::acceptor acceptor{sockets};
  std::atomic<bool> closing = false;
  std::thread thread;
  mutable std::mutex mutex;
  ServerNumbers numbers;
  std::map<std::string, int> open;  // connections by address; the thread of the sockets alone uses it
  std::size_t bodies = 0;           // likewise

  void log(const Request& q, int status, std::size_t bytes, Clock::time_point begin) const {
    if (handlers.log) handlers.log(q, status, bytes, std::chrono::duration<double>(Clock::now() - begin).count());
  }
  void count_bad_head() {
    const std::lock_guard lock(mutex);
    ++numbers.bad_heads;
  }
  bool enter(const std::string& who, bool counted);
  void leave(const std::string& who, bool counted);
  void listen(const std::string& host, int port);
  Awaitable<void> accept();
  Awaitable<void> connection(Tcp::socket socket, std::string peer, std::string who, bool counted);
  Awaitable<bool> exchange(beast::tcp_stream& stream, beast::flat_buffer& buffer, const std::string& peer, bool last);
  Awaitable<Error> read_body(beast::tcp_stream& stream, beast::flat_buffer& buffer, Request& q);
  Awaitable<Response> answer(Request q);
  Awaitable<std::pair<bool, bool>> next(std::shared_ptr<BodyStream> source, std::shared_ptr<std::string> out);
  Awaitable<bool> send(beast::tcp_stream& stream, const Request& q, Response r, bool last, bool old,
                       Clock::time_point begin);
  Awaitable<bool> send_stream(beast::tcp_stream& stream, std::shared_ptr<BodyStream> source, std::string head,
                              bool chunked, std::size_t& bytes);
  Awaitable<void> linger(beast::tcp_stream& stream);
  Awaitable<void> refuse_head(beast::tcp_stream& stream, Request q, Error error);
  std::optional<Response> look(Request& q, const http::request_parser<http::empty_body>& parser) const;
};

/// Counts a connection. Returns whether it may stay.
bool HttpServer::Parts::enter(const std::string& who, bool counted) {
  const std::lock_guard lock(mutex);
  ++numbers.accepted;
  if (numbers.connections >= limits.connections || (counted && open[who] >= limits.client_connections)) {
    ++numbers.turned_away;
    return false;
  }
  ++numbers.connections;
  if (counted) ++open[who];
  return true;
}

void HttpServer::Parts::leave(const std::string& who, bool counted) {
  const std::lock_guard lock(mutex);
  --numbers.connections;
  if (!counted) return;
  const auto at = open.find(who);
  if (at != open.end() && --at->second <= 0) open.erase(at);
}

void HttpServer::Parts::listen(const std::string& host, int port) {
  Error error;
  Tcp::resolver resolver(sockets);
  const auto found = resolver.resolve(host, std::to_string(port), Tcp::resolver::passive, error);
  const auto complain = [&](const char* what) {
    require(!error, "cannot listen on ", host, " port ", port, " (", what, ": ", error.message(),
            "); is another program there?");
  };
  complain("looking up the address");
  const auto end = found.begin()->endpoint();
  acceptor.open(end.protocol(), error);
  complain("opening");
  ::fcntl(acceptor.native_handle(), F_SETFD, FD_CLOEXEC);
  acceptor.set_option(Tcp::acceptor::reuse_address(true), error);
  acceptor.bind(end, error);
  complain("binding");
  acceptor.listen(512, error);
  complain("listening");
}

Awaitable<void> HttpServer::Parts::accept() {
  while (!closing) {
    Error error;
    auto socket = co_await acceptor.async_accept(into(error));
    if (error == asio::error::operation_aborted || closing) break;
    if (error) {  // no descriptors are left, for example: others must end first
      asio::steady_timer wait(sockets, std::chrono::milliseconds(50));
      co_await wait.async_wait(into(error));
      continue;
    }
    ::fcntl(socket.native_handle(), F_SETFD, FD_CLOEXEC);
    const auto end = socket.remote_endpoint(error);
    if (error) continue;
    socket.set_option(Tcp::no_delay(true), error);
    const auto peer = text_of(end.address());
    const bool counted = std::find(trusted.begin(), trusted.end(), peer) == trusted.end();
    const auto who = counted_as(peer);
    if (!enter(who, counted)) {
      auto r = handlers.problem(429, "this address has too many connections; close some");
      const auto text = head_of(r, r.body.size(), false, true) + r.body;
      socket.non_blocking(true, error);
      socket.send(asio::buffer(text), 0, error);
      continue;  // closes it
    }
    asio::co_spawn(sockets, connection(std::move(socket), peer, who, counted), asio::detached);
  }
}

Awaitable<void> HttpServer::Parts::connection(Tcp::socket socket, std::string peer, std::string who, bool counted) {
  beast::tcp_stream stream(std::move(socket));
  beast::flat_buffer buffer(limits.head + slice);
  try {
    for (int left = limits.requests; left > 0 && !closing; --left) {
      if (buffer.size() == 0) {  // waits for the first byte
        Error error;
        stream.expires_after(limits.idle);
        const auto n = co_await stream.async_read_some(buffer.prepare(4096), into(error));
        if (error || n == 0) break;
        buffer.commit(n);
      }
      if (!co_await exchange(stream, buffer, peer, left == 1)) break;
    }
    co_await linger(stream);
  } catch (const std::exception&) {  // a connection that failed ends by itself, others go on
  }
  leave(who, counted);
}

/// Reads a request and answers it. Returns whether the connection goes on.
Awaitable<bool> HttpServer::Parts::exchange(beast::tcp_stream& stream, beast::flat_buffer& buffer,
                                            const std::string& peer, bool last) {
  stream.expires_after(limits.request);
  http::request_parser<http::empty_body> parser;
  parser.header_limit(static_cast<std::uint32_t>(limits.head));
  parser.body_limit(std::numeric_limits<std::uint64_t>::max());  // the gate limits bodies
  Request q;
  q.peer = q.client = peer;
  Error error;
  const auto begin = Clock::now();
  co_await http::async_read_header(stream, buffer, parser, into(error));
  if (error) {
    if (error != http::error::end_of_stream) co_await refuse_head(stream, std::move(q), error);
    co_return false;
  }
  const bool old = parser.get().version() < 11;
  auto refused = look(q, parser);
  last = last || !parser.keep_alive();
  if (refused) {  // the connection ends where a body that nobody reads may follow
    last = last || q.length > 0 || q.has("transfer-encoding") || (q.method != "GET" && q.method != "HEAD") ||
           refused->status == 400 || refused->status == 431;
    co_return co_await send(stream, q, std::move(*refused), last, old, begin) && !last;
  }
  if (q.length > 0) {
    if (error = co_await read_body(stream, buffer, q); error) {
      co_await refuse_head(stream, std::move(q), error);
      co_return false;
    }
  }
  stream.expires_never();
  const bool without_body = q.method == "HEAD";
  Request about = q;
  about.body.clear();
  bodies += q.length;
  auto r = co_await answer(std::move(q));
  bodies -= about.length;
  if (without_body) r.stream.reset();
  last = last || closing;
  co_return co_await send(stream, about, std::move(r), last, old, begin) && !last;
}

/// Fills the request from its head. Returns the answer where the head is refused.
std::optional<Response> HttpServer::Parts::look(Request& q,
                                                const http::request_parser<http::empty_body>& parser) const {
  const auto& head = parser.get();
  q.method = std::string(head.method_string());
  std::size_t fields = 0;
  for (const auto& field : head) {
    q.headers.emplace_back(lower_case({field.name_string().data(), field.name_string().size()}),
                           std::string(field.value()));
    ++fields;
  }
  if (!read_target(std::string(head.target()), q))
    return handlers.problem(400, "the address of the request has no form that is known");
  if (fields > limits.fields) return handlers.problem(431, "the head of the request has too many lines");
  if (q.has("content-length")) {
    const auto text = q.header("content-length");
    const auto [end, bad] = std::from_chars(text.data(), text.data() + text.size(), q.length);
    if (bad == std::errc::result_out_of_range) return handlers.problem(413, "the body is too large");
    if (q.count("content-length") != 1 || bad != std::errc{} || end != text.data() + text.size())
      return handlers.problem(400, "the Content-Length is not a length");
  }
  if (auto refused = handlers.head(q)) return refused;
  if (bodies + q.length > limits.bodies)
    return handlers.problem(503, "too many pictures arrive at once; try again in a moment");
  return {};
}

/// Reads the body, as long as the head says. An Expect header is answered first.
Awaitable<Error> HttpServer::Parts::read_body(beast::tcp_stream& stream, beast::flat_buffer& buffer, Request& q) {
  Error error;
  bodies += q.length;
  const auto length = static_cast<std::size_t>(q.length);
  if (lower_case(q.header("expect")) == "100-continue" && buffer.size() == 0) {
    static constexpr std::string_view text = "HTTP/1.1 100 Continue\r\n\r\n";
    co_await asio::async_write(stream, asio::buffer(text), into(error));
  }
  q.body.resize(std::min(length, buffer.size()));
  asio::buffer_copy(asio::buffer(q.body), buffer.data());
  buffer.consume(q.body.size());
  while (!error && q.body.size() < length) {  // memory grows as bytes arrive, not as they are announced
    const auto had = q.body.size();
    q.body.resize(had + std::min(length - had, slice));
    co_await asio::async_read(stream, asio::buffer(q.body.data() + had, q.body.size() - had), into(error));
  }
  bodies -= q.length;
  co_return error;
}

/// Lets a worker answer, and waits for the answer.
Awaitable<Response> HttpServer::Parts::answer(Request q) {
  struct Wait {
    explicit Wait(asio::io_context& sockets) : timer(sockets, asio::steady_timer::time_point::max()) {}
    asio::steady_timer timer;
    Response response;
  };
  const auto wait = std::make_shared<Wait>(sockets);
  const auto asked = std::make_shared<Request>(std::move(q));
  asio::post(workers, [this, wait, asked] {
    handlers.answer(std::move(*asked), [this, wait](Response r) {
      const auto made = std::make_shared<Response>(std::move(r));
      asio::post(sockets, [wait, made] {
        wait->response = std::move(*made);
        wait->timer.cancel();
      });
    });
  });
  Error error;
  co_await wait->timer.async_wait(into(error));
  co_return std::move(wait->response);
}

/// Lets a worker make the next part of a stream. Returns whether more comes.
Awaitable<std::pair<bool, bool>> HttpServer::Parts::next(std::shared_ptr<BodyStream> source,
                                                         std::shared_ptr<std::string> out) {
  const auto timer = std::make_shared<asio::steady_timer>(sockets, asio::steady_timer::time_point::max());
  const auto more = std::make_shared<bool>(false);
  asio::post(workers, [this, source, out, timer, more] {
    try {
      *more = source->next(*out);
    } catch (const std::exception&) {  // the stream ends here, and the client asks again
    }
    asio::post(sockets, [timer] { timer->cancel(); });
  });
  Error error;
  co_await timer->async_wait(into(error));
  co_return std::pair{*more, true};
}

/// Sends an answer. Returns whether the client took all of it.
Awaitable<bool> HttpServer::Parts::send(beast::tcp_stream& stream, const Request& q, Response r, bool last, bool old,
                                        Clock::time_point begin) {
  const auto content = r.content();
  auto head = head_of(r, content.size(), r.stream && !old, last || (r.stream && old));
  std::size_t bytes = 0;
  bool good = true;
  if (r.stream) {
    good = co_await send_stream(stream, std::move(r.stream), std::move(head), !old, bytes);
    if (old) good = false;
  } else {
    const auto body = q.method == "HEAD" || r.status == 304 ? std::span<const std::byte>() : content;
    Error error;
    stream.expires_after(limits.part);
    const auto first = std::min(slice, body.size());  // head and body leave in one write
    const std::array<asio::const_buffer, 2> parts{asio::buffer(head), asio::buffer(body.data(), first)};
    co_await asio::async_write(stream, parts, into(error));
    bytes = first;
    while (!error && bytes < body.size()) {
      stream.expires_after(limits.part);
      bytes += co_await asio::async_write(
          stream, asio::buffer(body.data() + bytes, std::min(slice, body.size() - bytes)), into(error));
    }
    good = !error;
  }
  log(q, r.status, bytes, begin);
  co_return good;
}

Awaitable<bool> HttpServer::Parts::send_stream(beast::tcp_stream& stream, std::shared_ptr<BodyStream> source,
                                               std::string head, bool chunked, std::size_t& bytes) {
  Error error;
  stream.expires_after(limits.part);
  co_await asio::async_write(stream, asio::buffer(head), into(error));
  for (bool more = true; more && !error && !closing;) {
    const auto out = std::make_shared<std::string>();
    more = (co_await next(source, out)).first;
    if (!out->empty()) {
      if (chunked) {
        char size[20];
        const auto end = std::to_chars(size, size + sizeof size, out->size(), 16).ptr;
        *out = std::string(size, end) + "\r\n" + *out + "\r\n";
      }
      stream.expires_after(limits.part);
      bytes += co_await asio::async_write(stream, asio::buffer(*out), into(error));
    }
    if (!more || error) break;
    asio::steady_timer wait(sockets, pulse);
    Error ignored;
    co_await wait.async_wait(asio::redirect_error(asio::use_awaitable, ignored));
    // A client that closed its side is noticed here, without waiting for a write to fail.
    char byte = 0;
    if (::recv(stream.socket().native_handle(), &byte, 1, MSG_PEEK | MSG_DONTWAIT) == 0) co_return false;
  }
  if (error) co_return false;
  if (chunked) {
    static constexpr std::string_view end = "0\r\n\r\n";
    stream.expires_after(limits.part);
    co_await asio::async_write(stream, asio::buffer(end), into(error));
  }
  co_return !error;
}

/// Answers what is no request; the connection ends.
Awaitable<void> HttpServer::Parts::refuse_head(beast::tcp_stream& stream, Request q, Error error) {
  count_bad_head();
  const auto [status, sentence] = meaning_of(error);
  if (error == asio::error::eof || error == asio::error::connection_reset || error == http::error::partial_message)
    co_return;
  co_await send(stream, q, handlers.problem(status, sentence), /*last=*/true, /*old=*/false, Clock::now());
}

/// Reads for a moment what the client still sends, else closing would reset the connection and lose the answer.
Awaitable<void> HttpServer::Parts::linger(beast::tcp_stream& stream) {
  Error error;
  stream.socket().shutdown(Tcp::socket::shutdown_send, error);
  stream.expires_after(std::chrono::milliseconds(closing ? 50 : 500));
  std::string rest(16384, '\0');
  for (auto left = std::size_t{16} << 20; !error && left > 0;) {
    const auto n = co_await stream.async_read_some(asio::buffer(rest), into(error));
    left -= std::min(left, n);
  }
  stream.socket().close(error);
}

HttpServer::HttpServer(const std::string& host, int port, const ServerLimits& limits, std::vector<std::string> trusted,
                       Handlers handlers)
    : parts_(std::make_unique<Parts>()) {
  parts_->limits = limits;
  parts_->trusted = std::move(trusted);
  parts_->handlers = std::move(handlers);
  rlimit files{};
  if (::getrlimit(RLIMIT_NOFILE, &files) == 0 && files.rlim_cur < files.rlim_max) {
    files.rlim_cur = std::min<rlim_t>(files.rlim_max, static_cast<rlim_t>(limits.connections) + 512);
    ::setrlimit(RLIMIT_NOFILE, &files);
  }
  parts_->listen(host, port);
}

HttpServer::~HttpServer() { stop(); }

int HttpServer::port() const { return parts_->acceptor.local_endpoint().port(); }

void HttpServer::start() {
  asio::co_spawn(parts_->sockets, parts_->accept(), asio::detached);
  parts_->thread = std::thread([this] { parts_->sockets.run(); });
}

void HttpServer::stop() {
  if (!parts_->thread.joinable()) return;
  parts_->closing = true;
  asio::post(parts_->sockets, [this] {
    Error error;
    parts_->acceptor.close(error);
  });
  for (int i = 0; i < 40 && numbers().connections > 0; ++i) std::this_thread::sleep_for(std::chrono::milliseconds(50));
  parts_->sockets.stop();
  parts_->thread.join();
  parts_->workers.stop();
  parts_->workers.join();
}

ServerNumbers HttpServer::numbers() const {
  const std::lock_guard lock(parts_->mutex);
  return parts_->numbers;
}

}  // namespace nada::serve
