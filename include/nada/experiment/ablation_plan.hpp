/// Which cells an ablation has: their numbers, their names and files, and the command that runs one of them.
#pragma once
#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <string>
#include <string_view>
#include <vector>

#include "nada/experiment/ablation_options.hpp"
#include "nada/experiment/target_list.hpp"

namespace nada {

/// The cells of an ablation: variants x targets x seeds. The variants of one target and seed follow each other, then
/// come the seeds, then the targets:
///     cell = (target * seeds + seed) * variants + variant                      in [0, size())
/// The options must outlive the plan.
class AblationPlan {
 public:
  /// `variants` are the names of all that can run; --only chooses among them.
  /// Errors:  a list of targets that cannot be read; --only or --targets names what is not there, or no target; a target
  ///          is named twice, or two variants have one name.
  AblationPlan(const AblationOptions& options, const std::vector<std::string>& variants);

  const AblationOptions& options() const { return options_; }
  /// Names of the variants that run, in the program's order; the first is the control.
  const std::vector<std::string>& variants() const { return variants_; }
  /// Names of the targets that run, in the order of --targets.
  std::vector<std::string> targets() const;
  /// All targets of the file: a sample counts as found where its nearest text, of all of these, is its target's.
  const std::vector<Target>& list() const { return list_; }

  std::int64_t size() const { return static_cast<std::int64_t>(variants_.size() * places_.size()) * options_.seeds; }
  const std::string& variant(std::int64_t cell) const { return variants_[to_size(cell) % variants_.size()]; }
  const Target& target(std::int64_t cell) const { return list_[place(cell)]; }
  std::uint64_t seed(std::int64_t cell) const { return to_size(cell) / variants_.size() % to_size(options_.seeds); }
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
