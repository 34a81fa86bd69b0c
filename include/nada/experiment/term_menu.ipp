// Bodies of term_menu.hpp.
#pragma once
#include "nada/experiment/term_menu.hpp"

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <functional>
#include <map>
#include <set>
#include <string_view>
#include <utility>
#include <vector>

#include "nada/core/config.hpp"
#include "nada/core/error.hpp"
#include "nada/encoders/arcface.hpp"
#include "nada/encoders/lpips.hpp"
#include "nada/experiment/option_table.hpp"
#include "nada/formats/csv.hpp"
#include "nada/formats/picture_set.hpp"

namespace nada {

namespace detail {

/// TermOptions are the options of one term, each of which is read once.
class TermOptions {
 public:
  TermOptions(std::string term, std::map<std::string, std::string> values, torch::Device device)
      : term_(std::move(term)), values_(std::move(values)), device_(device) {}

  template <class T>
  T number(const std::string& key, T otherwise) {
    const auto text = take(key);
    return text.empty() ? otherwise : read_number<T>("term " + term_ + ", " + key, text);
  }
  bool flag(const std::string& key) {
    const auto text = take(key);
    require(text.empty() || text == "true" || text == "false", "option term ", term_, ", ", key,
            ": expected true or false, found '", text, "'");
    return text == "true";
  }
  std::string text(const std::string& key) {
    auto text = take(key);
    require(!text.empty(), "option term: ", term_, " needs ", key, "=TEXT");
    return text;
  }
  std::filesystem::path file(const std::string& key) {
    const auto text = take(key);
    require(!text.empty(), "option term: ", term_, " needs ", key, "=FILE");
    return text;
  }
  StepDistance distance() {
    const auto text = take("distance");
    if (text.empty() || text == "cosine") return StepDistance::cosine;
    if (text == "l1") return StepDistance::l1;
    if (text == "l2") return StepDistance::l2;
    fail("option term ", term_, ", distance: expected cosine, l1 or l2, found '", text, "'");
  }
  torch::Device device() const { return device_; }

  /// Errors:  an option that no call has read.
  void check_all_read() const {
    std::string known;
    for (const auto& key : known_) known += (known.empty() ? "" : ", ") + key;
    for (const auto& [key, value] : values_)
      require(known_.count(key) > 0, "option term: ", term_, " has no option '", key, "'; ",
              known.empty() ? "it has none" : "there are " + known);
  }

 private:
  std::string take(const std::string& key) {
    known_.insert(key);
    const auto found = values_.find(key);
    return found == values_.end() ? "" : found->second;
  }

  std::string term_;
  std::map<std::string, std::string> values_;
  torch::Device device_;
  std::set<std::string> known_;
};

struct TermRecipe {
  std::string options;  // for help texts
  std::function<AnyTerm::Choice(TermOptions&)> make;
};

using TermRecipes = std::map<std::string, TermRecipe, std::less<>>;

/// Returns the terms that hold images near the anchor's.
NADA_INLINE TermRecipes anchor_recipes() {
  return {{"pixels", {"", [](TermOptions&) -> AnyTerm::Choice { return PixelAnchor{}; }}},
          {"tokens", {"", [](TermOptions&) -> AnyTerm::Choice { return PerceptualAnchor{}; }}},
          {"lpips",
           {"file",
            [](TermOptions& o) -> AnyTerm::Choice {
              return LpipsAnchor<AnyFeatureExtractor>(Lpips::load(o.file("file"), o.device()));
            }}},
          {"face", {"file", [](TermOptions& o) -> AnyTerm::Choice {
                      return FaceAnchor<AnyFeatureExtractor>(ArcFace::load(o.file("file"), o.device()));
                    }}}};
}

/// Returns every term by its name.
NADA_INLINE const TermRecipes& term_recipes() {
  static const TermRecipes recipes = [] {
    TermRecipes out{{"directional",
                     {"min-length, offset, distance",
                      [](TermOptions& o) -> AnyTerm::Choice {
                        return Directional{o.number("min-length", 0.2), o.number("offset", 0.0), o.distance()};
                      }}},
                    {"away",
                     {"text, min-length",
                      [](TermOptions& o) -> AnyTerm::Choice {
                        return Away{o.text("text"), o.number("min-length", Away{}.min_length)};
                      }}},
                    {"learned",
                     {"from, to",
                      [](TermOptions& o) -> AnyTerm::Choice {
                        return LearnedStep{o.number("from", LearnedStep{}.from), o.number("to", LearnedStep{}.to)};
                      }}},
                    {"global", {"scaled", [](TermOptions& o) -> AnyTerm::Choice { return Global{o.flag("scaled")}; }}},
                    {"range", {"", [](TermOptions&) -> AnyTerm::Choice { return RangePenalty{}; }}},
                    {"manifold", {"", [](TermOptions&) -> AnyTerm::Choice { return Manifold{}; }}},
                    {"moment",
                     {"covariance, min-length",
                      [](TermOptions& o) -> AnyTerm::Choice {
                        return Moment{{}, o.number("covariance", 1.0), o.number("min-length", 0.2)};
                      }}},
                    {"patches",
                     {"size, count, min-length",
                      [](TermOptions& o) -> AnyTerm::Choice {
                        PatchDirectional out;
                        out.size = o.number("size", out.size);
                        out.count = o.number("count", out.count);
                        out.min_length = o.number("min-length", out.min_length);
                        return out;
                      }}},
                    {"patch_similarity",
                     {"size, count",
                      [](TermOptions& o) -> AnyTerm::Choice {
                        PatchSimilarity out;
                        out.size = o.number("size", out.size);
                        out.count = o.number("count", out.count);
                        return out;
                      }}},
                    {"texture",
                     {"pictures",
                      [](TermOptions& o) -> AnyTerm::Choice {
                        return Texture{read_picture_set(o.file("pictures")).to(o.device())};
                      }}},
                    {"within",
                     {"min-length",
                      [](TermOptions& o) -> AnyTerm::Choice {
                        return WithinDomain{o.number("min-length", WithinDomain{}.min_length)};
                      }}},
                    {"in_domain", {"", [](TermOptions&) -> AnyTerm::Choice { return InDomainDiversity{}; }}},
                    {"weights", {"", [](TermOptions&) -> AnyTerm::Choice { return WeightAnchor{}; }}}};
    out.merge(anchor_recipes());
    return out;
  }();
  return recipes;
}

/// Reads "key=value".
/// Errors:  a text without '='.
NADA_INLINE std::pair<std::string, std::string> key_and_value(const std::string& part, const std::string& text) {
  const auto at = part.find('=');
  require(at != std::string::npos && at > 0, "option term: expected NAME=WEIGHT[,option=value...], found '", text, "'");
  return {part.substr(0, at), part.substr(at + 1)};
}

}  // namespace detail

NADA_INLINE std::string term_names_and_options() {
  std::string out;
  for (const auto& [name, recipe] : detail::term_recipes())
    out += (out.empty() ? "" : ", ") + name + (recipe.options.empty() ? "" : " (" + recipe.options + ")");
  return out;
}

NADA_INLINE TermList::Entry read_term(const std::string& text, torch::Device device) {
  const auto parts = split_at(text, ',');
  const auto [name, weight] = detail::key_and_value(parts.front(), text);
  const auto recipe = detail::term_recipes().find(name);
  require(recipe != detail::term_recipes().end(), "option term: there is no term '", name, "'; there are ",
          term_names_and_options());
  std::map<std::string, std::string> values;
  for (std::size_t i = 1; i < parts.size(); ++i) {
    const auto [key, inserted] = values.insert(detail::key_and_value(parts[i], text));
    require(inserted, "option term ", name, ": ", key->first, " was given twice");
  }
  detail::TermOptions options(name, std::move(values), device);
  const auto only = options.number<std::int64_t>("encoder", -1);
  require(only >= -1, "option term ", name, ", encoder: expected 0 or more, found ", only);
  TermList::Entry out{read_number<double>("term " + name, weight), recipe->second.make(options),
                      static_cast<std::ptrdiff_t>(only)};
  options.check_all_read();
  return out;
}

}  // namespace nada
