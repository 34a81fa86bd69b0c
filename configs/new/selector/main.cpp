// Question: what does an adaptation learn where coarse layers train first?
#include <nada/adaptation/adaptation.hpp>
#include <nada/experiment/run_experiment.hpp>

#include "new_part.hpp"

struct Options : nada::AdaptOptions {
  static constexpr const char* about = "adapts with the selector new_part";
  static constexpr const char* example = "new_part --target \"a zombie\" --every 20";
  std::int64_t every = 10;
  void declare(nada::OptionTable& table) {
    AdaptOptions::declare(table);
    table.group("This experiment");
    table.add("every", every, "steps after which layers of twice the size train too");
  }
};

int experiment(const Options& options, nada::Session& session) {
  nada::require(options.every >= 1, "option every: expected at least 1, found ", options.every);
  nada::Adaptation adaptation{options.parts().with(NewPart{options.every})};
  return session.run(adaptation);
}

int main(int argc, char** argv) { return nada::run_experiment<Options>(argc, argv, experiment); }
