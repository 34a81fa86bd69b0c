// Question: how far do the few numbers of new_part move a generator?
#include <nada/adaptation/adaptation.hpp>
#include <nada/experiment/run_experiment.hpp>

#include "new_part.hpp"

struct Options : nada::AdaptOptions {
  static constexpr const char* about =
      "adapts the numbers of new_part; they are few, so the rate may be ten times larger";
  static constexpr const char* example = "new_part --target \"a zombie\" --lr 0.02";
};

int experiment(const Options& options, nada::Session& session) {
  nada::Adaptation adaptation{options.parts().with(NewPart{})};
  return session.run(adaptation);  // its delta holds full weights, which every program reads
}

int main(int argc, char** argv) { return nada::run_experiment<Options>(argc, argv, experiment); }
