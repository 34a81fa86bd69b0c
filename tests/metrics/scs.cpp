#include <boost/test/unit_test.hpp>

#include <string>
#include <utility>
#include <vector>

#include "nada/core/tensor.hpp"
#include "nada/metrics/metric.hpp"
#include "nada/metrics/scs.hpp"
#include "support/files.hpp"
#include "support/tiny.hpp"

BOOST_AUTO_TEST_SUITE(metrics_scs, *boost::unit_test::tolerance(1e-12))

using namespace nada;
using test::number;
using test::random;

static_assert(Metric<Scs>);

namespace {

/// Returns edges [1, 1, 1, K] that 8 bits hold.
Tensor edges_of(std::vector<double> bytes) { return test::row(std::move(bytes)).view({1, 1, 1, -1}) / 255; }

double agreement(const Tensor& a, const Tensor& b) { return number(edge_agreement(a, b)[0]); }

}  // namespace

BOOST_AUTO_TEST_CASE(agreement_is_twice_the_product_over_the_squares) {
  BOOST_TEST(agreement(edges_of({10, 20, 0, 5}), edges_of({20, 10, 3, 0})) ==
             2. * (10 * 20 + 20 * 10) / (100 + 400 + 25 + 400 + 100 + 9));
  BOOST_TEST(agreement(edges_of({7, 0, 200}), edges_of({7, 0, 200})) == 1);
  BOOST_TEST(agreement(edges_of({7, 0}), edges_of({0, 7})) == 0);
  BOOST_TEST(agreement(edges_of({3, 9}), edges_of({6, 18})) == 0.8);  // of k times the edges 2 k / (1 + k^2)
}

BOOST_AUTO_TEST_CASE(edges_are_cut_to_8_bits_and_no_edges_agree_with_none) {
  BOOST_TEST(agreement(edges_of({10.9, 4.99}), edges_of({10.1, 4})) == 1);
  BOOST_TEST(agreement(edges_of({0.9, 0}), edges_of({0, 0.2})) == 1);
  BOOST_TEST(agreement(edges_of({0.9, 0}), edges_of({0, 1})) == 0);
  BOOST_TEST(error_of([] {
               edge_agreement(edges_of({1}), edges_of({1, 2}));
             }) == "SCS of edges of shapes [1, 1, 1, 1] and [1, 1, 1, 2]");
}

BOOST_AUTO_TEST_CASE(is_the_mean_over_samples_of_images_in_8_bits) {
  const auto red = [](const Tensor& images) {
    return (images.narrow(1, 0, 1) + 1) / 2;
  };  // "edges": how red a pixel is
  Evidence e;
  e.adapted_images = random({23, 3, 4, 4}, 1).tanh().to(torch::kFloat32);
  e.source_images = random({23, 3, 4, 4}, 2).tanh().to(torch::kFloat32);
  const auto score = Scs{red}(e);
  const auto truth = edge_agreement(red(in_8_bits(e.adapted_images)), red(in_8_bits(e.source_images)));
  BOOST_TEST(score.value == number(truth.mean()));
  BOOST_TEST(score.has_interval());
  BOOST_TEST((score.value > 0 && score.value < 1));
  e.source_images = e.adapted_images;
  BOOST_TEST(Scs{red}(e).value == 1);
  e.source_images = e.adapted_images.narrow(0, 0, 3);
  BOOST_TEST(error_of([&] { Scs{red}(e); }) == "SCS: images of shapes [23, 3, 4, 4] and [3, 3, 4, 4]");
}

BOOST_AUTO_TEST_SUITE_END()
