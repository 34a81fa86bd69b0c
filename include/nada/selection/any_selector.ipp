// Bodies of any_selector.hpp.
#pragma once
#include "nada/selection/any_selector.hpp"

#include <charconv>
#include <cstddef>
#include <optional>
#include <sstream>
#include <string_view>
#include <system_error>

#include "nada/core/config.hpp"
#include "nada/core/error.hpp"

namespace nada {

namespace detail {
/// Returns K of "<name>:K", 0 for "<name>", and nothing for a text that begins otherwise.
NADA_INLINE std::optional<std::size_t> count_of(std::string_view text, const std::string& name) {
  if (text == name) return 0;
  if (!text.starts_with(name + ":")) return {};
  const auto digits = text.substr(name.size() + 1);
  std::size_t k = 0;
  const auto [end, error] = std::from_chars(digits.data(), digits.data() + digits.size(), k);
  require(error == std::errc{} && end == digits.data() + digits.size() && k >= 1, "option layers: ", name,
          ":K needs a whole number K >= 1, found '", std::string(digits), "'");
  return k;
}
}  // namespace detail

NADA_INLINE AnySelector AnySelector::named(const std::string& text) {
  if (text == "all") return Choice{AllLayers{}};
  if (const auto k = detail::count_of(text, "adaptive")) return Choice{AdaptiveTopK{.k = *k}};
  if (const auto k = detail::count_of(text, "gradient")) return Choice{GradientTopK{.k = *k}};
  if (const auto k = detail::count_of(text, "random")) return Choice{RandomK{.k = *k}};
  NamedLayers layers;
  std::istringstream in(text);
  for (std::string name; std::getline(in, name, ',');) layers.names.push_back(name);
  return Choice{std::move(layers)};
}

NADA_INLINE LayerSet AnySelector::select(const Probe& probe) {
  return std::visit([&](auto& selector) { return selector.select(probe); }, choice_);
}

}  // namespace nada
