// Bodies of onnx_export.hpp.
#pragma once
#include "nada/generators/onnx_export.hpp"

#include <cmath>
#include <cstddef>
#include <cstdint>
#include <utility>
#include <variant>
#include <vector>

#include "nada/core/config.hpp"
#include "nada/core/error.hpp"
#include "nada/core/tensor.hpp"
#include "nada/generators/generator.hpp"
#include "nada/generators/stylegan2_ops.hpp"

namespace nada {

namespace detail {

/// StyleGan2Graph makes the graph of one generator, node by node. Its functions return the name of the value that they
/// add; values are called after the layer that they belong to.
class StyleGan2Graph {
 public:
  StyleGan2Graph(const StyleGan2& generator, const std::string& what) : generator_(generator), what_(what) {}
  OnnxModel make() &&;

 private:
  using Names = std::vector<std::string>;
  using Whole = std::vector<std::int64_t>;

  std::string node(std::string op, std::string output, Names inputs, std::vector<OnnxAttribute> attributes = {});
  /// Adds a tensor as float32.
  std::string constant(std::string name, const Tensor& value);
  std::string number(std::string name, double value) {
    return constant(std::move(name), torch::tensor(value, torch::kFloat64));
  }
  /// Returns the slot of a layer in double precision; undefined where the layer has no such slot.
  Tensor slot(std::size_t layer, const std::string& name) const;

  /// Adds y = x W' weight_factor + b bias_factor.
  std::string dense(const std::string& name, const std::string& x, const Tensor& weight, const Tensor& bias,
                    double weight_factor, double bias_factor);
  std::string normalized(const std::string& x);
  std::string map();
  std::string truncated(const std::string& w);
  /// Adds the style of a layer times `factor`, [N, I].
  std::string style(std::size_t layer, double factor);
  /// Adds a value [N, C] as [N, C, 1, 1].
  std::string per_channel(const std::string& value);
  std::string clamped(const std::string& x, double limit);
  /// Returns the FIR filter for each of `channels` channels, [C, 1, 4, 4].
  std::string filter(std::int64_t channels);
  /// Adds a doubled image.
  std::string upsampled(const std::string& name, const std::string& x, std::int64_t channels);
  std::string shortcut(std::size_t layer, const std::string& x);
  std::string demodulation(std::size_t layer, const std::string& style, double gain);
  std::string convolution(std::size_t layer, std::size_t map, const std::string& x, bool up, double gain);
  std::string rgb(std::size_t layer, const std::string& x, const std::string& before);
  std::string synthesis();

  const StyleGan2& generator_;
  const std::string& what_;
  OnnxModel model_;
  std::string w_;  // name of the truncated styles [N, D]
};

NADA_INLINE std::string StyleGan2Graph::node(std::string op, std::string output, Names inputs,
                                             std::vector<OnnxAttribute> attributes) {
  model_.nodes.push_back({std::move(op), std::move(inputs), std::move(output), std::move(attributes)});
  return model_.nodes.back().output;
}

NADA_INLINE std::string StyleGan2Graph::constant(std::string name, const Tensor& value) {
  const auto numbers = value.to(torch::kFloat32).contiguous();
  model_.constants.push_back(
      {name, DType::f32, numbers.sizes().vec(),
       std::string(static_cast<const char*>(numbers.data_ptr()), static_cast<std::size_t>(numbers.nbytes()))});
  return name;
}

NADA_INLINE Tensor StyleGan2Graph::slot(std::size_t layer, const std::string& name) const {
  const auto& slots = generator_.layers()[layer].slots;
  for (std::size_t s = 0; s < slots.size(); ++s)
    if (slots[s] == name) return generator_.slot(layer, s).detach().to(torch::kCPU, torch::kFloat64);
  return {};
}

NADA_INLINE std::string StyleGan2Graph::dense(const std::string& name, const std::string& x, const Tensor& weight,
                                              const Tensor& bias, double weight_factor, double bias_factor) {
  const auto scale = weight_factor / std::sqrt(static_cast<double>(weight.size(1)));
  return node("Gemm", name,
              {x, constant(name + ".weight", weight * scale), constant(name + ".bias", bias * bias_factor)},
              {{"transB", std::int64_t{1}}});
}

NADA_INLINE std::string StyleGan2Graph::normalized(const std::string& x) {
  const auto square = node("Mul", x + ".square", {x, x});
  const auto mean =
      node("ReduceMean", x + ".mean_square", {square}, {{"axes", Whole{1}}, {"keepdims", std::int64_t{1}}});
  const auto sum = node("Add", x + ".floored", {mean, number(x + ".floor", 1e-8)});
  return node("Div", x + ".normalized", {x, node("Sqrt", x + ".length", {sum})});
}

NADA_INLINE std::string StyleGan2Graph::map() {
  const auto layers = generator_.layers();
  const auto lr = generator_.settings().mapping_lr;
  auto x = normalized("z");
  for (std::size_t k = 0; layers[k].kind == LayerKind::mapping; ++k) {
    const auto weight = slot(k, "weight"), bias = slot(k, "bias");
    if (layers[k].name == "embed") {
      x = node("Concat", "mapping.input", {x, normalized(dense("embed", "labels", weight, bias, 1, 1))},
               {{"axis", std::int64_t{1}}});
      continue;
    }
    const auto factor = lr * stylegan2::activation_gain;  // a leaky ReLU passes a positive factor on
    x = node("LeakyRelu", layers[k].name, {dense(layers[k].name + ".dense", x, weight, bias, factor, factor)},
             {{"alpha", static_cast<float>(stylegan2::leaky_slope)}});
  }
  return x;
}

NADA_INLINE std::string StyleGan2Graph::truncated(const std::string& w) {
  const auto mean = constant("mean_style", generator_.mean_style().detach().to(torch::kCPU));
  return node("Add", "w", {mean, node("Mul", "w.pulled", {node("Sub", "w.centered", {w, mean}), "psi"})});
}

NADA_INLINE std::string StyleGan2Graph::style(std::size_t layer, double factor) {
  return dense(generator_.layers()[layer].name + ".affine", w_, slot(layer, "affine.weight"),
               slot(layer, "affine.bias"), factor, factor);
}

NADA_INLINE std::string StyleGan2Graph::per_channel(const std::string& value) {
  return node("Unsqueeze", value + ".per_channel", {value, "image_axes"});
}

NADA_INLINE std::string StyleGan2Graph::clamped(const std::string& x, double limit) {
  return node("Clip", x + ".clamped", {x, number(x + ".lowest", -limit), number(x + ".highest", limit)});
}

NADA_INLINE std::string StyleGan2Graph::filter(std::int64_t channels) {
  auto name = join("filter.", channels);
  for (const auto& constant : model_.constants)
    if (constant.name == name) return name;
  const auto& fir = stylegan2::fir;
  const auto axis = torch::tensor({fir[0], fir[1], fir[2], fir[3]}, torch::kFloat64);
  return constant(std::move(name), at::outer(axis, axis).expand({channels, 1, 4, 4}));
}

NADA_INLINE std::string StyleGan2Graph::upsampled(const std::string& name, const std::string& x,
                                                  std::int64_t channels) {
  return node("ConvTranspose", name, {x, filter(channels)},
              {{"group", channels}, {"pads", Whole{1, 1, 1, 1}}, {"strides", Whole{2, 2}}});
}

NADA_INLINE std::string StyleGan2Graph::shortcut(std::size_t layer, const std::string& x) {
  const auto name = generator_.layers()[layer].name + ".skip";
  const auto weight = slot(layer, "skip.weight");
  const double scale = std::sqrt(0.5 / static_cast<double>(weight.size(1)));
  const auto own = node("Conv", name + ".convolved", {x, constant(name + ".weight", weight * scale)});
  return upsampled(name, own, weight.size(0));
}

/// Adds gain / sqrt(sum_{i,k} (s_i W_oik)^2 + 1e-8), [N, O, 1, 1].
NADA_INLINE std::string StyleGan2Graph::demodulation(std::size_t layer, const std::string& style, double gain) {
  const auto& name = generator_.layers()[layer].name;
  const auto energy = slot(layer, "weight").square().sum(at::IntArrayRef{2, 3}) / (gain * gain);  // [O, I]
  const auto floor = torch::full({1}, stylegan2::demodulation_floor / (gain * gain), torch::kFloat64);
  const auto sum = node("Gemm", name + ".energy",
                        {node("Mul", name + ".style_square", {style, style}), constant(name + ".weight_energy", energy),
                         constant(name + ".energy_floor", floor)},
                        {{"transB", std::int64_t{1}}});
  return per_channel(node("Reciprocal", name + ".demodulation", {node("Sqrt", name + ".length", {sum})}));
}

NADA_INLINE std::string StyleGan2Graph::convolution(std::size_t layer, std::size_t map, const std::string& x, bool up,
                                                    double gain) {
  const auto& name = generator_.layers()[layer].name;
  const auto weight = slot(layer, "weight");
  const auto in = weight.size(1), out = weight.size(0);
  const double factor = stylegan2::activation_gain * gain;
  const auto s = style(layer, 1 / std::sqrt(static_cast<double>(in * weight.size(2) * weight.size(3))));
  const auto scaled = node("Mul", name + ".scaled", {x, per_channel(s)});
  std::string y;
  if (up) {
    const auto spread = node("ConvTranspose", name + ".spread",
                             {scaled, constant(name + ".weight", weight.transpose(0, 1))}, {{"strides", Whole{2, 2}}});
    y = node("Conv", name + ".convolved", {spread, filter(out)}, {{"group", out}, {"pads", Whole{1, 1, 1, 1}}});
  } else {
    y = node("Conv", name + ".convolved", {scaled, constant(name + ".weight", weight)}, {{"pads", Whole{1, 1, 1, 1}}});
  }
  y = node("Mul", name + ".demodulated", {y, demodulation(layer, s, factor)});
  y = node("Add", name + ".biased", {y, constant(name + ".bias", slot(layer, "bias").view({1, out, 1, 1}) * factor)});
  Tensor added;  // what stands at fixed places
  if (const auto& noise = generator_.noise_map(map); noise.defined()) {
    require(noise.dim() == 2, what_, ": noise maps of several samples have no place in an ONNX graph");
    added = noise.detach().to(torch::kCPU, torch::kFloat64) * slot(layer, "noise_strength");
  }
  if (const auto pattern = slot(layer, "pattern"); pattern.defined()) {
    const auto own = pattern * stylegan2::pattern_gain;
    added = added.defined() ? added + own : own;
  }
  if (added.defined() && added.count_nonzero().item<std::int64_t>() > 0)
    y = node("Add", name + ".with_noise",
             {y, constant(name + ".noise", added.view({1, 1, added.size(0), added.size(1)}) * factor)});
  const auto clamp = generator_.settings().conv_clamp;
  y = node("LeakyRelu", name, {y}, {{"alpha", static_cast<float>(stylegan2::leaky_slope)}});
  return clamp ? clamped(y, *clamp * gain) : y;
}

NADA_INLINE std::string StyleGan2Graph::rgb(std::size_t layer, const std::string& x, const std::string& before) {
  const auto& name = generator_.layers()[layer].name;
  const auto weight = slot(layer, "weight");
  const auto s = style(layer, 1 / std::sqrt(static_cast<double>(weight.size(1))));
  auto own = node("Conv", name + ".own",
                  {node("Mul", name + ".scaled", {x, per_channel(s)}), constant(name + ".weight", weight),
                   constant(name + ".bias", slot(layer, "bias"))});
  if (const auto clamp = generator_.settings().conv_clamp) own = clamped(own, *clamp);
  if (before.empty()) return own;
  return node("Add", name, {upsampled(name + ".before", before, weight.size(0)), own});
}

NADA_INLINE std::string StyleGan2Graph::synthesis() {
  const auto layers = generator_.layers();
  auto k = find_layer(layers, "const");
  const auto values = slot(k, "weight");
  auto x = constant("const", values.unsqueeze(0));
  std::string image, around;  // the running RGB; the way around a residual block
  std::size_t map = 0;
  for (++k; k < layers.size(); ++k) {
    if (layers[k].kind == LayerKind::rgb) {
      image = rgb(k, x, image);
      continue;
    }
    const bool up = layers[k].resolution > layers[k - 1].resolution;
    const bool ends_block = generator_.is_residual() && !up && layers[k].resolution > 4;
    if (generator_.is_residual() && up) around = shortcut(k, x);
    x = convolution(k, map++, x, up, ends_block ? std::sqrt(0.5) : 1);
    if (ends_block) x = node("Add", layers[k].name + ".block", {x, around});
  }
  return image;
}

NADA_INLINE OnnxModel StyleGan2Graph::make() && {
  model_.inputs = {{"z", {"N", generator_.latent_size()}, "latents: standard normal numbers, a row a sample"},
                   {"psi", {std::int64_t{1}}, "truncation: 1 changes nothing, 0 gives the mean style"}};
  if (const auto classes = generator_.label_size())
    model_.inputs.push_back({"labels", {"N", classes}, "classes: a row a sample, 1 at the class and 0 elsewhere"});
  const std::int64_t height_and_width[] = {2, 3};
  model_.constants.push_back({"image_axes",
                              DType::i64,
                              {2},
                              std::string(reinterpret_cast<const char*>(height_and_width), sizeof height_and_width)});
  w_ = truncated(map());
  const auto image = synthesis();
  require(!image.empty() && model_.nodes.back().output == image, what_, ": the generator does not end in RGB");
  model_.nodes.back().output = "images";
  const std::int64_t side = generator_.resolution();
  model_.outputs = {
      {"images",
       {"N", std::int64_t{3}, side, side},
       "RGB, nominally in [-1, 1] from black to white, not clamped; 8 bits: round(255 clamp((x + 1) / 2, 0, 1))"}};
  model_.about = join("StyleGAN2 generator. z [N, ", generator_.latent_size(),
                      "] standard normal and psi [1] (truncation; 1: none) give images [N, 3, ", side, ", ", side,
                      "], RGB, nominally in [-1, 1], not clamped.");
  return std::move(model_);
}

}  // namespace detail

NADA_INLINE OnnxModel to_onnx(const StyleGan2& generator, const std::string& what) {
  const torch::NoGradGuard no_grad;
  return detail::StyleGan2Graph(generator, what).make();
}

NADA_INLINE OnnxModel to_onnx(const AnyGenerator& generator, const std::string& what) {
  return std::visit(
      [&](const auto& own) -> OnnxModel {
        if constexpr (requires { detail::StyleGan2Graph(own, what); })
          return to_onnx(own, what);
        else
          fail(what, ": only StyleGAN2 generators can be written as ONNX");
      },
      generator.choice());
}

}  // namespace nada
