// Operations on generators and discriminators.
#include <torch/autograd.h>

#include <algorithm>
#include <concepts>
#include <cstddef>
#include <cstdint>
#include <map>
#include <string>
#include <string_view>
#include <utility>
#include <variant>
#include <vector>

#include "nada/core/error.hpp"
#include "nada/core/tensor.hpp"
#include "nada/formats/tensor_file.hpp"
#include "nada/generators/any_generator.hpp"
#include "nada/generators/latents.hpp"
#include "nada/generators/stylegan3.hpp"
#include "nada/pretraining/discriminator.hpp"
#include "nada/pretraining/regularizer.hpp"
#include "operations.hpp"

namespace nada::parity {

namespace {

/// Returns the styles [N, L, W] of latents `z` [N, Z], truncated where the check says so.
Tensor map_styles(const Call& call, const AnyGenerator& generator, const Tensor& z) {
  const auto w = generator.map(z, call.given("labels") ? call.tensor("labels") : Tensor{});
  if (!call.has("truncation")) return w;
  const auto truncation = call.get<std::map<std::string, double>>("truncation");
  const auto layers = truncation.count("layers") ? truncation.at("layers") : 0;
  return truncate(w, generator.mean_style(), truncation.at("psi"), static_cast<std::int64_t>(layers));
}

/// Returns the check's styles [N, L, W], either given or made from latents, and mixed where the check says so.
Tensor styles(const Call& call, const AnyGenerator& generator) {
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

namespace {

/// Returns the role of a layer's result: conv.4.0, conv.<r>.0 (up) and conv.<r>.1 are features of a resolution, rgb.<r> is
/// itself; StyleGAN3's layers are features under their own names.
std::string role_of(std::string_view layer, bool stylegan3) {
  const std::string name(layer);
  if (stylegan3) return "features." + name;
  if (!name.starts_with("conv.")) return name;
  const auto r = name.substr(5, name.size() - 7);
  return join("features.", r, name.ends_with(".0") && r != "4" ? ".up" : "");
}

/// Returns the check's generator, with the check's transform in place of its own.
AnyGenerator transformed(const Call& call) {
  if (!call.given("transform")) return call.generator().model;
  auto generator = call.generator().model.as<StyleGan3>();
  generator.use_transform(call.tensor("transform"));
  return generator;
}

}  // namespace

Results generator_synthesize(const Call& call) {
  const auto generator = transformed(call);
  const auto w_plus = styles(call, generator);
  Results out;
  std::visit(
      [&]<class G>(const G& own) {
        out["image"] = own.synthesize(w_plus, render(call), [&](std::string_view layer, const Tensor& x) {
          const auto n = call.has("channels") ? std::min(call.integer("channels"), x.size(1)) : x.size(1);
          out[role_of(layer, std::same_as<G, StyleGan3>)] = x.narrow(1, 0, n);
        });
      },
      generator.choice());
  return out;
}

namespace {

/// GeneratorLeaves is a copy of a generator in which the parameters with golden gradients are leaves.
struct GeneratorLeaves {
  AnyGenerator generator;
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
  const auto products = leaves.generator.synthesize(w_plus, render(call)) * call.tensor("probe");
  const bool sums = call.has("reduction");
  require(!sums || call.text("reduction") == "sum", "the reduction is not sum");
  const auto loss = sums ? products.sum() : products.mean();
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
