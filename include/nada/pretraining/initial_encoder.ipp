// Bodies of initial_encoder.hpp.
#pragma once
#include "nada/pretraining/initial_encoder.hpp"

#include <cmath>
#include <cstddef>
#include <string>
#include <utility>

#include "nada/core/config.hpp"
#include "nada/core/error.hpp"

namespace nada {

namespace detail {

/// InitialTensors makes the tensors of a new encoder. Random tensors are numbered by the tensors before them, so the
/// order of the calls decides which numbers of the stream a tensor gets.
class InitialTensors {
 public:
  explicit InitialTensors(const Stream& stream) : stream_(stream) {}

  void normal(const std::string& name, const std::vector<std::int64_t>& size, double deviation) {
    out_[name] = stream_.normal(Purpose::leaves, size, 0, out_.size()) * deviation;
  }
  void fill(const std::string& name, std::int64_t n, double value) { out_[name] = torch::full({n}, value); }
  void norm(const std::string& name, std::int64_t n) {
    fill(name + ".weight", n, 1);
    fill(name + ".bias", n, 0);
  }

  /// Makes a convolution of `i` to `o` channels with a kernel of `k` by `k` and the batch norm after it.
  void convolution(const std::string& name, const std::string& after, std::int64_t o, std::int64_t i, std::int64_t k,
                   double gain = 1) {
    const double bound = 1 / std::sqrt(static_cast<double>(i * k * k));
    out_[name + ".weight"] = (2 * stream_.uniform(Purpose::leaves, {o, i, k, k}, 0, out_.size()) - 1) * bound;
    fill(after + ".weight", o, gain);
    fill(after + ".bias", o, 0);
    fill(after + ".running_mean", o, 0);
    fill(after + ".running_var", o, 1);
  }

  void transformer(const std::string& prefix, std::int64_t width, std::int64_t layers) {
    const double attention = 1 / std::sqrt(static_cast<double>(width));
    const double projection = attention / std::sqrt(2.0 * static_cast<double>(layers));
    const double perceptron = 1 / std::sqrt(2.0 * static_cast<double>(width));
    for (std::int64_t i = 0; i < layers; ++i) {
      const auto p = join(prefix, ".resblocks.", i, ".");
      norm(p + "ln_1", width);
      norm(p + "ln_2", width);
      normal(p + "attn.in_proj_weight", {3 * width, width}, attention);
      fill(p + "attn.in_proj_bias", 3 * width, 0);
      normal(p + "attn.out_proj.weight", {width, width}, projection);
      fill(p + "attn.out_proj.bias", width, 0);
      normal(p + "mlp.c_fc.weight", {4 * width, width}, perceptron);
      fill(p + "mlp.c_fc.bias", 4 * width, 0);
      normal(p + "mlp.c_proj.weight", {width, 4 * width}, projection);
      fill(p + "mlp.c_proj.bias", width, 0);
    }
  }

  void vision_transformer(const EncoderShape& shape) {
    require(shape.resolution % shape.patch == 0, "patches of ", shape.patch, " pixels do not divide ",
            shape.resolution);
    const auto width = shape.width, grid = shape.resolution / shape.patch;
    const double scale = 1 / std::sqrt(static_cast<double>(width));
    normal("visual.class_embedding", {width}, scale);
    normal("visual.conv1.weight", {width, 3, shape.patch, shape.patch},
           1 / std::sqrt(3.0 * static_cast<double>(shape.patch * shape.patch)));
    normal("visual.positional_embedding", {grid * grid + 1, width}, scale);
    norm("visual.ln_pre", width);
    norm("visual.ln_post", width);
    transformer("visual.transformer", width, shape.layers[0]);
    normal("visual.proj", {width, shape.embedding}, scale);
  }

  void residual_network(const EncoderShape& shape) {
    const auto width = shape.width;
    require(shape.layers.size() == 4, "a residual network has four stages, found ", shape.layers.size());
    require(shape.resolution % 32 == 0 && width % 2 == 0,
            "a residual network needs a resolution that 32 divides and an even width, found ", shape.resolution,
            " and ", width);
    convolution("visual.conv1", "visual.bn1", width / 2, 3, 3);
    convolution("visual.conv2", "visual.bn2", width / 2, width / 2, 3);
    convolution("visual.conv3", "visual.bn3", width, width / 2, 3);
    auto inputs = width;
    for (std::size_t stage = 0; stage < 4; ++stage) {
      require(shape.layers[stage] > 0, "a stage needs a block");
      for (std::int64_t b = 0; b < shape.layers[stage]; ++b) {
        residual_block(join("visual.layer", stage + 1, ".", b, "."), inputs, width << stage, b == 0);
        inputs = 4 * (width << stage);
      }
    }
    attention_pool(shape, inputs);
  }

  void text_tower(const EncoderShape& shape) {
    normal("token_embedding.weight", {shape.vocabulary, shape.text_width}, 0.02);
    normal("positional_embedding", {shape.context, shape.text_width}, 0.01);
    transformer("transformer", shape.text_width, shape.text_layers);
    norm("ln_final", shape.text_width);
    normal("text_projection", {shape.text_width, shape.embedding},
           1 / std::sqrt(static_cast<double>(shape.text_width)));
    out_["logit_scale"] = torch::full({}, std::log(1 / 0.07));
  }

  TensorMap take() { return std::move(out_); }

 private:
  void residual_block(const std::string& p, std::int64_t inputs, std::int64_t planes, bool first_of_stage) {
    convolution(p + "conv1", p + "bn1", planes, inputs, 1);
    convolution(p + "conv2", p + "bn2", planes, planes, 3);
    convolution(p + "conv3", p + "bn3", 4 * planes, planes, 1, /*gain=*/0);
    if (first_of_stage) convolution(p + "downsample.0", p + "downsample.1", 4 * planes, inputs, 1);
  }

  void attention_pool(const EncoderShape& shape, std::int64_t inputs) {
    const auto grid = shape.resolution / 32;
    const double scale = 1 / std::sqrt(static_cast<double>(inputs));
    normal("visual.attnpool.positional_embedding", {grid * grid + 1, inputs}, scale);
    for (const std::string part : {"q_proj", "k_proj", "v_proj"}) {
      normal("visual.attnpool." + part + ".weight", {inputs, inputs}, scale);
      fill("visual.attnpool." + part + ".bias", inputs, 0);
    }
    normal("visual.attnpool.c_proj.weight", {shape.embedding, inputs}, scale);
    fill("visual.attnpool.c_proj.bias", shape.embedding, 0);
  }

  Stream stream_;
  TensorMap out_;
};

}  // namespace detail

NADA_INLINE TensorMap initial_encoder(const EncoderShape& shape, const Stream& stream) {
  require(shape.vocabulary > 2 && shape.context > 2, "an encoder needs a vocabulary and a context");
  require(
      shape.text_width > 0 && shape.text_layers > 0 && shape.width > 0 && shape.embedding > 0 && !shape.layers.empty(),
      "an encoder needs widths and layers");
  detail::InitialTensors tensors(stream);
  if (shape.patch > 0) {
    tensors.vision_transformer(shape);
  } else {
    tensors.residual_network(shape);
  }
  tensors.text_tower(shape);
  return tensors.take();
}

}  // namespace nada
