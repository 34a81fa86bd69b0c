// Bodies of ablation_plan.hpp.
#pragma once
#include "nada/experiment/ablation_plan.hpp"

#include <algorithm>
#include <istream>
#include <set>
#include <sstream>
#include <utility>

#include "nada/core/config.hpp"
#include "nada/core/error.hpp"
#include "nada/formats/csv.hpp"
#include "nada/formats/file.hpp"

namespace nada {

namespace detail {
NADA_INLINE std::vector<std::string> comma_list(const std::string& text) {
  auto words = split_at(text, ',');
  std::erase(words, "");
  return words;
}

NADA_INLINE std::string words_with(std::string_view separator, const std::vector<std::string>& words) {
  std::string out;
  for (const auto& word : words) out.append(out.empty() ? "" : separator).append(word);
  return out;
}

/// The lines of an option file that change what a cell computes.
NADA_INLINE std::string cell_options(const std::string& text) {
  static const std::set<std::string> may_differ{"targets", "seeds", "only", "threads", "device", "deltas"};
  std::string out;
  std::istringstream in(text);
  for (std::string line; std::getline(in, line);)
    if (!may_differ.contains(line.substr(0, line.find(' ')))) out += line + "\n";
  return out;
}
}  // namespace detail

NADA_INLINE AblationPlan::AblationPlan(const AblationOptions& options, const std::vector<std::string>& variants,
                                       PlanDetails details)
    : options_(options), details_(std::move(details)) {
  const auto has = [](const auto& names, const auto& name) {
    return std::find(names.begin(), names.end(), name) != names.end();
  };
  for (const auto& name : variants)
    require(std::count(variants.begin(), variants.end(), name) == 1, "two variants are called '", name, "'");
  const auto wanted = detail::comma_list(options.only);
  for (const auto& name : wanted)
    require(has(variants, name), "option only: there is no variant '", name, "'; they are ",
            detail::words_with(", ", variants));
  for (const auto& name : variants)
    if (wanted.empty() || has(wanted, name)) variants_.push_back(name);

  list_ = read_target_list(options.target_list);
  for (const auto& name : detail::comma_list(options.targets)) {
    const auto found = std::find_if(list_.begin(), list_.end(), [&](const auto& t) { return t.name == name; });
    require(found != list_.end(), options.target_list, " has no target called '", name, "'");
    const auto place = static_cast<std::size_t>(found - list_.begin());
    require(!has(places_, place), "option targets: '", name, "' is named twice");
    places_.push_back(place);
  }
  require(!places_.empty(), "option targets: no target was named");
}

NADA_INLINE std::vector<std::string> AblationPlan::targets() const {
  std::vector<std::string> out;
  for (const auto place : places_) out.push_back(list_[place].name);
  return out;
}

NADA_INLINE std::string AblationPlan::name(std::int64_t cell) const {
  return join(variant(cell), ".", target(cell).name, ".", seed(cell));
}

NADA_INLINE std::filesystem::path AblationPlan::with_ending(std::int64_t cell, std::string_view ending) const {
  return options_.out / "cells" / join(name(cell), ending);
}

NADA_INLINE std::vector<std::int64_t> AblationPlan::missing() const {
  std::vector<std::int64_t> out;
  for (std::int64_t cell = 0; cell < size(); ++cell)
    if (!std::filesystem::exists(file(cell))) out.push_back(cell);
  return out;
}

NADA_INLINE std::vector<std::string> AblationPlan::command(std::int64_t cell) const {
  if (!details_.command.empty()) {
    auto out = details_.command;
    out.insert(out.end(), {"--cell", std::to_string(cell), "--threads", "1"});
    return out;
  }
  // Cells are numbered by targets, seeds and variants; options.cfg keeps those of the folder's first call.
  return {"/proc/self/exe",
          "--config",
          (options_.out / "options.cfg").string(),
          "--out",
          options_.out.string(),
          "--targets",
          options_.targets,
          "--seeds",
          std::to_string(options_.seeds),
          "--only",
          detail::words_with(",", variants_),
          "--cell",
          std::to_string(cell),
          "--threads",
          "1"};
}

NADA_INLINE bool same_cells(const std::string& options, const std::string& other_options) {
  return detail::cell_options(options) == detail::cell_options(other_options);
}

NADA_INLINE void check_options(const std::filesystem::path& folder, const std::string& options) {
  const auto file = folder / "options.cfg";
  require(!std::filesystem::exists(file) || same_cells(read_text(file), options), file,
          " says that the cells in this folder were run with other options; give another --out");
}

NADA_INLINE void keep_options(const std::filesystem::path& folder, const std::string& options) {
  check_options(folder, options);
  if (const auto file = folder / "options.cfg"; !std::filesystem::exists(file)) write_text(file, options);
}

}  // namespace nada
