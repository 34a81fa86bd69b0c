// Operations on StyleGAN3's parts.
#include <torch/autograd.h>

#include <array>
#include <cstddef>
#include <cstdint>
#include <string>
#include <utility>
#include <vector>

#include "nada/core/error.hpp"
#include "nada/core/tensor.hpp"
#include "nada/generators/stylegan3_geometry.hpp"
#include "nada/generators/stylegan3_ops.hpp"
#include "operations.hpp"

namespace nada::parity {

namespace {

template <class T>
T get_or(const Call& call, const std::string& argument, T otherwise) {
  return call.has(argument) ? call.get<T>(argument) : otherwise;
}

/// Returns a layer's geometry by the names of the official constructor.
Json official(const StyleGan3Layer& layer, std::int64_t in, std::int64_t out, std::size_t index, bool half,
              const Json& clamp) {
  return {{"name", stylegan3_name(index, layer.out_size, out)},
          {"is_torgb", layer.to_rgb},
          {"is_critically_sampled", layer.critical},
          {"use_fp16", half},
          {"in_channels", in},
          {"out_channels", out},
          {"in_size", layer.in_size},
          {"out_size", layer.out_size},
          {"in_sampling_rate", layer.in_rate},
          {"out_sampling_rate", layer.out_rate},
          {"tmp_sampling_rate", layer.middle_rate},
          {"in_cutoff", layer.in_cutoff},
          {"out_cutoff", layer.out_cutoff},
          {"in_half_width", layer.in_half_width},
          {"out_half_width", layer.out_half_width},
          {"conv_kernel", layer.kernel},
          {"conv_clamp", clamp},
          {"up_factor", layer.up},
          {"up_taps", layer.up_taps},
          {"down_factor", layer.down},
          {"down_taps", layer.down_taps},
          {"down_radial", layer.radial},
          {"padding", layer.padding}};
}

/// Adds the gradients of sum(output probe) with respect to the named inputs.
void add_gradients(const Call& call, const Tensor& output, const std::vector<std::pair<std::string, Tensor>>& inputs,
                   Results& out) {
  std::vector<Tensor> leaves;
  for (const auto& [name, leaf] : inputs) leaves.push_back(leaf);
  const auto gradients = torch::autograd::grad({(output * call.tensor("probe")).sum()}, leaves);
  for (std::size_t i = 0; i < inputs.size(); ++i) out["gradient." + inputs[i].first] = gradients[i];
}

}  // namespace

Results stylegan3_geometry(const Call& call) {
  StyleGan3Settings settings;
  settings.resolution = call.get<int>("img_resolution");
  settings.critical = get_or(call, "num_critical", settings.critical);
  settings.margin = get_or(call, "margin_size", settings.margin);
  settings.filter_size = get_or(call, "filter_size", settings.filter_size);
  settings.upsampling = get_or(call, "lrelu_upsampling", settings.upsampling);
  settings.first_cutoff = get_or(call, "first_cutoff", settings.first_cutoff);
  settings.first_stopband = get_or(call, "first_stopband", settings.first_stopband);
  settings.last_stopband = get_or(call, "last_stopband_rel", settings.last_stopband);
  const auto layers =
      stylegan3_layers(settings, get_or(call, "num_layers", 14), get_or<std::int64_t>(call, "conv_kernel", 3),
                       get_or(call, "use_radial_filters", false));
  const auto channels =
      stylegan3_channels(layers, get_or(call, "channel_base", 32768.0), get_or(call, "channel_max", 512.0));
  const int halves = get_or(call, "num_fp16_res", 4);
  const auto& first = layers.front();
  const Json input = {{"channels", channels.front()},
                      {"size", {first.in_size, first.in_size}},
                      {"sampling_rate", first.in_rate},
                      {"bandwidth", first.in_cutoff}};
  const Json clamp = call.has("conv_clamp") ? call.entry("arguments", "conv_clamp") : Json(256.0);
  Json all = Json::array();
  for (std::size_t i = 0; i < layers.size(); ++i) {
    const bool half = layers[i].out_rate * (1 << halves) > settings.resolution;
    all.push_back(official(layers[i], channels[i == 0 ? 0 : i - 1], channels[i], i, half, clamp));
  }
  return {{"input", input}, {"num_ws", Json(layers.size() + 1)}, {"layers", all}};
}

Results stylegan3_filter(const Call& call) {
  return {{"filter", stylegan3::lowpass(call.integer("numtaps"), call.number("cutoff"), call.number("width"),
                                        call.number("fs"), call.get<bool>("radial"))}};
}

Results stylegan3_filtered_lrelu(const Call& call) {
  const auto filter = [&](const char* role) { return call.given(role) ? call.tensor(role) : Tensor{}; };
  stylegan3::FilteredSettings settings{.up = call.get<int>("up"),
                                       .down = call.get<int>("down"),
                                       .padding = call.get<std::array<std::int64_t, 4>>("padding"),
                                       .gain = call.number("gain"),
                                       .slope = call.number("slope"),
                                       .correlate = call.get<bool>("flip_filter")};
  if (!call.entry("arguments", "clamp").is_null()) settings.clamp = call.number("clamp");
  std::vector<std::pair<std::string, Tensor>> leaves{{"x", call.tensor("x").requires_grad_(true)}};
  auto x = leaves.front().second;
  if (call.given("b")) {
    leaves.emplace_back("b", call.tensor("b").requires_grad_(true));
    x = x + leaves.back().second.view({1, -1, 1, 1});
  }
  const auto output = stylegan3::FilteredLeakyRelu(filter("fu"), filter("fd"), x.size(2), x.size(3), settings)
                          .to(x.device(), x.scalar_type())(x);
  Results out{{"output", output}};
  add_gradients(call, output, leaves, out);
  return out;
}

Results stylegan3_modulated_conv2d(const Call& call) {
  const auto leaf = [&](const char* role) { return call.tensor(role).requires_grad_(true); };
  const auto x = leaf("x"), w = leaf("w"), s = leaf("s");
  const auto output = stylegan3::modulated_convolution(x, w, s, call.get<bool>("demodulate"),
                                                       call.get<std::array<std::int64_t, 2>>("padding"),
                                                       call.given("input_gain") ? call.tensor("input_gain") : Tensor{});
  Results out{{"output", output}};
  add_gradients(call, output, {{"x", x}, {"w", w}, {"s", s}}, out);
  return out;
}

}  // namespace nada::parity
