// Tool: does this version compute what the public reference implementations compute?
// Run:  parity tests/golden/clip [--float64] [--strict] [--only TEXT] [--list] [--verbose]
// The program replays FOLDER/manifest.json: checks with inputs, golden values and tolerances. parity/operations.hpp
// lists every operation of the manifest format with the function that computes it; parity/tolerance.hpp decides which
// numbers agree. The last line of the output is `N passed, N failed, N skipped`.
#include <torch/types.h>

#include <cstddef>
#include <cstdio>
#include <exception>
#include <filesystem>
#include <map>
#include <string>
#include <utility>
#include <vector>

#include "nada/core/device.hpp"
#include "nada/core/error.hpp"
#include "nada/core/tensor.hpp"
#include "nada/experiment/option_table.hpp"
#include "nada/experiment/program.hpp"
#include "parity/checks.hpp"
#include "parity/manifest.hpp"
#include "parity/operations.hpp"
#include "parity/report.hpp"
#include "parity/skipped.hpp"
#include "parity/tolerance.hpp"
#include "parity/values.hpp"

namespace nada::parity {
namespace {

/// Returns the golden value of a role; for `field`, the value of that field in the entries at the check's indices.
Value golden_value(const Call& call, const Json& golden) {
  if (!golden.contains("field")) return call.folder.value(golden);
  Json out;
  const auto entries = call.json("entries");
  for (const auto i : call.get<std::vector<std::size_t>>("indices"))
    out.push_back(member(entries.at(i), as<std::string>(golden, "field", "golden"), "entry"));
  return out;
}

/// Computes the results that the check asks for and adds a line for each of its golden values. Throws Skipped where the
/// check cannot run.
void compare_all(const Call& call, bool float64, Outcome& out) {
  std::map<std::string, Json> tolerances;
  for (const auto& [role, golden] : call.expected().items())
    if (auto tolerance = tolerance_of(call.check, golden, float64); !tolerance.is_null()) tolerances[role] = tolerance;
  const auto compute = find_operation(out.operation)->compute;
  if (!compute) throw Skipped{Skip::part, out.operation};
  if (tolerances.empty()) throw Skipped{Skip::golden, ""};
  auto results = compute(call);
  for (const auto& [role, tolerance] : tolerances) {
    const auto& golden = call.expected()[role];
    Verdict verdict{infinity, "is not computed here"};
    if (const auto ours = results.find(role); ours != results.end()) {
      if (golden.contains("computed_rows"))
        ours->second = numbers(ours->second).narrow(0, 0, as<std::int64_t>(golden, "computed_rows", role));
      const auto before = results.count("before " + role) ? numbers(results["before " + role]) : Tensor{};
      verdict = compare(ours->second, golden_value(call, golden), before, tolerance);
    }
    if (out.worst_role.empty() || verdict.ratio > out.worst) out.worst = verdict.ratio, out.worst_role = role;
    out.lines.push_back(join(role, ": ", verdict.ratio, " of the tolerance; ", verdict.detail));
    if (!(verdict.ratio <= 1)) out.failures.push_back(join(role, ": ", verdict.detail));
  }
}

Outcome run_check(const Json& check, Folder& folder, bool float64) {
  Outcome out{check["name"], check["operation"]};
  const bool always = check.value("precision", "float32") == "float64";
  try {
    compare_all({check, folder, float64 || always ? torch::kFloat64 : torch::kFloat32}, float64 && !always, out);
  } catch (const Skipped& skipped) {
    out.skipped = skipped.why;
    out.lines = {skipped.detail};
  } catch (const std::exception& error) {
    out.worst = infinity;
    out.failures = {first_line(error.what())};
  }
  if (!out.failures.empty() && check.value("optional", false)) {
    out.skipped = Skip::optional;
    out.lines = std::exchange(out.failures, {});
  }
  return out;
}

struct Options {
  static constexpr const char* about = "replays the golden numbers of FOLDER/manifest.json and compares";
  static constexpr const char* example = "parity tests/golden/generator";
  std::filesystem::path folder;
  std::string only;
  bool float64 = false, strict = false, list = false, verbose = false;

  void declare(OptionTable& table) {
    using enum OptionTable::Kind;
    table.add("folder", folder, "folder with a manifest.json (first argument)", session, "FOLDER", /*positional=*/true);
    table.add("only", only, "only checks whose name or operation contains this text");
    table.add("float64", float64, "compute in double precision");
    table.add("strict", strict, "fail also where a part does not exist yet");
    table.add("list", list, "print the checks and run none");
    table.add("verbose", verbose, "print every value and every skipped check");
  }
};

int replay(const Options& options) {
  require(!options.folder.empty(), "expected a folder with a manifest.json; parity --help explains");
  distrust_wrong_convolutions();
  use_threads(1);  // the models of goldens are tiny, and the figures do not depend on the machine's threads then
  Folder folder(options.folder);
  std::vector<Outcome> outcomes;
  for (const auto& check : read_manifest(options.folder)) {
    const std::string name = check["name"], operation = check["operation"];
    if (name.find(options.only) == name.npos && operation.find(options.only) == operation.npos) continue;
    if (options.list) {
      const auto* const mark = find_operation(operation)->compute ? "" : "  (its part does not exist yet)";
      std::printf("%-25s %s%s\n", operation.c_str(), name.c_str(), mark);
    } else {
      outcomes.push_back(run_check(check, folder, options.float64));
    }
  }
  return options.list ? 0 : report(outcomes, options.verbose).exit_code(options.strict);
}

}  // namespace
}  // namespace nada::parity

int main(int argc, char** argv) {
  using namespace nada;
  return run_tool<parity::Options>(argc, argv,
                                   [](const auto& options, const OptionTable&) { return parity::replay(options); });
}
