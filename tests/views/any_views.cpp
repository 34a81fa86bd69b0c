#include <boost/test/unit_test.hpp>

#include <cmath>
#include <variant>

#include "nada/core/stream.hpp"
#include "nada/core/tensor.hpp"
#include "nada/views/any_views.hpp"
#include "nada/views/crop_views.hpp"
#include "nada/views/views.hpp"
#include "support/files.hpp"
#include "support/tiny.hpp"

BOOST_AUTO_TEST_SUITE(views_any_views)

using namespace nada;
using test::same_bits;

static_assert(Views<AnyViews>);

BOOST_AUTO_TEST_CASE(show_what_the_views_of_that_name_show) {
  const auto images = test::random({3, 3, 16, 16}, 1);
  const Stream stream{4, 7};
  BOOST_TEST(AnyViews::named("plain", 0).show(images, stream).is_same(images));
  BOOST_TEST(AnyViews::named("plain", 0.5).show(images, stream).is_same(images));
  BOOST_TEST(AnyViews{}.show(images, stream).is_same(images));
  const auto sharp = AnyViews::named("crops", 0).show(images, stream);
  const auto soft = AnyViews::named("crops", 0.25).show(images, stream);
  BOOST_TEST(same_bits(sharp, CropViews{}.show(images, stream)));
  BOOST_TEST(same_bits(soft, CropViews{.blur = 0.25}.show(images, stream)));
  BOOST_TEST(!same_bits(sharp, soft));
  BOOST_TEST(
      same_bits(AnyViews(CropViews{.noise = 0}).show(images, stream), CropViews{.noise = 0}.show(images, stream)));
}

BOOST_AUTO_TEST_CASE(the_blur_is_that_of_the_crops) {
  BOOST_TEST(std::get<CropViews>(AnyViews::named("crops", 1).choice()).blur == 1);
  BOOST_TEST(std::get<CropViews>(AnyViews::named("crops", 0.1).choice()).blur == 0.1);
}

BOOST_AUTO_TEST_CASE(other_names_and_other_blurs_are_refused) {
  const auto error = [](const std::string& name, double blur) {
    return error_of([&] { AnyViews::named(name, blur); });
  };
  BOOST_TEST(error("crop", 0) == "option views: expected plain or crops, found 'crop'");
  BOOST_TEST(error("", 0) == "option views: expected plain or crops, found ''");
  BOOST_TEST(error("crops", 1.5) == "option blur is 1.5, expected 0 to 1");
  BOOST_TEST(error("crops", -0.1) == "option blur is -0.1, expected 0 to 1");
  BOOST_TEST(error("plain", NAN) == "option blur is nan, expected 0 to 1");
}

BOOST_AUTO_TEST_SUITE_END()
