// Random weights of official sizes, each file as its project's program writes it, for tests of programs.
// Run:  official_weights stylegan2-1024 ffhq.pkl ViT-B-32 ViT-B-32.pt vocabulary merges.txt.gz
// Pairs of a name (support/official_models.hpp) and a file, whose ending says what is written: of a generator .pkl
// NVIDIA's pickle, .legacy.pt and .pt rosinality's checkpoint in the old and in the new form of torch.save, all in
// float32; of an encoder .pt OpenAI's archive in float16; of either .safetensors with the same names.
#include <bit>
#include <cstring>
#include <fstream>
#include <iostream>
#include <random>

#include "support/model_writers.hpp"
#include "support/official_models.hpp"

namespace {

using namespace nada;

/// The nearest number in half precision, of those that a normal distribution gives.
std::uint16_t half(float value) {
  const auto bits = std::bit_cast<std::uint32_t>(value);
  const auto sign = static_cast<std::uint16_t>(bits >> 16 & 0x8000);
  const int exponent = static_cast<int>(bits >> 23 & 0xFF) - 112;
  require(exponent < 31, value, " is beyond half precision");
  if (exponent < -10) return sign;
  const auto fraction = (bits & 0x7FFFFF) | 0x800000;
  const int shift = exponent > 0 ? 13 : 14 - exponent;
  const auto rounded = (fraction + (1U << (shift - 1)) - 1 + (fraction >> shift & 1)) >> shift;
  // The leading one of a normal number adds 1 to the exponent.
  return static_cast<std::uint16_t>(sign + (exponent > 0 ? (exponent - 1) << 10 : 0) + rounded);
}

std::vector<test::PlainTensor> random_model(std::string_view name, DType dtype) {
  std::mt19937_64 random;  // the same numbers each time
  std::vector<test::PlainTensor> tensors;
  for (const auto& [tensor, shape, deviation, mean, positive] : test::official_model(name)) {
    std::normal_distribution<float> normal;
    const auto count = static_cast<std::size_t>(*nada::detail::checked_count(shape, 4));
    std::string data(count * size_of(dtype), '\0');
    for (std::size_t i = 0; i < count; ++i) {
      auto value = static_cast<float>(normal(random) * deviation + mean);
      if (positive) value = std::abs(value) + 0.1F;
      if (dtype == DType::f32) {
        std::memcpy(data.data() + 4 * i, &value, 4);
      } else {
        const auto short_value = half(value);
        std::memcpy(data.data() + 2 * i, &short_value, 2);
      }
    }
    tensors.push_back({tensor, dtype, shape, std::move(data)});
  }
  return tensors;
}

void write_model(std::string_view name, const std::filesystem::path& file) {
  const bool generator = name.starts_with("stylegan2");
  const auto ending = [&](std::string_view end) { return file.native().ends_with(end); };
  auto tensors = random_model(name, generator ? DType::f32 : DType::f16);
  if (generator && ending(".pkl")) return write_text(file, test::nvidia_pickle(tensors));
  if (generator && ending(".pt"))
    return write_text(file, test::rosinality_checkpoint(std::move(tensors), ending(".legacy.pt")));
  if (ending(".pt")) return write_text(file, test::torchscript_archive(std::move(tensors)));
  require(ending(".safetensors"), file, ": no such file is written for ", name);
  std::vector<TensorView> views;
  for (const auto& tensor : tensors)
    views.push_back({tensor.name, tensor.dtype, tensor.shape, contiguous_strides(tensor.shape),
                     std::as_bytes(std::span(tensor.data))});
  save_safetensors(file, views, {});
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
