// What each part of an adaptation costs, and its share of what this machine can do.
// Run:  ./quickstart bench parts                                   (all; minutes)
//       ./quickstart bench parts --benchmark_filter=convolution
// `of ceiling` is a share of the operations a second of a large float32 convolution, or of the bytes a second of a large
// copy, both measured in the same run; bfloat16 may exceed 1. Whole steps are in step.cpp.
#include <ATen/Parallel.h>
#include <benchmark/benchmark.h>
#include <torch/autograd.h>

#include <algorithm>
#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "ceiling.hpp"
#include "nada/adaptation/bound_objective.hpp"
#include "nada/core/device.hpp"
#include "nada/core/stream.hpp"
#include "nada/core/tensor.hpp"
#include "nada/encoders/any_clip.hpp"
#include "nada/encoders/ensemble.hpp"
#include "nada/experiment/embedded.hpp"
#include "nada/experiment/term_menu.hpp"
#include "nada/generators/generator.hpp"
#include "nada/generators/load.hpp"
#include "nada/generators/stylegan2.hpp"
#include "nada/generators/stylegan2_ops.hpp"
#include "nada/losses/term.hpp"
#include "nada/shifts/text_shift.hpp"
#include "nada/training/adam.hpp"
#include "nada/training/trained_leaves.hpp"
#include "support/official_size.hpp"
#include "support/random_stylegan2.hpp"

namespace {

using namespace nada;

template <class Function>
void add(const std::string& name, Function function) {
  benchmark::RegisterBenchmark(name.c_str(), function)
      ->Unit(benchmark::kMillisecond)
      ->UseRealTime()
      ->MeasureProcessCPUTime();
}

Tensor numbers(std::vector<std::int64_t> shape, double scale = 1) {
  return Stream{7, 0}.normal(Purpose::evaluation, shape) * scale;
}

// -------------------- convolutions

struct Shape {
  std::int64_t batch, in, out, side;  // `side` of the input
  bool up;
  double operations() const {
    const auto multiply = static_cast<double>(batch * in * out * 9 * side * side);
    return 2 * (multiply + (up ? static_cast<double>(batch * out * 16 * 4 * side * side) : 0));
  }
};

void convolution(benchmark::State& state, Shape shape, bool gradient, std::optional<torch::ScalarType> type) {
  const torch::AutoGradMode mode(gradient);
  const auto x = numbers({shape.batch, shape.in, shape.side, shape.side}).requires_grad_(gradient);
  const auto weight = numbers({shape.out, shape.in, 3, 3}).requires_grad_(gradient);
  const auto w = numbers({shape.batch, 512}), affine = numbers({shape.in, 512}), bias = torch::zeros({shape.out}),
             strength = torch::zeros({}), ones = torch::ones({shape.in});
  for (auto _ : state) {
    const auto y =
        stylegan2::modulated_convolution(x, w, {weight, bias, strength, affine, ones}, {}, shape.up, 1, {}, type);
    if (gradient)
      benchmark::DoNotOptimize(torch::autograd::grad({y.sum()}, {x, weight}));
    else
      benchmark::DoNotOptimize(y);
  }
  ceiling::tell_operations(state, shape.operations() * (gradient ? 3 : 1));
}

void declare_convolutions() {
  const std::vector<Shape> shapes{{8, 128, 128, 4, false},   {8, 128, 96, 8, true},    {8, 96, 96, 16, false},
                                  {8, 48, 24, 32, true},     {2, 512, 512, 32, false}, {2, 512, 512, 32, true},
                                  {2, 256, 256, 128, false}, {2, 256, 128, 128, true}};
  for (const auto& shape : shapes)
    for (const bool gradient : {false, true})
      for (const bool half : {false, true})
        add(join("convolution/", shape.batch, "x", shape.in, "->", shape.out, "/", shape.side, " px",
                 shape.up ? " up" : "", half ? "/bfloat16" : "/float32", gradient ? "/gradient" : ""),
            [=](benchmark::State& s) {
              convolution(s, shape, gradient, half ? std::optional(torch::kBFloat16) : std::nullopt);
            });
  for (const std::int64_t side : {32, 128, 512})
    add(join("resampling/2x3/", side, " px"), [=](benchmark::State& state) {
      const torch::NoGradGuard no_grad;
      const auto image = numbers({2, 3, side, side});
      for (auto _ : state) benchmark::DoNotOptimize(stylegan2::upsample(image));
      ceiling::tell_bytes(state, 4.0 * 5 * static_cast<double>(image.numel()));
    });
}

// -------------------- generators

/// Returns random weights of StyleGAN2 config-f of a resolution from 64 to 1024.
StyleGan2 config_f(int resolution) {
  test::SmallStyleGan2 size;
  size.widths.clear();
  for (std::int64_t r = 4; r <= resolution; r *= 2) size.widths.push_back(std::min<std::int64_t>(512, 32768 / r));
  size.latent = size.style = 512;
  size.depth = 8;
  size.type = torch::kFloat32;
  return test::small_stylegan2(size);
}

/// Returns the operations of the convolutions of a sample.
double operations_of(const StyleGan2& generator) {
  double out = 0;
  int before = 4;
  for (std::size_t k = 0; k < generator.layers().size(); ++k) {
    const auto& layer = generator.layers()[k];
    if (layer.kind != LayerKind::convolution) continue;
    const auto& weight = generator.slot(k, 0);
    out += Shape{1, weight.size(1), weight.size(0), before, layer.resolution > before}.operations();
    before = layer.resolution;
  }
  return out;
}

void declare_generators() {
  add("mapping/512 wide, 8 deep, 8 samples", [](benchmark::State& state) {
    const torch::NoGradGuard no_grad;
    const auto generator = config_f(64);
    const auto z = numbers({8, 512});
    for (auto _ : state) benchmark::DoNotOptimize(generator.map(z));
    ceiling::tell_operations(state, 2.0 * 8 * 8 * 512 * 512);
  });
  for (const int resolution : {64, 128, 256, 512, 1024})
    for (const bool half : {false, true})
      add(join("synthesis/config-f ", resolution, " px, 1 sample", half ? "/bfloat16" : "/float32"),
          [=](benchmark::State& state) {
            const torch::NoGradGuard no_grad;
            const auto generator = config_f(resolution);
            const auto w = generator.map(numbers({1, 512}));
            Render render;
            if (half) render.convolutions = torch::kBFloat16;
            for (auto _ : state) benchmark::DoNotOptimize(generator.synthesize(w, render));
            ceiling::tell_operations(state, operations_of(generator));
          });
  add("optimiser/config-f 64 px", [](benchmark::State& state) {
    const auto generator = config_f(64);
    TrainedLeaves leaves(generator.tensors());
    std::vector<Tensor> gradients;
    double count = 0;
    for (const auto& leaf : leaves.list()) {
      gradients.push_back(torch::full_like(leaf, 0.01).detach());
      count += static_cast<double>(leaf.numel());
    }
    for (auto _ : state) leaves.update(Adam{}, gradients);
    ceiling::tell_bytes(state, 4 * 7 * count);  // reads leaf, gradient and both moments; writes leaf and moments
  });
}

// -------------------- encoders, losses, loading

void declare_encoder(const std::string& name, const std::function<AnyClip(std::optional<torch::ScalarType>)>& make,
                     std::int64_t samples, std::int64_t side) {
  for (const bool gradient : {false, true})
    add(join("encoder/", name, ", ", samples, " images", gradient ? "/gradient" : ""), [=](benchmark::State& state) {
      const torch::AutoGradMode mode(gradient);
      const auto clip = make({});
      const auto images = numbers({samples, 3, side, side}, 0.3).requires_grad_(gradient);
      for (auto _ : state) {
        const auto seen = clip.see(images).unit;
        if (gradient)
          benchmark::DoNotOptimize(torch::autograd::grad({seen.sum()}, {images}));
        else
          benchmark::DoNotOptimize(seen);
      }
      state.SetItemsProcessed(state.iterations() * samples);
    });
}

/// A loss of the menu on 8 images of the embedded size in the first embedded encoder, with the gradient by the images:
/// features are a part of it.
void loss(benchmark::State& state, const std::string& term) {
  TermList objective;
  objective.add(read_term(term, torch::kCPU));
  const auto choice = embedded_encoders().front();
  const Members<AnyClip> encoders({{load_clip(choice.path), 1.0}});
  const TextShift shift{"a cartoon portrait", "a zombie", {"{}"}};
  BoundObjective<Members<AnyClip>, TextShift, TermList> bound(objective);
  const auto images = numbers({64, 3, 64, 64}, 0.3).clamp(-1, 1);
  bound.bind(encoders, shift, [&](std::int64_t count) { return images.narrow(0, 0, count); });
  const auto adapted = images.narrow(0, 0, 8).clone().requires_grad_(true);
  const auto anchor = images.narrow(0, 8, 8);
  const Leaf leaf{"leaf", torch::ones({1000}).requires_grad_(true), torch::zeros({1000})};
  const Scene scene{adapted, anchor, {}, {&leaf, 1}};
  for (auto _ : state)
    benchmark::DoNotOptimize(
        torch::autograd::grad({bound.evaluate(scene, {adapted, adapted}, {anchor, anchor}, {}).loss},
                              {adapted, leaf.value}, {}, false, false, /*allow_unused=*/true));
}

void declare_encoders() {
  int i = 0;
  for (const auto& choice : embedded_encoders())
    declare_encoder(
        join("embedded ", i++ == 0 ? "residual" : "transformer"),
        [path = choice.path](auto products) { return load_clip(path, {}, torch::kCPU, torch::kFloat32, products); }, 16,
        64);
  declare_encoder(
      "embedded held-out",
      [](auto products) { return load_clip(embedded_held_out_encoder(), {}, torch::kCPU, torch::kFloat32, products); },
      16, 64);
  declare_encoder(
      "ViT-B/32", [](auto) { return test::vit_b_32(); }, 2, 256);
  for (const char* term :
       {"directional=1", "global=1", "range=1", "pixels=1", "tokens=1", "manifold=1", "moment=1",
        "patches=1,size=32,count=2", "patch_similarity=1,size=32,count=2", "within=1", "in_domain=1", "weights=1"})
    add(join("loss/", std::string(term).substr(0, std::string(term).find('='))),
        [=](benchmark::State& state) { loss(state, term); });
  add("loading/embedded generator", [](benchmark::State& state) {
    for (auto _ : state) benchmark::DoNotOptimize(load_stylegan2(embedded_generator()).resolution());
  });
  for (const auto& choice : embedded_encoders())
    add("loading/" + choice.path.filename().string(), [path = choice.path](benchmark::State& state) {
      for (auto _ : state) benchmark::DoNotOptimize(load_clip(path).resolution());
    });
}

}  // namespace

int main(int argc, char** argv) {
  keep_freed_memory();
  use_threads(0);
  distrust_wrong_convolutions();
  declare_convolutions();
  declare_generators();
  declare_encoders();
  benchmark::Initialize(&argc, argv);
  benchmark::AddCustomContext("processor", processor_name());
  benchmark::AddCustomContext("LibTorch", libtorch_version());
  benchmark::AddCustomContext("threads", std::to_string(at::get_num_threads()));
  benchmark::AddCustomContext("ceiling, GFLOP/s", std::to_string(ceiling::operations() / 1e9));
  benchmark::AddCustomContext("ceiling, GB/s", std::to_string(ceiling::bytes() / 1e9));
  benchmark::RunSpecifiedBenchmarks();
}
