/// Checks an optimizer.
#pragma once
#include <cmath>
#include <cstdint>
#include <limits>
#include <string>
#include <utility>
#include <vector>

#include "nada/checks/agreement.hpp"
#include "nada/core/error.hpp"
#include "nada/core/tensor.hpp"
#include "nada/training/moments.hpp"
#include "nada/training/optimizer.hpp"

namespace nada {

namespace checks {

/// Returns moments as a state file gives them back.
/// Errors:  a tensor that files do not hold.
Moments kept_moments(const Tensor& leaf, const Moments& moments);

template <Optimizer O>
class OptimizerCheck {
  static_assert(explain_optimizer<O>());

 public:
  explicit OptimizerCheck(const O& optimizer) : optimizer_(optimizer) {}

  void run() const {
    telling("the optimizer refuses its own settings", [&] { optimizer_.check(); });
    refuses_rates();
    moves_in_place();
    rate_counts();
    descends();
    remembers_in_moments();
  }

 private:
  static constexpr std::int64_t steps = 7;

  static Tensor leaf() { return random({3, 4}, 1); }
  static Tensor gradient(std::int64_t step) { return random({3, 4}, 100 + static_cast<std::uint64_t>(step)); }

  void step(const O& optimizer, Tensor& leaf, const Tensor& gradient, Moments& moments) const {
    telling("the optimizer cannot move a leaf", [&] { take_step(optimizer, leaf, gradient, moments); });
  }

  void refuses_rates() const {
    for (const double wrong : {-1.0, std::numeric_limits<double>::quiet_NaN()}) {
      auto other = optimizer_;
      other.rate = wrong;
      bool refused = false;
      try {
        other.check();
      } catch (const Error&) {
        refused = true;
      }
      require(refused, "check() of the optimizer takes a learning rate of ", wrong, "; call require_rate(rate) in it");
    }
  }

  void moves_in_place() const {
    auto x = leaf();
    const auto before = x.clone(), same = x, g = gradient(0), g_before = g.clone();
    Moments moments;
    step(optimizer_, x, g, moments);
    require(is_finite(x), "the leaf is not finite after a step of the optimizer");
    require(x.is_same(same) && !same_bits(before, x), "the optimizer does not move the leaf in place");
    require(same_bits(g, g_before), "the optimizer changes the gradient");
    const auto kept = [&](const Tensor& m) { return !m.defined() || !m.is_alias_of(g); };
    require(kept(moments.first) && kept(moments.second),
            "the optimizer keeps the gradient itself in the moments, which the next step overwrites; clone it");
  }

  /// Schedules multiply `rate`.
  void rate_counts() const {
    auto slower = optimizer_;
    slower.rate = optimizer_.rate / 1000;
    auto fast = leaf(), slow = leaf();
    Moments a, b;
    step(optimizer_, fast, gradient(0), a);
    step(slower, slow, gradient(0), b);
    const auto far = (fast - leaf()).norm().template item<double>(),
               near = (slow - leaf()).norm().template item<double>();
    require(near < 0.1 * far, "a thousandth of the learning rate moves the leaf by ", near, " in place of ", far,
            ": the optimizer does not multiply its step by `rate`, which schedules change");
  }

  /// Half the squared length of a leaf falls.
  void descends() const {
    auto x = leaf();
    Moments moments;
    const double before = x.norm().template item<double>();
    for (std::int64_t k = 0; k < steps; ++k) step(optimizer_, x, x.clone(), moments);
    const double after = x.norm().template item<double>();
    require(after < before, "the optimizer moves uphill: of half the squared length of a leaf it makes ",
            0.5 * after * after, " of ", 0.5 * before * before, " in ", steps, " steps");
  }

  /// Two leaves in turn move as each alone would, and a run that is resumed after k steps as one that never stopped.
  void remembers_in_moments() const {
    std::vector<Tensor> alone;
    std::vector<Moments> kept;
    auto x = leaf();
    Moments moments;
    for (std::int64_t k = 0; k < steps; ++k) {
      kept.push_back(kept_moments(x, moments));
      alone.push_back(x.clone());
      step(optimizer_, x, gradient(k), moments);
    }
    alone.push_back(x.clone());
    auto again = leaf(), other = random({5}, 2);
    Moments of_again, of_other;
    for (std::int64_t k = 0; k < steps; ++k) {
      step(optimizer_, other, random({5}, 300 + static_cast<std::uint64_t>(k)), of_other);
      step(optimizer_, again, gradient(k), of_again);
    }
    require(same_bits(again, alone.back()),
            "a leaf moves otherwise when another one moves in turn with it: the optimizer remembers something outside "
            "the moments");
    for (std::int64_t k = 1; k < steps; ++k) {
      auto resumed = alone[static_cast<std::size_t>(k)].clone();
      auto restored = kept[static_cast<std::size_t>(k)];
      step(O(optimizer_), resumed, gradient(k), restored);
      require(same_bits(resumed, alone[static_cast<std::size_t>(k) + 1]), "step ", k + 1,
              " is another one after the moments were saved and read: something that the optimizer remembers is not in "
              "`first`, `second`, `steps` or `others`");
    }
  }

  const O& optimizer_;
};

}  // namespace checks

/// Checks an optimizer on leaves in float64.
/// Errors:  the first of these that does not hold, in one sentence:
///          check() passes, and refuses learning rates that are no number > 0;
///          a step moves the leaf in place by finite numbers, leaves the gradient as it is and does not keep it;
///          a smaller `rate` gives a smaller step; the squared length of a leaf falls;
///          all that it remembers of a leaf stands in the moments, as a state file keeps them.
template <Optimizer O>
void check_part(const O& optimizer) {
  checks::OptimizerCheck<O>(optimizer).run();
}

}  // namespace nada

#ifndef NADA_COMPILED
#include "nada/checks/check_optimizer.ipp"
#endif
