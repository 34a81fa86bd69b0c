// Fuzz target: option files. What is read can be written and read again.
#include "nada/formats/options_file.hpp"

#include <string>

#include "fuzz.hpp"

using namespace nada;

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const auto bytes = fuzz::as_input(data, size);
  const std::string_view text(reinterpret_cast<const char*>(bytes.data()), bytes.size());
  fuzz::attempt("input", size, [&] {
    const auto options = parse_options(text, "input: options");
    std::string again;
    for (const auto& option : options) again += format_option(option.key, option.value) + "\n";
    const auto read = parse_options(again, "again");
    fuzz::hold(read.size() == options.size(), "other options when written and read");
    for (std::size_t i = 0; i < read.size(); ++i)
      fuzz::hold(read[i].key == options[i].key && read[i].value == options[i].value, "another option");
  });
  return 0;
}
