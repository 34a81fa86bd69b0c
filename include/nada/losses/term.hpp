/// Terms of an objective: what a term may read, what a term must offer, and the algebra that sums terms.
#pragma once
#include <concepts>
#include <cstddef>
#include <map>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <tuple>
#include <type_traits>
#include <utility>
#include <vector>

#include "nada/core/stream.hpp"
#include "nada/core/tensor.hpp"
#include "nada/encoders/encoder.hpp"
#include "nada/shifts/shift.hpp"

namespace nada {

/// Reads says what a term reads. A step renders, encodes and copies only what some term reads,
/// and does so once for all terms.
///     adapted  the adapted images            anchor   the anchor's images
///     tokens   features' tokens              leaves   the tensors that train, with their initial values
enum class Reads : unsigned { nothing = 0, adapted = 1, anchor = 2, tokens = 4, leaves = 8 };
constexpr Reads operator|(Reads a, Reads b) { return Reads(unsigned(a) | unsigned(b)); }
constexpr bool has(Reads set, Reads r) { return (unsigned(set) & unsigned(r)) != 0; }
inline constexpr Reads all_reads = Reads::adapted | Reads::anchor | Reads::tokens | Reads::leaves;

/// Shown is a batch of images in two forms: plain images [N, 3, H, W], clamped to [-1, 1] unless a run says otherwise,
/// and the views of them, [V N, 3, H, W].
struct Shown {
  Tensor images, views;
};

/// KeptAnchor is what one encoder, and the terms bound to it, computed from the anchor's images of a batch that comes again.
struct KeptAnchor {
  std::optional<Features> features;                     // of the views; nothing where no term has asked for them yet
  std::map<const void*, std::vector<Tensor>> of_terms;  // by the key of the term that computed them
  std::size_t room = 0;                                 // bytes that of_terms may still take
};

/// ComparedBatches are two image batches under one encoder. Features are computed at first use and shared by all terms.
template <TextImageEncoder E>
class ComparedBatches {
 public:
  /// `anchor` may be undefined where no term reads it.
  /// Features of the anchor that `kept` holds are taken; those that it lacks are left in it.
  ComparedBatches(const E& encoder, const Shown& adapted, const Shown& anchor, const Stream& stream, Wanted wanted = {},
                  KeptAnchor* kept = nullptr)
      : encoder_(encoder), adapted_(adapted), anchor_(anchor), stream_(stream), wanted_(wanted), kept_(kept) {}

  const E& encoder() const { return encoder_; }
  const Shown& adapted_shown() const { return adapted_; }
  const Shown& anchor_shown() const { return anchor_; }
  const Stream& stream() const { return stream_; }

  const Features& adapted() {
    if (!adapted_features_) adapted_features_ = encoder_.see(adapted_.views, wanted_);
    return *adapted_features_;
  }
  const Features& anchor() {
    auto& features = kept_ ? kept_->features : anchor_features_;
    if (!features) {
      const torch::NoGradGuard no_grad;
      features = encoder_.see(anchor_.views, wanted_);
    }
    return *features;
  }
  /// Returns what `make()` gives, without gradient, or what it gave when this batch came before. It follows from the
  /// anchor's images alone; `key` is the address of something that the bound term owns.
  template <class Make>
  std::vector<Tensor> of_anchor(const void* key, Make&& make) {
    if (kept_)
      if (const auto found = kept_->of_terms.find(key); found != kept_->of_terms.end()) return found->second;
    const torch::NoGradGuard no_grad;
    std::vector<Tensor> made = make();
    std::size_t bytes = 0;
    for (const auto& tensor : made) bytes += tensor.nbytes();
    if (kept_ && bytes <= kept_->room) {
      kept_->room -= bytes;
      kept_->of_terms.emplace(key, made);
    }
    return made;
  }

 private:
  const E& encoder_;
  const Shown &adapted_, &anchor_;
  Stream stream_;
  Wanted wanted_;
  std::optional<Features> adapted_features_, anchor_features_;
  KeptAnchor* kept_;
};

/// Comparison is ComparedBatches as one term sees them: a term that asks for images which its `reads`
/// does not declare does not compile.
template <TextImageEncoder E, Reads reads = all_reads>
class Comparison {
 public:
  explicit Comparison(ComparedBatches<E>& batches) : batches_(batches) {}

  const E& encoder() const { return batches_.encoder(); }
  const Stream& stream() const { return batches_.stream(); }
  const Tensor& adapted_images() const {
    check_adapted();
    return batches_.adapted_shown().images;
  }
  const Tensor& adapted_views() const {
    check_adapted();
    return batches_.adapted_shown().views;
  }
  const Tensor& anchor_images() const {
    check_anchor();
    return batches_.anchor_shown().images;
  }
  /// Features of the views of the adapted images, [V N, ...], with their graph.
  const Features& adapted() {
    check_adapted();
    return batches_.adapted();
  }
  /// Features of the views of the anchor's images, [V N, ...], without gradient.
  const Features& anchor() {
    check_anchor();
    return batches_.anchor();
  }
  /// Tensors that `make()` computes from anchor_images() and nothing else that changes, without gradient. With an anchor
  /// pool they are computed once a batch, where memory allows. `key` is the address of something that the bound term owns.
  template <class Make>
  std::vector<Tensor> of_anchor(const void* key, Make&& make) {
    check_anchor();
    return batches_.of_anchor(key, make);
  }

 private:
  static constexpr void check_adapted() {
    static_assert(has(reads, Reads::adapted), "Term: it reads the adapted images; add nada::Reads::adapted to `reads`");
  }
  static constexpr void check_anchor() {
    static_assert(has(reads, Reads::anchor), "Term: it reads the anchor's images; add nada::Reads::anchor to `reads`");
  }
  ComparedBatches<E>& batches_;
};

/// Leaf is a tensor that trains.
struct Leaf {
  std::string name;  // "conv.64.0.weight"
  Tensor value, initial;
};

/// Scene is the part of a step that does not depend on an encoder: images as generated (not clamped), styles w+, and
/// the tensors that train. A part that no term reads is undefined or empty.
struct Scene {
  Tensor adapted_images, anchor_images, styles;
  std::span<const Leaf> leaves;
};

template <class T>
concept HasTermName = requires {
  { T::name } -> std::convertible_to<std::string_view>;
};
template <class T>
concept HasTermReads = requires {
  { T::reads } -> std::convertible_to<Reads>;
};
template <class T>
concept HasTermPerSample = requires {
  { T::per_sample } -> std::convertible_to<bool>;
};

/// Term: `name` is a column of metrics.csv, `reads` says what the term reads, `per_sample`
/// whether it is a mean over samples.
template <class T>
concept Term = HasTermName<T> && HasTermReads<T> && HasTermPerSample<T>;

/// EncoderTerm: a specification that is bound once per encoder and shift, so that texts are encoded once. The bound
/// term scores a Comparison; lower is better. Smallest model: losses/global.hpp.
template <class T, class E, class S>
concept EncoderTerm = Term<T> &&
    requires(const T& term, const E& encoder, const S& shift, const Endpoints& ends, Comparison<E, T::reads>& c) {
  { term.bind(encoder, shift, ends)(c) } -> std::same_as<Tensor>;  // scalar
};

/// SceneTerm: a term that scores a step without any encoder; lower is better. Smallest model: losses/range_penalty.hpp.
template <class T>
concept SceneTerm = Term<T> && requires(const T& term, const Scene& scene) {
  { term(scene) } -> std::same_as<Tensor>;
};

template <class T>
consteval bool explain_term() {
  static_assert(HasTermName<T>, "Term: add `static constexpr std::string_view name` (docs/policies.md#terms)");
  static_assert(HasTermReads<T>, "Term: add `static constexpr nada::Reads reads` (docs/policies.md#terms)");
  static_assert(HasTermPerSample<T>, "Term: add `static constexpr bool per_sample` (docs/policies.md#terms)");
  return true;
}

/// On binds a term to the encoder of one index in the set; the term does not see the other encoders.
/// Errors:  a run whose set has no encoder of that index, or whose encoder of that index cannot bind the term,
///          is refused when the run is made.
template <std::size_t index, class T>
struct On : T {
  static_assert(explain_term<T>());
  static_assert(!SceneTerm<T>, "On: a term that scores a Scene sees no encoder, so it cannot be bound to one");
};
template <class T>
struct only_encoder : std::integral_constant<std::ptrdiff_t, -1> {};
template <std::size_t index, class T>
struct only_encoder<On<index, T>> : std::integral_constant<std::ptrdiff_t, static_cast<std::ptrdiff_t>(index)> {};

template <class T>
struct Weighted {
  double weight;
  T term;
};

/// Objective is a weighted sum of terms: weigh(1.0, Directional{}) + weigh(0.3, Global{}).
template <class... Terms>
struct Objective {
  static_assert(sizeof...(Terms) > 0, "Objective: needs a term");
  std::tuple<Weighted<Terms>...> terms;
  static constexpr Reads reads = (Terms::reads | ...);
  static constexpr bool per_sample = (Terms::per_sample && ...);

  /// Calls visit(weight, term, only_encoder) for each term; only_encoder is the index of the only encoder
  /// that the term is bound to, or -1.
  template <class Visit>
  void each(Visit&& visit) const {
    std::apply([&](const auto&... w) { (visit(w.weight, w.term, only_encoder<Terms>::value), ...); }, terms);
  }
};

namespace detail {
template <class O>
concept ObjectiveOf = requires(const O& objective) {
  { O::reads } -> std::convertible_to<Reads>;
  objective.each([](double /*weight*/, const auto& /*term*/, std::ptrdiff_t /*only_encoder*/) {});
};
}  // namespace detail

/// JoinedObjectives are the terms of two objectives of different kinds, such as terms that options name and a term of
/// one's own.
template <class A, class B>
struct JoinedObjectives {
  A first;
  B second;
  static constexpr Reads reads = A::reads | B::reads;

  template <class Visit>
  void each(Visit&& visit) const {
    first.each(visit);
    second.each(visit);
  }
};

template <class T>
constexpr auto weigh(double weight, T term) {
  static_assert(explain_term<T>());
  return Objective<T>{{Weighted<T>{weight, std::move(term)}}};
}
/// Writes weigh() as a product: 1.0 * Directional{}, inside namespace nada or with `using nada::operator*`.
template <Term T>
constexpr Objective<T> operator*(double weight, T term) {
  return weigh(weight, std::move(term));
}
template <class... A, class... B>
constexpr Objective<A..., B...> operator+(Objective<A...> a, Objective<B...> b) {
  return {std::tuple_cat(std::move(a.terms), std::move(b.terms))};
}

}  // namespace nada
