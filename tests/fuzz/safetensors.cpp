// Fuzz target: safetensors, as a file of their own and as a model container. What is read can be written and read
// again.
#include "nada/formats/safetensors.hpp"

#include "fuzz.hpp"
#include "nada/formats/recognise.hpp"
#include "support/files.hpp"
#include "walk.hpp"

using namespace nada;

namespace {

bool same(const TensorView& a, const TensorView& b) {
  return a.name == b.name && a.dtype == b.dtype && a.shape == b.shape && a.strides == b.strides &&
         std::equal(a.bytes.begin(), a.bytes.end(), b.bytes.begin(), b.bytes.end());
}

void write_and_read(const Safetensors& file) {
  static const TemporaryFolder folder;
  const auto path = folder / "again.safetensors";
  save_safetensors(path, file.tensors(), file.metadata());
  const auto again = Safetensors::open(path);
  fuzz::hold(again.metadata() == file.metadata(), "other metadata when written and read");
  fuzz::hold(
      std::equal(again.tensors().begin(), again.tensors().end(), file.tensors().begin(), file.tensors().end(), same),
      "other tensors when written and read");
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const auto path = fuzz::as_file(fuzz::as_input(data, size));
  std::optional<Safetensors> file;
  fuzz::attempt(path.native(), size, [&] {
    file.emplace(Safetensors::open(path));
    for (const auto& tensor : file->tensors()) {
      fuzz::check(tensor);
      fuzz::hold(is_contiguous(tensor) && &file->at(tensor.name) == &tensor, "a tensor that is not found again");
    }
    recognise(*file);
  });
  if (!file) return 0;
  write_and_read(*file);
  fuzz::attempt(path.native(), size, [&] { fuzz::walk(ModelContainer::open(path), path.native(), size); });
  return 0;
}
