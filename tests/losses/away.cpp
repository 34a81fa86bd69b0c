#include <boost/test/unit_test.hpp>

#include <span>
#include <string>
#include <vector>

#include "nada/core/error.hpp"
#include "nada/core/tensor.hpp"
#include "nada/encoders/encoder.hpp"
#include "nada/losses/away.hpp"
#include "nada/losses/directional.hpp"
#include "nada/losses/term.hpp"
#include "nada/shifts/text_shift.hpp"
#include "support/files.hpp"
#include "support/tiny.hpp"

BOOST_AUTO_TEST_SUITE(losses_away, *boost::unit_test::tolerance(1e-12))

using namespace nada;

namespace {

/// Takes images of one pixel as features, and reads the texts "x", "y" and "z" as the axes.
struct AxisEncoder {
  Features see(const Tensor& images, Wanted) const { return {images.flatten(1), images.flatten(1), {}}; }
  Tensor tokenize(std::span<const std::string> texts) const {
    std::vector<std::int64_t> ids;
    for (const auto& text : texts) ids.push_back(text.at(0) - 'x');
    return torch::tensor(ids, torch::kInt64);
  }
  Tensor read(const Tensor& ids) const { return torch::eye(3, torch::kFloat64).index_select(0, ids); }
  double score_scale() const { return 100; }
};
static_assert(EncoderTerm<Away, AxisEncoder, TextShift> && !SceneTerm<Away>);

template <class T>
double of(const T& term, const Tensor& adapted, const Tensor& anchor, const TextShift& shift = {"x", "y"}) {
  const AxisEncoder encoder;
  const auto a = test::pixels(adapted), b = test::pixels(anchor);
  const Shown shown{a, a}, shown_anchor{b, b};
  ComparedBatches<AxisEncoder> batches(encoder, shown, shown_anchor, Stream{});
  Comparison<AxisEncoder> comparison(batches);
  return test::number(term.bind(encoder, shift, shift.endpoints(encoder, {}))(comparison));
}

const auto start = test::row({0.3, -0.2, 0.5});

}  // namespace

BOOST_AUTO_TEST_CASE(costs_a_step_toward_the_text_and_neither_one_across_it_nor_one_away) {
  const Away from_z{.text = "z"};  // direction (-1, 0, 1) / sqrt 2
  BOOST_TEST(of(from_z, start + test::row({-0.5, 0, 0.5}), start) == 1);
  BOOST_TEST(of(from_z, start + test::row({0.5, 0, -0.5}), start) == 0);
  BOOST_TEST(of(from_z, start + test::row({0, 0.7, 0}), start) == 0);
  BOOST_TEST(of(from_z, start + test::row({-1, 0, 0}), start) == std::sqrt(0.5));
  BOOST_TEST(of(from_z, start, start) == 0);
}

BOOST_AUTO_TEST_CASE(with_the_shifts_own_target_is_one_minus_the_directional_term) {
  const auto step = start + test::row({-0.6, 0.3, 0.1});
  BOOST_TEST(of(Away{.text = "y"}, step, start) == 1 - of(Directional{}, step, start));
}

BOOST_AUTO_TEST_CASE(is_the_mean_over_samples) {
  const auto adapted = torch::cat({start + test::row({-0.5, 0, 0.5}), start + test::row({0, 0.7, 0})});
  BOOST_TEST(of(Away{.text = "z"}, adapted, torch::cat({start, start})) == 0.5);
}

BOOST_AUTO_TEST_CASE(no_text_and_the_sources_own_text_are_refused) {
  BOOST_TEST(error_of([] { of(Away{}, start, start); }) == "away: no text was given");
  BOOST_TEST(error_of([] {
               of(Away{.text = "x"}, start, start);
             }).starts_with("the texts 'x' and 'x' have the same embedding"));
}

BOOST_AUTO_TEST_SUITE_END()
