// Operations on encoders: features, texts, pictures.
#include <torch/autograd.h>

#include <array>
#include <cstddef>
#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "nada/core/error.hpp"
#include "nada/core/tensor.hpp"
#include "nada/encoders/encoder.hpp"
#include "nada/encoders/preprocessing.hpp"
#include "nada/encoders/text_cleaning.hpp"
#include "nada/encoders/tokenizer.hpp"
#include "nada/formats/images.hpp"
#include "nada/formats/picture_resize.hpp"
#include "nada/shifts/text_shift.hpp"
#include "operations.hpp"

namespace nada::parity {

namespace {

constexpr std::int64_t context = 77;

constexpr auto no_tap = [](const std::string&, const Tensor&) {};

Tensor see_raw(const Call& call, const Tensor& image, auto&& tap) {
  return call.encoder().visit([&](const auto& clip) { return clip.see_normalized(image, {}, tap).raw; });
}
Tensor read_raw(const Call& call, auto&& tap) {
  return call.encoder().visit([&](const auto& clip) { return clip.read_raw(call.tensor("tokens"), tap); });
}

}  // namespace

Results clip_image(const Call& call) {
  Results out;  // layers without the first dimension, which is 1 where layers are asked for
  const auto tap = [&](const std::string& name, const Tensor& x) { out[name] = x.squeeze(0); };
  out["features"] = see_raw(call, call.tensor("image"), tap);
  return out;
}

Results clip_text(const Call& call) {
  if (call.has("unit_length") && call.get<bool>("unit_length"))
    return {{"features", call.encoder().read(call.tensor("tokens"))}};
  Results out;
  const auto tap = [&](const std::string& name, const Tensor& x) { out[name] = x.squeeze(0); };
  out["features"] = read_raw(call, tap);
  return out;
}

Results clip_logits(const Call& call) {
  const auto image = see_raw(call, call.tensor("image"), no_tap), text = read_raw(call, no_tap);
  auto logits = call.encoder().score_scale() * unit(image).matmul(unit(text).t());
  if (const double bias = call.encoder().score_bias(); bias != 0) logits = logits + bias;
  return {{"logits", logits}, {"image_features", image}, {"text_features", text}};
}

Results clip_image_gradient(const Call& call) {
  const auto image = call.tensor("image").requires_grad_(true);
  const auto sum = (see_raw(call, image, no_tap) * call.tensor("probe")).sum();
  return {{"gradient.image", torch::autograd::grad({sum}, {image})[0]}};
}

Results clip_tokenize(const Call& call) {
  const auto& tokenizer = call.folder.vocabulary(call.input("vocabulary"));
  Json rows = Json::array();
  for (auto text : call.texts("texts")) {
    if (call.has("fill")) text = fill(text, call.text("fill"));
    auto ids = tokenizer.padded(text, context);
    if (call.has("reduce_to")) {  // for the small vocabularies of the goldens
      const auto size = call.integer("reduce_to");
      for (auto& id : ids) id = id < tokenizer.start() ? id % (size - 2) : size - 2 + (id - tokenizer.start());
    }
    rows.push_back(ids);
  }
  return {{"tokens", rows}};
}

Results clip_tokenize_entries(const Call& call) {
  const auto& tokenizer = call.folder.vocabulary(call.input("vocabulary"));
  const auto entries = call.json("entries");
  Json cleaned, ids, truncated, tokens, failed;
  for (const auto i : call.get<std::vector<std::size_t>>("indices")) {
    const auto text = as<std::string>(entries.at(i), "text", "entry");
    cleaned.push_back(clean_text(text));
    ids.push_back(tokenizer.ids(text));
    truncated.push_back(tokenizer.padded(text, context, /*truncate=*/true));
    try {
      tokens.push_back(tokenizer.padded(text, context));
    } catch (const Error&) {
      failed.push_back(i);
    }
  }
  const bool all_failed = failed.size() == ids.size();
  return {{"cleaned", cleaned}, {"ids", ids}, {"truncated", truncated}, {"tokens", tokens}, {"fails", all_failed}};
}

namespace {

Preprocessing preprocessing(const Call& call) {
  Preprocessing out{.size = call.integer("size")};
  out.mean = call.get<std::array<double, 3>>("mean");
  out.deviation = call.get<std::array<double, 3>>("std");
  if (call.has("antialias")) out.antialias = call.get<bool>("antialias");
  return out;
}

/// Returns the analytic picture of the clip goldens.
Tensor wave(const Json& settings) {
  const auto number = [&](const char* key) { return as<double>(settings, key, "wave"); };
  const double h = number("height"), w = number("width"), a = number("a"), b = number("b"), q = number("q");
  const auto c = torch::arange(3, torch::kFloat64).view({3, 1, 1});
  const auto y = torch::arange(h, torch::kFloat64).view({1, -1, 1});
  const auto x = torch::arange(w, torch::kFloat64).view({1, 1, -1});
  const auto slow = 0.55 * (a * x + b * y + c).sin();
  const auto rings = 0.35 * (q * (x * x + 2 * y * y) / (h + w) + 0.5 * c).cos();
  const auto fine = 0.25 * (0.7 * x - 0.3 * y).sin() * (0.11 * x * (c + 1)).cos();
  return (slow + rings + fine).unsqueeze(0);
}

/// Returns the check's picture, [1, 3, H, W] in [-1, 1]: float32 numbers in the precision of the run.
Tensor picture(const Call& call) {
  if (call.given("image")) return call.tensor("image");
  if (call.given("wave")) return wave(call.json("wave")).to(torch::kFloat32).to(call.type);
  return (call.tensor("image_u8").to(torch::kFloat32) / 127.5 - 1).to(call.type);
}

}  // namespace

Results clip_preprocess(const Call& call) {
  const auto image = preprocessing(call)(picture(call)).squeeze(0);  // [3, size, size]
  const auto places = call.tensor("coordinates").to(torch::kInt64);
  const auto all = image.to(torch::kFloat64).flatten(1);
  return {{"samples", image.index({torch::indexing::Slice(), places.select(1, 0), places.select(1, 1)})},
          {"mean_std", torch::stack({all.mean(1), all.std(1, /*unbiased=*/false)})}};
}

Results clip_preprocess_geometry(const Call& call) {
  const auto g = crop_geometry(call.integer("height"), call.integer("width"), call.integer("size"));
  return {{"resized_height", g.height}, {"resized_width", g.width}, {"crop_top", g.top}, {"crop_left", g.left}};
}

Results clip_preprocess_gradient(const Call& call) {
  const auto image = picture(call).requires_grad_(true);
  const auto out = preprocessing(call)(image);
  const auto probe = call.get<std::map<std::string, double>>("probe");
  const auto line = torch::arange(out.size(2), torch::kFloat64);
  const auto rows = (probe.at("y") * line).cos(), columns = (probe.at("x") * line + probe.at("phase")).sin();
  const auto sum = (out * at::outer(rows, columns).to(call.type)).sum();
  return {{"gradient.image", torch::autograd::grad({sum}, {image})[0]}};
}

Results clip_preprocess_pictures(const Call& call) {
  const auto normalise = preprocessing(call);
  std::vector<Tensor> images;
  for (const auto& file : call.input("pictures")) {
    auto square = centre_square(read_picture(call.folder.path(file)), static_cast<int>(normalise.size));
    const auto bytes = torch::from_blob(square.pixels.data(), {square.height, square.width, 3}, torch::kUInt8);
    images.push_back(bytes.permute({2, 0, 1}).to(call.type) / 127.5 - 1);
  }
  return {{"image", normalise(torch::stack(images))}};
}

}  // namespace nada::parity
