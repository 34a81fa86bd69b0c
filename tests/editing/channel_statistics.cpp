#include "nada/editing/channel_statistics.hpp"

#include <boost/test/unit_test.hpp>
#include <string>
#include <vector>

#include "nada/encoders/ensemble.hpp"
#include "nada/generators/stylegan2.hpp"
#include "support/files.hpp"
#include "support/random_stylegan2.hpp"
#include "support/tiny.hpp"

BOOST_AUTO_TEST_SUITE(editing_channel_statistics)

using namespace nada;

namespace {

/// Returns the unit feature of one sample's picture, [E], where the style channel `c` of a layer is `value`: the generator
/// is made anew from tensors, whose affine map is changed so far that this one sample gets that channel.
Tensor feature(const StyleGan2& generator, const test::LinearEncoder& encoder, const Tensor& style,
               const std::string& layer, std::int64_t c, double value) {
  auto tensors = generator.tensors();
  const auto k = find_layer(generator.layers(), layer);
  auto bias = tensors.at(layer + ".affine.bias").clone();
  bias[c] += value - test::number(style_channels(generator, k, style)[0][c]);
  tensors[layer + ".affine.bias"] = bias;
  const auto image = StyleGan2(tensors).synthesize(style).clamp(-1, 1).flatten();
  const auto raw = encoder.weight.mv(image);
  return raw / raw.norm();
}

}  // namespace

BOOST_AUTO_TEST_CASE(statistics_agree_with_one_sample_and_one_channel_at_a_time) {
  const auto generator = test::small_stylegan2();
  const Ensemble encoders{Member<test::LinearEncoder>{test::linear_encoder(7, 16, 1), 0.5},
                          Member<test::LinearEncoder>{test::linear_encoder(6, 16, 2), 0.5}};
  ChannelSettings settings;
  settings.samples = 3;
  settings.style_samples = 11;
  settings.reach = 2.5;
  settings.batch = 2;
  const auto styles = sampled_styles(generator, 5, settings.samples);
  const auto all = sampled_styles(generator, 5, settings.style_samples);
  const auto k = find_layer(generator.layers(), "conv.8.1");
  std::int64_t told = 0;
  const auto found = measure_channels(generator, encoders, styles, all, k, settings, [&](std::int64_t c) {
    BOOST_TEST(c == told++);
    return true;
  });
  BOOST_TEST(told == 4);
  BOOST_TEST_REQUIRE(found.steps.size() == 2);
  const auto values = style_channels(generator, k, all);  // [11, 4]
  for (std::int64_t c = 0; c < 4; ++c) {
    double mean = 0, square = 0;
    for (std::int64_t n = 0; n < 11; ++n) mean += test::number(values[n][c]) / 11;
    for (std::int64_t n = 0; n < 11; ++n) square += std::pow(test::number(values[n][c]) - mean, 2) / 11;
    BOOST_TEST(test::number(found.mean[c]) == mean, boost::test_tools::tolerance(1e-5));
    BOOST_TEST(test::number(found.deviation[c]) == std::sqrt(square), boost::test_tools::tolerance(1e-5));
    std::size_t e = 0;
    encoders.each([&](const auto& encoder, double, std::size_t) {
      Tensor sum;
      for (std::int64_t n = 0; n < 3; ++n) {
        const auto one = styles.narrow(0, n, 1);
        const auto step = feature(generator, encoder, one, "conv.8.1", c, mean + 2.5 * std::sqrt(square)) -
                          feature(generator, encoder, one, "conv.8.1", c, mean - 2.5 * std::sqrt(square));
        sum = sum.defined() ? sum + step / step.norm() : step / step.norm();
      }
      BOOST_TEST(test::largest_difference(found.steps[e++][c], sum / sum.norm()) < 1e-5);
    });
  }
}

BOOST_AUTO_TEST_CASE(the_batch_does_not_matter) {
  const auto generator = test::small_stylegan2();
  const Ensemble encoders{Member<test::LinearEncoder>{test::linear_encoder(7, 16, 1), 1.0}};
  const auto styles = sampled_styles(generator, 1, 5);
  const auto k = find_layer(generator.layers(), "conv.4.0");
  ChannelSettings settings;
  settings.batch = 5;
  const auto whole = channel_steps(generator, encoders, styles, k, 3, -1, 2, settings);
  settings.batch = 2;
  const auto parts = channel_steps(generator, encoders, styles, k, 3, -1, 2, settings);
  BOOST_TEST(whole[0].size(0) == 5);
  BOOST_TEST(test::largest_difference(whole[0], parts[0]) < 1e-12);
}

BOOST_AUTO_TEST_CASE(a_channel_that_changes_nothing_has_no_step) {
  BOOST_TEST(test::largest_difference(mean_step(torch::zeros({3, 2}, torch::kFloat64)), torch::zeros({2})) == 0);
  const auto steps = torch::tensor({3.0, 4.0, 0.0, 0.0}, torch::kFloat64).view({2, 2});
  BOOST_TEST(test::largest_difference(mean_step(steps), torch::tensor({0.6, 0.8}, torch::kFloat64)) < 1e-12);
  const auto opposite = torch::tensor({1.0, 0.0, -5.0, 0.0}, torch::kFloat64).view({2, 2});
  BOOST_TEST(test::largest_difference(mean_step(opposite), torch::zeros({2}, torch::kFloat64)) == 0);
}

BOOST_AUTO_TEST_CASE(an_exit_renders_smaller_pictures_in_which_later_layers_change_nothing) {
  const auto generator = test::small_stylegan2();
  const Ensemble encoders{Member<test::LinearEncoder>{test::linear_encoder(7, 8, 1), 1.0}};  // sees 8 pixels alone
  const auto styles = sampled_styles(generator, 1, 2);
  ChannelSettings settings;
  settings.resolution = 8;
  const auto place = [&](const char* name) { return find_layer(generator.layers(), name); };
  const auto early = channel_steps(generator, encoders, styles, place("conv.4.0"), 1, -1, 1, settings);
  const auto late = channel_steps(generator, encoders, styles, place("conv.16.1"), 1, -1, 1, settings);
  BOOST_TEST(test::number(early[0].abs().max()) > 1e-4);
  BOOST_TEST(test::number(late[0].abs().max()) == 0);
}

BOOST_AUTO_TEST_CASE(a_measurement_that_is_stopped_gives_nothing) {
  const auto generator = test::small_stylegan2();
  const Ensemble encoders{Member<test::LinearEncoder>{test::linear_encoder(7, 16, 1), 1.0}};
  const auto styles = sampled_styles(generator, 1, 2);
  const auto k = find_layer(generator.layers(), "conv.4.0");
  int calls = 0;
  const auto found =
      measure_channels(generator, encoders, styles, styles, k, {}, [&](std::int64_t) { return ++calls < 2; });
  BOOST_TEST(calls == 2);
  BOOST_TEST((!found.mean.defined() && found.steps.empty()));
}

BOOST_AUTO_TEST_CASE(settings_out_of_range_are_named) {
  ChannelSettings settings;
  settings.samples = 0;
  BOOST_TEST(error_of([&] { settings.check(); }) == "channel statistics of 0 samples, expected at least 1");
  settings = {};
  settings.reach = 0;
  BOOST_TEST(error_of([&] { settings.check(); }) == "channel statistics: a reach of 0 deviations, expected (0, 1000]");
}

BOOST_AUTO_TEST_SUITE_END()
