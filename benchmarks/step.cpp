// What a step of adaptation costs, and where the time goes.
// Run:  ./quickstart bench step            (all)
//       ./quickstart bench step --benchmark_filter=avatars
// `avatars` is the embedded default at 64 px, batch 8, as configs/avatars/default.cfg runs it. `official` has random
// weights of the official sizes, StyleGAN2 config-f at 256 px (channel multiplier 2) and CLIP ViT-B/32, batch 2, with
// the official recipe.
#include <ATen/Parallel.h>
#include <benchmark/benchmark.h>
#include <torch/autograd.h>

#include <memory>
#include <optional>

#include "nada/adaptation/adaptation.hpp"
#include "nada/core/device.hpp"
#include "nada/core/stream.hpp"
#include "nada/core/tensor.hpp"
#include "nada/encoders/any_clip.hpp"
#include "nada/encoders/encoder.hpp"
#include "nada/encoders/ensemble.hpp"
#include "nada/experiment/embedded.hpp"
#include "nada/generators/generator.hpp"
#include "nada/generators/load.hpp"
#include "nada/generators/stylegan2.hpp"
#include "nada/losses/directional.hpp"
#include "nada/losses/global.hpp"
#include "nada/losses/range_penalty.hpp"
#include "nada/losses/term.hpp"
#include "nada/parameterization/full_weights.hpp"
#include "nada/selection/adaptive_top_k.hpp"
#include "nada/selection/every.hpp"
#include "nada/shifts/fixed_shift.hpp"
#include "nada/shifts/shift.hpp"
#include "nada/views/crop_views.hpp"
#include "nada/views/views.hpp"
#include "support/official_size.hpp"

namespace {

using namespace nada;

/// Setting is a generator with encoders, and the inputs of a step.
struct Setting {
  StyleGan2 generator;
  std::vector<Member<AnyClip>> encoders;
  std::int64_t batch;
  bool crops;

  Tensor styles() const {
    const torch::NoGradGuard no_grad;
    return generator.map(Stream{0, 0}.normal(Purpose::latents, {batch, generator.latent_size()})).contiguous();
  }
  Tensor views() const {
    const torch::NoGradGuard no_grad;
    const auto images = generator.synthesize(styles()).clamp(-1, 1);
    return crops ? CropViews{}.show(images, {0, 0}) : images;
  }
};

Setting& avatars() {
  static Setting setting = [] {
    Setting out{load_stylegan2(embedded_generator()), {}, 8, true};
    for (const auto& choice : embedded_encoders()) out.encoders.push_back({load_clip(choice.path), choice.weight});
    return out;
  }();
  return setting;
}

Setting& official() {
  static Setting setting = [] { return Setting{test::config_f_256(), {{AnyClip(test::vit_b_32()), 1.0}}, 2, false}; }();
  return setting;
}

/// RandomShift is a random direction; the time of a step does not depend on the shift.
struct RandomShift {
  template <TextImageEncoder E>
  Endpoints endpoints(const E& encoder, const Sampler&) const {
    const auto row = [&](std::uint64_t sub) {
      return unit(Stream{5, 0}.normal(Purpose::evaluation, {1, encoder.width()}, 0, sub));
    };
    return {row(0), row(1), unit(row(1) - row(0))};
  }
};

void synthesis(benchmark::State& state, Setting& (*setting)()) {
  const torch::NoGradGuard no_grad;
  const auto w = setting().styles();
  for (auto _ : state) benchmark::DoNotOptimize(setting().generator.synthesize(w));
}

void synthesis_and_gradient(benchmark::State& state, Setting& (*setting)()) {
  auto generator = setting().generator.clone();
  std::vector<Tensor> leaves;
  for (std::size_t k = 0; k < generator.layers().size(); ++k)
    if (generator.layers()[k].kind == LayerKind::convolution)
      for (std::size_t s = 0; s < generator.layers()[k].slots.size(); ++s) {
        leaves.push_back(generator.slot(k, s).clone().requires_grad_(true));
        generator.use(k, s, leaves.back());
      }
  const auto w = setting().styles();
  for (auto _ : state)
    benchmark::DoNotOptimize(
        torch::autograd::grad({generator.synthesize(w).square().mean()}, leaves, {}, false, false, true));
}

void seeing(benchmark::State& state, Setting& (*setting)(), std::size_t encoder) {
  const torch::NoGradGuard no_grad;
  const auto views = setting().views();
  for (auto _ : state) benchmark::DoNotOptimize(setting().encoders[encoder].encoder.see(views));
}

void seeing_and_gradient(benchmark::State& state, Setting& (*setting)(), std::size_t encoder) {
  const auto views = setting().views().detach().requires_grad_(true);
  for (auto _ : state)
    benchmark::DoNotOptimize(
        torch::autograd::grad({setting().encoders[encoder].encoder.see(views).unit.sum()}, {views}));
}

void crops(benchmark::State& state, Setting& (*setting)()) {
  const torch::NoGradGuard no_grad;
  const auto images = setting().generator.synthesize(setting().styles());
  for (auto _ : state) benchmark::DoNotOptimize(CropViews{}.show(images, {0, 0}));
}

template <class V>
void whole_step(benchmark::State& state, Setting& (*setting)()) {
  AdaptationSettings settings;
  settings.batch = setting().batch;
  Adaptation adaptation(setting().generator.clone(), Members<AnyClip>(setting().encoders), RandomShift{},
                        weigh(1.0, Directional{}) + weigh(0.5, Global{}) + weigh(10, RangePenalty{}),
                        Every{10, AdaptiveTopK{}}, FullWeights{}, V{}, FullSize{}, settings);
  adaptation.step();
  for (auto _ : state) benchmark::DoNotOptimize(adaptation.step().loss);
  state.counters["peak_MB"] = peak_memory_mb();
}

void choosing(benchmark::State& state, Setting& (*setting)()) {
  Adaptation adaptation(setting().generator.clone(), Members<AnyClip>(setting().encoders), RandomShift{},
                        weigh(1.0, Global{}), AdaptiveTopK{});
  for (auto _ : state) benchmark::DoNotOptimize(adaptation.preview());
}

void declare(const std::string& name, Setting& (*setting)(), const std::vector<std::string>& encoders,
             bool with_crops) {
  const auto add = [&](const std::string& part, auto function) {
    benchmark::RegisterBenchmark((name + "/" + part).c_str(), function)
        ->Unit(benchmark::kMillisecond)
        ->UseRealTime()
        ->MeasureProcessCPUTime();
  };
  add("synthesis", [=](benchmark::State& s) { synthesis(s, setting); });
  add("synthesis and gradient", [=](benchmark::State& s) { synthesis_and_gradient(s, setting); });
  for (std::size_t i = 0; i < encoders.size(); ++i) {
    add(encoders[i], [=](benchmark::State& s) { seeing(s, setting, i); });
    add(encoders[i] + " and gradient", [=](benchmark::State& s) { seeing_and_gradient(s, setting, i); });
  }
  if (with_crops) add("crops", [=](benchmark::State& s) { crops(s, setting); });
  add("choice of layers", [=](benchmark::State& s) { choosing(s, setting); });
  if (with_crops)
    add("whole step", [=](benchmark::State& s) { whole_step<CropViews>(s, setting); });
  else
    add("whole step", [=](benchmark::State& s) { whole_step<Plain>(s, setting); });
}

}  // namespace

int main(int argc, char** argv) {
  keep_freed_memory();
  use_threads(0);
  distrust_wrong_convolutions();
  declare("avatars", avatars, {"residual network", "transformer"}, true);
  declare("official", official, {"ViT-B/32"}, false);
  benchmark::Initialize(&argc, argv);
  benchmark::AddCustomContext("processor", processor_name());
  benchmark::AddCustomContext("LibTorch", libtorch_version());
  benchmark::AddCustomContext("threads", std::to_string(at::get_num_threads()));
  benchmark::RunSpecifiedBenchmarks();
}
