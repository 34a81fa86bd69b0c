#include "nada/formats/tensor_file.hpp"

#include <boost/test/unit_test.hpp>
#include <cstdint>
#include <filesystem>
#include <string>

#include "nada/core/tensor.hpp"
#include "nada/formats/file.hpp"
#include "nada/formats/model_file.hpp"
#include "support/files.hpp"
#include "support/pickles.hpp"

BOOST_AUTO_TEST_SUITE(formats_tensor_file)

using namespace nada;
using namespace nada::test;

namespace {

/// Whether a tensor's memory lies where the file is mapped.
bool is_in_file(const Tensor& tensor, const ModelFile& file, const std::string& name) {
  return tensor.data_ptr() == static_cast<const void*>(file.find(name)->bytes.data());
}

}  // namespace

BOOST_AUTO_TEST_CASE(a_small_file_is_copied) {
  const TemporaryFolder folder;
  save_tensors(folder / "a.safetensors", {{"w", torch::arange(6, torch::kFloat32)}}, {});
  const auto file = ModelFile::open(folder / "a.safetensors");
  BOOST_TEST(!is_in_file(to_tensors(file).at("w"), file, "w"));
}

BOOST_AUTO_TEST_CASE(a_large_file_is_mapped_and_outlives_its_reader_and_its_name) {
  const TemporaryFolder folder;
  const auto path = folder / "a.safetensors";
  const auto w = torch::arange(100'000, torch::kFloat32), v = torch::arange(3, torch::kFloat64);
  save_tensors(path, {{"w", w}, {"v", v}, {"odd", torch::arange(5, torch::kUInt8)}}, {});
  TensorMap tensors;
  {
    const auto file = ModelFile::open(path);
    tensors = to_tensors(file, 1);
    for (const auto* name : {"w", "v", "odd"}) BOOST_TEST(is_in_file(tensors.at(name), file, name));
  }
  std::filesystem::remove(path);
  BOOST_TEST(torch::equal(tensors.at("w"), w));
  BOOST_TEST(torch::equal(tensors.at("v"), v));
  BOOST_TEST(torch::equal(tensors.at("odd"), torch::arange(5, torch::kUInt8)));
}

BOOST_AUTO_TEST_CASE(what_is_written_to_mapped_tensors_stays_out_of_the_file) {
  const TemporaryFolder folder;
  const auto path = folder / "a.safetensors";
  save_tensors(path, {{"w", torch::zeros({1000})}}, {});
  const auto before = read_text(path);
  auto w = to_tensors(ModelFile::open(path), 1).at("w");
  w.add_(1);
  BOOST_TEST(w.sum().item<double>() == 1000);
  BOOST_TEST((read_text(path) == before));
}

BOOST_AUTO_TEST_CASE(columns_of_a_mapped_pickle_are_copied_in_order) {
  using namespace nada::test::pickle;
  const TemporaryFolder folder;
  const auto turned = tensor(storage("FloatStorage", "0", 4), 0, {2, 2}, {1, 2});
  const auto plain = tensor(storage("FloatStorage", "0", 4), 0, {4}, {1});
  write_text(folder / "a.pt", torch_archive(dict(text("turned"), turned, text("w"), plain),
                                            {{"0", 4, raw(1.0F) + raw(2.0F) + raw(3.0F) + raw(4.0F)}}));
  const auto tensors = to_tensors(ModelFile::open(folder / "a.pt"), 1);
  BOOST_TEST(torch::equal(tensors.at("turned"), torch::tensor({1.0F, 3.0F, 2.0F, 4.0F}).view({2, 2})));
  BOOST_TEST(torch::equal(tensors.at("w"), torch::tensor({1.0F, 2.0F, 3.0F, 4.0F})));
}

BOOST_AUTO_TEST_SUITE_END()
