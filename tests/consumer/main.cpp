// A loss of one's own: the mean darkness of the adapted images, evaluated on an image of two values.
#include <iostream>
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
  std::apply([&](const auto&... t) { ((loss += t.weight * t.term(scene).template item<double>()), ...); },
             objective.terms);
  std::cout << "loss " << loss << "\n";
  return loss == 1.0 ? 0 : 1;  // 2 (1 + -0.5) / 2 + (0 + 1) / 2
}
