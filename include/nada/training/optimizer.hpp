/// Optimizers: how a leaf moves by its gradient.
#pragma once
#include <cmath>
#include <concepts>
#include <memory>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>

#include "nada/core/error.hpp"
#include "nada/core/tensor.hpp"
#include "nada/training/moments.hpp"

namespace nada {

/// Optimizer: `begin(leaf)` returns what it remembers of a leaf before the leaf's first gradient, `move(leaf, gradient,
/// moments)` moves the leaf in place; it is called without gradient mode, and `moments.steps` counts from 1. A leaf that
/// has no gradient in a step is not moved and not counted. `rate` is the learning rate, which schedules multiply. All
/// that it remembers stands in the moments, so that resuming is exact. Smallest model: training/sgd.hpp.
template <class O>
concept Optimizer = requires(O& o, const O& c, Tensor& leaf, const Tensor& gradient, Moments& moments) {
  { O::name } -> std::convertible_to<std::string_view>;
  { o.rate } -> std::same_as<double&>;
  c.check();
  { c.begin(gradient) } -> std::same_as<Moments>;
  c.move(leaf, gradient, moments);
};

template <class O>
consteval bool explain_optimizer() {
  static_assert(
      requires {
        { O::name } -> std::convertible_to<std::string_view>;
      },
      "Optimizer: add `static constexpr std::string_view name` (docs/policies.md#optimizers)");
  static_assert(
      requires(O & o) {
        { o.rate } -> std::same_as<double&>;
      },
      "Optimizer: add `double rate`, the learning rate (docs/policies.md#optimizers)");
  static_assert(
      requires(const O& o) { o.check(); },
      "Optimizer: add `void check() const`, which refuses settings that make no sense (docs/policies.md#optimizers)");
  static_assert(
      requires(const O& o, const Tensor& leaf) {
        { o.begin(leaf) } -> std::same_as<Moments>;
      },
      "Optimizer: add `nada::Moments begin(const torch::Tensor& leaf) const` (docs/policies.md#optimizers)");
  static_assert(
      requires(const O& o, Tensor& leaf, const Tensor& gradient, Moments& moments) { o.move(leaf, gradient, moments); },
      "Optimizer: add `void move(torch::Tensor& leaf, const torch::Tensor& gradient, nada::Moments&) const` "
      "(docs/policies.md#optimizers)");
  return true;
}

/// Takes one step of a leaf by a defined gradient.
template <class O>
void take_step(const O& optimizer, Tensor& leaf, const Tensor& gradient, Moments& moments) {
  const torch::NoGradGuard no_grad;
  if (moments.steps == 0) moments = optimizer.begin(leaf);
  ++moments.steps;
  optimizer.move(leaf, gradient, moments);
}

/// AnyOptimizer holds an optimizer of any type, so that the step is compiled once for all of them.
class AnyOptimizer {
 public:
  template <class O>
  requires(!std::is_same_v<std::remove_cvref_t<O>, AnyOptimizer>) AnyOptimizer(O optimizer)
      : held_(std::make_shared<const Held<O>>(std::move(optimizer))) {
    static_assert(explain_optimizer<O>());
  }

  std::string_view name() const { return held_->name(); }
  double rate() const { return held_->rate(); }
  void check() const { held_->check(); }
  Moments begin(const Tensor& leaf) const { return held_->begin(leaf); }
  void move(Tensor& leaf, const Tensor& gradient, Moments& moments) const { held_->move(leaf, gradient, moments); }
  /// Returns this optimizer with its learning rate multiplied.
  AnyOptimizer scaled(double factor) const { return AnyOptimizer(held_->scaled(factor)); }

 private:
  struct Call {
    virtual ~Call() = default;
    virtual std::string_view name() const = 0;
    virtual double rate() const = 0;
    virtual void check() const = 0;
    virtual Moments begin(const Tensor& leaf) const = 0;
    virtual void move(Tensor& leaf, const Tensor& gradient, Moments& moments) const = 0;
    virtual std::shared_ptr<const Call> scaled(double factor) const = 0;
  };
  template <class O>
  struct Held final : Call {
    explicit Held(O optimizer) : held(std::move(optimizer)) {}
    std::string_view name() const override { return O::name; }
    double rate() const override { return held.rate; }
    void check() const override { held.check(); }
    Moments begin(const Tensor& leaf) const override { return held.begin(leaf); }
    void move(Tensor& leaf, const Tensor& gradient, Moments& moments) const override {
      held.move(leaf, gradient, moments);
    }
    std::shared_ptr<const Call> scaled(double factor) const override {
      auto other = held;
      other.rate *= factor;
      return std::make_shared<const Held>(std::move(other));
    }
    O held;
  };
  explicit AnyOptimizer(std::shared_ptr<const Call> held) : held_(std::move(held)) {}

  std::shared_ptr<const Call> held_;
};

/// Refuses a learning rate that is not a number > 0.
inline void require_rate(double rate) {
  require(std::isfinite(rate) && rate > 0, "the learning rate is ", rate, ", expected a number > 0");
}

}  // namespace nada
