/// Sweep files: option files in which options of an adaptation vary.
///
///     lr = 0.001 | 0.002                    a list; `\|` is a bar that belongs to a value
///     global = uniform(0.5, 4)              any number between; log-uniform alike, by its logarithm
///     term = | within=0.5                   nothing or this, for an option that may be given several times
///
/// Every combination of lists is a variant; where `samples` are asked for, so many are drawn at random.
#pragma once
#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "nada/experiment/adapt_options.hpp"
#include "nada/experiment/option_table.hpp"
#include "nada/formats/options_file.hpp"

namespace nada {

/// Alternatives are what one line of a sweep file lets an option be.
struct Alternatives {
  enum class Kind { list, uniform, log_uniform };
  Kind kind = Kind::list;
  std::vector<std::string> values;  // of a list; one alone varies nothing
  double low = 0, high = 0;         // of the others
  bool whole = false;               // the numbers between are whole ones, both ends among them

  bool varies() const { return kind != Kind::list || values.size() > 1; }
  /// Returns the value at `place` in [0, 1): of a list each has an equal share. Numbers have four digits.
  std::string at(double place) const;
  /// Returns the line's value again.
  std::string text() const;
};

/// Reads the value of a line.
/// Errors:  bounds that are no numbers or do not rise; a logarithm of numbers that are not above 0.
Alternatives read_alternatives(std::string_view text);

/// Returns the folder that paths in the names of variants are relative to, whichever folder their cells are in.
std::filesystem::path names_base();

/// SweptOption is an option of the sweep file, with a line for each of its values.
struct SweptOption {
  std::string key;
  std::vector<Alternatives> lines;
  std::filesystem::path base;  // folder that paths are relative to
};

/// SweepVariant is one combination of the values that vary.
struct SweepVariant {
  std::string name;                 // of what its cells compute by, so that other options have other cells
  std::vector<std::string> values;  // one for each of columns()
  AdaptOptions options;
};

/// SweepFile holds what a sweep file says of an adaptation. Options that the file does not name are those of the default
/// recipe and, where it names no generator, of the embedded models.
class SweepFile {
 public:
  /// Reads a file; the keys of `own`, as far as the command line does not give them, are set there.
  /// Errors:  those of read_options(); a key that neither `own` nor an adaptation has; one that cannot be swept; a value that
  ///          does not fit. The sentence names file and line.
  SweepFile(const std::filesystem::path& path, OptionTable& own);

  /// Names of what varies: the option, with `.2` and so on behind it for its further lines.
  const std::vector<std::string>& columns() const { return columns_; }

  /// Returns the grid's variants or, where `samples` > 0, so many drawn ones without repetitions. The numbers of a sample
  /// depend on `seed`, its place and the place of the option alone, so that more samples keep those before. `measured` is
  /// what cells are measured by, for the names.
  /// Errors:  a range without samples, naming it; more than 100,000 combinations; a choice that does not fit.
  std::vector<SweepVariant> variants(std::int64_t samples, std::uint64_t seed, const std::string& measured) const;

  /// Returns all options as a sweep file for `folder`, complete without recipe and models.
  std::string render(const std::filesystem::path& folder) const;

 private:
  void take(const OptionLine& line, const OptionTable& adapt);
  SweepVariant variant(const std::vector<double>& places) const;
  std::vector<std::vector<double>> places(std::int64_t samples, std::uint64_t seed) const;

  std::vector<SweptOption> options_;
  std::vector<std::string> columns_;
  bool own_models_ = false;
};

/// Returns the options of a variant that change what its cells compute, as an option file for `folder`.
std::string computing_options(const AdaptOptions& options, const std::filesystem::path& folder);

}  // namespace nada

#ifndef NADA_COMPILED
#include "nada/experiment/sweep_file.ipp"
#endif
