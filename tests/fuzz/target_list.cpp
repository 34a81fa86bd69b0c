// Fuzz target: lists of targets.
#include "nada/experiment/target_list.hpp"

#include "fuzz.hpp"

using namespace nada;

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const auto path = fuzz::as_file(fuzz::as_input(data, size));
  fuzz::attempt(path.native(), size, [&] {
    const auto list = read_target_list(path);
    fuzz::hold(!list.empty(), "an empty list");
    for (const auto& target : list) fuzz::hold(!target.name.empty() && !target.text.empty(), "an empty target");
  });
  return 0;
}
