/// Which cells an ablation has: their numbers, their names and files, and the command that runs one of them.
#pragma once
#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "nada/experiment/ablation_options.hpp"
#include "nada/experiment/target_list.hpp"

namespace nada {

namespace detail {
/// The words of a text between its commas, without empty ones.
std::vector<std::string> comma_list(const std::string& text);
/// The reverse of comma_list, with any separator.
std::string words_with(std::string_view separator, const std::vector<std::string>& words);
}  // namespace detail

/// What a program says of the cells of its plan beside the options that all of them share.
struct PlanDetails {
  std::vector<AblationOptions> of_variants = {};  // models and training of each variant; none: all have the plan's
  std::vector<std::vector<std::pair<std::string, std::string>>> values = {};  // options by which the variants differ
  std::vector<std::string> labels = {};   // of the variants in pictures; none: their names
  std::vector<std::string> command = {};  // runs the program with its folder; none: that of an ablation
  std::string made_by = {};               // the code that the cells are run by
};

/// The cells of an ablation: variants x targets x seeds. The variants of one target and seed follow each other, then
/// come the seeds, then the targets:
///     cell = (target * seeds + seed) * variants + variant                      in [0, size())
/// The options must outlive the plan.
class AblationPlan {
 public:
  /// `variants` are the names of all that can run; --only chooses among them.
  /// Errors:  a list of targets that cannot be read; --only or --targets names what is not there, or no target; a target
  ///          is named twice, or two variants have one name.
  AblationPlan(const AblationOptions& options, const std::vector<std::string>& variants, PlanDetails details = {});

  const AblationOptions& options() const { return options_; }
  /// The options that a cell trains by: source, encoders, templates, steps, batch, rate.
  const AblationOptions& training(std::int64_t cell) const {
    return details_.of_variants.empty() ? options_ : details_.of_variants[to_size(cell) % variants_.size()];
  }
  /// What the variants are called in pictures.
  const std::vector<std::string>& labels() const { return details_.labels.empty() ? variants_ : details_.labels; }
  /// Names and values of the options by which the cell's variant differs from others, for the cell's file.
  std::vector<std::pair<std::string, std::string>> values(std::int64_t cell) const {
    return details_.values.empty() ? std::vector<std::pair<std::string, std::string>>{}
                                   : details_.values[to_size(cell) % variants_.size()];
  }
  const std::string& made_by() const { return details_.made_by; }
  /// Names of the variants that run, in the program's order; the first is the control.
  const std::vector<std::string>& variants() const { return variants_; }
  /// Names of the targets that run, in the order of --targets.
  std::vector<std::string> targets() const;
  /// All targets of the file: a sample counts as found where its nearest text, of all of these, is its target's.
  const std::vector<Target>& list() const { return list_; }

  std::int64_t size() const { return static_cast<std::int64_t>(variants_.size() * places_.size()) * options_.seeds; }
  const std::string& variant(std::int64_t cell) const { return variants_[to_size(cell) % variants_.size()]; }
  const Target& target(std::int64_t cell) const { return list_[place(cell)]; }
  std::uint64_t seed(std::int64_t cell) const {
    const auto place = to_size(cell) / variants_.size() % to_size(options_.seeds);
    return options_.seed_list.empty() ? place : options_.seed_list[place];
  }
  /// Where the list has the cell's target.
  std::size_t place(std::int64_t cell) const {
    return places_[to_size(cell) / variants_.size() / to_size(options_.seeds)];
  }

  /// `<variant>.<target>.<seed>`: how the files of the cell are called, all in `<out>/cells`.
  std::string name(std::int64_t cell) const;
  /// The numbers of the cell. The cell is done once this file is there.
  std::filesystem::path file(std::int64_t cell) const { return with_ending(cell, ".json"); }
  std::filesystem::path picture(std::int64_t cell) const { return with_ending(cell, ".png"); }
  std::filesystem::path delta(std::int64_t cell) const { return with_ending(cell, ".safetensors"); }

  /// The cells without a file, rising.
  std::vector<std::int64_t> missing() const;

  /// The command line that runs this cell alone, of the program that asks.
  std::vector<std::string> command(std::int64_t cell) const;

 private:
  static std::size_t to_size(std::int64_t number) { return static_cast<std::size_t>(number); }
  std::filesystem::path with_ending(std::int64_t cell, std::string_view ending) const;

  const AblationOptions& options_;
  PlanDetails details_;
  std::vector<std::string> variants_;
  std::vector<Target> list_;
  std::vector<std::size_t> places_;  // of the targets that run, in the list
};

/// Whether two option files stand for the same cells. They may differ in which cells there are (targets, seeds, only),
/// in where they are computed (threads, device), and in whether deltas are kept.
bool same_cells(const std::string& options, const std::string& other_options);

/// Errors:  options.cfg in a folder of results stands for other cells than `options`.
void check_options(const std::filesystem::path& folder, const std::string& options);

/// Writes options.cfg into a folder of results, so that cells of other options are not mistaken for ours; leaves one
/// that is there as it is. Errors:  the file that is there stands for other cells.
void keep_options(const std::filesystem::path& folder, const std::string& options);

}  // namespace nada

#ifndef NADA_COMPILED
#include "nada/experiment/ablation_plan.ipp"
#endif
