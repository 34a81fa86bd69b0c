// Bodies of check_term.hpp.
#pragma once
#include "nada/checks/check_term.hpp"

#include <algorithm>
#include <array>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <exception>
#include <optional>

#include "nada/core/config.hpp"
#include "nada/core/error.hpp"

namespace nada::checks {

/// TermCheck holds the batches that a term is checked on, one for each of the term's endpoints.
class TermCheck {
 public:
  explicit TermCheck(const BoundForm& term) : term_(term) {
    for (std::size_t i = 0; i < term.ends.size(); ++i) {
      batches_.push_back(make_batch(i));
      others_.push_back(make_batch(i + 10));
      scores_.push_back(telling(term.name + " cannot be bound", [&] { return term.bind(term.ends[i], 0); }));
    }
  }

  void run() const {
    for (std::size_t i = 0; i < batches_.size(); ++i) scalar(i);
    for (std::size_t i = 0; i < batches_.size(); ++i) deterministic(i);
    for (const auto part : {Reads::adapted, Reads::anchor, Reads::leaves, Reads::tokens})
      has(term_.reads, part) ? depends_on(part) : does_not_read(part);
    for (std::size_t i = 0; i < batches_.size(); ++i) differentiable(i);
    if (term_.per_sample)
      for (std::size_t i = 0; i < batches_.size(); ++i) mean_over_samples(i);
  }

 private:
  static constexpr std::int64_t count = 4, pixels = 48;

  TermBatch make_batch(std::size_t seed) const {
    const auto images = [&](std::uint64_t s) {
      const auto x = random_images(count, pixels, s).to(term_.type);
      return term_.sees_scene ? 1.5 * x : x;  // a scene's images are as generated, not clamped
    };
    TermBatch out{images(3 * seed), images(3 * seed + 1), random({count, 10, 5}, 3 * seed + 2), {}, {seed, 0}};
    if (seed % 10 == 2) out.adapted = (0.9 * out.anchor + 0.1 * out.adapted).contiguous();  // as soon after a start
    for (const auto* name : {"conv.4.0.weight", "conv.4.0.bias"}) {
      const auto value = random({3, 4}, 7 * seed + out.leaves.size());
      out.leaves.push_back({name, value, value + 0.1 * random({3, 4}, 7 * seed + out.leaves.size() + 3)});
    }
    return out;
  }
  /// Returns a batch without the parts that the term does not read, which a run with this term alone does not have.
  TermBatch declared(TermBatch batch) const {
    for (const auto part : {Reads::adapted, Reads::anchor, Reads::leaves, Reads::tokens})
      if (!has(term_.reads, part)) remove(part, batch);
    return batch;
  }
  static void remove(Reads part, TermBatch& batch) {
    if (part == Reads::adapted) batch.adapted = Tensor{};
    if (part == Reads::anchor) batch.anchor = Tensor{};
    if (part == Reads::leaves) batch.leaves.clear();
    if (part == Reads::tokens) batch.tokens = false;
  }
  /// Puts one part of another batch into this one.
  static void replace(Reads part, TermBatch& batch, const TermBatch& other) {
    if (part == Reads::adapted) batch.adapted = other.adapted;
    if (part == Reads::anchor) batch.anchor = other.anchor;
    if (part == Reads::leaves) batch.leaves = other.leaves;
  }
  static const char* text_of(Reads part) {
    return part == Reads::adapted  ? "the adapted images"
           : part == Reads::anchor ? "the anchor's images"
           : part == Reads::leaves ? "the leaves"
                                   : "the features' tokens";
  }
  static const char* code_of(Reads part) {
    return part == Reads::adapted  ? "nada::Reads::adapted"
           : part == Reads::anchor ? "nada::Reads::anchor"
           : part == Reads::leaves ? "nada::Reads::leaves"
                                   : "nada::Reads::tokens";
  }

  Tensor score(std::size_t i, const TermBatch& batch) const {
    return telling(join(term_.name, " cannot score a batch of ", samples(batch), " samples"),
                   [&] { return scores_[i](batch); });
  }
  static std::int64_t samples(const TermBatch& batch) { return batch.styles.size(0); }

  void scalar(std::size_t i) const {
    const auto full = telling_of_missing(i);
    require(full.defined() && full.dim() == 0 && full.is_floating_point(), term_.name, " gives a tensor of shape ",
            full.defined() ? shape_text(full.sizes()) : "[?]", ", expected a scalar []");
    require(is_finite(full), term_.name, " is ", full.item<double>(), ", expected a finite number");
  }
  /// Scores what a run with this term alone has. Where that fails and the whole batch can be scored, the term reads
  /// what it does not declare.
  Tensor telling_of_missing(std::size_t i) const {
    try {
      return scores_[i](declared(batches_[i]));
    } catch (const std::exception& error) {
      for (const auto part : {Reads::adapted, Reads::anchor, Reads::leaves, Reads::tokens}) {
        auto without = batches_[i];
        remove(part, without);
        if (!has(term_.reads, part) && scored(i, batches_[i]) && !scored(i, without)) undeclared(part);
      }
      fail(term_.name, " cannot score a batch of ", count, " samples: ", first_line(error.what()));
    }
  }
  std::optional<Tensor> scored(std::size_t i, const TermBatch& batch) const {
    try {
      return scores_[i](batch);
    } catch (const std::exception&) {
      return {};
    }
  }
  [[noreturn]] void undeclared(Reads part) const {
    fail(term_.name, " reads ", text_of(part), ", which its `reads` does not declare: add ", code_of(part));
  }

  void deterministic(std::size_t i) const {
    const auto batch = declared(batches_[i]);
    const auto first = score(i, batch);
    score(i, declared(others_[i]));
    require(same_bits(first, score(i, batch)), term_.name,
            " gives another value when the same batch is scored again: it remembers something, or draws random numbers "
            "that are not of the comparison's stream");
    const auto again = term_.bind(term_.ends[i], 0);
    again(declared(others_[i]));
    require(same_bits(first, again(batch)), term_.name,
            " gives another value when it is bound again and scores another batch first: it remembers something");
  }

  void does_not_read(Reads part) const {
    for (std::size_t i = 0; i < batches_.size(); ++i) {
      const auto with = scored(i, batches_[i]);
      auto without = batches_[i], other = batches_[i];
      remove(part, without);
      replace(part, other, others_[i]);
      const auto missing = scored(i, without), changed = scored(i, other);
      if (!with || !missing || !changed || !same_bits(*with, *missing) || !same_bits(*with, *changed)) undeclared(part);
    }
  }
  void depends_on(Reads part) const {
    if (part == Reads::tokens && !term_.shifts_tokens) return;  // only the small encoder can change them alone
    for (std::size_t i = 0; i < batches_.size(); ++i) {
      auto other = declared(batches_[i]);
      replace(part, other, others_[i]);
      const auto score_other = part == Reads::tokens ? term_.bind(term_.ends[i], 0.5) : scores_[i];
      if (!same_bits(score(i, declared(batches_[i])), score_other(other))) return;
    }
    fail(term_.name, " declares ", code_of(part), ", but its value never depends on ", text_of(part));
  }

  void differentiable(std::size_t i) const {
    const auto batch = declared(batches_[i]);
    if (has(term_.reads, Reads::adapted))
      require_gradient(
          term_.name + ": the gradient in the adapted images",
          [&](const Tensor& x) {
            auto moved = batch;
            moved.adapted = x;
            return scores_[i](moved);
          },
          batch.adapted);
    if (has(term_.reads, Reads::leaves))
      require_gradient(
          term_.name + ": the gradient in the leaves",
          [&](const Tensor& x) {
            auto moved = batch;
            moved.leaves[0].value = x;
            return scores_[i](moved);
          },
          batch.leaves[0].value);
  }

  /// Compares the batch with its samples one by one. A term that treats each place in the batch differently, such as
  /// one that draws a patch of each image, passes where the first sample counts 1 / count in a batch of `count`.
  void mean_over_samples(std::size_t i) const {
    const auto batch = declared(batches_[i]);
    auto others = declared(others_[i]);
    others.stream = batch.stream;
    const auto value = [&](const TermBatch& b) { return score(i, b).item<double>(); };
    const double tolerance = term_.type == torch::kFloat64 ? 1e-6 : 1e-3;
    double sum = 0;
    for (std::int64_t n = 0; n < count; ++n) sum += value(sample(batch, n, 1));
    const double whole = value(batch), size = std::max(1.0, std::abs(whole));
    if (std::abs(whole - sum / count) <= tolerance * size) return;
    const double alone = value(sample(batch, 0, 1)) - value(sample(others, 0, 1));
    for (const auto& rest : {batch, others}) {
      const double inside = value(joined(sample(batch, 0, 1), sample(rest, 1, count - 1))) -
                            value(joined(sample(others, 0, 1), sample(rest, 1, count - 1)));
      require(std::abs(count * inside - alone) <= tolerance * size, term_.name,
              " declares per_sample = true, but the value of a batch is ", whole,
              " and the mean of its samples' values ", sum / count);
    }
  }
  static TermBatch sample(const TermBatch& batch, std::int64_t first, std::int64_t n) {
    auto out = batch;
    const auto cut = [&](Tensor& x) {
      if (x.defined()) x = x.narrow(0, first, n);
    };
    cut(out.adapted), cut(out.anchor), cut(out.styles);
    return out;
  }
  static TermBatch joined(const TermBatch& a, const TermBatch& b) {
    auto out = a;
    const auto join_to = [](Tensor& x, const Tensor& more) {
      if (x.defined()) x = torch::cat({x, more});
    };
    join_to(out.adapted, b.adapted), join_to(out.anchor, b.anchor), join_to(out.styles, b.styles);
    return out;
  }

  const BoundForm& term_;
  std::vector<TermBatch> batches_, others_;
  std::vector<TermScore> scores_;
};

NADA_INLINE void check_term(const BoundForm& term) { TermCheck(term).run(); }

}  // namespace nada::checks
