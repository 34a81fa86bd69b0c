// A loss of one's own: the mean darkness of the adapted images, evaluated on an image of two values; and bodies that are
// no templates, which the header-only form brings itself and the compiled one finds in its library.
#include <iostream>
#include <nada/formats/sha256.hpp>
#include <nada/formats/tensor_file.hpp>
#include <nada/losses/range_penalty.hpp>
#include <nada/losses/term.hpp>

struct Darkness {
  static constexpr std::string_view name = "darkness";
  static constexpr nada::Reads reads = nada::Reads::adapted;
  static constexpr bool per_sample = true;
  nada::Tensor operator()(const nada::Scene& scene) const { return (1 - scene.adapted_images).mean() / 2; }
};
static_assert(nada::SceneTerm<Darkness>);

int main() {
  const auto objective = nada::weigh(2.0, Darkness{}) + nada::weigh(1.0, nada::RangePenalty{});
  const nada::Scene scene{torch::cat({torch::full({1, 3, 2, 2}, -1.0), torch::full({1, 3, 2, 2}, 2.0)}), {}, {}, {}};
  double loss = 0;
  objective.each([&](double weight, const auto& term, auto) { loss += weight * term(scene).template item<double>(); });
  nada::Sha256 hash;
  hash.update("abc");
  nada::save_tensors("one.safetensors", {{"one", torch::ones({2})}}, {});
  const auto read = nada::to_tensors(nada::Safetensors::open("one.safetensors"));
  std::cout << "loss " << loss << ", " << hash.hex() << "\n";
  return loss == 1.0 &&  // 2 (1 + -0.5) / 2 + (0 + 1) / 2
                 hash.hex() == "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad" &&
                 read.at("one").sum().item<double>() == 2
             ? 0
             : 1;
}
