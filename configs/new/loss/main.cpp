// Question: what does the term @NAME@ do beside the others?
#include <nada/adaptation/adaptation.hpp>
#include <nada/experiment/run_experiment.hpp>

#include "@NAME@.hpp"

struct Options : nada::AdaptOptions {
  static constexpr const char* about = "adapts with the term @NAME@";
  static constexpr const char* example = "@NAME@ --target \"a zombie\" --weight 0.5";
  double weight = 0.2;
  void declare(nada::OptionTable& table) {
    AdaptOptions::declare(table);
    table.group("This experiment");
    table.add("weight", weight, "weight of the term @NAME@");
  }
};

int experiment(const Options& options, nada::Session& session) {
  nada::Adaptation adaptation { options.parts().plus(nada::weigh(options.weight, @Type @{})) };
  return session.run(adaptation);
}

int main(int argc, char** argv) { return nada::run_experiment<Options>(argc, argv, experiment); }
