#include <boost/test/unit_test.hpp>
#include <string>
#include <string_view>
#include <vector>

#include "nada/core/stream.hpp"
#include "nada/encoders/encoder.hpp"
#include "nada/generators/generator.hpp"
#include "nada/metrics/measure.hpp"
#include "nada/metrics/metric.hpp"
#include "support/files.hpp"
#include "support/tiny.hpp"

BOOST_AUTO_TEST_SUITE(metrics_measure)

using namespace nada;
using test::random;

BOOST_AUTO_TEST_CASE(leaves_out_what_the_evidence_is_not_enough_for) {
  const auto x = random({30, 5}, 1), y = random({25, 5}, 2);
  Evidence evidence;
  evidence.adapted = {unit(x), x, {}};
  const auto names = [](const std::vector<Measured>& all) {
    std::string out;
    for (const auto& m : all) out += std::string(m.name) + " ";
    return out;
  };
  BOOST_TEST(names(measure_all(evidence)) == "intra_cluster pairwise ");
  evidence.real = {unit(y), y, {}};
  BOOST_TEST(names(measure_all(evidence)) == "frechet kernel_distance cmmd precision recall intra_cluster pairwise ");
  evidence.source = evidence.adapted;
  evidence.ends = test::endpoints_between(random({1, 5}, 3), random({1, 5}, 4));
  BOOST_TEST(measure_all(evidence).size() == 10U);
  evidence.texts = unit(random({3, 5}, 5));
  evidence.adapted_images = random({30, 3, 2, 2}, 6);
  BOOST_TEST(measure_all(evidence).size() == 12U);
  BOOST_TEST(measure_all(evidence).front().name == "found");
}

namespace {

/// Mean of the images' values.
struct Brightness {
  static constexpr std::string_view name = "brightness";
  static constexpr bool higher_is_better = true;
  static constexpr Needs needs = Needs::adapted_images | Needs::source_images;
  Estimate operator()(const Evidence& e) const {
    return mean_estimate((e.adapted_images - e.source_images).flatten(1).mean(1));
  }
};
struct Renamed : Brightness {
  static constexpr std::string_view name = "frechet";
};
struct LikeATerm : Brightness {
  static constexpr std::string_view name = "term:global";
};

/// Reads the source's images, which it does not declare.
struct Undeclared {
  static constexpr std::string_view name = "undeclared";
  static constexpr bool higher_is_better = true;
  static constexpr Needs needs = Needs::adapted_images;
  Estimate operator()(const Evidence& e) const {
    return mean_estimate((e.adapted_images - e.source_images).mean(at::IntArrayRef{1, 2, 3}));
  }
};

}  // namespace

BOOST_AUTO_TEST_CASE(a_metric_sees_what_it_declares_and_is_named_where_it_reads_more) {
  Evidence evidence;
  evidence.adapted_images = evidence.source_images = torch::zeros({2, 3, 4, 4});
  const auto seen = declared(Needs::adapted_images, evidence);
  BOOST_TEST(seen.adapted_images.defined());
  BOOST_TEST(!seen.source_images.defined());
  const auto message = error_of([&] { measure(evidence, Undeclared{}); });
  BOOST_TEST(message.starts_with("the metric undeclared failed: "), message);
  BOOST_TEST(message.ends_with("; does it read evidence that its `needs` does not declare?"), message);
}

BOOST_AUTO_TEST_CASE(own_metrics_stand_behind_those_of_every_program_and_may_see_images) {
  const auto list = metric_list(Brightness{});
  BOOST_TEST(list.names.size() == 18U);
  BOOST_TEST(list.names.back() == "brightness");
  BOOST_TEST(list.own == std::vector<std::string>{"brightness"}, boost::test_tools::per_element());
  BOOST_TEST(has(list.needs, Needs::source_images));
  BOOST_TEST(!has(metric_list().needs, Needs::source_images));
  Evidence evidence;
  const auto x = random({30, 5}, 1);
  evidence.adapted = {unit(x), x, {}};
  evidence.source_images = torch::zeros({30, 3, 2, 2});
  BOOST_TEST(list.measure(evidence).back().name == "pairwise");
  evidence.adapted_images = torch::full({30, 3, 2, 2}, 0.25);
  BOOST_TEST(list.measure(evidence).back().name == "brightness");
  BOOST_TEST(list.measure(evidence).back().estimate.value == 0.25);
}

BOOST_AUTO_TEST_CASE(names_of_metrics_are_their_own) {
  BOOST_TEST(error_of([] { metric_list(Renamed{}); }) == "two metrics are called 'frechet'");
  BOOST_TEST(error_of([] { metric_list(Brightness{}, Brightness{}); }) == "two metrics are called 'brightness'");
  BOOST_TEST(error_of([] { metric_list(LikeATerm{}); }) ==
             "a metric is called 'term:global', as columns of loss terms are");
}

BOOST_AUTO_TEST_CASE(samples_of_a_seed_do_not_depend_on_their_number) {
  const auto encoder = test::linear_encoder(6, 8, 1);
  const test::TinyGenerator generator(1);
  const auto many = see_samples(encoder, generator, 23, 5), few = see_samples(encoder, generator, 3, 5);
  BOOST_TEST(many.unit.size(0) == 23);
  BOOST_TEST(test::largest_difference(many.raw.narrow(0, 0, 3), few.raw) < 1e-12);
  const auto z = Stream{5, 0}.normal(Purpose::evaluation, {3, generator.latent_size()}).to(torch::kFloat64);
  const auto images = generator.synthesize(generator.map(z, {}), Render{}).clamp(-1, 1);
  BOOST_TEST(test::largest_difference(encoder.see(images, {}).raw, few.raw) < 1e-12);
  const auto mean = see_samples(encoder, generator, 2, 5, /*truncation=*/0);
  BOOST_TEST(test::largest_difference(mean.raw[0], mean.raw[1]) < 1e-12);
}

BOOST_AUTO_TEST_CASE(sees_images_in_pieces_clamped) {
  const auto encoder = test::linear_encoder(4, 2, 1);
  const auto images = 2 * random({7, 3, 2, 2}, 5);
  const auto whole = encoder.see(images.clamp(-1, 1), Wanted{});
  const auto pieces = see_all(
      encoder, 7, [&](std::int64_t first, std::int64_t n) { return images.narrow(0, first, n); }, /*piece=*/3);
  BOOST_TEST((test::largest_difference(pieces.unit, whole.unit) < 1e-14));
  BOOST_TEST((test::largest_difference(see_all(encoder, images).raw, whole.raw) < 1e-14));
}

BOOST_AUTO_TEST_SUITE_END()
