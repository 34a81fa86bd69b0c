#include <boost/test/unit_test.hpp>

#include <cmath>

#include "nada/core/stream.hpp"
#include "nada/generators/generator.hpp"
#include "nada/selection/gradient_top_k.hpp"
#include "nada/selection/selector.hpp"
#include "support/files.hpp"
#include "support/probe.hpp"
#include "support/tiny_run.hpp"

BOOST_AUTO_TEST_SUITE(selection_gradient_top_k)

using namespace nada;
using test::HandMadeProbe;

static_assert(LayerSelector<GradientTopK>);

BOOST_AUTO_TEST_CASE(chooses_the_convolutions_with_the_largest_gradients) {
  HandMadeProbe made({1, 1, 1, 1});
  made.probe.weight_gradients = [&](std::int64_t count) {
    BOOST_TEST(count == 5);
    std::vector<double> out(made.layers.size(), 100.0);  // layers that are no convolutions are not asked
    const double scores[] = {2, 9, 3, 3};
    for (int l = 0; l < 4; ++l) out[HandMadeProbe::convolution(l)] = scores[l];
    return out;
  };
  const GradientTopK two{.k = 2, .batch = 5};
  BOOST_TEST(two.select(made.probe) == HandMadeProbe::convolutions({1, 2}), boost::test_tools::per_element());  // tie
  BOOST_TEST((GradientTopK{.k = 0, .batch = 5}.select(made.probe)).size() == 3U);
  BOOST_TEST(error_of([&] { GradientTopK{.k = 5}.select(made.probe); }).find("GradientTopK: k is 5") !=
             std::string::npos);
}

BOOST_AUTO_TEST_CASE(a_run_gives_it_the_root_mean_square_gradient_of_each_layer) {
  test::Run<> run(test::TinyGenerator(1), test::one_encoder(), test::shift(), test::terms(1), {{"convolution", "rgb"}},
                  {}, {}, {}, test::settings());
  run.step();
  run.step();
  const Stream stream{9, 4};
  const auto probe = run.probe(stream);
  const auto sizes = probe.weight_gradients(3);
  BOOST_TEST_REQUIRE(sizes.size() == run.layers().size());
  const auto styles = probe.styles(3);
  for (const std::size_t k : {2U, 5U}) {  // conv.4.0 and conv.8.1
    double squares = 0, numbers = 0;
    for (std::size_t s = 0; s < run.layers()[k].slots.size(); ++s) {
      const auto slot = run.adapted().slot(k, s).detach().clone();
      for (std::int64_t i = 0; i < slot.numel(); ++i, ++numbers) {
        const auto loss = [&](double by) {
          auto copy = run.adapted().clone();
          auto moved = slot.clone();
          moved.view(-1)[i] += by;
          copy.use(k, s, moved);
          return test::number(probe.global_loss(copy.synthesize(styles, Render{})));
        };
        squares += std::pow((loss(1e-5) - loss(-1e-5)) / 2e-5, 2);
      }
    }
    BOOST_TEST(sizes[k] == std::sqrt(squares / numbers), boost::test_tools::tolerance(1e-5));
  }
}

BOOST_AUTO_TEST_SUITE_END()
