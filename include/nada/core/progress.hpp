/// Shows how far a long loop is: one line that is redrawn on a terminal, a line every few seconds elsewhere.
#pragma once
#include <unistd.h>

#include <chrono>
#include <cmath>
#include <cstdint>
#include <deque>
#include <iostream>
#include <optional>
#include <ostream>
#include <string>
#include <string_view>
#include <utility>

namespace nada {
namespace detail {

/// Writes a time: 0:07, 12:30, 3:05:00, 2d 04:00.
std::string clock_text(double seconds);

/// Writes a rate: 12.3/s, 0.45/s; a rate below one in ten seconds as the time of one step: 14 s each.
std::string rate_text(double per_second);

/// ProgressState holds the numbers that a line of progress shows.
struct ProgressState {
  std::string_view label, note;
  std::int64_t done = 0, total = 0;  // total 0: not known
  double per_second = 0;             // 0: not known yet
  double seconds = 0;                // since the start
  bool finished = false;             // the line shows the time taken, not the time left

  double fraction() const;
  std::string percent() const {
    return total > 0 ? std::to_string(static_cast<int>(std::floor(100 * fraction()))) + "%" : std::string();
  }
  std::string count() const { return std::to_string(done) + (total > 0 ? "/" + std::to_string(total) : std::string()); }
  std::string time() const;
};

/// Writes one line without a bar: `adapt  43%  129/300  4.8/s  0:36 left  loss 0.4321`.
std::string plain_line(const ProgressState& state);

/// Writes one line of at most `columns` - 1 columns with a bar. The narrower the line is, the more is left out: first
/// the bar shrinks and goes, then label and rate; the count and the note stay longest.
std::string bar_line(const ProgressState& state, int columns, bool unicode);

inline double progress_clock() {
  return std::chrono::duration<double>(std::chrono::steady_clock::now().time_since_epoch()).count();
}

}  // namespace detail

/// Progress shows how far a loop is.
///     adapt  ━━━━━━━━━━━━━┄┄┄┄┄┄┄┄┄┄┄   43%  129/300  4.8/s  0:36 left  loss 0.4321
/// On a terminal one line is redrawn in place, at most 10 times a second, fitted to the width; elsewhere (a
/// file, a pipe) a plain line is written every 5 seconds. The rate is the rate of the last 10 seconds.
/// finish() writes a last line. After finish(), and after destruction without finish() (an exception), the
/// cursor stands at the start of a line.
class Progress {
 public:
  /// `total` is the number of steps, 0 where it is unknown; `done` of them were made earlier (they count neither for
  /// the rate nor for the time left). `terminal` says whether to redraw; the default is to redraw where `out` is
  /// std::cerr, std::clog or std::cout on a terminal.
  Progress(std::string label, std::int64_t total, std::int64_t done = 0, std::ostream& out = std::cerr,
           std::optional<bool> terminal = {});
  Progress(const Progress&) = delete;
  Progress& operator=(const Progress&) = delete;
  ~Progress() {
    if (drawn_) out_ << '\n' << std::flush;
  }

  /// Shows that `done` steps are made, with a `note` of a few words such as `loss 0.4321`. The call is cheap
  /// enough to be made after each step.
  void update(std::int64_t done, std::string_view note = {}) { update_at(done, note, detail::progress_clock()); }

  /// Writes a line of its own above the bar.
  void say(std::string_view text);

  /// Ends the display, whether the loop is complete or not: writes the last state with the time taken, then `closing`
  /// on a line of its own where it is not empty. Later calls are ignored.
  void finish(std::string_view closing = {}) { finish_at(closing, detail::progress_clock()); }

  /// start_at(), update_at() and finish_at() take the time in seconds, so that tests can choose it.
  void start_at(double now);
  void update_at(std::int64_t done, std::string_view note, double now);
  void finish_at(std::string_view closing, double now);

 private:
  static constexpr double kRedraw = 0.1, kPlain = 5, kWindow = 10;  // seconds

  static int descriptor(const std::ostream& out) {
    return &out == &std::cout ? STDOUT_FILENO : &out == &std::cerr || &out == &std::clog ? STDERR_FILENO : -1;
  }
  static bool is_terminal(const std::ostream& out);
  int columns() const;
  static bool speaks_utf8();

  detail::ProgressState state(double now) const;

  void draw(double now);

  std::ostream& out_;
  std::string label_, note_;
  std::int64_t total_, done_, first_done_ = done_;
  bool terminal_, unicode_ = speaks_utf8(), drawn_ = false, finished_ = false;
  double start_ = 0, last_shown_ = 0;
  std::deque<std::pair<double, std::int64_t>> marks_;  // (time, done): kWindow seconds, one before
};

}  // namespace nada

#ifndef NADA_COMPILED
#include "nada/core/progress.ipp"
#endif
