#include <torch/autograd.h>
#include <boost/test/unit_test.hpp>

#include <array>
#include <cmath>

#include "nada/core/tensor.hpp"
#include "nada/encoders/encoder.hpp"
#include "nada/encoders/text_cleaning.hpp"
#include "nada/encoders/weights.hpp"
#include "nada/generators/stylegan2_ops.hpp"
#include "support/finite_differences.hpp"
#include "support/tiny.hpp"

BOOST_AUTO_TEST_SUITE(generators_stylegan2_ops)

using namespace nada;
using test::largest_difference;
using test::number;
using test::random;

namespace {

/// The FIR filter [1, 3, 3, 1] as the paper's code has it: both axes together sum to 4.
const std::array<double, 4> filter{0.25, 0.75, 0.75, 0.25};

/// out[y][x] = sum_{a, b} filter[a] filter[b] padded[y + a][x + b], written out; image [N, C, H, W].
Tensor filtered(const Tensor& image, std::int64_t before, std::int64_t after) {
  const auto padded = at::constant_pad_nd(image, {before, after, before, after});
  const auto h = padded.size(2) - 3, w = padded.size(3) - 3;
  auto out = torch::zeros({image.size(0), image.size(1), h, w}, image.options());
  for (std::int64_t a = 0; a < 4; ++a)
    for (std::int64_t b = 0; b < 4; ++b) out += filter[a] * filter[b] * padded.narrow(2, a, h).narrow(3, b, w);
  return out;
}

/// Zeros between the pixels: [N, C, H, W] -> [N, C, 2 H, 2 W].
Tensor zero_inserted(const Tensor& image) {
  auto out = torch::zeros({image.size(0), image.size(1), 2 * image.size(2), 2 * image.size(3)}, image.options());
  for (std::int64_t y = 0; y < image.size(2); ++y)
    for (std::int64_t x = 0; x < image.size(3); ++x)
      out.select(2, 2 * y).select(2, 2 * x).copy_(image.select(2, y).select(2, x));
  return out;
}

struct Weights {
  Tensor weight, bias, strength, affine_weight, affine_bias;
  stylegan2::Convolution slots() const { return {weight, bias, strength, affine_weight, affine_bias}; }
};
Weights layer(std::int64_t out, std::int64_t in, std::int64_t style) {
  return {random({out, in, 3, 3}, 1), random({out}, 2), random({1}, 3)[0], random({in, style}, 4), 1 + random({in}, 5)};
}

/// Equations 1 and 3 of arXiv:1912.04958, one kernel a sample, number by number where it matters.
Tensor naive(const Tensor& x, const Tensor& w, const Weights& l, const Tensor& noise, bool up) {
  const auto o = l.weight.size(0), i = l.weight.size(1), d = w.size(1);
  std::vector<Tensor> out;
  for (std::int64_t n = 0; n < x.size(0); ++n) {
    auto kernel = l.weight.clone();
    for (std::int64_t c = 0; c < i; ++c) {
      double style = number(l.affine_bias[c]);
      for (std::int64_t k = 0; k < d; ++k)
        style += number(w[n][k]) * number(l.affine_weight[c][k]) / std::sqrt(static_cast<double>(d));
      kernel.select(1, c).mul_(style / std::sqrt(9.0 * static_cast<double>(i)));
    }
    for (std::int64_t c = 0; c < o; ++c) kernel[c] /= std::sqrt(number(kernel[c].square().sum()) + 1e-8);
    auto y = up ? filtered(at::conv_transpose2d(x.narrow(0, n, 1), kernel.transpose(0, 1), {}, 2), 1, 1)
                : at::conv2d(x.narrow(0, n, 1), kernel, {}, 1, 1);
    if (noise.defined()) y = y + noise[noise.size(0) == 1 ? 0 : n] * number(l.strength);
    y = y + l.bias.view({1, o, 1, 1});
    out.push_back(std::sqrt(2.0) * at::where(y > 0, y, 0.2 * y));
  }
  return torch::cat(out);
}

}  // namespace

BOOST_AUTO_TEST_CASE(upsampling_convolution_is_a_transposed_convolution_followed_by_the_fir_filter) {
  for (const auto& shape : {std::array<std::int64_t, 2>{4, 4}, {1, 1}, {3, 5}}) {
    const auto x = random({2, 3, shape[0], shape[1]}, 1), weight = random({5, 3, 3, 3}, 2);
    const auto ours = at::pixel_shuffle(at::conv2d(x, stylegan2::upsampling_kernel(weight), {}, 1, 1), 2);
    const auto theirs = filtered(at::conv_transpose2d(x, weight.transpose(0, 1), {}, /*stride=*/2), 1, 1);
    BOOST_TEST(largest_difference(ours, theirs) < 1e-12);
    BOOST_TEST(largest_difference(stylegan2::upsampling_convolution(x, weight), theirs) < 1e-12);
  }
}

BOOST_AUTO_TEST_CASE(both_forms_of_an_upsampling_convolution_have_the_same_first_and_second_derivatives) {
  const auto x = random({2, 3, 4, 4}, 1).requires_grad_(true), weight = random({5, 3, 3, 3}, 2).requires_grad_(true);
  const auto factors = random({2, 5, 8, 8}, 3);
  const auto derivatives = [&](const Tensor& y) {
    auto first = torch::autograd::grad({(y * y * factors).sum()}, {x, weight}, {}, true, /*create_graph=*/true);
    for (auto& second : torch::autograd::grad({first[0].square().sum()}, {x, weight})) first.push_back(second);
    return first;
  };
  const auto ours = derivatives(stylegan2::upsampling_convolution(x, weight));
  const auto folded = derivatives(at::pixel_shuffle(at::conv2d(x, stylegan2::upsampling_kernel(weight), {}, 1, 1), 2));
  for (std::size_t k = 0; k < ours.size(); ++k)
    BOOST_TEST(largest_difference(ours[k], folded[k]) < 1e-9 * number(folded[k].abs().max()));
}

BOOST_AUTO_TEST_CASE(an_upsampling_convolution_in_bfloat16_is_the_exact_one_to_two_digits) {
  for (const std::int64_t channels : {8, 256}) {
    const auto x = random({2, channels, 4, 4}, 1), weight = random({5, channels, 3, 3}, 2);
    const auto exact = stylegan2::upsampling_convolution(x, weight);
    const auto rounded = stylegan2::upsampling_convolution(x.to(torch::kBFloat16), weight.to(torch::kFloat32));
    BOOST_TEST((rounded.scalar_type() == torch::kBFloat16));
    BOOST_TEST(largest_difference(rounded.to(torch::kFloat64), exact) < 0.02 * number(exact.abs().max()));
  }
}

BOOST_AUTO_TEST_CASE(upsampling_kernel_follows_the_type_of_its_weight) {
  const auto weight = random({2, 3, 3, 3}, 2);
  const auto exact = stylegan2::upsampling_kernel(weight);
  const auto rounded = stylegan2::upsampling_kernel(weight.to(torch::kFloat32));
  BOOST_TEST((rounded.scalar_type() == torch::kFloat32));
  BOOST_TEST(largest_difference(rounded.to(torch::kFloat64), exact) < 1e-5);
  BOOST_TEST(largest_difference(stylegan2::upsampling_kernel(weight), exact) == 0);
}

BOOST_AUTO_TEST_CASE(upsample_is_zero_insertion_and_the_fir_filter) {
  for (const auto& shape : {std::array<std::int64_t, 2>{4, 4}, {1, 1}, {3, 5}}) {
    const auto image = random({2, 3, shape[0], shape[1]}, 1);
    BOOST_TEST(largest_difference(stylegan2::upsample(image), filtered(zero_inserted(image), 2, 1)) < 1e-13);
  }
}

BOOST_AUTO_TEST_CASE(upsample_keeps_a_constant_away_from_the_border) {
  const auto image = torch::full({1, 1, 6, 6}, 0.7, torch::kFloat64);
  const auto inner = stylegan2::upsample(image).narrow(2, 2, 8).narrow(3, 2, 8);
  BOOST_TEST(largest_difference(inner, torch::full_like(inner, 0.7)) < 1e-14);
}

BOOST_AUTO_TEST_CASE(modulated_convolution_is_a_convolution_with_a_kernel_of_its_own_for_each_sample) {
  const auto l = layer(5, 3, 4);
  const auto x = random({2, 3, 4, 4}, 6), w = random({2, 4}, 7);
  for (const bool up : {false, true}) {
    const std::int64_t r = up ? 8 : 4;
    for (const auto& noise : {Tensor{}, random({1, 1, r, r}, 8), random({2, 1, r, r}, 9)}) {
      const auto ours = stylegan2::modulated_convolution(x, w, l.slots(), noise, up);
      BOOST_TEST(largest_difference(ours, naive(x, w, l, noise, up)) < 1e-12);
    }
  }
}

BOOST_AUTO_TEST_CASE(demodulation_undoes_the_scale_of_a_weight) {
  auto l = layer(5, 3, 4);
  const auto x = random({2, 3, 4, 4}, 6), w = random({2, 4}, 7);
  const auto before = stylegan2::modulated_convolution(x, w, l.slots(), {}, false);
  l.weight = l.weight * 3;
  BOOST_TEST(largest_difference(stylegan2::modulated_convolution(x, w, l.slots(), {}, false), before) < 1e-6);
}

BOOST_AUTO_TEST_CASE(modulated_convolution_has_the_gradients_of_finite_differences) {
  const auto l = layer(2, 3, 4);
  const auto x = random({2, 3, 3, 3}, 6), w = random({2, 4}, 7);
  for (const bool up : {false, true}) {
    const auto probe = random({2, 2, up ? 6 : 3, up ? 6 : 3}, 8);
    const auto score = [&](const Tensor& x, const Tensor& w, const Weights& l) {
      return (stylegan2::modulated_convolution(x, w, l.slots(), {}, up) * probe).sum();
    };
    test::check_gradient([&](const Tensor& t) { return score(t, w, l); }, x);
    test::check_gradient([&](const Tensor& t) { return score(x, t, l); }, w);
    test::check_gradient(
        [&](const Tensor& t) {
          auto other = l;
          other.weight = t;
          return score(x, w, other);
        },
        l.weight);
  }
}

BOOST_AUTO_TEST_CASE(to_rgb_modulates_without_demodulation_and_adds_its_bias) {
  const auto x = random({2, 4, 3, 3}, 1), w = random({2, 5}, 2), weight = random({3, 4, 1, 1}, 3);
  const auto bias = random({3}, 4), affine_weight = random({4, 5}, 5), affine_bias = random({4}, 6);
  const auto ours = stylegan2::to_rgb(x, w, weight, bias, affine_weight, affine_bias);
  for (std::int64_t n = 0; n < 2; ++n)
    for (std::int64_t c = 0; c < 3; ++c) {
      auto expected = torch::full({3, 3}, number(bias[c]), torch::kFloat64);
      for (std::int64_t i = 0; i < 4; ++i) {
        const auto style = number(affine_bias[i]) + number(w[n].dot(affine_weight[i])) / std::sqrt(5.0);
        expected += x[n][i] * style * number(weight[c][i][0][0]) / 2;  // sqrt(4) inputs
      }
      BOOST_TEST(largest_difference(ours[n][c], expected) < 1e-13);
    }
}

BOOST_AUTO_TEST_CASE(a_dense_layer_scales_by_its_rate_and_fan_in) {
  const auto x = random({2, 9}, 1), weight = random({4, 9}, 2), bias = random({4}, 3);
  const auto expected = (x.matmul(weight.t()) / 3 + bias) * 0.01;
  BOOST_TEST(largest_difference(stylegan2::dense(x, weight, bias, 0.01), expected) < 1e-15);
}

BOOST_AUTO_TEST_CASE(activation_is_a_leaky_relu_with_gain) {
  const auto y = stylegan2::activate(torch::tensor({2.0, -2.0, 0.0}, torch::kFloat64));
  const auto expected = std::sqrt(2.0) * torch::tensor({2.0, -0.4, 0.0}, torch::kFloat64);
  BOOST_TEST(largest_difference(y, expected) < 1e-15);
}

BOOST_AUTO_TEST_CASE(normalized_latents_have_a_mean_square_of_one) {
  const auto z = 7 * random({3, 8}, 1);
  const auto normalized = stylegan2::normalize_latents(z);
  BOOST_TEST(largest_difference(normalized.square().mean(1), torch::ones({3}, torch::kFloat64)) < 1e-8);
  BOOST_TEST(largest_difference(unit(normalized), unit(z)) < 1e-14);
  BOOST_TEST(number(stylegan2::normalize_latents(torch::zeros({1, 8})).abs().max()) == 0);
}

BOOST_AUTO_TEST_SUITE_END()
