/// Ablations: several variants of one experiment on the same cells (targets x seeds), measured by an encoder that none
/// of them saw, with paired differences. A program is a list of variants; all else is here and in ablation_*.hpp.
#pragma once
#include <exception>
#include <filesystem>
#include <functional>
#include <memory>
#include <string>
#include <tuple>
#include <utility>
#include <vector>

#include "nada/adaptation/adaptation.hpp"
#include "nada/adaptation/stepper.hpp"
#include "nada/core/error.hpp"
#include "nada/core/process_group.hpp"
#include "nada/encoders/any_clip.hpp"
#include "nada/encoders/ensemble.hpp"
#include "nada/experiment/ablation_cell.hpp"
#include "nada/experiment/ablation_options.hpp"
#include "nada/experiment/ablation_plan.hpp"
#include "nada/experiment/build.hpp"
#include "nada/experiment/option_table.hpp"
#include "nada/experiment/program.hpp"
#include "nada/generators/any_generator.hpp"
#include "nada/losses/directional.hpp"
#include "nada/losses/global.hpp"
#include "nada/losses/range_penalty.hpp"
#include "nada/losses/term.hpp"
#include "nada/metrics/measure.hpp"
#include "nada/metrics/metric.hpp"
#include "nada/parameterization/full_weights.hpp"
#include "nada/selection/adaptive_top_k.hpp"
#include "nada/selection/every.hpp"
#include "nada/views/crop_views.hpp"
#include "nada/views/views.hpp"

namespace nada {

/// The recipe of which a variant replaces a part: objective and views of configs/avatars/default.cfg, two thirds of the
/// styles.
inline constexpr double default_global_weight = 2.0;
inline auto default_objective() {
  return weigh(1.0, Directional{}) + weigh(default_global_weight, Global{}) + weigh(10.0, RangePenalty{});
}
inline auto default_selector() { return Every{10, AdaptiveTopK{}}; }
inline auto default_views() { return CropViews{.blur = 0.05}; }

/// Makes the adaptation of a cell of these parts. A cell is measured on images of the generator's own size, whatever the
/// exit that it trained with.
template <class S, class O, class Sel = Every<AdaptiveTopK>, class P = FullWeights, class V = CropViews,
          class X = FullSize>
std::unique_ptr<Stepper> adapt_cell(const AblationCell& cell, S shift, O objective, Sel selector = default_selector(),
                                    P part = P{}, V views = default_views(), X exit = X{}) {
  using A = Adaptation<AnyGenerator, Members<AnyClip>, S, O, Sel, P, V, X>;
  return std::make_unique<A>(cell.source, Members<AnyClip>(cell.encoders), std::move(shift), std::move(objective),
                             std::move(selector), std::move(part), std::move(views), std::move(exit), cell.settings);
}

/// A variant: a name, and how to make its adaptation of a cell. Inactive ones lack a file that an option would name.
template <class Make>
struct Variant {
  std::string name;
  Make make;
  bool active = true;
};
template <class Make>
Variant(std::string, Make) -> Variant<Make>;
template <class Make>
Variant(std::string, Make, bool) -> Variant<Make>;

/// The variants of an ablation; the first is the control that the others are compared with.
template <class... Vs>
struct Variants {
  std::tuple<Vs...> all;
  explicit Variants(Vs... variants) : all(std::move(variants)...) {}

  std::vector<std::string> names() const {
    std::vector<std::string> out;
    std::apply([&](const auto&... v) { ((v.active ? out.push_back(v.name) : void()), ...); }, all);
    return out;
  }
  std::unique_ptr<Stepper> make(const std::string& name, const AblationCell& cell) const {
    std::unique_ptr<Stepper> out;
    std::apply([&](const auto&... v) { ((v.name == name ? void(out = v.make(cell)) : void()), ...); }, all);
    require(out != nullptr, "there is no variant '", name, "'");
    return out;
  }
};

/// What runs a plan beside its options.
struct PlanProgram {
  std::function<void()> check;  // refuses a folder that holds something else; --power asks for no more
  std::function<void()> keep;   // check, and writes into the folder what it holds
  MakeStepper make;
  MetricList metrics;
  std::function<void()> write;  // writes the results, once all cells are there
};

/// Runs the missing cells of a plan and writes the results; with --cell runs that cell alone, where it is missing; with
/// --power prints power_page() and runs nothing. Cells that another version of the code made are told. Returns the exit
/// code.
/// Errors:  those of the program's functions, run_cell and power_page; no such cell.
int run_plan(const AblationPlan& plan, const PlanProgram& program);

/// Runs the cells that are missing and writes the results; with --cell runs that cell alone, where it is missing; with
/// --power prints power_page() and runs nothing. `make` makes the adaptations of `variants`, `table` holds the options as
/// they were given. Returns the program's exit code.
/// Errors:  those of AblationPlan, keep_options, run_cell, write_results and power_page.
int run_variants(const AblationOptions& options, const OptionTable& table, const std::vector<std::string>& variants,
                 const MakeStepper& make, const MetricList& metrics = metric_list());

namespace detail {
/// Adds the names of the variants to the help text, as far as they can be made from the defaults of options.
template <class Options, class MakeVariants>
void note_variants(OptionTable& table, const Options& options, MakeVariants& variants) {
  try {
    const auto list = variants(options);
    std::string text;
    std::apply([&](const auto&... v) { ((text += v.active ? v.name + " " : v.name + " (needs an option) "), ...); },
               list.all);
    table.note("Variants, the first is the control", text);
  } catch (const std::exception&) {  // such as a file that an option must name first
  }
}
}  // namespace detail

/// An ablation program: `Options` derives from AblationOptions and has `program` and `about`; `variants(options)`
/// returns its Variants. Reads options, runs the missing cells, writes tables, plots and the grids. The metrics `own` are
/// columns behind those of every program.
template <class Options, class MakeVariants, Metric... Own>
int run_ablation(int argc, char** argv, MakeVariants&& variants, const Own&... own) {
  return guarded([&] {
    Options options;
    std::filesystem::path config;
    const std::string program = Options::program;
    OptionTable table{program, Options::about, program + " " + AblationOptions::example};
    options.declare(table);
    table.add("config", config, "option file, such as the options.cfg of a folder of results",
              OptionTable::Kind::session);
    if (asks_for_help(argc, argv)) detail::note_variants(table, static_cast<const Options&>(options), variants);
    if (!table.read_command_line(argc, argv, [&] { return version_text(program); })) return 0;
    if (!config.empty()) table.read_file(config);
    require_one_process(program);
    options.settle(program, [&](const std::string& name) { return table.given(name); });
    options.machine.use();
    const auto list = variants(static_cast<const Options&>(options));
    return run_variants(
        options, table, list.names(),
        [&](const std::string& name, const AblationCell& cell) { return list.make(name, cell); }, metric_list(own...));
  });
}

}  // namespace nada

#ifndef NADA_COMPILED
#include "nada/experiment/ablation.ipp"
#endif
