/// An HTTP/1.1 server (RFC 9112) on Boost.Beast: strict heads, deadlines, limits of connections. It knows nothing of what it
/// serves.
#pragma once
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "message.hpp"

namespace nada::serve {

/// ServerLimits are the limits of connections.
struct ServerLimits {
  std::chrono::milliseconds request{20'000};    // from the first byte of a request until all is read
  std::chrono::milliseconds part{10'000};       // for 256 KiB of an answer, until the client has taken them
  std::chrono::milliseconds idle{10'000};       // between requests
  std::size_t head = std::size_t{64} << 10;     // bytes of a request's head
  std::size_t fields = 100;                     // header lines of a head
  std::size_t bodies = std::size_t{256} << 20;  // bytes of all bodies that are being read
  int requests = 1000;                          // of one connection
  int connections = 1024;                       // of all clients
  int client_connections = 64;                  // of one address, an IPv6 network of 64 bits counting as one
};

/// ServerNumbers are what the server counts.
struct ServerNumbers {
  int connections = 0;
  std::uint64_t accepted = 0, turned_away = 0, bad_heads = 0;
};

/// HttpServer answers requests. One thread does all that waits for sockets, so a slow client holds no thread; `answer`
/// and streams run on a few others.
class HttpServer {
 public:
  struct Handlers {
    /// Looks at a request's head, on the thread of the sockets; what it returns is the answer, and the body is not read.
    std::function<std::optional<Response>(Request&)> head;
    /// Answers a request, now or later.
    std::function<void(Request, Answer)> answer;
    /// Makes the answer to what is no request.
    std::function<Response(int status, const std::string& sentence)> problem;
    /// Is told of each request that was answered, and of heads that were none (`q.method` is empty).
    std::function<void(const Request& q, int status, std::size_t bytes, double seconds)> log;
  };

  /// Listens. Port 0 takes a free one. `trusted` are addresses whose connections are not counted: proxies.
  /// Errors:  an address that is none of this machine, a port that is taken.
  HttpServer(const std::string& host, int port, const ServerLimits& limits, std::vector<std::string> trusted,
             Handlers handlers);
  HttpServer(const HttpServer&) = delete;
  HttpServer& operator=(const HttpServer&) = delete;
  ~HttpServer();

  int port() const;
  /// Starts to answer, on threads of its own.
  void start();
  /// Accepts no more, ends streams, gives answers in progress up to two seconds, and returns when all threads have ended.
  void stop();
  ServerNumbers numbers() const;

 private:
  struct Parts;
  std::unique_ptr<Parts> parts_;
};

}  // namespace nada::serve
