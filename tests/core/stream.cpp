#include "nada/core/stream.hpp"

#include <algorithm>
#include <boost/test/unit_test.hpp>
#include <cmath>
#include <span>
#include <vector>

#include "nada/core/error.hpp"
#include "nada/core/tensor.hpp"

BOOST_AUTO_TEST_SUITE(core_stream)

using nada::Purpose;
using nada::Stream;
using nada::Tensor;

namespace {

constexpr std::int64_t kMany = 200'000;

std::vector<double> sorted(const Tensor& numbers) {
  const Tensor flat = numbers.flatten();
  std::vector<double> values(flat.data_ptr<float>(), flat.data_ptr<float>() + flat.numel());
  std::sort(values.begin(), values.end());
  return values;
}

// The Kolmogorov-Smirnov statistic times sqrt(n): above 1.95 by chance in one of 1000 draws. Seeds here are fixed.
template <class Cdf>
double distance_from(std::span<const double> values, Cdf cdf) {
  const auto n = static_cast<double>(values.size());
  double largest = 0;
  for (std::size_t i = 0; i < values.size(); ++i) {
    const double p = cdf(values[i]);
    largest = std::max({largest, (static_cast<double>(i) + 1) / n - p, p - static_cast<double>(i) / n});
  }
  return largest * std::sqrt(n);
}

double normal_cdf(double x) { return 0.5 * std::erfc(-x / std::sqrt(2.0)); }

double moment(const Tensor& numbers, int power) { return numbers.to(at::kDouble).pow(power).mean().item<double>(); }

double correlation(const Tensor& a, const Tensor& b) {
  const Tensor x = a.to(at::kDouble).flatten(), y = b.to(at::kDouble).flatten();
  return ((x - x.mean()) * (y - y.mean())).mean().item<double>() /
         (x.std(false).item<double>() * y.std(false).item<double>());
}

}  // namespace

BOOST_AUTO_TEST_CASE(philox_gives_the_known_answers_of_random123) {
  using nada::detail::philox;
  using Words = nada::detail::PhiloxCounter;
  BOOST_TEST((philox({0, 0, 0, 0}, {0, 0}) == Words{0x6627e8d5, 0xe169c58d, 0xbc57ac4c, 0x9b00dbd8}));
  BOOST_TEST((philox({0xffffffff, 0xffffffff, 0xffffffff, 0xffffffff}, {0xffffffff, 0xffffffff}) ==
              Words{0x408f276d, 0x41c83b0e, 0xa20bc7c6, 0x6d5451fd}));
  BOOST_TEST((philox({0x243f6a88, 0x85a308d3, 0x13198a2e, 0x03707344}, {0xa4093822, 0x299f31d0}) ==
              Words{0xd16cfe09, 0x94fdcceb, 0x5001e420, 0x24126ea1}));
}

BOOST_AUTO_TEST_CASE(splitmix64_gives_its_known_answer) {
  BOOST_TEST(nada::detail::splitmix64(0) == 0xe220a8397b1dcdafU);
}

BOOST_AUTO_TEST_CASE(a_sample_does_not_depend_on_the_batch) {
  const Stream stream{7, 3};
  for (const std::int64_t size : {1, 3, 4, 5, 512}) {  // whole and broken blocks of four
    const Tensor batch = stream.normal(Purpose::latents, {6, size});
    const Tensor flat = stream.uniform(Purpose::mixing, {6, size});
    for (std::int64_t n = 0; n < 6; ++n) {
      BOOST_TEST(stream.normal(Purpose::latents, {1, size}, n).equal(batch.narrow(0, n, 1)));
      BOOST_TEST(stream.uniform(Purpose::mixing, {1, size}, n).equal(flat.narrow(0, n, 1)));
    }
    BOOST_TEST(stream.normal(Purpose::latents, {3, size}, 2).equal(batch.narrow(0, 2, 3)));
  }
}

BOOST_AUTO_TEST_CASE(only_the_count_of_numbers_in_a_sample_matters_and_a_longer_sample_starts_as_a_shorter_one) {
  const Stream stream{7, 3};
  const Tensor maps = stream.normal(Purpose::noise, {2, 1, 8, 8});
  BOOST_TEST(stream.normal(Purpose::noise, {2, 64}).equal(maps.view({2, 64})));
  BOOST_TEST(stream.normal(Purpose::noise, {2, 10}).equal(maps.view({2, 64}).narrow(1, 0, 10)));
}

BOOST_AUTO_TEST_CASE(the_same_key_gives_the_same_numbers_on_any_number_of_threads) {
  const int before = at::get_num_threads();
  const Tensor expected = Stream{1, 2}.normal(Purpose::noise, {4, 40000});
  at::set_num_threads(3);
  BOOST_TEST((Stream{1, 2}.normal(Purpose::noise, {4, 40000}).equal(expected)));
  at::set_num_threads(before);
}

BOOST_AUTO_TEST_CASE(numbers_are_those_of_every_machine) {
  // An implementation in Python gives these too; a change here breaks every recorded run.
  const Tensor flat = Stream{42, 1}.uniform(Purpose::latents, {1, 4}) * 16777216;
  const Tensor normal = Stream{42, 1}.normal(Purpose::latents, {1, 4}, /*first_sample=*/5, /*sub=*/2);
  const std::vector<float> flat_expected = {9345733, 6898771, 15366309, 9467796};
  const std::vector<float> normal_expected = {-0.716899812F, -0.37446174F, -0.947367191F, -0.710206568F};
  for (std::int64_t i = 0; i < 4; ++i) {
    BOOST_TEST(flat[0][i].item<float>() == flat_expected[static_cast<std::size_t>(i)]);
    BOOST_TEST(normal[0][i].item<float>() == normal_expected[static_cast<std::size_t>(i)],
               boost::test_tools::tolerance(1e-6F));
  }
}

BOOST_AUTO_TEST_CASE(seed_step_purpose_sub_and_kind_each_give_independent_numbers) {
  const std::int64_t n = 20'000;
  const std::vector<Tensor> draws = {Stream{0, 0}.normal(Purpose::latents, {1, n}),
                                     Stream{1, 0}.normal(Purpose::latents, {1, n}),
                                     Stream{0, 1}.normal(Purpose::latents, {1, n}),
                                     Stream{0, 0}.normal(Purpose::mixing, {1, n}),
                                     Stream{0, 0}.normal(Purpose::latents, {1, n}, 1),
                                     Stream{0, 0}.normal(Purpose::latents, {1, n}, 0, 1),
                                     Stream{0, 0}.uniform(Purpose::latents, {1, n}),
                                     Stream{1, 1}.normal(Purpose::latents, {1, n}),
                                     Stream{0, 0}.normal(Purpose::latents, {1, n}, 0, 2),
                                     Stream{0, -1}.normal(Purpose::latents, {1, n}),
                                     Stream{std::uint64_t{1} << 32, 0}.normal(Purpose::latents, {1, n}),
                                     Stream{0, 0}.normal(Purpose::latents, {1, n}, std::int64_t{1} << 32)};
  for (std::size_t a = 0; a < draws.size(); ++a) {
    for (std::size_t b = 0; b < a; ++b) {
      BOOST_TEST(std::abs(correlation(draws[a], draws[b])) < 4.5 / std::sqrt(n), "draws " << a << " and " << b);
    }
  }
}

BOOST_AUTO_TEST_CASE(normal_numbers_are_standard_normal) {
  // Once along one sample, once over many samples of few numbers.
  for (const Tensor& numbers : {Stream{11, 0}.normal(Purpose::latents, {1, kMany}),
                                Stream{12, 9}.normal(Purpose::latents, {kMany / 2, 2}, 1000, 3)}) {
    BOOST_TEST(std::abs(moment(numbers, 1)) < 4 * std::sqrt(1.0 / kMany));
    BOOST_TEST(std::abs(moment(numbers, 2) - 1) < 4 * std::sqrt(2.0 / kMany));
    BOOST_TEST(std::abs(moment(numbers, 3)) < 4 * std::sqrt(15.0 / kMany));
    BOOST_TEST(std::abs(moment(numbers, 4) - 3) < 4 * std::sqrt(96.0 / kMany));
    BOOST_TEST(distance_from(sorted(numbers), normal_cdf) < 1.95);
    BOOST_TEST(numbers.abs().max().item<float>() < 6.8F);
  }
}

BOOST_AUTO_TEST_CASE(neighbouring_normal_numbers_and_samples_do_not_correlate) {
  const Tensor x = Stream{13, 0}.normal(Purpose::noise, {500, 400});
  for (const std::int64_t lag : {1, 2, 3, 4}) {
    BOOST_TEST(std::abs(correlation(x.narrow(1, 0, 400 - lag), x.narrow(1, lag, 400 - lag))) < 0.01);
    BOOST_TEST(std::abs(correlation(x.narrow(0, 0, 500 - lag), x.narrow(0, lag, 500 - lag))) < 0.01);
  }
}

BOOST_AUTO_TEST_CASE(uniform_numbers_fill_zero_to_one_without_one) {
  for (const Tensor& numbers :
       {Stream{14, 0}.uniform(Purpose::crops, {1, kMany}), Stream{15, 2}.uniform(Purpose::crops, {kMany, 1}, 5, 6)}) {
    BOOST_TEST(numbers.min().item<float>() >= 0.0F);
    BOOST_TEST(numbers.max().item<float>() < 1.0F);
    BOOST_TEST(std::abs(moment(numbers, 1) - 0.5) < 4 * std::sqrt(1.0 / 12 / kMany));
    BOOST_TEST(std::abs(moment(numbers, 2) - 1.0 / 3) < 4 * std::sqrt(4.0 / 45 / kMany));
    BOOST_TEST(distance_from(sorted(numbers), [](double x) { return x; }) < 1.95);
  }
}

BOOST_AUTO_TEST_CASE(the_extreme_words_stay_in_range) {
  constexpr std::uint32_t top = 0xffffffff;
  for (const float x : nada::detail::uniform_block({0, top, 0x80000000, 255})) BOOST_TEST((x >= 0 && x < 1));
  for (const nada::detail::PhiloxCounter& words :
       {nada::detail::PhiloxCounter{0, 0, 0, top}, {top, 0, top, top}, {0, 0x40000000, top, 0x80000000}}) {
    for (const float x : nada::detail::normal_block(words)) BOOST_TEST((std::isfinite(x) && std::abs(x) <= 6.8F));
  }
}

BOOST_AUTO_TEST_CASE(gives_float_tensors_on_the_processor_of_the_shape_asked_for) {
  const Tensor numbers = Stream{}.uniform(Purpose::views, {2, 3, 5});
  BOOST_TEST((numbers.sizes() == torch::IntArrayRef{2, 3, 5}));
  BOOST_TEST((numbers.scalar_type() == at::kFloat && numbers.device().is_cpu()));
  BOOST_TEST(!numbers.requires_grad());
  BOOST_TEST(Stream{}.normal(Purpose::views, {0, 3}).numel() == 0);
  BOOST_TEST(Stream{}.normal(Purpose::views, {3, 0}).numel() == 0);
  BOOST_TEST(Stream{}.normal(Purpose::views, {3}).numel() == 3);
}

BOOST_AUTO_TEST_CASE(refuses_shapes_without_samples_and_negative_samples) {
  BOOST_CHECK_THROW(Stream{}.normal(Purpose::latents, {}), nada::Error);
  BOOST_CHECK_THROW(Stream{}.normal(Purpose::latents, {-1, 4}), nada::Error);
  BOOST_CHECK_THROW(Stream{}.uniform(Purpose::latents, {1, 4}, -1), nada::Error);
}

BOOST_AUTO_TEST_SUITE_END()
