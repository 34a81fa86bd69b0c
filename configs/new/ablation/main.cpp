// Question: what does the term @NAME@ do, at which weight?
#include <nada/experiment/ablation.hpp>

#include "@NAME@.hpp"

struct Options : nada::AblationOptions {
  static constexpr const char* program = "@NAME@";
  static constexpr const char* about = "compares weights of the term @NAME@ on the same targets and seeds";
};

auto variants(const Options&) {
  const auto weighing = [](std::string name, double weight) {
    return nada::Variant{std::move(name), [weight](const nada::AblationCell& cell) {
                           return adapt_cell(cell, cell.shift(),
                                             nada::default_objective() + nada::weigh(weight, @Type @{}));
                         }};
  };
  return nada::Variants{weighing("without", 0), weighing("weak", 0.1),
                        weighing("strong", 1)};  // the first is the control
}

int main(int argc, char** argv) { return nada::run_ablation<Options>(argc, argv, variants); }
