// Bodies of recipes.hpp.
#pragma once
#include "nada/experiment/recipes.hpp"

#include <algorithm>
#include <iostream>
#include <system_error>

#include "nada/core/config.hpp"
#include "nada/core/error.hpp"
#include "nada/experiment/build.hpp"
#include "nada/experiment/embedded.hpp"

namespace nada {

namespace detail {
/// Reads a file that the program takes by itself: keys that it does not have are named and passed over.
NADA_INLINE void read_by_itself(OptionTable& table, const std::filesystem::path& path) {
  const auto passed = table.read_file(path, OptionTable::Unknown::pass_over);
  if (passed.empty()) return;
  std::cerr << "note: " << table.program() << " has no option";
  for (std::size_t i = 0; i < passed.size(); ++i) std::cerr << (i ? ", " : " ") << passed[i];
  std::cerr << "; what " << path.string() << " says of it is passed over\n";
}

/// Says which of the shipped configurations was taken, by its place among them.
NADA_INLINE void say_taken(const char* what, const std::filesystem::path& path) {
  std::cout << what << "   " << ("configs" / path.lexically_relative(configs())).string() << '\n';
}
}  // namespace detail

NADA_INLINE std::vector<std::string> recipe_names() {
  std::vector<std::string> out;
  std::error_code ignored;
  if (const auto folder = find_configs())
    for (const auto& entry : std::filesystem::directory_iterator(*folder / "recipes", ignored))
      if (entry.path().extension() == ".cfg") out.push_back(entry.path().stem().string());
  std::sort(out.begin(), out.end());
  return out;
}

NADA_INLINE std::filesystem::path find_recipe(const std::string& name_or_file) {
  const auto names = recipe_names();
  if (std::find(names.begin(), names.end(), name_or_file) != names.end())
    return configs() / "recipes" / (name_or_file + ".cfg");
  std::error_code ignored;
  if (std::filesystem::is_regular_file(name_or_file, ignored)) return name_or_file;
  require(!names.empty(), configs() / "recipes",
          ": there is no recipe; NADA_CONFIGS names the folder of configurations");
  std::string known;
  for (const auto& name : names) known += (known.empty() ? "" : ", ") + name;
  fail("option recipe: '", name_or_file, "' is neither an option file nor one of ", known);
}

NADA_INLINE void read_option_files(AdaptOptions& options, OptionTable& table) {
  if (!options.recipe.empty()) table.read_file(find_recipe(options.recipe));
  if (!options.config.empty()) {
    table.read_file(options.config);
    return;
  }
  require(!table.given("generator") || table.given("encoder"),
          "--generator without --encoder: the embedded encoders know the embedded avatars alone; name yours with "
          "--encoder FILE[:weight], or take the embedded ones with --config ",
          embedded_options().string());
  const bool own_models = table.given("generator");
  if (options.recipe.empty()) {
    options.recipe = "default";
    const auto file = find_recipe(options.recipe);
    detail::read_by_itself(table, file);
    detail::say_taken("recipe", file);
    if (table.given("micro-batch") && !table.given("anchor-pool") && options.anchor_pool > 0) {
      options.anchor_pool = 0;
      std::cerr << "note: --micro-batch saves memory, so that no anchor pool is kept: anchor-pool = 0\n";
    }
  }
  if (own_models) return;
  detail::read_by_itself(table, embedded_models());
  detail::say_taken("models", embedded_models());
}

}  // namespace nada
