// Fuzz target: model containers of other programs, and with them the unpickler. A pickle is also read as the data.pkl
// of an archive, whose checksums no mutation would get right.
#include "nada/formats/model_container.hpp"

#include "fuzz.hpp"
#include "support/pickles.hpp"
#include "walk.hpp"

using namespace nada;

namespace {

void read(fuzz::Bytes bytes) {
  fuzz::attempt("input", bytes.size(),
                [&] { fuzz::walk(ModelContainer::from_bytes(bytes, "input"), "input", bytes.size()); });
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const auto bytes = fuzz::as_input(data, size);
  read(bytes);
  if (size == 0 || data[0] != 0x80 || Unpickler::recognises_torch_stream(bytes)) return 0;
  const auto archive = test::zip_archive({{.name = "m/data.pkl", .content = std::string(detail::as_text(bytes))},
                                          {.name = "m/data/0", .content = std::string(64, '\1')},
                                          {.name = "m/data/1", .content = std::string(64, '\2'), .deflated = true}});
  read(test::as_bytes(archive));
  return 0;
}
