// Operations on directions, losses and the selection of layers.
#include <torch/autograd.h>

#include <cstddef>
#include <cstdint>
#include <functional>
#include <map>
#include <span>
#include <string>
#include <vector>

#include "nada/core/error.hpp"
#include "nada/core/stream.hpp"
#include "nada/core/tensor.hpp"
#include "nada/encoders/any_clip.hpp"
#include "nada/encoders/encoder.hpp"
#include "nada/encoders/tokenizer.hpp"
#include "nada/losses/directional.hpp"
#include "nada/losses/global.hpp"
#include "nada/losses/manifold.hpp"
#include "nada/losses/patch_directional.hpp"
#include "nada/losses/term.hpp"
#include "nada/losses/texture.hpp"
#include "nada/selection/adaptive_top_k.hpp"
#include "nada/selection/selector.hpp"
#include "nada/shifts/fixed_shift.hpp"
#include "nada/shifts/image_shift.hpp"
#include "nada/shifts/shift.hpp"
#include "nada/shifts/text_shift.hpp"
#include "operations.hpp"
#include "skipped.hpp"

namespace nada::parity {

namespace {

using Score = std::function<Tensor(Comparison<AnyClip>&)>;

/// Binds one of the official code's losses that compare features of whole images.
Score bind_loss(const std::string& loss, const AnyClip& encoder, const FixedShift& shift, double offset = 0) {
  const auto directional = [&](StepDistance distance) {
    return Directional{.min_length = 0, .offset_if_identical = offset, .distance = distance}.bind(encoder, shift,
                                                                                                  shift.ends);
  };
  if (loss == "dir_cosine") return directional(StepDistance::cosine);
  if (loss == "dir_mse") return directional(StepDistance::l2);
  if (loss == "dir_mae") return directional(StepDistance::l1);
  if (loss == "global") return Global{.scaled = true}.bind(encoder, shift, shift.endpoints(encoder, {}));
  if (loss == "manifold") return Manifold{}.bind(encoder, shift, shift.ends);
  throw Skipped{Skip::part, loss};
}

/// WithVocabulary is an encoder of a golden that reads texts by a vocabulary that the check names.
struct WithVocabulary {
  const AnyClip& encoder;
  const Tokenizer& tokenizer;
  Features see(const Tensor& images, Wanted wanted) const { return encoder.see(images, wanted); }
  Tensor tokenize(std::span<const std::string> texts) const {
    std::vector<Tensor> rows;
    for (const auto& text : texts) rows.push_back(torch::tensor(tokenizer.padded(text, 77), torch::kInt64));
    return torch::stack(rows);
  }
  Tensor read(const Tensor& ids) const { return encoder.read(ids); }
  Tensor read_raw(const Tensor& ids) const { return encoder.read_raw(ids); }
  std::int64_t width() const { return encoder.width(); }
  double score_scale() const { return encoder.score_scale(); }
};

}  // namespace

Results clip_text_direction(const Call& call) {
  const auto read = [&](const char* role) { return call.encoder().read(call.tensor(role)); };
  const auto ends = TextShift::between(read("source_tokens"), read("target_tokens"), "the texts");
  return {{"direction", ends.direction}, {"source_features", ends.source}, {"target_features", ends.target}};
}

Results clip_part_directions(const Call& call) {
  const WithVocabulary encoder{call.encoder(), call.folder.vocabulary(call.input("vocabulary"))};
  return {{"directions", part_directions(encoder, call.text("source"), call.text("target"), call.texts("templates"),
                                         call.texts("part_templates"))}};
}

namespace {

/// Normalised holds features of pictures that are normalised already, for the shift's mean.
struct Normalised {
  const AnyClip& encoder;
  Features see(const Tensor& images, Wanted) const {
    return encoder.visit(
        [&](const auto& clip) { return clip.see_normalized(images, {}, [](const std::string&, const Tensor&) {}); });
  }
};

}  // namespace

Results clip_image_direction(const Call& call) {
  const auto target = unit(Normalised{call.encoder()}.see(call.tensor("target_features_of"), {}).raw).mean(0, true);
  const auto ends = between_means(mean_feature(call.encoder(), call.tensor("source_image")), target, "the pictures");
  return {{"direction", ends.direction}};
}

Results loss_value_and_gradient(const Call& call) {
  std::map<std::string, double> weights{{call.text("loss"), 1.0}};
  if (weights.count("combined")) weights = call.get<decltype(weights)>("weights");
  const double offset = call.has("offset_if_identical") ? call.number("offset_if_identical") : 0;

  FixedShift shift;
  if (call.given("direction")) shift.ends.direction = call.tensor("direction");
  if (call.given("prompt_tokens")) shift.ends.target = call.encoder().read(call.tensor("prompt_tokens"));
  const auto image = call.tensor("image").requires_grad_(true);
  const auto source = call.given("source_image") ? call.tensor("source_image") : Tensor{};
  const Shown adapted{image, image}, anchor{source, source};
  auto value = torch::zeros({}, call.type);
  for (const auto& [loss, weight] : weights) {
    Tensor term;
    if (loss == "texture") {
      const auto& encoder = call.folder.encoder(call.entry("model", "texture_encoder"), call.type);
      ComparedBatches<AnyClip> comparison_batches(encoder, adapted, anchor, Stream{});
      Comparison<AnyClip> comparison(comparison_batches);
      term = Texture{call.tensor("texture_image")}.bind(encoder, shift, shift.ends)(comparison);
    } else if (loss == "patch_dir") {
      term = PatchDirectional::score(call.encoder(), image, source, call.tensor("patch_centers"),
                                     call.integer("patch_size"), call.tensor("part_directions"), /*min_length=*/0);
    } else if (loss == "patch_similarity") {
      const WithVocabulary encoder{call.encoder(), call.folder.vocabulary(call.input("vocabulary"))};
      const auto parts = call.texts("part_templates");
      const auto features = [&](const char* text) {
        return PatchSimilarity::part_features(encoder, call.text(text), parts);
      };
      term = PatchSimilarity::score(encoder, image, source, call.tensor("patch_centers"), call.integer("patch_size"),
                                    features("source"), features("target"));
    } else {
      auto ends = shift;
      if (loss == "manifold") ends.ends = {call.tensor("source_features"), call.tensor("target_features"), {}};
      ComparedBatches<AnyClip> comparison_batches(call.encoder(), adapted, anchor, Stream{});
      Comparison<AnyClip> comparison(comparison_batches);
      term = bind_loss(loss, call.encoder(), ends, offset)(comparison);
    }
    value = value + weight * term;
  }
  return {{"value", value}, {"gradient.image", torch::autograd::grad({value}, {image})[0]}};
}

Results selection_rank(const Call& call) {
  const auto& generator = call.generator().model;
  const auto z = call.tensor("z");
  const auto members = call.encoders();
  std::vector<Score> scores;
  for (const auto& tokens : call.input("prompt_tokens")) {
    require(scores.size() < members.size(), "there are more prompt_tokens than encoders");
    const auto& encoder = members[scores.size()].encoder;
    scores.push_back(bind_loss("global", encoder, FixedShift{{{}, encoder.read(call.resolve(tokens)), {}}}));
  }
  Probe probe;
  probe.layers = generator.layers();
  probe.styles = [&](std::int64_t) { return generator.map(z); };
  probe.images = [&](const Tensor& w, std::int64_t) { return generator.synthesize(w, render(call)); };
  probe.global_loss = [&](const Tensor& images) {
    const Shown adapted{images, images}, anchor;
    auto sum = torch::zeros({}, images.options());
    for (std::size_t i = 0; i < members.size(); ++i) {
      ComparedBatches<AnyClip> comparison_batches(members[i].encoder, adapted, anchor, Stream{});
      Comparison<AnyClip> comparison(comparison_batches);
      sum = sum + members[i].weight * scores.at(i)(comparison);
    }
    return sum;
  };
  AdaptiveTopK selector{.batch = z.size(0)};
  selector.steps = call.integer("steps");
  selector.rate = call.number("rate");

  const auto walk = selector.walk(probe);
  const auto weights = walk.change.abs().mean(at::IntArrayRef{0, 2});
  const auto sorted = weights.argsort(/*dim=*/0, /*descending=*/true);
  const auto* const first = sorted.data_ptr<std::int64_t>();
  Results out{{"layer_weights", weights}, {"delta_w", walk.change}, {"last_loss", walk.losses.back()}};
  for (std::int64_t k = 1; k <= sorted.numel(); ++k) out[join("top.", k)] = Json(std::vector(first, first + k));
  out["order"] = out[join("top.", sorted.numel())];
  return out;
}

}  // namespace nada::parity
