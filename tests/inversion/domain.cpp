#include <boost/test/unit_test.hpp>

#include "nada/inversion/domain.hpp"
#include "support/files.hpp"
#include "support/tiny.hpp"

using namespace nada;

BOOST_AUTO_TEST_SUITE(inversion_domain, *boost::unit_test::tolerance(1e-12))

BOOST_AUTO_TEST_CASE(distances_to_points_on_a_line_are_known) {
  const auto samples = torch::tensor({0.0, 1.0, 3.0, 7.0}, torch::kFloat64).unsqueeze(1);  // nearest: 1, 1, 2, 4
  const auto at = [&](double x) { return domain_distance(samples, torch::full({1, 1}, x, torch::kFloat64)); };
  BOOST_TEST(at(1.5).picture == 0.5);
  BOOST_TEST(at(1.5).usual == 1.0);
  BOOST_TEST(at(1.5).largest == 4.0);
  BOOST_TEST(!at(10.9).far());
  BOOST_TEST(at(11.1).far());
  BOOST_TEST(at(-4.5).far());
}

BOOST_AUTO_TEST_CASE(a_sample_of_the_generator_is_near_and_a_constant_far_outside_is_not) {
  const test::TinyGenerator generator(1);
  const auto flat = [](const Tensor& images) { return images.flatten(1); };
  const auto z = Stream{5, 0}.normal(Purpose::evaluation, {1, 4}, 3).to(torch::kFloat64);
  const auto own = generator.synthesize(generator.map(z, {}), {});
  const auto near = domain_distance(generator, flat, own, Stream{5, 0}, 32);
  BOOST_TEST(near.picture < 1e-6);
  BOOST_TEST(!near.far());
  BOOST_TEST(domain_distance(generator, flat, own + 100, Stream{5, 0}, 32).far());
}

BOOST_AUTO_TEST_CASE(one_sample_is_too_few) {
  BOOST_TEST(error_of([] {
               domain_distance(torch::zeros({1, 2}), torch::zeros({1, 2}));
             }) == "a distance to samples needs at least two, found features of shape [1, 2]");
}

BOOST_AUTO_TEST_SUITE_END()
