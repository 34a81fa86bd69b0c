#include <boost/test/unit_test.hpp>

#include <string>
#include <vector>

#include "nada/generators/rosinality.hpp"
#include "support/files.hpp"

BOOST_AUTO_TEST_SUITE(generators_rosinality)

using namespace nada;

namespace {

using Shape = std::vector<std::int64_t>;
struct Row {
  std::string theirs, ours;
  Shape shape, native;
};
// From rosinality/stylegan2-pytorch, model.py: names and shapes of its Generator's state dict.
const std::vector<Row> table{{"style.1.weight", "mapping.0.weight", {512, 512}, {512, 512}},
                             {"style.8.bias", "mapping.7.bias", {512}, {512}},
                             {"input.input", "const.weight", {1, 512, 4, 4}, {512, 4, 4}},
                             {"conv1.conv.weight", "conv.4.0.weight", {1, 512, 512, 3, 3}, {512, 512, 3, 3}},
                             {"conv1.conv.modulation.weight", "conv.4.0.affine.weight", {512, 512}, {512, 512}},
                             {"conv1.conv.modulation.bias", "conv.4.0.affine.bias", {512}, {512}},
                             {"conv1.noise.weight", "conv.4.0.noise_strength", {1}, {}},
                             {"conv1.activate.bias", "conv.4.0.bias", {512}, {512}},
                             {"to_rgb1.conv.weight", "rgb.4.weight", {1, 3, 512, 1, 1}, {3, 512, 1, 1}},
                             {"to_rgb1.conv.modulation.weight", "rgb.4.affine.weight", {512, 512}, {512, 512}},
                             {"to_rgb1.bias", "rgb.4.bias", {1, 3, 1, 1}, {3}},
                             {"convs.0.conv.weight", "conv.8.0.weight", {1, 512, 512, 3, 3}, {512, 512, 3, 3}},
                             {"convs.1.conv.weight", "conv.8.1.weight", {1, 512, 512, 3, 3}, {512, 512, 3, 3}},
                             {"convs.6.activate.bias", "conv.64.0.bias", {512}, {512}},
                             {"convs.15.noise.weight", "conv.1024.1.noise_strength", {1}, {}},
                             {"to_rgbs.0.conv.weight", "rgb.8.weight", {1, 3, 512, 1, 1}, {3, 512, 1, 1}},
                             {"to_rgbs.7.bias", "rgb.1024.bias", {1, 3, 1, 1}, {3}},
                             {"noises.noise_0", "noise.4.0", {1, 1, 4, 4}, {4, 4}},
                             {"noises.noise_1", "noise.8.0", {1, 1, 8, 8}, {8, 8}},
                             {"noises.noise_2", "noise.8.1", {1, 1, 8, 8}, {8, 8}},
                             {"noises.noise_16", "noise.1024.1", {1, 1, 1024, 1024}, {1024, 1024}},
                             {"latent_avg", "mean_style", {512}, {512}}};

}  // namespace

BOOST_AUTO_TEST_CASE(names_and_shapes_have_their_native_places) {
  for (const auto& row : table) {
    const auto place = from_rosinality(row.theirs);
    BOOST_TEST_REQUIRE(place.has_value(), row.theirs);
    BOOST_TEST(place->native == row.ours);
    BOOST_TEST(native_shape(*place, row.shape, row.theirs) == row.native, boost::test_tools::per_element());
  }
}

BOOST_AUTO_TEST_CASE(fir_kernels_carry_no_information) {
  for (const char* name : {"convs.0.conv.blur.kernel", "to_rgbs.3.upsample.kernel"}) {
    const auto place = from_rosinality(name);
    BOOST_TEST_REQUIRE(place.has_value(), name);
    BOOST_TEST(place->native == "");
  }
}

BOOST_AUTO_TEST_CASE(other_names_are_not_known) {
  for (const char* name : {"",
                           "style",
                           "style.0.weight",
                           "style.1.gain",
                           "style.x.weight",
                           "style.-1.weight",
                           "convs.conv.weight",
                           "convs.0.weight",
                           "convs.99999999999.conv.weight",
                           "convs.65.conv.weight",
                           "to_rgbs.0.noise.weight",
                           "to_rgb1.activate.bias",
                           "conv1.bias",
                           "noises.noise_",
                           "noises.noise_1x",
                           "noises.1",
                           "latent_average",
                           "input.input2",
                           "conv2.conv.weight",
                           "final_conv.0.weight"})
    BOOST_TEST(!from_rosinality(name).has_value(), name);
}

BOOST_AUTO_TEST_CASE(a_leading_dimension_that_is_not_one_is_an_error) {
  const auto place = *from_rosinality("conv1.conv.weight");
  BOOST_TEST(error_of([&] {
               native_shape(place, {2, 8, 8, 3, 3}, "g.pt: tensor conv1.conv.weight");
             }) == "g.pt: tensor conv1.conv.weight: expected a first dimension of 1");
  BOOST_TEST(error_of([&] { native_shape(place, {}, "t"); }) == "t: expected a first dimension of 1");
}

BOOST_AUTO_TEST_SUITE_END()
