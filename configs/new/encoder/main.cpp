// Question: where does the encoder new_part lead a generator?
#include <nada/adaptation/adaptation.hpp>
#include <nada/experiment/run_experiment.hpp>

#include "new_part.hpp"

struct Options : nada::AdaptOptions {
  static constexpr const char* about = "adapts through the encoder new_part alone";
  static constexpr const char* example = "new_part --source blue --target red";
};

int experiment(const Options& options, nada::Session& session) {
  nada::Adaptation adaptation{options.parts().with(nada::Ensemble{nada::Member<NewPart>{{}, 1.0}})};
  return session.run(adaptation);
}

int main(int argc, char** argv) { return nada::run_experiment<Options>(argc, argv, experiment); }
