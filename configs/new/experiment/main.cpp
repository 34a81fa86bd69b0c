// Question: what changes where the encoders see mirror images too?
#include <nada/adaptation/adaptation.hpp>
#include <nada/experiment/run_experiment.hpp>

#include "new_part.hpp"

struct Options : nada::AdaptOptions {
  static constexpr const char* about = "adapts with mirror images beside the images";
  static constexpr const char* example = "new_part --target \"a zombie\"";
  bool control = false;
  void declare(nada::OptionTable& table) {
    AdaptOptions::declare(table);
    table.group("This experiment");
    table.add("control", control, "the views that the options name, without mirror images");
  }
};

int experiment(const Options& options, nada::Session& session) {
  if (options.control) return session.run(*nada::make_adaptation(options.parts()));
  nada::Adaptation adaptation{options.parts().with(NewPart{})};
  return session.run(adaptation);
}

int main(int argc, char** argv) { return nada::run_experiment<Options>(argc, argv, experiment); }
