// Bodies of open_generator.hpp.
#pragma once
#include "nada/generators/open_generator.hpp"

#include "nada/core/config.hpp"
#include "nada/core/error.hpp"
#include "nada/formats/recognise.hpp"
#include "nada/generators/stylegan3_file.hpp"

namespace nada {

NADA_INLINE AnyGenerator open_generator(const ModelFile& file, Placement place) {
  if (is_stylegan3(file.kind())) return load_stylegan3(file, place);
  require(is_stylegan2(file.kind()), file.path(), " is ", name_of(file.kind()), ", expected a generator");
  return load_stylegan2(file, place);
}

}  // namespace nada
