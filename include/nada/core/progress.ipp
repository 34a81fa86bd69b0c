// Bodies of progress.hpp.
#pragma once
#include "nada/core/progress.hpp"

#include <sys/ioctl.h>

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdio>
#include <cstdlib>

#include "nada/core/config.hpp"
#include "nada/core/unicode.hpp"

namespace nada {

namespace detail {

/// A limit of columns that no line reaches: with it fit_columns() only makes one line of a text.
inline constexpr int kWholeLine = 1 << 20;

NADA_INLINE std::string clock_text(double seconds) {
  if (!(seconds >= 0) || seconds > 1e9) return "?";
  const auto s = static_cast<long long>(std::llround(seconds));
  std::array<char, 48> text{};
  if (s < 3600) {
    std::snprintf(text.data(), text.size(), "%lld:%02lld", s / 60, s % 60);
  } else if (s < 86400) {
    std::snprintf(text.data(), text.size(), "%lld:%02lld:%02lld", s / 3600, s / 60 % 60, s % 60);
  } else {
    std::snprintf(text.data(), text.size(), "%lldd %02lld:%02lld", s / 86400, s / 3600 % 24, s / 60 % 60);
  }
  return text.data();
}

NADA_INLINE std::string rate_text(double per_second) {
  if (!(per_second > 0) || !std::isfinite(per_second)) return "-/s";
  std::array<char, 32> text{};
  if (per_second < 0.1) {
    std::snprintf(text.data(), text.size(), "%.0f s each", 1 / per_second);
  } else {
    std::snprintf(text.data(), text.size(),
                  per_second < 1     ? "%.2f/s"
                  : per_second < 100 ? "%.1f/s"
                                     : "%.0f/s",
                  per_second);
  }
  return text.data();
}

NADA_INLINE double ProgressState::fraction() const {
  if (total <= 0) return finished ? 1.0 : 0.0;
  return std::clamp(static_cast<double>(done) / static_cast<double>(total), 0.0, 1.0);
}

NADA_INLINE std::string ProgressState::time() const {
  if (finished) return clock_text(seconds);
  if (total <= 0 || !(per_second > 0)) return "";
  return clock_text(static_cast<double>(std::max<std::int64_t>(0, total - done)) / per_second) + " left";
}

NADA_INLINE std::string plain_line(const ProgressState& state) {
  std::string line;
  for (const std::string& part : {std::string(state.label), state.percent(), state.count(), rate_text(state.per_second),
                                  state.time(), std::string(state.note)}) {
    if (part.empty() || part == "-/s") continue;
    if (!line.empty()) line += "  ";
    line += part;
  }
  return fit_columns(line, kWholeLine);
}

NADA_INLINE std::string bar_line(const ProgressState& state, int columns, bool unicode) {
  const int room = std::max(1, columns - 1);
  const auto assemble = [&](bool label, bool rate, bool note, int bar) {
    std::string line;
    const auto add = [&line](std::string_view part) {
      if (part.empty()) return;
      if (!line.empty()) line += "  ";
      line += part;
    };
    if (label) add(fit_columns(state.label, std::max(12, room / 3)));
    if (bar > 0) {
      const int full = static_cast<int>(std::floor(state.fraction() * bar + 1e-9));
      std::string picture = unicode ? "" : "[";
      for (int i = 0; i < bar; ++i) picture += unicode ? (i < full ? "━" : "┄") : (i < full ? "#" : "-");
      add(unicode ? picture : picture + "]");
    }
    std::string percent = state.percent();
    if (!percent.empty()) percent.insert(0, static_cast<std::size_t>(std::max(0, 4 - columns_of(percent))), ' ');
    add(percent);
    add(state.count());
    if (rate) add(rate_text(state.per_second));
    if (rate) add(state.time());
    if (note) add(state.note);
    return fit_columns(line, kWholeLine);
  };
  const int frame = unicode || state.total <= 0 ? 0 : 2;  // columns of the brackets
  if (state.total > 0) {
    const int rest = columns_of(assemble(true, true, true, 0)) + 2 + frame;
    if (room - rest >= 8) return assemble(true, true, true, std::min(32, room - rest));
  }
  for (const auto& [label, rate] : {std::pair{true, true}, {false, true}, {false, false}}) {
    std::string line = assemble(label, rate, true, 0);
    if (columns_of(line) <= room) return line;
  }
  return fit_columns(assemble(false, false, true, 0), room);
}

}  // namespace detail

NADA_INLINE Progress::Progress(std::string label, std::int64_t total, std::int64_t done, std::ostream& out,
                               std::optional<bool> terminal)
    : out_(out), label_(std::move(label)), total_(total), done_(done), terminal_(terminal.value_or(is_terminal(out))) {
  start_at(detail::progress_clock());
}

NADA_INLINE void Progress::say(std::string_view text) {
  if (drawn_) out_ << "\r\x1b[K";
  out_ << text << '\n' << std::flush;
  drawn_ = false;
  if (terminal_ && !finished_) draw(last_shown_);
}

NADA_INLINE void Progress::start_at(double now) {
  start_ = last_shown_ = now;
  marks_.assign(1, {now, done_});
}

NADA_INLINE void Progress::update_at(std::int64_t done, std::string_view note, double now) {
  if (finished_) return;
  done_ = done;
  note_.assign(note);
  while (marks_.size() > 1 && now - marks_[1].first >= kWindow) marks_.pop_front();
  if (now - marks_.back().first >= kRedraw) marks_.emplace_back(now, done);
  if (terminal_ ? !drawn_ || now - last_shown_ >= kRedraw : now - last_shown_ >= kPlain) draw(now);
}

NADA_INLINE void Progress::finish_at(std::string_view closing, double now) {
  if (finished_) return;
  finished_ = true;
  draw(now);
  if (drawn_) out_ << '\n';
  drawn_ = false;
  if (!closing.empty()) out_ << closing << '\n';
  out_ << std::flush;
}

NADA_INLINE bool Progress::is_terminal(const std::ostream& out) {
  const char* const kind = std::getenv("TERM");
  return descriptor(out) >= 0 && isatty(descriptor(out)) == 1 && !(kind && std::string_view(kind) == "dumb");
}

NADA_INLINE int Progress::columns() const {
  winsize size = {};
  if (descriptor(out_) >= 0 && ioctl(descriptor(out_), TIOCGWINSZ, &size) == 0 && size.ws_col > 0) return size.ws_col;
  return 80;
}

NADA_INLINE bool Progress::speaks_utf8() {
  for (const char* name : {"LC_ALL", "LC_CTYPE", "LANG"}) {
    const char* const value = std::getenv(name);
    if (!value || !*value) continue;
    const std::string_view text = value;  // the first variable that is set decides
    return text.find("UTF-8") != text.npos || text.find("utf8") != text.npos || text.find("utf-8") != text.npos;
  }
  return false;
}

NADA_INLINE detail::ProgressState Progress::state(double now) const {
  // The rate is that of the recent window; the summary's rate is that of the whole loop.
  const auto& [since, before] = finished_ ? std::pair{start_, first_done_} : marks_.front();
  const double seconds = now - since;
  return {.label = label_,
          .note = note_,
          .done = done_,
          .total = total_,
          .per_second = seconds > 0 ? static_cast<double>(done_ - before) / seconds : 0,
          .seconds = now - start_,
          .finished = finished_};
}

NADA_INLINE void Progress::draw(double now) {
  if (terminal_) {
    out_ << '\r' << detail::bar_line(state(now), columns(), unicode_) << "\x1b[K" << std::flush;
    drawn_ = true;
  } else {
    out_ << detail::plain_line(state(now)) << '\n' << std::flush;
  }
  last_shown_ = now;
}

}  // namespace nada
