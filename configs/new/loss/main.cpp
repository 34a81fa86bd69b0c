// Question: what does the term new_part do beside the others?
#include <nada/adaptation/adaptation.hpp>
#include <nada/experiment/run_experiment.hpp>

#include "new_part.hpp"

struct Options : nada::AdaptOptions {
  static constexpr const char* about = "adapts with the term new_part";
  static constexpr const char* example = "new_part --target \"a zombie\" --weight 0.5";
  double weight = 0.2;
  void declare(nada::OptionTable& table) {
    AdaptOptions::declare(table);
    table.group("This experiment");
    table.add("weight", weight, "weight of the term new_part");
  }
};

int experiment(const Options& options, nada::Session& session) {
  nada::Adaptation adaptation{options.parts().plus(nada::weigh(options.weight, NewPart{}))};
  return session.run(adaptation);
}

int main(int argc, char** argv) { return nada::run_experiment<Options>(argc, argv, experiment); }
