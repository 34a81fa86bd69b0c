// Fuzz target: captions.csv, as every table with commas. What is read can be written and read again.
#include "nada/formats/csv.hpp"

#include <string>

#include "fuzz.hpp"

using namespace nada;

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const auto bytes = fuzz::as_input(data, size);
  const std::string_view text(reinterpret_cast<const char*>(bytes.data()), bytes.size());
  fuzz::attempt("input", size, [&] {
    const auto rows = parse_csv(text, "input");
    std::string again;
    for (const auto& row : rows) {
      fuzz::hold(row.size() == rows.front().size(), "a row of another length");
      if (row.size() == 1 && row[0].empty()) return;  // the one row that does not come back
      again += csv_line(row);
    }
    fuzz::hold(parse_csv(again, "again") == rows, "other cells when written and read");
  });
  return 0;
}
