/// The terms there are, and weighted sums of them that are put together at run time.
#pragma once
#include <cstddef>
#include <string_view>
#include <utility>
#include <variant>
#include <vector>

#include "nada/core/error.hpp"
#include "nada/encoders/feature_extractor.hpp"
#include "nada/losses/directional.hpp"
#include "nada/losses/global.hpp"
#include "nada/losses/lpips_anchor.hpp"
#include "nada/losses/manifold.hpp"
#include "nada/losses/moment.hpp"
#include "nada/losses/patch_directional.hpp"
#include "nada/losses/perceptual_anchor.hpp"
#include "nada/losses/pixel_anchor.hpp"
#include "nada/losses/range_penalty.hpp"
#include "nada/losses/term.hpp"
#include "nada/losses/texture.hpp"
#include "nada/losses/weight_anchor.hpp"
#include "nada/losses/within_domain.hpp"

namespace nada {

/// A menu: one of this list of terms. Another one is added here and in experiment/term_menu.hpp, which reads it from
/// an option.
class AnyTerm {
 public:
  using Choice = std::variant<Directional, Global, RangePenalty, PixelAnchor, PerceptualAnchor,
                              LpipsAnchor<AnyFeatureExtractor>, Manifold, Moment, PatchDirectional, PatchSimilarity,
                              Texture, WithinDomain, InDomainDiversity, WeightAnchor>;

  AnyTerm(Choice choice) : choice_(std::move(choice)) {}

  const Choice& choice() const { return choice_; }
  std::string_view name() const {
    return std::visit([](const auto& term) -> std::string_view { return term.name; }, choice_);
  }

 private:
  Choice choice_;
};

/// An objective whose terms are named at run time, in the place of `weigh(1.0, Directional{}) + ...`.
/// Errors:  a term that is there already: the columns of metrics.csv could not be told apart.
class TermList {
 public:
  struct Entry {
    double weight;
    AnyTerm term;
    std::ptrdiff_t only_encoder = -1;  // index of the one encoder that it is bound to; -1: all of them
  };
  static constexpr Reads reads = all_reads;

  void add(Entry entry) {
    for (const auto& other : entries_)
      require(other.weight == 0 || other.term.name() != entry.term.name(), "the term ", entry.term.name(),
              " was given twice");
    entries_.push_back(std::move(entry));
  }
  const std::vector<Entry>& entries() const { return entries_; }

  /// Calls visit(weight, term, only_encoder) for each term, as Objective does.
  template <class Visit>
  void each(Visit&& visit) const {
    for (const auto& entry : entries_)
      std::visit([&](const auto& term) { visit(entry.weight, term, entry.only_encoder); }, entry.term.choice());
  }

 private:
  std::vector<Entry> entries_;
};

}  // namespace nada
