/// What this server tells of itself: a line of log for each request and job, and numbers for Prometheus.
#pragma once
#include <array>
#include <cstddef>
#include <cstdint>
#include <ctime>
#include <iostream>
#include <map>
#include <mutex>
#include <sstream>
#include <string>

#include "message.hpp"
#include "nada/core/error.hpp"

namespace nada::serve {

/// Ledger counts requests and jobs, and writes a line for each. Its members may be called from any thread.
class Ledger {
 public:
  explicit Ledger(bool quiet) : quiet_(quiet) {}

  /// Counts a request. The line has no query and no cookie: they are the client's.
  void request(const Request& q, int status, std::size_t bytes, double seconds) {
    const std::lock_guard lock(mutex_);
    ++requests_[status];
    bytes_ += bytes;
    seconds_ += seconds;
    for (std::size_t i = 0; i < bounds.size(); ++i) below_[i] += seconds <= bounds[i];
    ++count_;
    if (quiet_ || q.path == "/healthz" || q.path == "/metrics") return;
    std::string path;  // of what clients send only letters reach a terminal
    for (const char c : q.path.substr(0, 200)) path += c > ' ' && c < 0x7F ? c : '?';
    write(join(q.client, ' ', q.method.empty() ? "-" : q.method.substr(0, 10), ' ', path.empty() ? "-" : path, ' ',
               status, ' ', bytes, ' ', seconds));
  }
  /// Counts the end of a job.
  void job(const std::string& id, const std::string& kind, const std::string& state, std::int64_t seconds,
           const std::string& message) {
    const std::lock_guard lock(mutex_);
    ++jobs_[{kind, state}];
    if (!quiet_) write(join("job ", id, ' ', state, ' ', seconds, message.empty() ? "" : ": ", message));
  }

  /// Returns the numbers in Prometheus's text format 0.0.4, followed by `more`.
  std::string text(const std::string& more) const {
    const std::lock_guard lock(mutex_);
    std::ostringstream out;
    out << "# TYPE nada_requests_total counter\n";
    for (const auto& [status, n] : requests_) out << "nada_requests_total{status=\"" << status << "\"} " << n << '\n';
    out << "# TYPE nada_request_seconds histogram\n";
    for (std::size_t i = 0; i < bounds.size(); ++i)
      out << "nada_request_seconds_bucket{le=\"" << bounds[i] << "\"} " << below_[i] << '\n';
    out << "nada_request_seconds_bucket{le=\"+Inf\"} " << count_ << "\nnada_request_seconds_sum " << seconds_
        << "\nnada_request_seconds_count " << count_ << "\n# TYPE nada_sent_bytes_total counter\nnada_sent_bytes_total "
        << bytes_ << "\n# TYPE nada_jobs_total counter\n";
    for (const auto& [key, n] : jobs_)
      out << "nada_jobs_total{kind=\"" << key.first << "\",state=\"" << key.second << "\"} " << n << '\n';
    return out.str() + more;
  }

 private:
  static void write(const std::string& line) {
    const auto now = std::time(nullptr);
    std::tm parts{};
    ::gmtime_r(&now, &parts);
    char text[32];
    std::strftime(text, sizeof text, "%Y-%m-%dT%H:%M:%SZ ", &parts);
    std::cout << text + line + '\n' << std::flush;
  }

  static constexpr std::array<double, 9> bounds{0.001, 0.005, 0.02, 0.1, 0.5, 1, 5, 20, 60};
  bool quiet_;
  mutable std::mutex mutex_;
  std::map<int, std::uint64_t> requests_;  // by status
  std::map<std::pair<std::string, std::string>, std::uint64_t> jobs_;
  std::array<std::uint64_t, bounds.size()> below_{};
  std::uint64_t bytes_ = 0, count_ = 0;
  double seconds_ = 0;
};

}  // namespace nada::serve
