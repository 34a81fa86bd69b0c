/// Run folders as a client sees them. A client names runs and files by words, which are looked up and never
/// used as paths.
#pragma once
#include <algorithm>
#include <cctype>
#include <charconv>
#include <chrono>
#include <cstdint>
#include <cstdlib>
#include <filesystem>
#include <optional>
#include <string>
#include <string_view>
#include <system_error>
#include <utility>
#include <vector>

#include "http.hpp"
#include "nada/core/error.hpp"
#include "nada/formats/csv.hpp"
#include "nada/formats/file.hpp"
#include "nada/formats/options_file.hpp"

namespace nada::serve {

/// MetricsRow is one line of metrics.csv.
struct MetricsRow {
  std::int64_t step = 0;
  double loss = 0, seconds = 0;
  std::vector<std::pair<std::string, double>> terms;  // and logged numbers, where the step has them
};

/// MetricsTail reads metrics.csv as it grows: each call gives the rows that were finished since the last call.
class MetricsTail {
 public:
  explicit MetricsTail(std::filesystem::path path) : table_(std::move(path)) {}

  std::vector<MetricsRow> more() {
    std::vector<MetricsRow> out;
    for (const auto& cells : table_.more()) {
      if (cells.size() < 3) continue;
      const auto number = [&](std::size_t c) { return std::strtod(cells[c].c_str(), nullptr); };
      MetricsRow row;
      row.step = std::strtoll(cells[0].c_str(), nullptr, 10);
      row.loss = number(1);
      for (std::size_t c = 2; c + 1 < cells.size(); ++c)
        if (!cells[c].empty()) row.terms.emplace_back(table_.header()[c], number(c));
      row.seconds = number(cells.size() - 1);
      out.push_back(std::move(row));
    }
    return out;
  }

 private:
  CsvTail table_;
};

/// RunFiles describe a run folder by its files.
struct RunFiles {
  std::filesystem::path path;
  std::string id, kind;  // adapt or stylize
  std::vector<std::pair<std::string, std::string>> options;
  std::int64_t created = 0;            // seconds since 1970
  std::vector<std::int64_t> pictures;  // steps of samples/
  bool finished = false, resumable = false;

  std::string option(std::string_view name) const {
    for (const auto& [key, value] : options)
      if (key == name) return value;
    return {};
  }
};

/// Runs are the runs of a folder.
class Runs {
 public:
  /// Makes the folder where it is missing.
  /// Errors:  a folder that cannot be made.
  explicit Runs(std::filesystem::path folder) : folder_(std::move(folder)) {
    std::error_code error;
    std::filesystem::create_directories(folder_, error);
    require(!error && std::filesystem::is_directory(folder_), "cannot make the folder ", folder_, ": ",
            error.message());
    folder_ = std::filesystem::canonical(folder_);
  }
  const std::filesystem::path& folder() const { return folder_; }

  /// Returns the folder of a run, found by comparing the name with the folders that are there; nothing for
  /// an unknown name.
  std::optional<std::filesystem::path> find(std::string_view id) const {
    if (!is_name(id)) return {};
    std::error_code error;
    for (const auto& entry : std::filesystem::directory_iterator(folder_, error))
      if (entry.path().filename().string() == id && std::filesystem::is_directory(entry.symlink_status(error)))
        return entry.path();
    return {};
  }

  /// As find(), by one look at the disk: the folder of a run whose options are there.
  std::optional<std::filesystem::path> find_options(const std::string& id) const {
    std::error_code error;
    if (!is_name(id) || !std::filesystem::is_directory(std::filesystem::symlink_status(folder_ / id, error)) ||
        !std::filesystem::is_regular_file(folder_ / id / "options.cfg", error))
      return {};
    return folder_ / id;
  }

  /// Returns all runs of `adapt` and `stylize`, in no order.
  std::vector<RunFiles> list() const {
    std::vector<RunFiles> out;
    std::error_code error;
    for (const auto& entry : std::filesystem::directory_iterator(folder_, error))
      if (const auto path = find_options(entry.path().filename().string()))
        if (auto run = read(*path)) out.push_back(std::move(*run));
    return out;
  }

  /// Reads the folder of a run; returns nothing where the folder belongs to another program or is damaged.
  static std::optional<RunFiles> read(const std::filesystem::path& path) {
    try {
      RunFiles out;
      out.path = path;
      out.id = path.filename().string();
      const auto text = read_text(path / "options.cfg", std::size_t{1} << 20);
      for (const char* kind : {"adapt", "stylize"})
        if (text.starts_with(join("# ", kind, " of nada"))) out.kind = kind;
      if (out.kind.empty()) return {};
      for (auto& line : parse_options(text, "options.cfg")) out.options.emplace_back(line.key, line.value);
      std::error_code error;
      const auto time = std::filesystem::last_write_time(path / "options.cfg", error);
      out.created =
          std::chrono::duration_cast<std::chrono::seconds>(std::chrono::file_clock::to_sys(time).time_since_epoch())
              .count();
      const auto has = [&](const char* name) { return std::filesystem::exists(path / name, error); };
      out.finished = out.kind == "adapt" ? has("report.html") && has("adapted.safetensors") : has("codes.safetensors");
      out.resumable = out.kind == "adapt" && has("state.safetensors");
      for (const auto& entry : std::filesystem::directory_iterator(path / "samples", error)) {
        const auto name = entry.path().stem().string();
        std::int64_t step = 0;
        const auto [end, bad] = std::from_chars(name.data(), name.data() + name.size(), step);
        if (entry.path().extension() == ".png" && bad == std::errc{} && end == name.data() + name.size())
          out.pictures.push_back(step);
      }
      std::sort(out.pictures.begin(), out.pictures.end());
      return out;
    } catch (const Error&) {
      return {};
    }
  }

 private:
  std::filesystem::path folder_;
};

/// These files of a run clients may have, beside its samples.
inline constexpr const char* run_file_names[] = {"options.cfg",  "metrics.csv",       "adapted.safetensors",
                                                 "report.html",  "codes.safetensors", "picture.png",
                                                 "inversion.png"};

/// Returns a file of a run by its fixed name: one of run_file_names, or a sample by its step ("samples", "30").
/// Errors:  Refusal 404 for another name and for a file that is not there.
inline std::filesystem::path run_file(const std::filesystem::path& run, const std::vector<std::string>& name) {
  std::filesystem::path path;
  if (name.size() == 1) {
    for (const char* known : run_file_names)
      if (name[0] == known) path = run / known;
  } else if (name.size() == 2 && name[0] == "samples") {
    std::uint32_t step = 0;
    const auto& text = name[1];
    const auto [end, bad] = std::from_chars(text.data(), text.data() + text.size(), step);
    if (bad == std::errc{} && end == text.data() + text.size()) {
      const auto digits = std::to_string(step);
      path = run / "samples" / (std::string(digits.size() < 6 ? 6 - digits.size() : 0, '0') + digits + ".png");
    }
  }
  std::error_code error;
  if (path.empty() || !std::filesystem::is_regular_file(path, error)) refuse(404, "this run has no such file");
  return path;
}

inline const char* content_type(const std::filesystem::path& path) {
  const auto extension = path.extension();
  return extension == ".png"    ? "image/png"
         : extension == ".html" ? "text/html; charset=utf-8"
         : extension == ".csv"  ? "text/csv; charset=utf-8"
         : extension == ".cfg"  ? "text/plain; charset=utf-8"
                                : "application/octet-stream";
}

}  // namespace nada::serve
