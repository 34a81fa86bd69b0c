#include <boost/test/unit_test.hpp>

#include <cmath>

#include "nada/core/error.hpp"
#include "nada/core/tensor.hpp"
#include "nada/metrics/measure.hpp"
#include "nada/metrics/metric.hpp"
#include "nada/metrics/twins.hpp"

BOOST_AUTO_TEST_SUITE(metrics_twins)

using namespace nada;

namespace {

static_assert(Metric<TwinPsnr> && Metric<PsnrGain> && Metric<TwinSsim> && Metric<OwnTruth>);

/// Returns images [2, 3, 16, 16] of whole numbers, in [-1, 1]: ((i factor) mod modulus) / half - 1.
Tensor counted(std::int64_t factor, std::int64_t modulus, double half) {
  const auto i = torch::arange(2 * 3 * 16 * 16, torch::kInt64);
  return ((i * factor).remainder(modulus).to(torch::kFloat64) / half - 1).view({2, 3, 16, 16});
}

double number(const Tensor& t, std::int64_t i) { return t[i].item<double>(); }

}  // namespace

BOOST_AUTO_TEST_CASE(psnr_and_ssim_agree_with_plain_sums_in_numpy) {
  const auto a = counted(7919, 211, 105), b = 0.6 * a + 0.4 * counted(104729, 173, 86);
  const auto found = ssim(a, b), ratio = psnr(a, b);
  BOOST_TEST(number(found, 0) == 0.860477377753713, boost::test_tools::tolerance(1e-9));
  BOOST_TEST(number(found, 1) == 0.839343203077219, boost::test_tools::tolerance(1e-9));
  BOOST_TEST(number(ratio, 0) == 15.92601197367481, boost::test_tools::tolerance(1e-9));
  BOOST_TEST(number(ratio, 1) == 15.593001233010675, boost::test_tools::tolerance(1e-9));
}

BOOST_AUTO_TEST_CASE(equal_pictures_have_ssim_1_and_the_largest_psnr) {
  const auto a = counted(7919, 211, 105);
  BOOST_TEST(number(ssim(a, a), 0) == 1, boost::test_tools::tolerance(1e-12));
  BOOST_TEST(number(psnr(a, a), 1) == 10 * std::log10(4e12), boost::test_tools::tolerance(1e-12));
}

BOOST_AUTO_TEST_CASE(ssim_of_two_plain_colours_is_the_luminance_term) {
  const auto grey = [](double v) { return torch::full({1, 3, 12, 12}, 2 * v - 1, torch::kFloat64); };
  BOOST_TEST(number(ssim(grey(0.25), grey(0.5)), 0) == (2 * 0.25 * 0.5 + 1e-4) / (0.0625 + 0.25 + 1e-4),
             boost::test_tools::tolerance(1e-9));
}

BOOST_AUTO_TEST_CASE(a_sample_finds_its_own_truth_where_no_other_is_nearer) {
  const auto truths = torch::tensor({-1.0, 0.0, 1.0}).view({3, 1, 1, 1}).expand({3, 3, 12, 12});
  const auto images = torch::tensor({-0.9, 0.6, 0.7}).view({3, 1, 1, 1}).expand({3, 3, 12, 12});
  const auto own = finds_own(images, truths);
  BOOST_TEST(number(own, 0) == 1);
  BOOST_TEST(number(own, 1) == 0);
  BOOST_TEST(number(own, 2) == 1);
  Evidence evidence;
  evidence.adapted_images = images;
  evidence.truths = truths;
  BOOST_TEST(OwnTruth{}(evidence).value == 2.0 / 3, boost::test_tools::tolerance(1e-12));
}

BOOST_AUTO_TEST_CASE(the_mean_truth_gains_nothing_and_a_collapsed_generator_finds_one_person) {
  Evidence evidence;
  evidence.truths = counted(7919, 211, 105);
  evidence.adapted_images = evidence.truths.mean(0, true).expand_as(evidence.truths);
  BOOST_TEST(PsnrGain{}(evidence).value == 0, boost::test_tools::tolerance(1e-12));
  evidence.adapted_images = evidence.truths[0].unsqueeze(0).expand_as(evidence.truths);
  BOOST_TEST(OwnTruth{}(evidence).value == 0.5);
}

BOOST_AUTO_TEST_CASE(columns_of_twins_are_there_where_truths_are) {
  Evidence evidence;
  BOOST_TEST(!enough(OwnTruth::needs, evidence));
  evidence.adapted_images = evidence.truths = counted(7919, 211, 105);
  BOOST_TEST(enough(OwnTruth::needs, evidence));
  BOOST_TEST(measure(evidence, TwinPsnr{}).front().name == "psnr");
}

BOOST_AUTO_TEST_CASE(feature_maps_are_0_from_the_truth_and_1_where_the_mean_truth_is) {
  Evidence evidence;
  evidence.truths = counted(7919, 211, 105);
  evidence.truth.tokens = torch::tensor({1.0, 2.0, 3.0, 8.0}).view({2, 1, 2});
  evidence.adapted.tokens = evidence.truth.tokens;
  BOOST_TEST(TwinFeatures{}(evidence).value == 0, boost::test_tools::tolerance(1e-12));
  evidence.adapted.tokens = evidence.truth.tokens.mean(0, true).expand({2, 1, 2});
  BOOST_TEST(TwinFeatures{}(evidence).value == 1, boost::test_tools::tolerance(1e-12));
  evidence.adapted.tokens = evidence.truth.tokens.flip(0);  // twice as far as the mean: four times its square
  BOOST_TEST(TwinFeatures{}(evidence).value == 4, boost::test_tools::tolerance(1e-12));
}

BOOST_AUTO_TEST_CASE(metrics_of_truths_see_tokens_and_no_other_metric_does) {
  Evidence evidence;
  evidence.truths = counted(7919, 211, 105);
  evidence.adapted.tokens = evidence.truth.tokens = torch::ones({2, 1, 2});
  BOOST_TEST(declared(TwinFeatures::needs, evidence).adapted.tokens.defined());
  BOOST_TEST(!declared(Needs::nothing, evidence).adapted.tokens.defined());
  BOOST_TEST(!declared(Needs::nothing, evidence).truth.tokens.defined());
}

BOOST_AUTO_TEST_CASE(truths_of_another_size_and_pictures_below_the_window_are_refused) {
  BOOST_CHECK_THROW(psnr(torch::zeros({2, 3, 16, 16}), torch::zeros({2, 3, 32, 32})), Error);
  BOOST_CHECK_THROW(ssim(torch::zeros({2, 3, 8, 8}), torch::zeros({2, 3, 8, 8})), Error);
}

BOOST_AUTO_TEST_SUITE_END()
