// Question: what does the term new_part do, at which weight?
#include <nada/experiment/ablation.hpp>

#include "new_part.hpp"

struct Options : nada::AblationOptions {
  static constexpr const char* program = "new_part";
  static constexpr const char* about = "compares weights of the term new_part on the same targets and seeds";
};

auto variants(const Options&) {
  const auto weighing = [](std::string name, double weight) {
    return nada::Variant{std::move(name), [weight](const nada::AblationCell& cell) {
                           return adapt_cell(cell, cell.shift(),
                                             nada::default_objective() + nada::weigh(weight, NewPart{}));
                         }};
  };
  return nada::Variants{weighing("without", 0), weighing("weak", 0.1),
                        weighing("strong", 1)};  // the first is the control
}

int main(int argc, char** argv) { return nada::run_ablation<Options>(argc, argv, variants); }
