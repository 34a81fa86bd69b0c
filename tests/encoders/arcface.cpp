#include <boost/test/unit_test.hpp>

#include <string>

#include "nada/core/tensor.hpp"
#include "nada/encoders/arcface.hpp"
#include "nada/encoders/feature_extractor.hpp"
#include "nada/formats/model_file.hpp"
#include "nada/formats/safetensors.hpp"
#include "nada/formats/tensor_file.hpp"
#include "support/files.hpp"
#include "support/golden.hpp"
#include "support/tiny.hpp"

BOOST_AUTO_TEST_SUITE(encoders_arcface)

using namespace nada;
using test::largest_difference;
using test::number;
using test::random;

namespace {

const auto golden = test::kept_golden() / "arcface";

std::string error_with(const std::function<void(TensorMap&)>& change) {
  auto tensors = to_tensors(ModelFile::open(golden / "ir_se50_tiny.safetensors"));
  change(tensors);
  return error_of([&] { ArcFace(tensors, "f"); });
}

}  // namespace

BOOST_AUTO_TEST_CASE(faces_are_embedded_as_the_reference_embeds_them) {
  const auto network =
      ArcFace::load(ModelFile::open(golden / "ir_se50_tiny.safetensors"), torch::kCPU, torch::kFloat64);
  const auto pictures = to_tensor(Safetensors::open(golden / "inputs.safetensors").at("image112"));
  const auto expected = to_tensor(Safetensors::open(golden / "golden.safetensors").at("tiny/embed/embedding.f64"));
  const torch::NoGradGuard no_grad;
  const auto embedded = network.embed(pictures.to(torch::kFloat64) / 127.5 - 1);
  BOOST_TEST(largest_difference(embedded, expected) < 1e-9);
  BOOST_TEST(largest_difference(embedded.norm(2, 1), torch::ones({4}, torch::kFloat64)) < 1e-12);
}

BOOST_AUTO_TEST_CASE(the_crop_is_the_face_of_an_aligned_portrait) {
  // Of a picture whose values are its rows, the crop's first row is the mean of rows 35 and 36.
  const auto rows = torch::arange(256, torch::kFloat64).view({1, 1, 256, 1}).expand({1, 3, 256, 256});
  const auto face = ArcFace::crop(rows);
  BOOST_TEST(face.sizes() == (at::IntArrayRef{1, 3, 112, 112}));
  BOOST_TEST(number(face[0][0][0][0]) == 35.5);
  BOOST_TEST(number(face[0][0][111][5]) == 221.5);
  BOOST_TEST(number(ArcFace::crop(rows.transpose(2, 3))[0][1][7][0]) == 32.5);
  // A larger picture is averaged to 256 pixels first.
  BOOST_TEST(largest_difference(ArcFace::crop(at::upsample_nearest2d(rows, {1024, 1024})), face) < 1e-12);
  BOOST_TEST(error_of([] {
               ArcFace::crop(torch::zeros({3, 256, 256}));
             }) == "images of shape [3, 256, 256], expected [N, 3, H, W]");
}

BOOST_AUTO_TEST_CASE(a_face_is_nearest_to_itself_and_does_not_know_its_batch) {
  const auto network = ArcFace::load(golden / "ir_se50_tiny.safetensors");
  const torch::NoGradGuard no_grad;
  const auto pictures = random({3, 3, 64, 64}, 5).to(torch::kFloat32).tanh();
  const auto all = network(pictures);
  BOOST_TEST(number(feature_distance(network(pictures.narrow(0, 1, 1)), all.narrow(0, 1, 1)).max()) < 1e-8);
  BOOST_TEST(number(feature_distance(all.narrow(0, 0, 1), all.narrow(0, 1, 1)).max()) > 1e-3);
}

BOOST_AUTO_TEST_CASE(what_is_missing_or_does_not_fit_is_told) {
  BOOST_TEST(error_with([](TensorMap&) {}).empty());
  BOOST_TEST(error_with([](TensorMap& t) { t.erase("body.23.res_layer.5.fc2.weight"); }) ==
             "f: tensor body.23.res_layer.5.fc2.weight is missing");
  BOOST_TEST(error_with([](TensorMap& t) {
               t["output_layer.3.weight"] = torch::zeros({4, 7});
             }).find("has shape [4, 7]") != std::string::npos);
  BOOST_TEST(error_of([] {
               ArcFace::load(test::kept_golden() / "clip" / "vit_a.safetensors");
             }).find("expected an ArcFace network") != std::string::npos);
  const auto network = ArcFace::load(golden / "ir_se50_tiny.safetensors");
  BOOST_TEST(error_of([&] {
               network.embed(torch::zeros({1, 3, 64, 64}));
             }) == "faces of shape [1, 3, 64, 64], expected [N, 3, 112, 112]");
}

BOOST_AUTO_TEST_SUITE_END()
