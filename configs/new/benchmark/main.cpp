// Question: which of two ways to compute a modulated convolution is faster, and where?
#include <ATen/Parallel.h>
#include <benchmark/benchmark.h>

#include "example.hpp"
#include "new_part.hpp"

/// Measures `compute` on [N, channels, side, side]; the argument is the side.
template <class Compute>
void measure(benchmark::State& state, Compute compute) {
  const torch::NoGradGuard no_grad;
  const Example example(state.range(0));
  for (auto _ : state) benchmark::DoNotOptimize(compute(example).data_ptr());
  state.SetItemsProcessed(state.iterations() * example.x.size(0));  // samples a second
}

int main(int argc, char** argv) {
  at::set_num_threads(1);
  const auto own = [](const Example& e) { return new_part(e.x, e.w, e.layer()); };
  const auto nadas = [](const Example& e) {
    return nada::stylegan2::modulated_convolution(e.x, e.w, e.layer(), {}, false);
  };
  for (const auto side : {8, 16, 32, 64}) {
    benchmark::RegisterBenchmark("new_part", measure<decltype(own)>, own)->Arg(side);
    benchmark::RegisterBenchmark("nada", measure<decltype(nadas)>, nadas)->Arg(side);
  }
  benchmark::Initialize(&argc, argv);
  benchmark::RunSpecifiedBenchmarks();
}
