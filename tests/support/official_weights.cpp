// Random weights of official sizes in float16, with the names of the official files, for tests of configs/official.
// Run:  official_weights stylegan2-1024 ffhq.pt ViT-B-32 ViT-B-32.pt vocabulary merges.txt.gz
// Pairs of a name (support/official_models.hpp) and a file; what is written is safetensors, whatever the file is
// called.
#include <fstream>
#include <iostream>

#include "nada/formats/tensor_file.hpp"
#include "support/official_models.hpp"

namespace {

using namespace nada;

void write_model(std::string_view name, const std::filesystem::path& file) {
  const torch::NoGradGuard no_grad;
  torch::manual_seed(0);
  TensorMap tensors;
  for (const auto& [tensor, shape, deviation, mean, positive] : test::official_model(name)) {
    auto value = torch::randn(shape).mul_(deviation).add_(mean);
    tensors[tensor] = (positive ? value.abs_().add_(0.1) : value).to(torch::kFloat16);
  }
  save_tensors(file, tensors, {});
}

/// As many merges as OpenAI's vocabulary has. They join printable characters at random places of no word.
void write_vocabulary(const std::filesystem::path& file) {
  constexpr int wanted = 48894;
  std::ofstream out(file);
  out << "#version: 0.2\n";
  int written = 0;
  for (char a = '!'; a <= '~'; ++a)
    for (char b = '!'; b <= '~'; ++b, ++written) out << a << ' ' << b << '\n';
  for (char a = '!'; a <= '~'; ++a)
    for (char b = '!'; b <= '~'; ++b)
      for (char c = '!'; c <= '~' && written < wanted; ++c, ++written) out << a << b << ' ' << c << '\n';
  require(out.good() && written == wanted, "cannot write ", file);
}

}  // namespace

int main(int argc, char** argv) try {
  nada::require(argc >= 3 && argc % 2 == 1, "expected pairs of a name and a file");
  for (int i = 1; i < argc; i += 2)
    argv[i] == std::string_view("vocabulary") ? write_vocabulary(argv[i + 1]) : write_model(argv[i], argv[i + 1]);
} catch (const std::exception& error) {
  std::cerr << "error: " << error.what() << '\n';
  return 1;
}
