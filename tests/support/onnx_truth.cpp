// What nada itself computes for a generator, for tests/onnx/compare.py.
// Run:     onnx_truth GENERATOR OUT.safetensors N PSI
// Writes:  z [N, Z], psi [1], of a class-conditional generator labels [N, C], and images [N, 3, R, R], in float32
#include <cstdint>
#include <exception>
#include <iostream>
#include <string>

#include "nada/adaptation/delta_file.hpp"
#include "nada/core/error.hpp"
#include "nada/core/stream.hpp"
#include "nada/formats/tensor_file.hpp"
#include "nada/generators/any_generator.hpp"
#include "nada/generators/latents.hpp"

int main(int argc, char** argv) try {
  using namespace nada;
  require(argc == 5, "expected a generator, a file to write, a number of samples and psi");
  const torch::NoGradGuard no_grad;
  const auto generator = load_generator(argv[1]);
  const std::int64_t n = std::stoll(argv[3]);
  const auto psi = std::stod(argv[4]);
  TensorMap out;
  out["z"] = Stream{7, 0}.normal(Purpose::samples, {n, generator.latent_size()});
  out["psi"] = torch::full({1}, psi);
  Tensor labels;
  if (const auto classes = generator.label_size())
    out["labels"] = labels = torch::eye(classes).index_select(0, torch::arange(n).remainder(classes));
  const auto w = truncate(generator.map(out["z"], labels), generator.mean_style(), psi);
  out["images"] = generator.synthesize(w).contiguous();
  save_tensors(argv[2], out, {});
} catch (const std::exception& error) {
  std::cerr << "error: " << error.what() << '\n';
  return 1;
}
