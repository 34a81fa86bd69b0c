/// cpp-httplib's server with two additions that a public server needs: a deadline for each request,
/// and bounded reading.
#pragma once
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <chrono>
#include <cstddef>
#include <functional>
#include <string>
#include <utility>

#include <httplib.h>

namespace nada::serve {

/// ConnectionLimits are the limits of one connection.
struct ConnectionLimits {
  std::chrono::milliseconds request{20'000};  // from the request's first byte until all is read
  std::chrono::milliseconds part{10'000};     // for a part of the answer, until the client has taken it
  std::chrono::milliseconds idle{3'000};      // between requests
  std::size_t head = std::size_t{64} << 10;   // bytes of a request's head
  std::size_t body = std::size_t{16} << 20;   // bytes of its body
  int requests = 200;
};

/// DeadlineStream is a socket that gives up: a client that sends or takes a byte now and then holds a thread no longer,
/// and sends no more, than the limits say.
class DeadlineStream : public httplib::Stream {
 public:
  DeadlineStream(socket_t socket, const ConnectionLimits& limits)
      : socket_(socket), limits_(limits), until_(Clock::now() + limits.request), left_(limits.head) {}

  bool is_readable() const override { return ready(POLLIN, until_); }
  bool is_writable() const override {
    pollfd entry{socket_, POLLOUT | POLLIN, 0};
    if (::poll(&entry, 1, 0) < 0 || (entry.revents & (POLLERR | POLLHUP)) != 0) return false;
    char byte = 0;  // the peek finds a client that closed its side
    return (entry.revents & POLLIN) == 0 || ::recv(socket_, &byte, 1, MSG_PEEK | MSG_DONTWAIT) > 0;
  }
  ssize_t read(char* out, size_t size) override {
    if (at_ == filled_) {
      if (left_ == 0) return -1;
      for (;;) {
        if (!ready(POLLIN, until_)) return -1;
        const auto n = ::recv(socket_, buffer_, std::min(sizeof buffer_, left_), 0);
        if (n < 0 && (errno == EINTR || errno == EAGAIN)) continue;
        if (n <= 0) return n;
        filled_ = static_cast<std::size_t>(n);
        left_ -= filled_;
        at_ = 0;
        break;
      }
    }
    const auto n = std::min(size, filled_ - at_);
    std::copy_n(buffer_ + at_, n, out);
    at_ += n;
    return static_cast<ssize_t>(n);
  }
  ssize_t write(const char* bytes, size_t size) override {
    const auto until = Clock::now() + limits_.part;
    for (std::size_t done = 0; done < size;) {
      if (!ready(POLLOUT, until)) return -1;
      const auto n = ::send(socket_, bytes + done, size - done, MSG_NOSIGNAL | MSG_DONTWAIT);
      if (n < 0 && (errno == EINTR || errno == EAGAIN)) continue;
      if (n <= 0) return -1;
      done += static_cast<std::size_t>(n);
    }
    return static_cast<ssize_t>(size);
  }
  void get_remote_ip_and_port(std::string& ip, int& port) const override { ip.clear(), port = 0; }
  void get_local_ip_and_port(std::string& ip, int& port) const override { ip.clear(), port = 0; }
  socket_t socket() const override { return socket_; }

  bool has_more() const { return at_ < filled_; }  ///< whether bytes of a next request were read already
  void expect_body() { left_ = limits_.body; }     ///< after the head was read
  /// Prepares for the next request.
  void renew() {
    until_ = Clock::now() + limits_.request;
    left_ = limits_.head;
  }

 private:
  using Clock = std::chrono::steady_clock;
  bool ready(short what, Clock::time_point until) const {
    for (;;) {
      const auto left = std::chrono::duration_cast<std::chrono::milliseconds>(until - Clock::now()).count();
      if (left <= 0) return false;
      pollfd entry{socket_, what, 0};
      const int n = ::poll(&entry, 1, static_cast<int>(left));
      if (n > 0) return true;
      if (n == 0 || errno != EINTR) return false;
    }
  }

  socket_t socket_;
  ConnectionLimits limits_;
  Clock::time_point until_;
  std::size_t left_, at_ = 0, filled_ = 0;
  char buffer_[16384];
};

class DeadlineServer : public httplib::Server {
 public:
  explicit DeadlineServer(ConnectionLimits limits) : limits_(limits) {}
  /// The server calls this function with each request's head, before the body is read; it returns whether the
  /// connection ends with the answer.
  std::function<bool(httplib::Request&)> on_head;
  /// Sets how many clients may wait to be connected, in the place of cpp-httplib's five; call it once the
  /// server is bound.
  void widen(int waiting) { ::listen(svr_sock_, waiting); }

 private:
  bool process_and_close_socket(socket_t socket) override {
    DeadlineStream stream(socket, limits_);
    for (int left = limits_.requests; left > 0 && svr_sock_ != INVALID_SOCKET; --left) {
      if (!stream.has_more() && !arrives(socket)) break;
      stream.renew();
      bool closed = false, last = left == 1;
      const bool good = answer(stream, last, closed, [&](httplib::Request& request) {
        stream.expect_body();
        if (on_head && on_head(request)) {
          last = true;
          request.headers.erase("Connection");
          request.headers.emplace("Connection", "close");  // so that the answer tells the client
        }
      });
      if (!good || closed || last) break;
    }
    // The rest that the client still sends is read for a moment, else closing would reset the connection and
    // lose the answer.
    ::shutdown(socket, SHUT_WR);
    const auto until = std::chrono::steady_clock::now() + std::chrono::milliseconds(500);
    char rest[16384];
    auto most = static_cast<ssize_t>(limits_.head + limits_.body);
    for (pollfd entry{socket, POLLIN, 0}; most > 0 && std::chrono::steady_clock::now() < until;) {
      if (::poll(&entry, 1, 50) < 0) break;
      if (entry.revents == 0) continue;
      const auto n = ::recv(socket, rest, sizeof rest, MSG_DONTWAIT);
      if (n <= 0) break;
      most -= n;
    }
    ::close(socket);
    return true;
  }
  /// This is cpp-httplib's own function; in version 0.18 it also takes the addresses of both ends, which this server
  /// does not need.
  template <class Setup>
  bool answer(DeadlineStream& stream, bool last, bool& closed, const Setup& setup) {
    if constexpr (requires { this->process_request(stream, last, closed, setup); })
      return this->process_request(stream, last, closed, setup);
    else
      return this->process_request(stream, "", 0, "", 0, last, closed, setup);
  }
  bool arrives(socket_t socket) const {
    for (auto left = limits_.idle.count(); left > 0 && svr_sock_ != INVALID_SOCKET; left -= 100) {
      pollfd entry{socket, POLLIN, 0};
      const int n = ::poll(&entry, 1, 100);
      if (n > 0) return true;
      if (n < 0 && errno != EINTR) return false;
    }
    return false;
  }

  ConnectionLimits limits_;
};

}  // namespace nada::serve
