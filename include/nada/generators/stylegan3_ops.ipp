// Bodies of stylegan3_ops.hpp.
#pragma once
#include "nada/generators/stylegan3_ops.hpp"

#include <algorithm>
#include <cmath>
#include <numbers>
#include <vector>

#include "nada/core/config.hpp"
#include "nada/core/error.hpp"
#include "nada/generators/stylegan2_ops.hpp"

namespace nada::stylegan3 {

/// Returns a Kaiser window whose transition has this width, as a share of half the sampling rate, [taps].
NADA_INLINE std::vector<double> kaiser_window(std::int64_t taps, double width) {
  const double attenuation = 2.285 * static_cast<double>(taps - 1) * std::numbers::pi * width + 7.95;
  const double over = attenuation - 21;
  const double beta = attenuation > 50 ? 0.1102 * (attenuation - 8.7)
                      : over > 0       ? 0.5842 * std::pow(over, 0.4) + 0.07886 * over
                                       : 0;
  std::vector<double> out;
  for (std::int64_t i = 0; i < taps; ++i) {
    const double place = taps > 1 ? 2.0 * static_cast<double>(i) / static_cast<double>(taps - 1) - 1 : 0;
    out.push_back(std::cyl_bessel_i(0.0, beta * std::sqrt(std::max(0.0, 1 - place * place))) /
                  std::cyl_bessel_i(0.0, beta));
  }
  return out;
}

NADA_INLINE Tensor lowpass(std::int64_t taps, double cutoff, double width, double rate, bool radial) {
  require(taps > 1 && cutoff > 0 && width > 0 && rate > 0, "a low-pass filter of ", taps, " taps, cutoff ", cutoff,
          ", width ", width, " at the rate ", rate, ": expected at least 2 taps and numbers above 0");
  constexpr double pi = std::numbers::pi;
  const auto window = kaiser_window(taps, width / (rate / 2));
  const auto place = [&](std::int64_t i) {
    return (static_cast<double>(i) - static_cast<double>(taps - 1) / 2) / rate;
  };
  std::vector<double> values;
  for (std::int64_t i = 0; i < (radial ? taps : 1); ++i)
    for (std::int64_t j = 0; j < taps; ++j) {
      const double r = radial ? std::hypot(place(i), place(j)) : place(j);
      const double share = radial ? window[static_cast<std::size_t>(i)] : 1;
      double value = 2 * cutoff;  // the sinc in the middle; the jinc there is pi cutoff^2
      if (radial)
        value = r > 0 ? std::cyl_bessel_j(1.0, 2 * pi * cutoff * r) / r : pi * cutoff * cutoff;
      else if (r != 0)
        value = std::sin(2 * pi * cutoff * r) / (pi * r);
      values.push_back(value * share * window[static_cast<std::size_t>(j)]);
    }
  const auto filter = torch::tensor(values, torch::kFloat64);
  return (radial ? filter.view({taps, taps}) : filter) / filter.sum();
}

NADA_INLINE Resampling::Resampling(const Tensor& filter, int up, int down, std::int64_t before, std::int64_t after,
                                   std::int64_t length, double gain)
    : length_(length) {
  require(filter.dim() == 1 && up > 0 && down > 0, "a filter of shape ", shape_text(filter.sizes()), ", factors ", up,
          " and ", down, ": expected [T] and factors above 0");
  const auto taps = filter.size(0), room = length * up + before + after - taps;
  require(room >= 0, "a filter of ", taps, " taps does not fit over ", length, " numbers, padded by ", before, " and ",
          after);
  size_ = room / down + 1;
  // y[m] = sum_i x[i] g[i up - m down + before] with g the turned filter: a window of outputs needs a window of inputs.
  constexpr std::int64_t outputs_of_window = 32;
  const auto period = std::max<std::int64_t>(1, outputs_of_window / up);
  stride_ = period * down;
  const auto outputs = std::min(period * up, size_);
  const auto first = -floor_div(before, up);
  const auto window = floor_div(taps - 1 - before + (outputs - 1) * down, up) - first + 1;
  const auto turned = filter.to(torch::kCPU, torch::kFloat64).flip(0).contiguous();
  matrix_ = torch::zeros({window, outputs}, torch::kFloat64);
  for (std::int64_t i = 0; i < window; ++i)
    for (std::int64_t m = 0; m < outputs; ++m)
      if (const auto t = (i + first) * up - m * down + before; t >= 0 && t < taps)
        matrix_.data_ptr<double>()[i * outputs + m] = turned.data_ptr<double>()[t] * gain;
  const auto windows = (size_ + outputs - 1) / outputs;
  before_ = -first;
  after_ = (windows - 1) * stride_ + window - length - before_;
}

NADA_INLINE Tensor Resampling::operator()(const Tensor& x) const {
  require(x.size(-1) == length_, "resampling of ", x.size(-1), " numbers, expected ", length_);
  const auto windows =
      at::constant_pad_nd(x, {before_, after_}).unfold(-1, matrix_.size(0), stride_);  // [..., windows, window]
  return at::matmul(windows, matrix_).flatten(-2).narrow(-1, 0, size_);
}

NADA_INLINE Resampling Resampling::to(torch::Device device, torch::ScalarType type) const {
  auto out = *this;
  if (matrix_.defined()) out.matrix_ = matrix_.to(device, type);
  return out;
}

NADA_INLINE FilteredLeakyRelu::FilteredLeakyRelu(const Tensor& up_filter, const Tensor& down_filter,
                                                 std::int64_t height, std::int64_t width,
                                                 const FilteredSettings& settings)
    : settings_(settings), filters_up_(up_filter.defined()), filters_down_(down_filter.defined()) {
  const auto& p = settings_.padding;
  const auto up = settings_.up, down = settings_.down;
  const auto along = [&](const Tensor& f) { return settings_.correlate ? f.flip(0) : f; };
  const auto one = torch::ones({1}, torch::kFloat64);
  auto rows = height * up + p[2] + p[3], columns = width * up + p[0] + p[1];
  if (up_filter.defined() && up_filter.dim() == 2) {
    const auto kernel = settings_.correlate ? up_filter : up_filter.flip({0, 1});
    up_kernel_ = kernel.t().to(torch::kFloat64) * (static_cast<double>(up) * up * settings_.gain);
    rows -= kernel.size(0) - 1;
    columns -= kernel.size(1) - 1;
  } else {
    const auto f = up_filter.defined() ? along(up_filter) : one;
    up_x_ = Resampling(f, up, 1, p[0], p[1], width, up);
    up_y_ = Resampling(f, up, 1, p[2], p[3], height, up * settings_.gain);
    rows = up_y_.size();
    columns = up_x_.size();
  }
  if (down_filter.defined() && down_filter.dim() == 2) {
    down_kernel_ = (settings_.correlate ? down_filter : down_filter.flip({0, 1})).t().to(torch::kFloat64);
  } else {
    const auto f = down_filter.defined() ? along(down_filter) : one;
    down_y_ = Resampling(f, 1, down, 0, 0, rows);
    down_x_ = Resampling(f, 1, down, 0, 0, columns);
  }
}

namespace detail {
/// Correlates each channel of x [N, C, H, W] with a kernel [kh, kw], keeping each `step`-th pixel.
inline Tensor correlate(const Tensor& x, const Tensor& kernel, std::int64_t step) {
  const auto c = x.size(1);
  return at::conv2d(x, kernel.expand({c, 1, kernel.size(0), kernel.size(1)}), {}, {step, step}, at::IntArrayRef{0, 0},
                    at::IntArrayRef{1, 1}, c);
}
}  // namespace detail

NADA_INLINE Tensor FilteredLeakyRelu::raise(const Tensor& x) const {
  if (!up_kernel_.defined()) return up_y_(up_x_(x).transpose(2, 3));
  const auto n = x.size(0), c = x.size(1), h = x.size(2), w = x.size(3), u = std::int64_t{settings_.up};
  const auto& p = settings_.padding;
  auto z = at::constant_pad_nd(x.transpose(2, 3).reshape({n, c, w, 1, h, 1}), {0, u - 1, 0, 0, 0, u - 1});
  z = at::constant_pad_nd(z.reshape({n, c, w * u, h * u}), {p[2], p[3], p[0], p[1]});
  return detail::correlate(z, up_kernel_, 1);
}

NADA_INLINE Tensor FilteredLeakyRelu::lower(const Tensor& x) const {
  if (down_kernel_.defined()) return detail::correlate(x, down_kernel_, settings_.down).transpose(2, 3);
  return down_x_(down_y_(x).transpose(2, 3));
}

NADA_INLINE Tensor FilteredLeakyRelu::operator()(const Tensor& x) const {
  const bool resamples = filters_up_ || filters_down_ || settings_.up != 1 || settings_.down != 1 ||
                         settings_.padding != std::array<std::int64_t, 4>{};
  auto y = resamples ? raise(x) : x * settings_.gain;
  if (settings_.slope != 1) y = at::leaky_relu(y, settings_.slope);
  if (settings_.clamp) y = y.clamp(-*settings_.clamp, *settings_.clamp);
  return resamples ? lower(y) : y;
}

NADA_INLINE FilteredLeakyRelu FilteredLeakyRelu::to(torch::Device device, torch::ScalarType type) const {
  auto out = *this;
  for (auto* part : {&out.up_x_, &out.up_y_, &out.down_x_, &out.down_y_}) *part = part->to(device, type);
  for (auto* kernel : {&out.up_kernel_, &out.down_kernel_})
    if (kernel->defined()) *kernel = kernel->to(device, type);
  return out;
}

NADA_INLINE Tensor modulated_convolution(const Tensor& x, const Tensor& weight, const Tensor& s, bool demodulate,
                                         std::array<std::int64_t, 2> padding, const Tensor& gain, const Tensor& bias,
                                         std::optional<torch::ScalarType> type) {
  const auto n = x.size(0), i = x.size(1), o = weight.size(0);
  const auto own = demodulate ? s * s.square().mean(1, true).rsqrt() : s;  // [N, I]
  const auto scaled = x * (gain.defined() ? own * gain : own).view({n, i, 1, 1});
  auto y = type ? at::conv2d(stylegan2::for_convolution(scaled, type), stylegan2::for_convolution(weight, type), {}, 1,
                             padding)
                      .to(x.scalar_type())
                : at::conv2d(scaled, weight, {}, 1, padding);
  if (!demodulate) return bias.defined() ? y + bias.view({1, o, 1, 1}) : y;
  const auto size = weight.square().mean(at::IntArrayRef{1, 2, 3}).rsqrt();                                 // [O]
  const auto energy = own.square().matmul(weight.square().sum(at::IntArrayRef{2, 3}).t()) * size.square();  // [N, O]
  const auto d = ((energy + stylegan2::demodulation_floor).rsqrt() * size).view({n, o, 1, 1});
  return bias.defined() ? at::addcmul(bias.view({1, o, 1, 1}), y, d) : y * d;
}

NADA_INLINE Tensor fourier_features(const Tensor& w, const FourierInput& input) {
  const auto n = w.size(0), c = input.weight.size(0), size = input.size;
  auto t = stylegan2::dense(w, input.affine_weight, input.affine_bias);  // [N, 4]
  t = t / t.narrow(1, 0, 2).norm(2, 1, true);
  const auto cos = t.select(1, 0), sin = t.select(1, 1), x = t.select(1, 2), y = t.select(1, 3);
  const auto moved = at::stack({cos, -sin, sin * y - cos * x, sin, cos, -(sin * x) - cos * y}, 1).view({n, 2, 3});
  const auto transform = at::matmul(moved, input.transform);  // [N, 2, 3]
  const auto phases = input.phases + at::matmul(input.frequencies, transform.select(2, 2).unsqueeze(2)).squeeze(2);
  const auto frequencies = at::matmul(input.frequencies, transform.narrow(2, 0, 2));  // [N, C, 2]
  const auto over = (frequencies.norm(2, 2) - input.bandwidth) / (input.rate / 2 - input.bandwidth);
  const auto amplitude = (1 - over).clamp(0, 1);  // [N, C]
  const auto place =
      (torch::arange(size, w.options()) + 0.5) / input.rate - static_cast<double>(size) / (2 * input.rate);
  const auto along = [&](std::int64_t axis) {
    return frequencies.select(2, axis).unsqueeze(2) * place;
  };  // [N, C, size]
  const auto angle = along(1).unsqueeze(3) + along(0).unsqueeze(2) + phases.view({n, c, 1, 1});
  const auto waves = (angle * (2 * std::numbers::pi)).sin() * amplitude.view({n, c, 1, 1});
  const auto weight = input.weight / std::sqrt(static_cast<double>(c));
  return at::matmul(weight, waves.view({n, c, size * size})).view({n, c, size, size});
}

}  // namespace nada::stylegan3
