/// Experiments: a question, a choice of parts, options and one run, without loop, file or device code.
#pragma once
#include <array>
#include <filesystem>
#include <functional>
#include <optional>
#include <span>
#include <string>
#include <type_traits>
#include <vector>

#include "nada/adaptation/any_observer.hpp"
#include "nada/adaptation/stepper.hpp"
#include "nada/core/error.hpp"
#include "nada/experiment/adapt_options.hpp"
#include "nada/experiment/observers/best.hpp"
#include "nada/experiment/option_table.hpp"
#include "nada/experiment/program.hpp"
#include "nada/experiment/recipes.hpp"
#include "nada/experiment/run_folder.hpp"

namespace nada {

/// Session is one call of an experiment: a new run, a continued run, or a question what would run.
class Session {
 public:
  Session(const AdaptOptions& options, const OptionTable& table) : options_(options), table_(table) {}

  /// LayerScores give the numbers that rank the layers: one for each of layers(), NaN for a layer without a number.
  /// Only --dry-run asks for them.
  using LayerScores = std::function<std::vector<double>()>;

  /// Runs the adaptation in its folder, or says what would run. The observers are told of every step before those that
  /// fill the folder, so that what they log is in metrics.csv. Returns the exit code.
  int run(Stepper& adaptation) { return run_observed_by({}, adaptation, {}); }
  template <class... Observers>
  int run(Stepper& adaptation, const LayerScores& scores, Observers&&... observers) {
    const std::array<AnyObserver, sizeof...(Observers)> told{AnyObserver(observers)...};
    return run_observed_by(told, adaptation, scores);
  }
  template <class First, class... Observers>
  requires(!std::is_convertible_v<First, LayerScores>) int run(Stepper& adaptation, First&& first,
                                                               Observers&&... observers) {
    return run(adaptation, LayerScores{}, first, observers...);
  }

 private:
  int run_observed_by(std::span<const AnyObserver> observers, Stepper& adaptation, const LayerScores& scores);
  int follow(Stepper& adaptation) const;
  bool train(Stepper& adaptation, std::span<const AnyObserver> told, const std::filesystem::path& path) const;
  bool run_in(const RunFolder& folder, Stepper& adaptation, std::span<const AnyObserver> observers,
              std::optional<MeasuringEncoder> measuring) const;
  std::optional<MeasuringEncoder> measuring_encoder() const;
  RunNotes notes(const std::filesystem::path& path) const;

  int describe(Stepper& adaptation, const LayerScores& scores) const;
  void take_one_step(Stepper& adaptation) const;

  static std::string number(double value);

  const AdaptOptions& options_;
  const OptionTable& table_;
};

/// Reads options (defaults, then a recipe and option files, then the command line), prepares the machine and calls `body(options,
/// session)`, which builds an Adaptation and ends with session.run(adaptation, observers...). `Options` derives from AdaptOptions;
/// where `Options` has `settle(OptionTable&)`, that function is called once all options are read.
/// Where torchrun, mpirun or srun has started several processes (core/launch.hpp), they compute the run together: each
/// does all of `body`, and observers, files and output are those of rank 0 alone.
template <class Options, class Body>
int run_experiment(int argc, char** argv, Body&& body) {
  return run_tool<Options>(
      argc, argv,
      [&](Options& options, OptionTable& table) {
        if (!options.resume.empty()) {
          for (const auto& name : table.given())
            require(name == "resume" || name == "steps" || name == "threads" || name == "device", "--", name,
                    " cannot be changed when a run is continued");
          require(std::filesystem::exists(options.resume / "options.cfg"), options.resume,
                  " is not the folder of a run: it has no options.cfg");
          table.read_file(options.resume / "options.cfg");
        } else {
          read_option_files(options, table);
        }
        if constexpr (requires { options.settle(table); }) options.settle(table);
        settle_precision(options.precision);
        options.machine.use();
        Session session(options, table);
        return body(options, session);
      },
      /*in_group=*/true);
}

}  // namespace nada

#ifndef NADA_COMPILED
#include "nada/experiment/run_experiment.ipp"
#endif
