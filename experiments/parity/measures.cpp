// Operations on the networks of the standard measures: FID's Inception and LPIPS.
#include <cstdint>
#include <string>
#include <vector>

#include "nada/core/error.hpp"
#include "nada/core/tensor.hpp"
#include "nada/encoders/hed.hpp"
#include "nada/encoders/inception.hpp"
#include "nada/encoders/inception_stem.hpp"
#include "nada/encoders/lpips.hpp"
#include "nada/encoders/weights.hpp"
#include "nada/metrics/frechet.hpp"
#include "nada/metrics/scs.hpp"
#include "nada/metrics/sifid.hpp"
#include "operations.hpp"
#include "pictures.hpp"
#include "procedure.hpp"

namespace nada::parity {

namespace {

template <class Network>
Network measuring_network(const Call& call) {
  const auto& model = call.entry("model", "encoder");
  if (is_procedure(model)) return {procedure(call.folder.path(model)).tensors, "procedure", call.type};
  return Network::load(call.folder.model_file(model), torch::kCPU, call.type);
}

Inception::Resizing way_of(const Call& call) {
  const auto way = call.has("way") ? call.text("way") : "torch";
  require(way == "torch" || way == "clean", "way is '", way, "', expected torch or clean");
  return way == "torch" ? Inception::Resizing::torch : Inception::Resizing::clean;
}

}  // namespace

Results inception_resize(const Call& call) {
  auto resized = Inception::resize(pictures(call, "image"), way_of(call));
  if (way_of(call) == Inception::Resizing::clean) resized = (resized + 1) * 127.5;
  const auto each = resized[0].flatten(1);
  return {{"samples", samples(call, resized)},
          {"mean_std", torch::stack({each.mean(1), each.std(1, /*unbiased=*/false)})}};
}

Results inception_features(const Call& call) {
  const torch::NoGradGuard no_grad;
  const auto network = measuring_network<Inception>(call);
  const auto wanted = [&](const std::string& block) {
    return call.has("strides") && call.entry("arguments", "strides").contains(block);
  };
  Results out;
  out["pool3"] = network.pool(Inception::resize(pictures(call, "image"), way_of(call)), [&](int k, const Tensor& x) {
    const auto block = join("block", k);
    if (!wanted(block)) return;
    const auto stride = as<std::vector<std::int64_t>>(call.entry("arguments", "strides"), block, "strides");
    require(stride.size() == 2, "strides: expected two numbers for ", block);
    out[block] = x.narrow(0, 0, 1)
                     .slice(1, 0, x.size(1), stride[0])
                     .slice(2, 0, x.size(2), stride[1])
                     .slice(3, 0, x.size(3), stride[1]);
  });
  return out;
}

Results lpips_distance(const Call& call) {
  const auto network = measuring_network<Lpips>(call);
  const bool gradient = call.given("coordinates");
  const auto image = pictures(call, "image").requires_grad_(gradient);
  const auto per_layer = network.per_layer(image, pictures(call, "other"));
  const auto distance = per_layer.sum(0);
  Results out{{"distance", distance.detach()}, {"per_layer", per_layer.detach()}};
  if (gradient) add_gradient(call, distance.sum(), image, out);
  return out;
}

Results sifid_pair(const Call& call) {
  const torch::NoGradGuard no_grad;
  const auto tensors = procedure(call.folder.path(call.entry("model", "encoder"))).tensors;
  const InceptionStem stem(Weights(tensors, "procedure", call.type));
  const auto features = stem(pictures(call, "image"));
  const auto gaussians = internal_gaussians(features);
  require(gaussians.size() == 2, "expected 2 pictures, found ", gaussians.size());
  const auto strided = [](const Tensor& x, std::int64_t stride) { return x.slice(-1, 0, x.size(-1), stride); };
  return {{"distance", torch::tensor({frechet_distance(gaussians[0], gaussians[1])}, torch::kFloat64)},
          {"features",
           strided(features.narrow(0, 0, 1).slice(1, 0, features.size(1), 24), 8).slice(2, 0, features.size(2), 8)},
          {"means", strided(torch::stack({gaussians[0].mean, gaussians[1].mean}), 4)}};
}

Results hed_edges(const Call& call) {
  const torch::NoGradGuard no_grad;
  const auto edges = measuring_network<Hed>(call)(pictures(call, "image"));
  require(edges.size(0) == 2, "expected 2 pictures, found ", edges.size(0));
  const auto at = [&](std::int64_t y, std::int64_t x, std::int64_t stride) {
    return edges.slice(2, y, edges.size(2), stride).slice(3, x, edges.size(3), stride);
  };
  return {{"edges", at(0, 0, 16)},
          {"edges_of_first", at(5, 3, 32).narrow(0, 0, 1)},
          {"scs", edge_agreement(edges.narrow(0, 0, 1), edges.narrow(0, 1, 1))}};
}

}  // namespace nada::parity
