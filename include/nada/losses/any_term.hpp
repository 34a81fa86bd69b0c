/// Terms chosen at run time, and weighted sums of them.
#pragma once
#include <cstddef>
#include <string_view>
#include <utility>
#include <variant>
#include <vector>

#include "nada/core/error.hpp"
#include "nada/encoders/feature_extractor.hpp"
#include "nada/losses/away.hpp"
#include "nada/losses/directional.hpp"
#include "nada/losses/face_anchor.hpp"
#include "nada/losses/global.hpp"
#include "nada/losses/learned_step.hpp"
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

/// AnyTerm is a menu: it holds one term of the list `Choice`. A new term is added to this list and to
/// experiment/term_menu.hpp, which reads the term from an option.
class AnyTerm {
 public:
  using Choice =
      std::variant<Directional, Global, RangePenalty, PixelAnchor, PerceptualAnchor, LpipsAnchor<AnyFeatureExtractor>,
                   Manifold, Moment, PatchDirectional, PatchSimilarity, Texture, WithinDomain, InDomainDiversity,
                   WeightAnchor, Away, LearnedStep, FaceAnchor<AnyFeatureExtractor>>;

  AnyTerm(Choice choice) : choice_(std::move(choice)) {}

  const Choice& choice() const { return choice_; }
  std::string_view name() const {
    return std::visit([](const auto& term) -> std::string_view { return term.name; }, choice_);
  }

 private:
  Choice choice_;
};

/// TermList is an objective whose terms are named at run time; it takes the place of `weigh(1.0, Directional{}) + ...`.
/// Errors:  a term that the list already holds, because the columns of metrics.csv could not be told apart.
class TermList {
 public:
  struct Entry {
    double weight;
    AnyTerm term;
    std::ptrdiff_t only_encoder = -1;  // index of the only encoder that the term is bound to; -1: all encoders
  };
  static constexpr Reads reads = all_reads;

  void add(Entry entry) {
    for (const auto& other : entries_)
      require(other.weight == 0 || entry.weight == 0 || other.term.name() != entry.term.name(), "the term ",
              entry.term.name(), " was given twice");
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
