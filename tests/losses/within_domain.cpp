#include <boost/test/unit_test.hpp>

#include "nada/losses/within_domain.hpp"
#include "support/files.hpp"
#include "support/finite_differences.hpp"
#include "support/tiny.hpp"

using namespace nada;
using test::random;

namespace {

static_assert(EncoderTerm<WithinDomain, test::LinearEncoder, FixedShift> &&
              EncoderTerm<InDomainDiversity, test::LinearEncoder, FixedShift> && !WithinDomain::per_sample);

template <class Term>
double of_features(const Term& term, const Tensor& adapted, const Tensor& anchor) {
  return test::number(test::evaluate(term, test::PixelEncoder{}, {}, test::pixels(adapted), test::pixels(anchor)));
}

}  // namespace

BOOST_AUTO_TEST_SUITE(losses_within_domain, *boost::unit_test::tolerance(1e-10))

BOOST_AUTO_TEST_CASE(directions_between_samples_survive_a_common_step_and_are_lost_by_collapse) {
  const auto anchor = random({4, 3}, 1);
  BOOST_TEST((of_features(WithinDomain{}, anchor + test::row({1, -2, 3}), anchor) < 1e-12));
  BOOST_TEST((of_features(WithinDomain{}, 2 * anchor, anchor) < 1e-12));
  BOOST_TEST(of_features(WithinDomain{}, torch::zeros({4, 3}, torch::kFloat64), anchor) == 1);
  BOOST_TEST(of_features(WithinDomain{}, -anchor, anchor) == 2);
}

BOOST_AUTO_TEST_CASE(is_the_mean_over_pairs_of_one_minus_cosine) {
  const auto anchor = torch::cat({test::row({0, 0, 0}), test::row({1, 0, 0}), test::row({0, 1, 0})});
  const auto adapted = torch::cat({test::row({0, 0, 0}), test::row({0, 1, 0}), test::row({0, 1, 0})});
  // pairs (0,1): orthogonal; (0,2): the same; (1,2): no difference left
  BOOST_TEST(of_features(WithinDomain{}, adapted, anchor) == (1.0 + 0.0 + 1.0) / 3);
}

BOOST_AUTO_TEST_CASE(angles_between_samples_survive_rotations) {
  const auto anchor = unit(random({4, 3}, 2));
  const auto rotation = std::get<0>(at::linalg_qr(random({3, 3}, 3)));
  BOOST_TEST((of_features(InDomainDiversity{}, anchor.matmul(rotation), anchor) < 1e-20));
  const auto one = anchor.narrow(0, 0, 1).expand({4, 3});
  double expected = 0;
  for (int i = 0; i < 4; ++i)
    for (int j = 0; j < i; ++j) expected += std::pow(1 - test::number(anchor[i].dot(anchor[j])), 2) / 6;
  BOOST_TEST(of_features(InDomainDiversity{}, one, anchor) == expected);
}

BOOST_AUTO_TEST_CASE(views_are_compared_with_their_own_kind) {
  const auto encoder = test::linear_encoder(5, 2, 1);
  const auto adapted = random({3, 3, 2, 2}, 4), anchor = random({3, 3, 2, 2}, 5);
  const auto value = [&](auto term, bool twice) {
    const auto views = [&](const Tensor& x) { return twice ? torch::cat({x, x}) : x; };
    const Shown shown{adapted, views(adapted)}, shown_anchor{anchor, views(anchor)};
    ComparedBatches<test::LinearEncoder> c_batches(encoder, shown, shown_anchor, Stream{});
    Comparison<test::LinearEncoder> c(c_batches);
    return test::number(term.bind(encoder, FixedShift{}, Endpoints{})(c));
  };
  BOOST_TEST(value(WithinDomain{}, true) == value(WithinDomain{}, false));
  BOOST_TEST(value(InDomainDiversity{}, true) == value(InDomainDiversity{}, false));
}

BOOST_AUTO_TEST_CASE(a_batch_of_one_is_an_error) {
  const auto one = random({1, 3}, 1);
  BOOST_TEST(error_of([&] { of_features(WithinDomain{}, one, one); }).find("batch is 1") != std::string::npos);
  BOOST_TEST(error_of([&] { of_features(InDomainDiversity{}, one, one); }).find("batch is 1") != std::string::npos);
}

BOOST_AUTO_TEST_CASE(have_the_gradients_of_finite_differences) {
  const auto encoder = test::linear_encoder(5, 2, 1);
  const auto anchor = random({3, 3, 2, 2}, 5);
  test::check_gradient([&](const Tensor& x) { return test::evaluate(WithinDomain{}, encoder, {}, x, anchor); },
                       random({3, 3, 2, 2}, 4));
  test::check_gradient([&](const Tensor& x) { return test::evaluate(InDomainDiversity{}, encoder, {}, x, anchor); },
                       random({3, 3, 2, 2}, 4));
}

BOOST_AUTO_TEST_SUITE_END()
