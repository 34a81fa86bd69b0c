/// Ablations: several variants of one experiment on the same cells (targets x seeds), measured by an encoder that none
/// of them saw, with paired differences. A program is a list of variants; all else is here.
#pragma once
#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <tuple>
#include <utility>
#include <vector>

#include "nada/adaptation/adaptation.hpp"
#include "nada/core/error.hpp"
#include "nada/core/tensor.hpp"
#include "nada/encoders/any_clip.hpp"
#include "nada/encoders/ensemble.hpp"
#include "nada/experiment/adapt_options.hpp"
#include "nada/experiment/build.hpp"
#include "nada/experiment/option_table.hpp"
#include "nada/experiment/program.hpp"
#include "nada/experiment/table.hpp"
#include "nada/experiment/target_list.hpp"
#include "nada/generators/stylegan2.hpp"
#include "nada/losses/directional.hpp"
#include "nada/losses/global.hpp"
#include "nada/losses/range_penalty.hpp"
#include "nada/metrics/measure.hpp"
#include "nada/parameterization/full_weights.hpp"
#include "nada/selection/adaptive_top_k.hpp"
#include "nada/selection/every.hpp"
#include "nada/shifts/text_shift.hpp"
#include "nada/views/crop_views.hpp"
#include "nada/views/views.hpp"

namespace nada {

/// What all variants of an ablation share.
struct AblationOptions {
  static constexpr const char* example = "--targets sketch,zombie,statue --seeds 5";

  std::filesystem::path generator, measure, templates, target_list, out;
  std::vector<EncoderChoice> encoders;
  std::string targets = "sketch,zombie,statue", source = "a cartoon portrait", only;
  std::int64_t seeds = 5, steps = 120, batch = 4, count = 200, jobs = 0, cell = -1;
  double lr = 0.002;
  bool quick = false, deltas = false;
  MachineOptions machine;

  void declare(OptionTable& table);

  /// Defaults that need to know where the embedded files are, and what --quick stands for.
  void settle(const std::string& program);
};

/// Words between commas.
std::vector<std::string> comma_list(const std::string& text);

/// One cell, as a variant sees it: where it starts, where to, and with which random numbers.
struct AblationCell {
  StyleGan2 source;
  std::vector<Member<AnyClip>> encoders;
  std::string source_text, target_text;
  std::vector<std::string> templates;
  Tensor pictures;  // of the target, [M, 3, H, W], to train with; the measure uses others. Undefined: there are none
  Tensor source_pictures;  // of what the list calls by the source's text. Undefined: there are none
  AdaptationSettings settings;

  TextShift shift() const { return {source_text, target_text, templates}; }
};

/// Pictures of a target that variants may train with; those that follow are for measuring.
inline constexpr std::int64_t training_pictures = 16;

/// The recipe of which a variant replaces a part: objective and views of configs/avatars/default.cfg, two thirds of the
/// styles.
inline constexpr double default_global_weight = 2.0;
inline auto default_objective() {
  return weigh(1.0, Directional{}) + weigh(default_global_weight, Global{}) + weigh(10.0, RangePenalty{});
}
inline auto default_selector() { return Every{10, AdaptiveTopK{}}; }

template <class S, class O, class Sel = Every<AdaptiveTopK>, class P = FullWeights>
std::unique_ptr<Stepper> adapt_cell(const AblationCell& cell, S shift, O objective, Sel selector = default_selector(),
                                    P part = P{}) {
  using A = Adaptation<StyleGan2, Members<AnyClip>, S, O, Sel, P, CropViews, FullSize>;
  return std::make_unique<A>(cell.source, Members<AnyClip>(cell.encoders), std::move(shift), std::move(objective),
                             std::move(selector), std::move(part), CropViews{.blur = 0.05}, FullSize{}, cell.settings);
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

namespace detail {

/// Runs, finds and tells the cells of one ablation.
class Ablation {
 public:
  using Make = std::function<std::unique_ptr<Stepper>(const std::string& variant, const AblationCell&)>;

  Ablation(const AblationOptions& options, const OptionTable& table, std::vector<std::string> variants, Make make);

  std::int64_t cell_count() const { return static_cast<std::int64_t>(variants_.size() * targets_.size()) * o_.seeds; }

  int run();

 private:
  static std::string words(const std::vector<std::string>& list);

  void read_targets();

  /// The options lie beside the cells, so that cells of other options are not mistaken for ours.
  void keep_options() const;
  /// Options without what may differ between calls: more cells, other threads.
  static std::string same_cells(const std::string& text);

  // Cell n: the variants of one (target, seed) follow each other.
  const std::string& variant_of(std::int64_t n) const {
    return variants_[static_cast<std::size_t>(n) % variants_.size()];
  }
  std::uint64_t seed_of(std::int64_t n) const {
    return static_cast<std::uint64_t>(n) / variants_.size() % static_cast<std::uint64_t>(o_.seeds);
  }
  const Target& target_of(std::int64_t n) const {
    return list_[targets_[static_cast<std::size_t>(n) / variants_.size() / static_cast<std::size_t>(o_.seeds)]];
  }
  std::string stem(const std::string& variant, const std::string& target, std::uint64_t seed) const {
    return variant + "." + target + "." + std::to_string(seed);
  }
  std::filesystem::path cell_file(std::int64_t n) const {
    return o_.out / "cells" / (stem(variant_of(n), target_of(n).name, seed_of(n)) + ".json");
  }

  void run_cell(std::int64_t n) const;

  /// Mean absolute difference of two different samples' pixels, both in [-1, 1].
  static double pixel_distance(const Tensor& images);

  Tensor list_features(const AnyClip& judge, const std::vector<std::string>& templates) const;

  /// Each missing cell as a process of its own, so that its peak of memory is its own. False: stopped or failed.
  bool run_missing() const;

  std::vector<std::string> cell_command(std::int64_t n) const;

  using Numbers = std::map<std::string, std::vector<double>>;  // by metric, over (target, seed)

  void write_results() const;

  /// The source's samples, then a row a variant: first target, first seed.
  void write_grid() const;

  /// One chart a metric with means and intervals; through gnuplot, where it is.
  bool plot(const Table& means, const std::vector<std::string>& columns) const;

  const AblationOptions& o_;
  const OptionTable& table_;
  Make make_;
  std::vector<std::string> variants_;
  std::vector<Target> list_;
  std::vector<std::size_t> targets_;
};

}  // namespace detail

/// An ablation program: `Options` derives from AblationOptions and has `about` and `example`; `variants(options)`
/// returns its Variants. Reads options, runs the missing cells, writes tables, plots and the grid.
template <class Options, class Make>
int run_ablation(int argc, char** argv, Make&& variants) {
  return guarded([&] {
    Options options;
    std::filesystem::path config;
    const auto program = std::filesystem::path(Options::program).string();
    OptionTable table{program, Options::about, program + " " + AblationOptions::example};
    options.declare(table);
    table.add("config", config, "option file, such as the options.cfg of a folder of results",
              OptionTable::Kind::session);
    if (!table.read_command_line(argc, argv, revision())) return 0;
    if (!config.empty()) table.read_file(config);
    options.settle(program);
    options.machine.use();
    const auto list = variants(static_cast<const Options&>(options));
    detail::Ablation ablation(options, table, list.names(),
                              [&](const std::string& name, const AblationCell& cell) { return list.make(name, cell); });
    return ablation.run();
  });
}

}  // namespace nada

#ifndef NADA_COMPILED
#include "nada/experiment/ablation.ipp"
#endif
