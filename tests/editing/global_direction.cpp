#include "nada/editing/global_direction.hpp"

#include <boost/test/unit_test.hpp>

#include <cmath>
#include <vector>

#include "nada/encoders/ensemble.hpp"
#include "support/files.hpp"
#include "support/tiny.hpp"

BOOST_AUTO_TEST_SUITE(editing_global_direction)

using namespace nada;

namespace {

Tensor table(std::vector<double> values, std::int64_t rows) {
  return torch::tensor(values, torch::kFloat64).view({rows, -1});
}

/// Three channels in two layers, seen by one encoder of two features; the steps have unit length.
ChannelStatistics example() {
  ChannelStatistics out{"abc", {"e"}, {}, {}};
  out.layers["conv.4.0"] = {torch::zeros({2}), torch::tensor({2.0, 3.0}), {table({0.6, 0.8, -1.0, 0.0}, 2)}};
  out.layers["conv.8.0"] = {torch::zeros({1}), torch::tensor({10.0}), {table({0.28, 0.96}, 1)}};
  return out;
}

const std::vector<TextStep> right{{torch::tensor({1.0, 0.0}, torch::kFloat64), 1}};

}  // namespace

BOOST_AUTO_TEST_CASE(relevance_is_the_cosine_of_a_channels_step_and_the_texts) {
  const auto found = channel_relevance(example(), right);
  BOOST_TEST(test::largest_difference(found.at("conv.4.0"), torch::tensor({0.6, -1.0}, torch::kFloat64)) < 1e-12);
  BOOST_TEST(test::largest_difference(found.at("conv.8.0"), torch::tensor({0.28}, torch::kFloat64)) < 1e-12);
  BOOST_TEST(relevance_of_rank(found, 1) == 1.0, boost::test_tools::tolerance(1e-12));
  BOOST_TEST(relevance_of_rank(found, 2) == 0.6, boost::test_tools::tolerance(1e-12));
  for (const std::int64_t rank : {3, 99})
    BOOST_TEST(relevance_of_rank(found, rank) == 0.28, boost::test_tools::tolerance(1e-12));
  const auto [kept, of, largest] = kept_channels(found, 0.5);
  BOOST_TEST((kept == 2 && of == 3 && largest == 1.0));
}

BOOST_AUTO_TEST_CASE(an_offset_is_deviation_times_relevance_over_the_largest_and_zero_below_the_threshold) {
  auto statistics = example();
  statistics.layers["conv.4.0"].steps[0][1][0] = -0.8;  // the largest relevance is 0.8
  const auto relevance = channel_relevance(statistics, right);
  const auto found = global_direction(statistics, relevance, 0.5, "a face", "a smile");
  BOOST_TEST((found.space == EditSpace::style && found.name == "a smile" && found.found_in == "a face -> a smile" &&
              found.base_hash == "abc"));
  BOOST_TEST(test::largest_difference(found.offsets.at("conv.4.0"), torch::tensor({2 * 0.6 / 0.8, -3.0})) < 1e-6);
  BOOST_TEST(test::largest_difference(found.offsets.at("conv.8.0"), torch::zeros({1})) == 0);
  const auto all = global_direction(statistics, relevance, 0, "a face", "a smile");
  BOOST_TEST(test::largest_difference(all.offsets.at("conv.8.0"), torch::tensor({10 * 0.28 / 0.8})) < 1e-6);
}

BOOST_AUTO_TEST_CASE(encoders_count_by_their_weights) {
  auto statistics = example();
  statistics.encoders.push_back("f");
  statistics.layers["conv.4.0"].steps.push_back(table({0, 1, 0, 0, -1, 0}, 2));  // of three features
  statistics.layers["conv.8.0"].steps.push_back(table({0, 0, 1}, 1));
  auto texts = right;
  texts[0].weight = 3;
  texts.push_back({torch::tensor({0.0, 1.0, 0.0}, torch::kFloat64), 1});
  const auto found = channel_relevance(statistics, texts);
  const auto expected = torch::tensor({0.75 * 0.6 + 0.25 * 1, 0.75 * -1.0 + 0.25 * -1}, torch::kFloat64);
  BOOST_TEST(test::largest_difference(found.at("conv.4.0"), expected) < 1e-12);
  BOOST_TEST(test::number(found.at("conv.8.0")[0]) == 0.75 * 0.28, boost::test_tools::tolerance(1e-12));
}

BOOST_AUTO_TEST_CASE(the_texts_step_is_that_of_unit_means_over_templates) {
  const auto encoder = test::linear_encoder(4, 2, 3);
  const Ensemble encoders{Member<test::LinearEncoder>{encoder, 0.7}};
  const std::vector<std::string> templates{"{}", "a picture of {}"};
  const auto mean = [&](const std::string& text) {
    const std::vector<std::string> both{text, "a picture of " + text};
    const auto features = encoder.read(encoder.tokenize(both));
    const auto sum = features[0] + features[1];
    return sum / sum.norm();
  };
  const auto step = mean("a smile") - mean("a face");
  const auto found = text_steps(encoders, "a face", "a smile", templates);
  BOOST_TEST_REQUIRE(found.size() == 1U);
  BOOST_TEST(found[0].weight == 0.7);
  BOOST_TEST(test::largest_difference(found[0].direction, step / step.norm()) < 1e-12);
  const auto back = text_steps(encoders, "a smile", "a face", templates);
  BOOST_TEST(test::largest_difference(found[0].direction, -back[0].direction) < 1e-12);
}

BOOST_AUTO_TEST_CASE(what_cannot_be_a_direction_is_refused) {
  const auto statistics = example();
  const auto relevance = channel_relevance(statistics, right);
  BOOST_TEST(
      error_of([&] {
        global_direction(statistics, {{"conv.8.0", relevance.at("conv.8.0")}}, 0.3, "a", "b");
      }) ==
      "no style channel of 1 has a relevance of 0.3 for the text 'b': the largest is 0.28; take a lower threshold");
  BOOST_TEST(error_of([&] { channel_relevance(statistics, {}); }) ==
             "the channel statistics know 1 encoders, 0 are given");
  const std::vector<TextStep> wide{{torch::ones({3}), 1}};
  BOOST_TEST(error_of([&] { channel_relevance(statistics, wide); }) ==
             "the channel statistics have features of 2 numbers, the encoder gives [3]");
  const Ensemble encoders{Member<test::LinearEncoder>{test::linear_encoder(4, 2, 3), 1.0}};
  BOOST_TEST(!error_of([&] { text_steps(encoders, "same", "same", std::vector<std::string>{"{}"}); }).empty());
}

BOOST_AUTO_TEST_SUITE_END()
