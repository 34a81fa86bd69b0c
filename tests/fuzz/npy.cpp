// Fuzz target: arrays of numpy.save. What is read is as large as its shape says.
#include "nada/formats/npy.hpp"

#include "fuzz.hpp"

using namespace nada;

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const auto bytes = fuzz::as_input(data, size);
  fuzz::attempt("input", size, [&] {
    const auto array = read_npy(bytes, "input");
    fuzz::hold(is_npy(bytes), "an array without the beginning of one");
    fuzz::hold(is_contiguous(array), "an array with gaps");
    fuzz::hold(static_cast<std::size_t>(count(array)) * size_of(array.dtype) == array.bytes.size(),
               "an array of another size than its shape");
    fuzz::touch(array.bytes);
  });
  return 0;
}
