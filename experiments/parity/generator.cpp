// Operations on generators and discriminators.
#include <torch/autograd.h>

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <map>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "nada/core/error.hpp"
#include "nada/core/tensor.hpp"
#include "nada/formats/tensor_file.hpp"
#include "nada/generators/latents.hpp"
#include "nada/generators/stylegan2.hpp"
#include "nada/pretraining/discriminator.hpp"
#include "nada/pretraining/regularizer.hpp"
#include "operations.hpp"

namespace nada::parity {

namespace {

/// Returns the styles [N, L, W] of latents `z` [N, Z], truncated where the check says so.
Tensor map_styles(const Call& call, const StyleGan2& generator, const Tensor& z) {
  const auto w = generator.map(z, call.given("labels") ? call.tensor("labels") : Tensor{});
  if (!call.has("truncation")) return w;
  const auto truncation = call.get<std::map<std::string, double>>("truncation");
  const auto layers = truncation.count("layers") ? truncation.at("layers") : 0;
  return truncate(w, generator.mean_style(), truncation.at("psi"), static_cast<std::int64_t>(layers));
}

/// Returns the check's styles [N, L, W], either given or made from latents, and mixed where the check says so.
Tensor styles(const Call& call, const StyleGan2& generator) {
  if (call.given("w_plus")) return call.tensor("w_plus");
  const auto w = map_styles(call, generator, call.tensor("z"));
  if (!call.given("z_mix")) return w;
  return mix(w, map_styles(call, generator, call.tensor("z_mix")), call.integer("mix_from"));
}

}  // namespace

Results weights_identical(const Call& call) {
  const auto a = call.folder.model_file(call.entry("model", "a")).tensors();
  const auto b = call.folder.model_file(call.entry("model", "b")).tensors();
  const auto same = [](const TensorView& x, const TensorView& y) {  // by values: strides may differ
    return x.name == y.name && x.dtype == y.dtype && x.shape == y.shape && torch::equal(to_tensor(x), to_tensor(y));
  };
  return {{"identical", std::ranges::equal(a, b, same)}};
}

Results generator_mean_style(const Call& call) { return {{"mean_style", call.generator().model.mean_style()}}; }

Results generator_map(const Call& call) {
  const auto w_plus = styles(call, call.generator().model);
  const auto w = w_plus.select(1, 0);
  Results out{{"w_plus", w_plus}};
  if (torch::equal(w.unsqueeze(1).expand_as(w_plus), w_plus)) out["w"] = w;  // the same for all layers
  return out;
}

Results generator_synthesize(const Call& call) {
  const auto& generator = call.generator().model;
  Results out;
  out["image"] =
      generator.synthesize(styles(call, generator), render(call), [&](std::string_view layer, const Tensor& x) {
        std::string name(layer);  // conv.4.0, conv.<r>.0 (up) and conv.<r>.1, rgb.<r>
        if (name.starts_with("conv.")) {
          const auto r = name.substr(5, name.size() - 7);
          name = join("features.", r, name.ends_with(".0") && r != "4" ? ".up" : "");
        }
        out[name] = x;
      });
  return out;
}

namespace {

/// GeneratorLeaves is a copy of a generator in which the parameters with golden gradients are leaves.
struct GeneratorLeaves {
  StyleGan2 generator;
  std::vector<std::string> roles = {};
  std::vector<Tensor> leaves = {};
  std::vector<std::vector<std::int64_t>> shapes = {};  // shapes in the file

  explicit GeneratorLeaves(const Call& call) : generator(call.generator().model) {
    for (const auto& [role, golden] : call.expected().items()) {
      if (!role.starts_with("parameter.")) continue;
      const auto& parameter = call.generator().parameter(role.substr(10));
      add(role, generator.slot(parameter.layer, parameter.slot).detach(), parameter.shape);
      generator.use(parameter.layer, parameter.slot, leaves.back());
    }
  }
  void add(std::string role, const Tensor& value, std::vector<std::int64_t> shape) {
    roles.push_back(std::move(role));
    leaves.push_back(value.clone().requires_grad_(true));
    shapes.push_back(std::move(shape));
  }
  void gradients(const Tensor& loss, Results& out) const {
    if (leaves.empty()) return;
    const auto gradients = torch::autograd::grad({loss}, leaves);
    for (std::size_t i = 0; i < roles.size(); ++i) out[roles[i]] = gradients[i].reshape(shapes[i]);
  }
};

}  // namespace

Results generator_gradient(const Call& call) {
  const std::string input = call.given("w_plus") ? "w_plus" : "z";
  GeneratorLeaves leaves(call);
  const auto value = call.tensor(input);
  leaves.add("gradient." + input, value, value.sizes().vec());
  const auto& leaf = leaves.leaves.back();
  const auto w_plus = input == "z" ? map_styles(call, leaves.generator, leaf) : leaf;
  const auto loss = (leaves.generator.synthesize(w_plus, render(call)) * call.tensor("probe")).mean();
  Results out{{"loss", loss}};
  leaves.gradients(loss, out);
  return out;
}

Results generator_path_length(const Call& call) {
  GeneratorLeaves leaves(call);
  const auto w_plus = call.tensor("w_plus").requires_grad_(true);
  const auto images = leaves.generator.synthesize(w_plus, render(call));
  PathLength path{.decay = call.number("decay"), .mean = call.tensor("mean_length").reshape({})};
  const auto gradient = PathLength::gradient(w_plus, images, call.tensor("image_noise"));
  const auto penalty = path(w_plus, images, call.tensor("image_noise"));
  Results out{{"gradient.w_plus", gradient},
              {"lengths", PathLength::lengths(gradient)},
              {"mean_length", path.mean},
              {"penalty", penalty}};
  leaves.gradients(penalty, out);
  return out;
}

namespace {

/// DiscriminatorLeaves is a copy of a discriminator in which the parameters with golden gradients are leaves.
struct DiscriminatorLeaves {
  StyleGan2Discriminator model;
  std::vector<std::string> roles = {};
  std::vector<Tensor> leaves = {};

  explicit DiscriminatorLeaves(const Call& call) : model(call.discriminator().model) {
    for (const auto& [role, golden] : call.expected().items()) {
      if (!role.starts_with("parameter.")) continue;
      const auto& name = call.discriminator().parameter(role.substr(10));
      roles.push_back(role);
      leaves.push_back(model.tensors().at(name).clone().requires_grad_(true));
      model.use(name, leaves.back());
    }
  }
  void gradients(const Tensor& loss, Results& out) const {
    if (leaves.empty()) return;
    const auto gradients = torch::autograd::grad({loss}, leaves);
    for (std::size_t i = 0; i < roles.size(); ++i) out[roles[i]] = gradients[i];
  }
};

}  // namespace

Results discriminator_score(const Call& call) {
  auto image = call.tensor("image");
  if (call.has("mirrored_batch")) {
    const auto mirrored = image.flip(3);
    image = torch::cat({image, mirrored, -image, -mirrored}).narrow(0, 0, call.integer("mirrored_batch"));
  }
  return {{"logits", call.discriminator().model(image, call.labels())}};
}

Results discriminator_r1(const Call& call) {
  DiscriminatorLeaves leaves(call);
  const auto gradient =
      R1::gradient([&](const Tensor& x) { return leaves.model(x, call.labels()); }, call.tensor("image"));
  const auto per_sample = R1::per_sample(gradient);
  Results out{{"gradient.image", gradient}, {"per_sample", per_sample}, {"r1", per_sample.mean()}};
  leaves.gradients(per_sample.mean(), out);
  return out;
}

Results discriminator_loss(const Call& call) {
  DiscriminatorLeaves leaves(call);
  const auto loss = at::softplus(call.number("sign") * leaves.model(call.tensor("image"), call.labels())).mean();
  Results out{{"loss", loss}};
  leaves.gradients(loss, out);
  return out;
}

}  // namespace nada::parity
