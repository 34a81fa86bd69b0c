/// Sets of encoders: with types fixed at compile time, or a list of one type.
#pragma once
#include <cmath>
#include <cstddef>
#include <tuple>
#include <utility>
#include <vector>

#include "nada/core/error.hpp"
#include "nada/encoders/encoder.hpp"

namespace nada {

/// Member is an encoder with its weight in the objective.
template <class E>
struct Member {
  static_assert(explain_encoder<E>());
  E encoder;
  double weight = 1;
};

inline void check_weight(double weight) {
  require(std::isfinite(weight) && weight >= 0, "the weight of an encoder is ", weight, ", expected a number >= 0");
}

/// Ensemble holds encoders of types known at compile time: Ensemble{Member{vit, 1.0}, Member{resnet, 0.5}}.
template <class... Es>
class Ensemble {
 public:
  explicit Ensemble(Member<Es>... members) : members_(std::move(members)...) {
    std::apply([](const auto&... m) { (check_weight(m.weight), ...); }, members_);
  }
  template <class Visit>
  void each(Visit&& visit) const {
    std::size_t index = 0;
    std::apply([&](const auto&... m) { (((m.weight > 0) ? visit(m.encoder, m.weight, index) : void(), ++index), ...); },
               members_);
  }

 private:
  std::tuple<Member<Es>...> members_;
};

/// Members hold encoders of one type, as many as are named at run time.
/// Errors:  a weight that is negative or not finite; no encoder of weight > 0.
template <class E>
class Members {
 public:
  explicit Members(std::vector<Member<E>> members) : members_(std::move(members)) {
    double sum = 0;
    for (const auto& m : members_) check_weight(m.weight), sum += m.weight;
    require(sum > 0, "no encoder has a weight > 0");
  }
  template <class Visit>
  void each(Visit&& visit) const {
    for (std::size_t i = 0; i < members_.size(); ++i)
      if (members_[i].weight > 0) visit(members_[i].encoder, members_[i].weight, i);
  }
  std::size_t size() const { return members_.size(); }

 private:
  std::vector<Member<E>> members_;
};

}  // namespace nada
