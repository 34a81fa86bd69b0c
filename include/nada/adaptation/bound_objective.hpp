/// An objective whose terms are bound to encoders and a shift.
#pragma once
#include <algorithm>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>
#include <vector>

#include <c10/core/GradMode.h>
#include <c10/util/Exception.h>

#include "nada/adaptation/anchor_pool.hpp"
#include "nada/core/error.hpp"
#include "nada/core/stream.hpp"
#include "nada/core/tensor.hpp"
#include "nada/encoders/encoder.hpp"
#include "nada/encoders/ensemble.hpp"
#include "nada/losses/term.hpp"
#include "nada/shifts/shift.hpp"
#include "nada/training/schedule.hpp"

namespace nada {

/// TermValues are the values of the terms in a step: their weighted sum, with its graph, and the value of each term.
struct TermValues {
  Tensor loss;
  std::vector<std::pair<std::string_view, double>> terms;  // unweighted, summed over the encoders with their weights
};

/// Whether some encoder of a set can bind a term. Sets of other kinds are checked when the run is made.
template <class Set, class T, class S>
struct binds_somewhere : std::true_type {};
template <class E, class T, class S>
struct binds_somewhere<Members<E>, T, S> : std::bool_constant<EncoderTerm<T, E, S>> {};
template <class... Es, class T, class S>
struct binds_somewhere<Ensemble<Es...>, T, S> : std::bool_constant<(EncoderTerm<T, Es, S> || ...)> {};

/// BoundObjective holds the terms of weight > 0 of an objective `O` (losses/term.hpp), bound to the encoders of `Es`
/// and the shift `S`. They are bound once, and again where the endpoints have changed. The class knows no generator.
/// Terms of weight 0 are left out, unless `logged` names them: those are evaluated without gradient, behind the others,
/// and have no share in the loss.
/// Errors:  weights that are not finite or negative, or all 0; a term bound to an encoder that the set lacks; a name in
///          `logged` that no term has.
template <class Es, class S, class O>
class BoundObjective {
 public:
  /// `schedules` multiply the weights of terms, by name.
  explicit BoundObjective(O objective, const std::vector<std::string>& logged = {},
                          const std::map<std::string, Schedule>& schedules = {})
      : objective_(std::move(objective)) {
    std::vector<std::pair<std::string_view, double>> all;
    objective_.each([&](double weight, const auto& term, std::ptrdiff_t) {
      check_term<std::decay_t<decltype(term)>>();
      require(std::isfinite(weight) && weight >= 0, "the weight of the term ", term.name, " is ", weight,
              ", expected a number >= 0");
      all.emplace_back(term.name, weight);
      held_.push_back(weight > 0);
    });
    require(std::find(held_.begin(), held_.end(), true) != held_.end(),
            "every term of the objective has weight 0: there is nothing to train for");
    for (const auto& name : logged) hold_logged(name, all);
    each_held([&](std::size_t, double weight, const auto& term, std::ptrdiff_t) {
      names_.push_back(term.name);
      weights_.push_back(weight);
      if (!std::decay_t<decltype(term)>::per_sample && whole_batch_term_.empty()) whole_batch_term_ = term.name;
      const auto schedule = schedules.find(std::string(term.name));
      schedules_.push_back(schedule == schedules.end() ? Schedule{} : schedule->second);
      reads_ = reads_ | term.reads;
    });
    for (const auto& [name, schedule] : schedules)
      require(std::find(names_.begin(), names_.end(), std::string_view(name)) != names_.end(),
              "there is a schedule for the term ", name, ", but no term of this name and a weight > 0");
  }

  /// Returns what the terms read, taken together.
  Reads reads() const { return reads_; }
  /// Refuses to compute a batch `samples` at a time (0: as a whole), or shared by several ranks, where a term is no mean
  /// over samples.
  void require_parts(std::int64_t samples, int ranks = 1) const {
    require(ranks == 1 || whole_batch_term_.empty(), "the batch cannot be shared by ", ranks, " ranks: the term ",
            whole_batch_term_, " is no mean over samples");
    require(samples == 0 || whole_batch_term_.empty(), "the batch cannot be computed ", samples,
            " samples at a time: the term ", whole_batch_term_, " is no mean over samples");
  }
  /// Returns the names of the terms of weight > 0 and of those that are logged.
  const std::vector<std::string_view>& names() const { return names_; }
  /// Returns the endpoints, one for each encoder of weight > 0.
  const std::vector<Endpoints>& endpoints() const { return endpoints_; }

  /// Binds every term once per encoder. `sampler` renders images of the anchor.
  void bind(const Es& encoders, const S& shift, const Sampler& sampler) {
    endpoints_.clear();
    encoder_terms_.clear();
    std::vector<bool> bound(names_.size(), false);
    encoders.each([&](const auto& encoder, double weight, std::size_t index) {
      using E = std::decay_t<decltype(encoder)>;
      static_assert(explain_encoder<E>() && explain_shift<S, E>());
      endpoints_.push_back(shift.endpoints(encoder, sampler));
      encoder_terms_.push_back(bind_encoder(encoder, weight, index, shift, endpoints_.back(), bound));
    });
    require(!encoder_terms_.empty(), "no encoder has a weight > 0");
    bind_scene(bound);
    for (std::size_t t = 0; t < bound.size(); ++t)
      require(bound[t], "the term ", names_[t], " is bound to an encoder that is not there, or that it cannot read");
  }

  /// Returns the values of all terms. `stream` draws what terms draw. What `kept` holds of the anchor is taken
  /// from there; what terms ask for and it lacks is left in it. `step` is the step that errors name, where it is
  /// not the stream's.
  /// Errors:  a value that is not finite of a term of weight > 0, naming the step (counted from 1) and the term.
  TermValues evaluate(const Scene& scene, const Shown& adapted, const Shown& anchor, const Stream& stream,
                      KeptAnchors* kept = nullptr, std::optional<std::int64_t> step = {}) const {
    std::vector<Tensor> values(names_.size());
    if (kept) kept->of_encoders.resize(encoder_terms_.size(), KeptAnchor{{}, {}, kept->room});
    for (std::size_t e = 0; e < encoder_terms_.size(); ++e)
      encoder_terms_[e](adapted, anchor, stream, values, kept ? &kept->of_encoders[e] : nullptr);
    for (const auto& [t, term] : scene_terms_) {
      const c10::AutoGradMode graph(weights_[t] > 0 && c10::GradMode::is_enabled());
      values[t] = term(scene);
    }
    TermValues out;
    for (std::size_t t = 0; t < values.size(); ++t) {
      const auto value = values[t].template item<double>();
      out.terms.emplace_back(names_[t], value);
      if (weights_[t] == 0) continue;
      require(std::isfinite(value), "step ", step.value_or(stream.step) + 1, ": the term ", names_[t], " is ", value,
              "; the run cannot go on");
      const auto share = weights_[t] * schedules_[t].factor(step.value_or(stream.step)) * values[t];
      out.loss = out.loss.defined() ? out.loss + share : share;
    }
    return out;
  }

 private:
  /// EncoderTerms adds an encoder's share to the value of each term.
  using EncoderTerms = std::function<void(const Shown& adapted, const Shown& anchor, const Stream&,
                                          std::vector<Tensor>& values, KeptAnchor* kept)>;

  template <class T>
  static constexpr void check_term() {
    static_assert(explain_term<T>());
    static_assert(
        binds_somewhere<Es, T, S>::value || SceneTerm<T>,
        "Term: add `auto bind(const E&, const auto& shift, const nada::Endpoints&) const`, which returns a function of "
        "nada::Comparison<E>&, or `torch::Tensor operator()(const nada::Scene&) const` (docs/policies.md#terms)");
  }

  /// Holds the term of weight 0 that a run logs by this name: the last one, where there are several.
  void hold_logged(const std::string& name, const std::vector<std::pair<std::string_view, double>>& all) {
    const auto same = [&](const auto& term) { return term.first == name; };
    const auto last = std::find_if(all.rbegin(), all.rend(), same);
    require(last != all.rend(), "the term ", name, " cannot be logged: the objective has no term of this name");
    const auto trains = [&](const auto& term) { return same(term) && term.second > 0; };
    if (std::none_of(all.begin(), all.end(), trains)) held_[static_cast<std::size_t>(all.rend() - last) - 1] = true;
  }

  /// Calls visit(place, weight, term, only_encoder) for each term that is held; places count from 0.
  template <class Visit>
  void each_held(Visit&& visit) const {
    std::size_t k = 0, place = 0;
    objective_.each([&](double weight, const auto& term, std::ptrdiff_t only) {
      if (held_[k++]) visit(place++, weight, term, only);
    });
  }

  template <class E>
  EncoderTerms bind_encoder(const E& encoder, double weight, std::size_t index, const S& shift, const Endpoints& ends,
                            std::vector<bool>& bound) const {
    std::vector<std::pair<std::size_t, std::function<Tensor(ComparedBatches<E>&)>>> terms;
    each_held([&](std::size_t place, double, const auto& term, std::ptrdiff_t only) {
      using T = std::decay_t<decltype(term)>;
      if constexpr (EncoderTerm<T, E, S>) {
        static_assert(!SceneTerm<T>, "Term: it binds to encoders and scores a Scene; it must do one of both");
        if (only >= 0 && only != static_cast<std::ptrdiff_t>(index)) return;
        bound[place] = true;
        terms.emplace_back(place, [score = term.bind(encoder, shift, ends)](ComparedBatches<E>& batches) {
          Comparison<E, T::reads> comparison(batches);
          return score(comparison);
        });
      }
    });
    // Terms without gradient come last: features are computed once, at first use, and the others need their graph.
    const auto trains = [this](const auto& term) { return weights_[term.first] > 0; };
    const auto first_logged = std::stable_partition(terms.begin(), terms.end(), trains) - terms.begin();
    return [&encoder, weight, terms = std::move(terms), first_logged, wanted = Wanted{has(reads_, Reads::tokens)}](
               const Shown& adapted, const Shown& anchor, const Stream& stream, std::vector<Tensor>& values,
               KeptAnchor* kept) {
      ComparedBatches<E> batches(encoder, adapted, anchor, stream, wanted, kept);
      for (std::size_t i = 0; i < terms.size(); ++i) {
        const c10::AutoGradMode graph(static_cast<std::ptrdiff_t>(i) < first_logged && c10::GradMode::is_enabled());
        const auto& [place, score] = terms[i];
        const auto share = weight * score(batches);
        values[place] = values[place].defined() ? values[place] + share : share;
      }
    };
  }

  void bind_scene(std::vector<bool>& bound) {
    scene_terms_.clear();
    each_held([&](std::size_t place, double, const auto& term, std::ptrdiff_t only) {
      if constexpr (SceneTerm<std::decay_t<decltype(term)>>) {
        require(only < 0, "the term ", term.name, " sees no encoder, so it cannot be bound to one");
        bound[place] = true;
        scene_terms_.emplace_back(place, [term](const Scene& scene) { return score_scene(term, scene); });
      }
    });
  }

  /// Scores a scene of which the term sees what its `reads` declares, whatever other terms read.
  template <class T>
  static Tensor score_scene(const T& term, Scene scene) {
    if constexpr (!has(T::reads, Reads::adapted)) scene.adapted_images = Tensor{};
    if constexpr (!has(T::reads, Reads::anchor)) scene.anchor_images = Tensor{};
    if constexpr (!has(T::reads, Reads::leaves)) scene.leaves = {};
    try {
      return term(scene);
    } catch (const c10::Error& error) {
      if constexpr (has(T::reads, Reads::adapted) && has(T::reads, Reads::anchor)) throw;
      fail("the term ", T::name, " failed: ", first_line(error.what()),
           "; does it read images that its `reads` does not declare?");
    }
  }

  O objective_;
  std::vector<bool> held_;               // of each term of the objective: whether it trains or is logged
  std::vector<std::string_view> names_;  // of the terms that are held
  std::vector<double> weights_;          // weights of these terms; 0: the term is logged
  std::vector<Schedule> schedules_;      // of these terms
  std::string_view whole_batch_term_;
  Reads reads_ = Reads::nothing;
  std::vector<Endpoints> endpoints_;
  std::vector<EncoderTerms> encoder_terms_;                                               // as endpoints_
  std::vector<std::pair<std::size_t, std::function<Tensor(const Scene&)>>> scene_terms_;  // by place in names_
};

}  // namespace nada
