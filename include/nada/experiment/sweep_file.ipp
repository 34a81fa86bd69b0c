// Bodies of sweep_file.hpp.
#pragma once
#include "nada/experiment/sweep_file.hpp"

#include <algorithm>
#include <cmath>
#include <set>

#include "nada/core/config.hpp"
#include "nada/core/error.hpp"
#include "nada/core/stream.hpp"
#include "nada/experiment/build.hpp"
#include "nada/experiment/embedded.hpp"
#include "nada/experiment/recipes.hpp"
#include "nada/formats/csv.hpp"
#include "nada/formats/sha256.hpp"

namespace nada {

namespace detail {
/// Options of an adaptation that a sweep gives itself, each with what does so.
inline constexpr std::pair<const char*, const char*> given_by_sweeps[] = {{"target", "targets"},
                                                                          {"seed", "seeds"},
                                                                          {"pictures", "targets"},
                                                                          {"pictures-tile", "targets"},
                                                                          {"pictures-share", "targets"}};

/// Options that all cells of a sweep must share, so that they can be compared.
inline constexpr const char* shared_by_sweeps[] = {"generator", "class",         "source",      "noise",
                                                   "log",       "samples-every", "state-every", "tensorboard"};

/// Options that change no cell.
inline const std::set<std::string>& without_effect() {
  static const std::set<std::string> names{"target",        "seed",        "device",     "threads",
                                           "samples-every", "state-every", "tensorboard"};
  return names;
}

/// The parts of a text between bars; `\|` is a bar inside of a part.
NADA_INLINE std::vector<std::string> between_bars(std::string_view text) {
  std::vector<std::string> out{""};
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (text.substr(i, 2) == "\\|")
      out.back() += text[++i];
    else if (text[i] == '|')
      out.emplace_back();
    else
      out.back() += text[i];
  }
  for (auto& part : out) part = std::string(trim(part));
  return out;
}

/// An adaptation's options with their table.
struct AdaptTable {
  AdaptOptions options;
  OptionTable table{"sweep", AdaptOptions::about, AdaptOptions::example};
  AdaptTable() { options.declare(table); }
};
}  // namespace detail

NADA_INLINE std::string Alternatives::at(double place) const {
  if (kind == Kind::list) {
    const auto n = static_cast<std::size_t>(place * static_cast<double>(values.size()));
    return values[std::min(n, values.size() - 1)];
  }
  const bool logarithm = kind == Kind::log_uniform;
  if (whole && !logarithm) return csv_number(low + std::floor(place * (high - low + 1)), 17);
  const double x = logarithm ? low * std::pow(high / low, place) : low + place * (high - low);
  return whole ? csv_number(std::round(x), 17) : csv_number(x, 4);
}

NADA_INLINE std::string Alternatives::text() const {
  if (kind != Kind::list)
    return join(kind == Kind::uniform ? "uniform(" : "log-uniform(", detail::OptionText<double>::write(low, {}), ", ",
                detail::OptionText<double>::write(high, {}), ")");
  std::string out;
  for (std::size_t i = 0; i < values.size(); ++i) {
    if (i) out += " | ";
    for (const char c : values[i]) out.append(c == '|' ? "\\" : "").push_back(c);
  }
  return out;
}

NADA_INLINE Alternatives read_alternatives(std::string_view text) {
  Alternatives out;
  using Kind = Alternatives::Kind;
  for (const auto& [name, kind] :
       {std::pair{"uniform(", Kind::uniform}, std::pair{"log-uniform(", Kind::log_uniform}}) {
    if (!text.starts_with(name)) continue;
    const std::string_view front(name);
    const auto comma = text.find(',');
    require(text.ends_with(')') && comma != text.npos, "expected ", front, "low, high), found '", text, "'");
    const auto number = [&](std::string_view part) {
      return read_number<double>(std::string(front.substr(0, front.size() - 1)), std::string(detail::trim(part)));
    };
    out.kind = kind;
    out.low = number(text.substr(front.size(), comma - front.size()));
    out.high = number(text.substr(comma + 1, text.size() - comma - 2));
    require(std::isfinite(out.low) && std::isfinite(out.high) && out.low < out.high, "expected ", front,
            "low, high) with low < high, found '", text, "'");
    require(kind == Kind::uniform || out.low > 0, "expected ", front, "low, high) with low > 0, found '", text, "'");
    return out;
  }
  out.values = detail::between_bars(text);
  return out;
}

NADA_INLINE std::filesystem::path names_base() { return find_configs().value_or(std::filesystem::path("/")); }

NADA_INLINE SweepFile::SweepFile(const std::filesystem::path& path, OptionTable& own) {
  const detail::AdaptTable adapt;
  for (const auto& line : read_options(path, find_configs().value_or(std::filesystem::path()))) {
    try {
      if (!own.saves(line.key))
        take(line, adapt.table);
      else if (!own.given(line.key))
        own.assign(line.key, {line.value}, line.file.parent_path());
    } catch (const Error& error) {
      fail(line.file, ":", line.line, ": ", error.what());
    }
    require(own.saves(line.key) || adapt.table.saves(line.key), line.file, ":", line.line, ": unknown key '", line.key,
            "'; the keys are ", own.saved_names(), " and, of an adaptation, ", adapt.table.saved_names());
  }
  const auto names = [&](const char* key) {
    return std::any_of(options_.begin(), options_.end(), [&](const auto& o) { return o.key == key; });
  };
  own_models_ = names("generator");
  require(!own_models_ || names("encoder"), path,
          ": generator without encoder: the embedded encoders know the embedded avatars alone");
  for (const auto& option : options_)
    for (std::size_t i = 0; i < option.lines.size(); ++i)
      if (option.lines[i].varies()) columns_.push_back(i ? join(option.key, ".", i + 1) : option.key);
}

NADA_INLINE void SweepFile::take(const OptionLine& line, const OptionTable& adapt) {
  if (!adapt.saves(line.key)) return;  // told by who calls
  for (const auto& [key, by] : detail::given_by_sweeps)
    require(line.key != key, "a sweep has no key '", line.key, "'; ", by, " names what its cells have");
  auto values = read_alternatives(line.value);
  const auto several = adapt.takes_several(line.key);
  for (const auto* key : detail::shared_by_sweeps)
    require(line.key != key || !values.varies(), "all cells of a sweep share the option ", key, ", it cannot vary");
  detail::AdaptTable trial;
  const auto base = line.file.parent_path();
  const auto fits = [&](const std::string& text) { trial.table.assign(line.key, {text}, base); };
  for (const auto& value : values.values)
    if (!(several && value.empty())) fits(value);
  if (values.kind != Alternatives::Kind::list) try {
      fits("0.5");
    } catch (const Error&) {
      values.whole = true;
      require(values.low == std::floor(values.low) && values.high == std::floor(values.high), "option ", line.key,
              ": expected a range of whole numbers, found '", line.value, "'");
      fits(csv_number(values.low, 17));
      fits(csv_number(values.high, 17));
    }
  const auto known = std::find_if(options_.begin(), options_.end(), [&](const auto& o) { return o.key == line.key; });
  auto& option = known == options_.end() ? options_.emplace_back(SweptOption{line.key, {}, base}) : *known;
  if (!several || option.base != base) option.lines.clear();
  option.base = base;
  option.lines.push_back(std::move(values));
}

NADA_INLINE SweepVariant SweepFile::variant(const std::vector<double>& places) const {
  detail::AdaptTable adapt;
  SweepVariant out;
  adapt.table.read_file(find_recipe("default"));
  if (!own_models_) adapt.table.read_file(embedded_models());
  auto place = places.begin();
  for (const auto& option : options_) {
    std::vector<std::string> values;
    const bool several = adapt.table.takes_several(option.key);
    for (const auto& line : option.lines) {
      const auto value = line.at(line.varies() ? *place++ : 0);
      if (line.varies()) out.values.push_back(value);
      if (!several || !value.empty()) values.push_back(value);
    }
    adapt.table.assign(option.key, values, option.base);
  }
  out.options = std::move(adapt.options);
  require(out.options.steps >= 1 && out.options.batch >= 1, "options steps and batch: expected at least 1");
  out.options.check();
  return out;
}

NADA_INLINE std::vector<std::vector<double>> SweepFile::places(std::int64_t samples, std::uint64_t seed) const {
  std::vector<std::vector<double>> out;
  require(samples >= 0, "option samples: expected 0 or more, found ", samples);
  constexpr std::size_t most = 100000;
  require(samples <= static_cast<std::int64_t>(most), "option samples: expected at most ", most, ", found ", samples);
  for (std::int64_t n = 0; n < samples; ++n) {
    const auto count = static_cast<std::int64_t>(columns_.size());
    const auto drawn = Stream{seed, n}.uniform(Purpose::user, {1, std::max<std::int64_t>(count, 1)});
    auto& row = out.emplace_back();
    for (std::int64_t c = 0; c < count; ++c) row.push_back(drawn[0][c].item<double>());
  }
  if (samples > 0) return out;
  out.emplace_back();
  for (const auto& option : options_)
    for (const auto& line : option.lines) {
      if (!line.varies()) continue;
      require(line.kind == Alternatives::Kind::list, option.key, " = ", line.text(),
              " is a range, of which a sweep draws: samples = N says how often");
      std::vector<std::vector<double>> longer;
      require(out.size() * line.values.size() <= most, "the grid has more than ", most,
              " combinations; samples = N draws N of them");
      for (const auto& row : out)
        for (std::size_t v = 0; v < line.values.size(); ++v) {
          longer.push_back(row);
          longer.back().push_back((static_cast<double>(v) + 0.5) / static_cast<double>(line.values.size()));
        }
      out = std::move(longer);
    }
  return out;
}

NADA_INLINE std::vector<SweepVariant> SweepFile::variants(std::int64_t samples, std::uint64_t seed,
                                                          const std::string& measured) const {
  std::vector<SweepVariant> out;
  std::set<std::string> known;
  for (const auto& row : places(samples, seed)) {
    auto one = variant(row);
    Sha256 hash;
    hash.update(computing_options(one.options, names_base()));
    hash.update(measured);
    one.name = hash.hex().substr(0, 8);
    if (known.insert(one.name).second) out.push_back(std::move(one));
  }
  return out;
}

NADA_INLINE std::string SweepFile::render(const std::filesystem::path& folder) const {
  detail::AdaptTable adapt;
  adapt.table.read_file(find_recipe("default"));
  if (!own_models_) adapt.table.read_file(embedded_models());
  std::string out;
  const auto swept = [&](const std::string& key) {
    return std::any_of(options_.begin(), options_.end(), [&](const auto& o) { return o.key == key; });
  };
  for (const auto& [key, value] : adapt.table.values(folder)) {
    if (swept(key) || value.empty() || detail::without_effect().contains(key) || key.starts_with("pictures")) continue;
    out += format_option(key, Alternatives{.values = {value}}.text()) + "\n";
  }
  for (const auto& option : options_)
    for (auto line : option.lines) {
      for (auto& value : line.values) {
        adapt.table.assign(option.key, {}, option.base);
        if (value.empty()) continue;
        adapt.table.assign(option.key, {value}, option.base);
        value = adapt.table.value(option.key, folder).front();
      }
      out += format_option(option.key, line.text()) + "\n";
    }
  return out;
}

NADA_INLINE std::string computing_options(const AdaptOptions& options, const std::filesystem::path& folder) {
  auto copy = options;
  OptionTable table{"sweep", AdaptOptions::about, AdaptOptions::example};
  copy.declare(table);
  std::string out;
  for (const auto& [key, value] : table.values(folder))
    if (!detail::without_effect().contains(key)) out += format_option(key, value) + "\n";
  return out;
}

}  // namespace nada
