#include <boost/test/unit_test.hpp>

#include "nada/core/tensor.hpp"
#include "nada/encoders/weights.hpp"
#include "nada/formats/tensor_file.hpp"
#include "nada/inversion/inverter_file.hpp"
#include "support/files.hpp"
#include "support/tiny.hpp"

BOOST_AUTO_TEST_SUITE(inversion_inverter_file)

using namespace nada;

namespace {

TensorMap random_network() {
  auto out = initial_style_encoder(
      {.resolution = 8, .styles = 4, .style_size = 4, .channels = {6, 8}, .groups = 2, .lateral = 3, .hidden = 5},
      {3, 0});
  std::uint64_t k = 0;
  for (auto& [name, value] : out) value = 0.3 * test::random(value.sizes().vec(), ++k).to(torch::kFloat32);
  return out;
}

}  // namespace

BOOST_AUTO_TEST_CASE(a_file_brings_the_network_back_in_half_precision) {
  const TemporaryFolder folder;
  auto tensors = random_network();
  tensors["domain.features"] = test::random({4, 3}, 2).to(torch::kFloat32);
  save_inverter(folder / "inverter.safetensors", tensors, 3, "abc", {{"nada.measure_sha256", "def"}});
  const auto file = InverterFile::load(folder / "inverter.safetensors");
  BOOST_TEST(file.base_sha256 == "abc");
  BOOST_TEST(file.measure_sha256 == "def");
  BOOST_TEST(file.encoder.passes() == 3);
  BOOST_TEST(test::largest_difference(file.domain_features, tensors["domain.features"]) < 1e-3);
  const auto images = test::random({2, 3, 8, 8}, 7).to(torch::kFloat32), made = images.flip(3);
  for (auto& [name, value] : tensors)
    if (value.dim() >= 2) value = value.to(torch::kFloat16).to(torch::kFloat32);
  const StyleEncoder same(Weights(tensors, "network", torch::kFloat32), 3);
  BOOST_TEST(at::equal(file.encoder.step(images, made), same.step(images, made)));
}

BOOST_AUTO_TEST_CASE(what_is_no_inverter_is_an_error) {
  const TemporaryFolder folder;
  save_tensors(folder / "codes.safetensors", {{"codes", torch::zeros({1, 2, 2})}},
               {{"nada.kind", "codes"}, {"nada.format", "1"}});
  BOOST_TEST(error_of([&] {
               InverterFile::load(folder / "codes.safetensors");
             }).ends_with("is w+ codes, expected an inverter"));
  auto tensors = random_network();
  save_inverter(folder / "none.safetensors", tensors, 0, "abc");
  BOOST_TEST(error_of([&] {
               InverterFile::load(folder / "none.safetensors");
             }).ends_with("nada.passes: expected a number from 1, found '0'"));
  tensors["domain.features"] = torch::zeros({1, 3});
  save_inverter(folder / "one.safetensors", tensors, 1, "abc");
  BOOST_TEST(error_of([&] {
               InverterFile::load(folder / "one.safetensors");
             }).ends_with("domain.features has shape [1, 3], expected at least two rows"));
}

BOOST_AUTO_TEST_SUITE_END()
