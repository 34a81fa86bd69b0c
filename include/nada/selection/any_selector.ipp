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
/// LayerCount is K of "<name>:K", K and N of "<name>:K/N", or nothing of "<name>".
struct LayerCount {
  std::size_t k = 0, of = 0;
};
/// Returns the count that `text` gives for the selector `name`, or nothing for a text that begins otherwise.
NADA_INLINE std::optional<LayerCount> count_of(std::string_view text, const std::string& name) {
  if (text == name) return LayerCount{};
  if (!text.starts_with(name + ":")) return {};
  const auto count = text.substr(name.size() + 1);
  const auto read = [&](std::string_view digits) {
    std::size_t value = 0;
    const auto [end, error] = std::from_chars(digits.data(), digits.data() + digits.size(), value);
    require(error == std::errc{} && end == digits.data() + digits.size() && value >= 1, "option layers: ", name,
            ":K or ", name, ":K/N needs whole numbers from 1, found '", std::string(count), "'");
    return value;
  };
  const auto slash = count.find('/');
  if (slash == count.npos) return LayerCount{read(count), 0};
  const LayerCount out{read(count.substr(0, slash)), read(count.substr(slash + 1))};
  require(out.k <= out.of, "option layers: ", name, ":K/N needs K <= N, found '", std::string(count), "'");
  return out;
}
}  // namespace detail

NADA_INLINE AnySelector AnySelector::named(const std::string& text, Work work) {
  require(work.batch >= 1, "option select-batch: expected at least 1, found ", work.batch);
  require(work.at_once >= 0, "option select-at-once: expected 0 or more, found ", work.at_once);
  if (text == "all") return Choice{AllLayers{}};
  if (const auto c = detail::count_of(text, "adaptive"))
    return Choice{AdaptiveTopK{.k = c->k, .batch = work.batch, .chunk = work.at_once, .of = c->of}};
  if (const auto c = detail::count_of(text, "gradient"))
    return Choice{GradientTopK{.k = c->k, .batch = work.batch, .of = c->of}};
  if (const auto c = detail::count_of(text, "random")) return Choice{RandomK{.k = c->k, .of = c->of}};
  if (const auto c = detail::count_of(text, "most-changed"))
    return Choice{MostChanged{.k = c->k, .of = c->of, .all_until = 10}};
  if (const auto c = detail::count_of(text, "least-changed")) return Choice{LeastChanged{.k = c->k, .of = c->of}};
  NamedLayers layers;
  std::istringstream in(text);
  for (std::string name; std::getline(in, name, ',');) layers.names.push_back(name);
  return Choice{std::move(layers)};
}

NADA_INLINE LayerSet AnySelector::select(const Probe& probe) {
  return std::visit([&](auto& selector) { return selector.select(probe); }, choice_);
}

}  // namespace nada
