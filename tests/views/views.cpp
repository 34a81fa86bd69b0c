#include <boost/test/unit_test.hpp>

#include "nada/core/stream.hpp"
#include "nada/core/tensor.hpp"
#include "nada/views/crop_views.hpp"
#include "nada/views/views.hpp"
#include "support/tiny.hpp"

BOOST_AUTO_TEST_SUITE(views_views)

using namespace nada;

namespace {

struct Blind {
  Tensor see(const Tensor& images, const Stream&) const { return images; }
};
static_assert(Views<Plain> && Views<CropViews> && !Views<Blind> && !Views<FullSize>);
static_assert(Exit<FullSize> && Exit<EarlyExit> && !Exit<Plain>);

}  // namespace

BOOST_AUTO_TEST_CASE(plain_shows_each_image_once_as_it_is) {
  const auto images = test::random({2, 3, 4, 4}, 1);
  BOOST_TEST(Plain{}.show(images, Stream{1, 2}).is_same(images));
}

BOOST_AUTO_TEST_CASE(full_size_renders_all_of_a_generator) {
  for (const int full : {4, 64, 1024}) BOOST_TEST(FullSize{}.resolution(full) == full);
}

BOOST_AUTO_TEST_CASE(an_early_exit_renders_up_to_its_pixels_and_no_more_than_there_are) {
  BOOST_TEST(EarlyExit{64}.resolution(1024) == 64);
  BOOST_TEST(EarlyExit{64}.resolution(64) == 64);
  BOOST_TEST(EarlyExit{64}.resolution(32) == 32);
}

BOOST_AUTO_TEST_SUITE_END()
