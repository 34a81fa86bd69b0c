#include "nada/checks/check_encoder.hpp"

#include <boost/test/unit_test.hpp>
#include <functional>
#include <limits>
#include <span>
#include <string>

#include "nada/checks/check_part.hpp"
#include "nada/checks/small_models.hpp"
#include "nada/core/error.hpp"
#include "nada/core/tensor.hpp"
#include "nada/encoders/any_clip.hpp"
#include "nada/encoders/encoder.hpp"
#include "nada/experiment/build.hpp"
#include "support/files.hpp"

BOOST_AUTO_TEST_SUITE(checks_check_encoder)

using namespace nada;

namespace {

/// The small encoder, whose answers a test replaces.
struct Broken {
  checks::SmallEncoder inner = {};
  std::function<Features(const Tensor&, Wanted)> see_as = [this](const Tensor& x, Wanted w) { return inner.see(x, w); };
  std::function<Tensor(const Tensor&)> read_as = [this](const Tensor& ids) { return inner.read(ids); };
  bool takes_nothing = false;
  double scale = 100;

  Broken() = default;
  Broken(const Broken&) = delete;  // the functions refer to it
  Features see(const Tensor& images, Wanted wanted) const { return see_as(images, wanted); }
  Tensor tokenize(std::span<const std::string> texts) const {
    if (takes_nothing && texts[0].empty()) return torch::zeros({1, 1}, torch::kInt64);
    return inner.tokenize(texts);
  }
  Tensor read(const Tensor& ids) const { return read_as(ids); }
  double score_scale() const { return scale; }
};

/// Returns what is told of an encoder whose raw features are `change` of the small encoder's.
std::string error_with(const std::function<Tensor(const Tensor& raw)>& change) {
  Broken encoder;
  encoder.see_as = [&](const Tensor& images, Wanted wanted) {
    const auto raw = change(encoder.inner.see(images, wanted).raw);
    return Features{unit(raw), raw, {}};
  };
  return error_of([&] { check_part(encoder); });
}
std::string error(const Broken& encoder) {
  return error_of([&] { check_part(encoder); });
}
bool tells(const std::string& text, const std::string& part) { return text.find(part) != std::string::npos; }

}  // namespace

BOOST_AUTO_TEST_CASE(the_encoders_of_the_framework_pass) {
  BOOST_TEST(error(Broken{}) == "");
  BOOST_TEST(error_of([] { check_part(checks::SmallEncoder{}, {"one", "two", "three words here"}); }) == "");
  for (const auto* file : {"encoder_vit", "encoder_rn", "encoder_held"})
    for (const auto type : {torch::kFloat32, torch::kFloat64}) {
      const auto path = configs() / "avatars" / (std::string(file) + ".safetensors");
      BOOST_TEST(error_of([&] { check_part(load_clip(path, {}, torch::kCPU, type)); }) == "", file);
    }
}

BOOST_AUTO_TEST_CASE(features_that_are_not_unit_or_not_of_one_width_are_told) {
  Broken encoder;
  encoder.see_as = [&](const Tensor& images, Wanted) {
    const auto raw = encoder.inner.see(images, {}).raw;
    return Features{raw, raw, {}};
  };
  BOOST_TEST(tells(error(encoder), "the encoder's image features are not of unit length: one is off by"));
  encoder.see_as = [&](const Tensor& images, Wanted) {
    const auto raw = encoder.inner.see(images, {}).raw;
    return Features{unit(raw), -raw, {}};
  };
  BOOST_TEST(error(encoder) == "the encoder's unit features do not point where its raw features do");
  Broken reader;
  reader.read_as = [&](const Tensor& ids) { return 2 * reader.inner.read(ids); };
  BOOST_TEST(tells(error(reader), "the encoder's text features are not of unit length"));
  reader.read_as = [&](const Tensor& ids) { return unit(reader.inner.read(ids).narrow(1, 0, 3)); };
  BOOST_TEST(error(reader) == "the encoder gives features of 3 numbers for texts, and of 8 for images");
}

BOOST_AUTO_TEST_CASE(an_encoder_of_one_size_of_images_is_told) {
  Broken encoder;
  encoder.see_as = [&](const Tensor& images, Wanted wanted) {
    require(images.size(2) == 64, "images of 64 pixels are expected");
    return encoder.inner.see(images, wanted);
  };
  BOOST_TEST(error(encoder) == "the encoder cannot see images of 32 pixels: images of 64 pixels are expected");
}

BOOST_AUTO_TEST_CASE(features_that_depend_on_more_than_the_image_are_told) {
  BOOST_TEST(tells(error_with([](const Tensor& raw) { return raw - raw.mean(0, true) / 2; }),
                   "the encoder's features of images depend on the batch"));
  BOOST_TEST(tells(error_with([](const Tensor& raw) { return raw + 1e-9 * torch::rand_like(raw); }),
                   "sees the same images differently the second time"));
  BOOST_TEST(error_with([](const Tensor& raw) { return torch::ones_like(raw); }) ==
             "the encoder sees different images as the same");
  Broken encoder;
  encoder.see_as = [&](const Tensor& images, Wanted wanted) {
    return encoder.inner.see(wanted.tokens ? images.flip(3) : images, wanted);
  };
  BOOST_TEST(error(encoder) == "the encoder's features change where its tokens are wanted");
  Broken reader;
  reader.read_as = [&](const Tensor& ids) { return unit(reader.inner.read(ids) + (ids.size(0) > 1 ? 0.1 : 0.0)); };
  BOOST_TEST(tells(error(reader), "the encoder's features of texts depend on the batch"));
}

BOOST_AUTO_TEST_CASE(a_gradient_that_is_missing_or_wrong_is_told) {
  BOOST_TEST(tells(error_with([](const Tensor& raw) { return raw.detach(); }),
                   "the gradient of its features in the images is not there"));
  BOOST_TEST(tells(error_with([](const Tensor& raw) { return raw + raw.square().detach(); }),
                   "the gradient of its features in the images disagrees with finite differences"));
}

BOOST_AUTO_TEST_CASE(an_empty_text_that_is_read_and_a_scale_that_is_no_number_are_told) {
  Broken encoder;
  encoder.takes_nothing = true;
  BOOST_TEST(error(encoder) == "the encoder's tokenize takes an empty text, which it must refuse");
  Broken scaled;
  scaled.scale = std::numeric_limits<double>::quiet_NaN();
  BOOST_TEST(error(scaled) == "the encoder's score_scale is nan, expected a number above 0");
}

BOOST_AUTO_TEST_SUITE_END()
