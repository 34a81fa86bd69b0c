#include <boost/test/unit_test.hpp>

#include <string>

#include "nada/core/error.hpp"
#include "nada/shifts/any_shift.hpp"
#include "nada/shifts/image_shift.hpp"
#include "nada/shifts/mixed_shift.hpp"
#include "nada/shifts/shift.hpp"
#include "nada/shifts/text_shift.hpp"
#include "support/files.hpp"
#include "support/tiny.hpp"

BOOST_AUTO_TEST_SUITE(shifts_any_shift)

using namespace nada;

namespace {
static_assert(Shift<AnyShift, test::LinearEncoder> && TextualShift<AnyShift>);
const TextShift texts("a person", "a ghost", {"a drawing of {}", "{}"});
Tensor pictures() { return test::random({2, 3, 8, 8}, 5).clamp(-1, 1); }
Tensor anchor_images(std::int64_t count) { return test::random({count, 3, 8, 8}, 6).clamp(-1, 1); }
}  // namespace

BOOST_AUTO_TEST_CASE(gives_the_endpoints_of_the_shift_that_it_holds) {
  const auto encoder = test::linear_encoder(4, 8, 1);
  const auto same = [&](const AnyShift& any, const auto& shift) {
    const auto a = any.endpoints(encoder, anchor_images), b = shift.endpoints(encoder, anchor_images);
    return test::same_bits(a.source, b.source) && test::same_bits(a.target, b.target) &&
           test::same_bits(a.direction, b.direction);
  };
  BOOST_TEST(same(texts, texts));
  const ImageShift by_pictures(pictures(), 4);
  BOOST_TEST(same(AnyShift::Choice(by_pictures), by_pictures));
  const MixedShift both(texts, by_pictures, 0.5);
  BOOST_TEST(same(AnyShift::Choice(both), both));
}

BOOST_AUTO_TEST_CASE(has_the_texts_of_a_shift_by_texts_and_refuses_to_invent_some_for_pictures) {
  const AnyShift any(texts);
  BOOST_TEST(any.source() == "a person");
  BOOST_TEST(any.target() == "a ghost");
  BOOST_TEST(any.templates().size() == 2u);
  const AnyShift by_pictures(AnyShift::Choice(ImageShift(pictures(), 4)));
  BOOST_TEST(error_of([&] { (void)by_pictures.target(); }).find("say what to move to with one --target") !=
             std::string::npos);
}

BOOST_AUTO_TEST_SUITE_END()
