/// Recipes: option files with everything but generator, encoders, texts and out.
#pragma once
#include <filesystem>
#include <string>
#include <vector>

#include "nada/experiment/adapt_options.hpp"
#include "nada/experiment/option_table.hpp"

namespace nada {

/// Returns the names of the recipes in configs/recipes, sorted.
std::vector<std::string> recipe_names();

/// Returns the file of a recipe: NAME of configs/recipes, or the path of an option file.
/// Errors:  neither, listing the names.
std::filesystem::path find_recipe(const std::string& name_or_file);

/// Reads the option files of an adaptation's command line into `options`, whose `table` holds that command line: a
/// recipe, then models or --config. Without --config the recipe is `default` and the models are the embedded ones,
/// unless they are named. Says on stdout which files were taken by themselves.
/// Errors:  --generator without --encoder, because the embedded encoders know the embedded generator alone; a file that
///          cannot be read; a key that the program does not have, in a file that was named.
void read_option_files(AdaptOptions& options, OptionTable& table);

}  // namespace nada

#ifndef NADA_COMPILED
#include "nada/experiment/recipes.ipp"
#endif
