/// How much one client may ask: requests and bytes as they come, jobs and pictures as they are kept.
#pragma once
#include <algorithm>
#include <chrono>
#include <cstdint>
#include <map>
#include <mutex>
#include <string>

#include "http.hpp"
#include "nada/core/error.hpp"

namespace nada::serve {

/// ClientLimits are the limits of one address.
struct ClientLimits {
  double requests = 100;                          // a second; ten seconds of them at once
  double upload = double(std::size_t{64} << 20);  // bytes of bodies a minute; two minutes of them at once
  int jobs = 4;                                   // that wait or run
  int pictures = 100;                             // that are kept
  int streams = 24;                               // pages that watch runs
};

/// Clients counts what each address asks. Its members may be called from any thread.
class Clients {
 public:
  using Clock = std::chrono::steady_clock;
  explicit Clients(const ClientLimits& limits) : limits_(limits) {}

  /// Counts a request with its body.
  /// Errors:  Refusal 429 beyond the limits, with the seconds after which one more is taken.
  void ask(const std::string& client, std::uint64_t body, Clock::time_point now = Clock::now()) {
    const std::lock_guard lock(mutex_);
    if (clients_.size() > 10'000) forget(now);
    auto& one = clients_.try_emplace(client, Client{10 * limits_.requests, 2 * limits_.upload, now, 0}).first->second;
    const double passed = std::chrono::duration<double>(now - one.seen).count();
    one.seen = now;
    one.requests = std::min(10 * limits_.requests, one.requests + passed * limits_.requests);
    one.upload = std::min(2 * limits_.upload, one.upload + passed * limits_.upload / 60);
    if (one.requests < 1) too_much("too many requests come from this address", (1 - one.requests) / limits_.requests);
    const auto bytes = static_cast<double>(body);
    if (one.upload < bytes && one.upload < 2 * limits_.upload)
      too_much("too many bytes come from this address",
               (std::min(bytes, 2 * limits_.upload) - one.upload) * 60 / limits_.upload);
    one.requests -= 1;
    one.upload = std::max(0.0, one.upload - bytes);
  }

  /// Lets something, a wrong password, count as many requests.
  void fine(const std::string& client, double requests) {
    const std::lock_guard lock(mutex_);
    if (const auto at = clients_.find(client); at != clients_.end())
      at->second.requests = std::max(0.0, at->second.requests - requests);
  }

  /// Counts a page that watches.
  /// Errors:  Refusal 429.
  void watch(const std::string& client) {
    const std::lock_guard lock(mutex_);
    auto& one =
        clients_.try_emplace(client, Client{10 * limits_.requests, 2 * limits_.upload, Clock::now(), 0}).first->second;
    if (one.streams >= limits_.streams || streams_ >= 16 * limits_.streams)
      too_much("too many pages watch runs at once", 3);
    ++one.streams;
    ++streams_;
  }
  void unwatch(const std::string& client) {
    const std::lock_guard lock(mutex_);
    --streams_;
    if (const auto at = clients_.find(client); at != clients_.end()) --at->second.streams;
  }
  int streams() const {
    const std::lock_guard lock(mutex_);
    return streams_;
  }
  const ClientLimits& limits() const { return limits_; }

 private:
  struct Client {
    double requests, upload;  // that may still come
    Clock::time_point seen;
    int streams;
  };
  [[noreturn]] static void too_much(const char* what, double seconds) {
    Refusal refused(429, join(what, "; try again in a moment"));
    refused.retry_after = std::max(1, static_cast<int>(seconds + 1));
    throw refused;
  }
  void forget(Clock::time_point now) {  // whose limits are whole again
    std::erase_if(clients_, [&](const auto& entry) {
      return entry.second.streams == 0 && now - entry.second.seen > std::chrono::minutes(2);
    });
  }

  ClientLimits limits_;
  mutable std::mutex mutex_;
  std::map<std::string, Client> clients_;
  int streams_ = 0;
};

}  // namespace nada::serve
