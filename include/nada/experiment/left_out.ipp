// Bodies of left_out.hpp.
#pragma once
#include "nada/experiment/left_out.hpp"

#include <algorithm>
#include <cstddef>
#include <utility>

#include "nada/core/config.hpp"

namespace nada {

namespace detail {

/// Returns "a", "a and b" or "a, b and c".
NADA_INLINE std::string enumeration(const std::vector<std::string>& names) {
  std::string out;
  for (std::size_t i = 0; i < names.size(); ++i)
    out += (i == 0 ? "" : i + 1 == names.size() ? " and " : ", ") + names[i];
  return out;
}

/// Returns the needs of a set in words; what two needs share is said once.
NADA_INLINE std::string in_words(Needs needs) {
  std::vector<std::string> out;
  for (unsigned bit = 1; bit <= static_cast<unsigned>(Needs::real_pool); bit *= 2) {
    if (!has(needs, Needs(bit))) continue;
    const std::string words(option_for(Needs(bit)));
    if (std::find(out.begin(), out.end(), words) == out.end()) out.push_back(words);
  }
  return enumeration(out);
}

}  // namespace detail

NADA_INLINE std::string_view option_for(Needs need) {
  switch (need) {
    case Needs::source:
    case Needs::source_images:
      return "a source generator (--base)";
    case Needs::real:
    case Needs::real_pool:
      return "real pictures (--real)";
    case Needs::target:
      return "a target text (--target)";
    case Needs::direction:
      return "two texts that differ (--source, --target)";
    case Needs::texts:
      return "a list that holds the target text (--target-list)";
    case Needs::adapted_images:
      return "samples few enough to keep (--count)";
    case Needs::truths:
      return "truths (--twins)";
    case Needs::adapted_pool:
      return "an Inception network (--inception)";
    case Needs::adapted_logits:
      return "an Inception network with its classifier (--inception)";
    case Needs::nothing:
      break;
  }
  return "nothing";
}

NADA_INLINE std::string left_out(const std::vector<std::string>& metrics, const std::vector<Lack>& rows) {
  struct Part {
    std::string where, why;
    std::vector<std::string> names;
  };
  std::vector<Part> parts;
  for (std::size_t m = 0; m < metrics.size(); ++m) {
    std::vector<std::pair<std::string, std::vector<std::string>>> rows_of;  // by what they lack
    for (const auto& row : rows) {
      if (row.of[m] == Needs::nothing) continue;
      const auto why = detail::in_words(row.of[m]);
      const auto same = [&](const auto& one) { return one.first == why; };
      auto found = std::find_if(rows_of.begin(), rows_of.end(), same);
      if (found == rows_of.end()) found = rows_of.insert(rows_of.end(), {why, {}});
      found->second.push_back(row.row);
    }
    for (auto& [why, lacking] : rows_of) {
      const std::string where = lacking.size() == rows.size() ? ""
                                : lacking.size() == 1         ? " in the row " + lacking[0]
                                                              : " in the rows " + detail::enumeration(lacking);
      const auto same = [&, &reason = why](const Part& part) { return part.where == where && part.why == reason; };
      auto found = std::find_if(parts.begin(), parts.end(), same);
      if (found == parts.end()) found = parts.insert(parts.end(), {where, why, {}});
      found->names.push_back(metrics[m]);
    }
  }
  std::string out;
  for (const auto& part : parts)
    out +=
        (out.empty() ? "left out: " : "; ") + detail::enumeration(part.names) + part.where + " for want of " + part.why;
  return out;
}

}  // namespace nada
