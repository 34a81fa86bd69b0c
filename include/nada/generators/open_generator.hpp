/// Opens any generator that is known here.
#pragma once
#include <filesystem>

#include "nada/formats/model_file.hpp"
#include "nada/generators/any_generator.hpp"
#include "nada/generators/load.hpp"

namespace nada {

/// Reads a generator of the kind that the file's content tells.
/// Errors:  another kind of file; those of load_stylegan2 and load_stylegan3.
AnyGenerator open_generator(const ModelFile& file, Placement place = {});
inline AnyGenerator open_generator(const std::filesystem::path& path, Placement place = {}) {
  return open_generator(ModelFile::open(path), place);
}

}  // namespace nada

#ifndef NADA_COMPILED
#include "nada/generators/open_generator.ipp"
#endif
