#include <boost/test/unit_test.hpp>

#include <cmath>

#include "nada/core/tensor.hpp"
#include "nada/metrics/inception_score.hpp"
#include "nada/metrics/metric.hpp"
#include "support/tiny.hpp"

BOOST_AUTO_TEST_SUITE(metrics_inception_score, *boost::unit_test::tolerance(1e-9))

using namespace nada;
using test::random;

static_assert(Metric<InceptionScore>);

namespace {

Estimate score(const Tensor& logits) {
  Evidence evidence;
  evidence.adapted_logits = logits;
  return InceptionScore{}(evidence);
}

}  // namespace

BOOST_AUTO_TEST_CASE(is_the_number_of_classes_where_each_is_seen_surely_and_one_where_all_look_alike) {
  const auto each = 1000 * torch::eye(6, torch::kFloat64);
  const auto sure = score(each.repeat({20, 1}));  // ten parts of twelve samples
  BOOST_TEST(sure.value == 6);
  BOOST_TEST((sure.error < 1e-9));
  BOOST_TEST(score(random({1, 6}, 1).expand({50, 6})).value == 1);
}

BOOST_AUTO_TEST_CASE(is_the_mean_of_ten_parts_in_their_order) {
  const auto logits = 2 * random({47, 5}, 2);
  double sum = 0;
  for (std::int64_t k = 0; k < 10; ++k) {
    const auto p = logits.slice(0, k * 47 / 10, (k + 1) * 47 / 10).softmax(1);
    sum += std::exp(test::number((p * (p / p.mean(0, true)).log()).sum(1).mean()));
  }
  BOOST_TEST(score(logits).value == sum / 10);
  BOOST_TEST(score(logits).has_interval());
  BOOST_TEST(!score(logits.narrow(0, 0, 19)).has_interval());  // one part
}

BOOST_AUTO_TEST_SUITE_END()
