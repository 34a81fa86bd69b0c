/// Checks that metrics refuse NaN and infinity.
#pragma once
#include <boost/test/unit_test.hpp>
#include <cstdint>
#include <limits>
#include <string>
#include <utility>

#include "nada/core/tensor.hpp"
#include "nada/encoders/encoder.hpp"
#include "nada/metrics/metric.hpp"
#include "support/files.hpp"
#include "support/tiny.hpp"

namespace nada::test {

/// Checks that a metric takes 20 samples of 4 numbers, and that the metric refuses NaN and infinity in each set of
/// features that it needs, with one sentence that begins with the metric's name.
template <Metric M>
void check_refuses_what_is_not_finite(const M& metric) {
  const auto features = [](std::uint64_t seed) {
    const auto x = random({20, 4}, seed);
    return Features{nada::unit(x), x, {}};
  };
  const auto evidence = [&] {
    Evidence out{features(1), features(2), features(3), endpoints_between(random({1, 4}, 4), random({1, 4}, 5))};
    out.texts = nada::unit(random({3, 4}, 6));
    return out;
  };
  BOOST_TEST(error_of([&] { metric(evidence()); }) == "");
  for (const double value : {std::numeric_limits<double>::quiet_NaN(), std::numeric_limits<double>::infinity(),
                             -std::numeric_limits<double>::infinity()})
    for (const auto& [part, needed] : {std::pair{&Evidence::adapted, true},
                                       {&Evidence::source, has(M::needs, Needs::source)},
                                       {&Evidence::real, has(M::needs, Needs::real)}}) {
      if (!needed) continue;
      auto broken = evidence();
      (broken.*part).unit[7][2] = value;
      (broken.*part).raw[7][2] = value;
      BOOST_TEST(error_of([&] { metric(broken); }) ==
                 std::string(M::name) + ": the samples hold values that are not finite");
    }
}

}  // namespace nada::test
