#include <boost/test/unit_test.hpp>

#include <cmath>

#include "nada/adaptation/delta.hpp"
#include "nada/core/stream.hpp"
#include "nada/core/tensor.hpp"
#include "nada/formats/tensor_file.hpp"
#include "nada/generators/generator.hpp"
#include "nada/generators/load.hpp"
#include "nada/generators/stylegan2.hpp"
#include "nada/parameterization/affine_only.hpp"
#include "nada/parameterization/any_parameterization.hpp"
#include "nada/parameterization/channel_scales.hpp"
#include "nada/parameterization/full_weights.hpp"
#include "nada/parameterization/low_rank.hpp"
#include "nada/parameterization/parameterization.hpp"
#include "nada/parameterization/style_offsets.hpp"
#include "support/files.hpp"
#include "support/finite_differences.hpp"
#include "support/random_stylegan2.hpp"
#include "support/tiny.hpp"

BOOST_AUTO_TEST_SUITE(parameterization_any_parameterization, *boost::unit_test::tolerance(1e-12))

using namespace nada;
using test::random;

namespace {

static_assert(Parameterization<AffineOnly> && Parameterization<StyleOffsets> && Parameterization<SparseStyleOffsets> &&
              Parameterization<ChannelScales> && Parameterization<LowRank> && Parameterization<AnyParameterization>);

std::vector<Tensor> slots_of(const StyleGan2& g, std::size_t k) {
  std::vector<Tensor> out;
  for (std::size_t s = 0; s < g.layers()[k].slots.size(); ++s) out.push_back(g.slot(k, s));
  return out;
}

/// A delta whose leaves lie `by` away from where they start, on every layer that is covered.
template <class P>
Delta moved_delta(const StyleGan2& g, const P& part, double by) {
  Delta out;
  out.base_hash = base_hash(g);
  out.parameterization = name_of(part);
  std::uint64_t seed = 50;
  for (std::size_t k = 0; k < g.layers().size(); ++k) {
    if (!part.covers(g.layers()[k])) continue;
    const auto base = slots_of(g, k);
    const auto leaves = part.leaves(g.layers()[k], base, Stream{3});
    const auto names = part.names(g.layers()[k]);
    BOOST_TEST_REQUIRE(names.size() == leaves.size());
    for (std::size_t i = 0; i < leaves.size(); ++i) {
      BOOST_TEST(leaves[i].requires_grad());
      out.leaves[g.layers()[k].name + "." + names[i]] = leaves[i].detach() + by * random(leaves[i].sizes(), ++seed);
    }
  }
  return out;
}

Tensor image(const StyleGan2& g) { return g.synthesize(test::random_styles(g, 2), Render{}); }

/// Checks that a part starts at the base, that it folds back to the numbers that training saw, and that what it folds
/// into is a generator's plain weights: saved and read again, they make the same images without knowing of leaves.
template <class P>
void check_part(const P& part) {
  const auto g = test::small_stylegan2();
  const auto what = name_of(part);
  BOOST_TEST((test::largest_difference(image(apply_delta(g, moved_delta(g, part, 0), what)), image(g)) < 1e-12), what);

  const auto delta = moved_delta(g, part, 0.3);
  const auto folded = apply_delta(g, delta, what);
  BOOST_TEST(test::largest_difference(image(folded), image(g)) > 1e-3, what);
  auto trained = g.clone();
  for (std::size_t k = 0; k < g.layers().size(); ++k) {
    if (!part.covers(g.layers()[k])) continue;
    std::vector<Tensor> leaves;
    for (const auto& name : part.names(g.layers()[k]))
      leaves.push_back(delta.leaves.at(g.layers()[k].name + "." + name));
    const auto effective = part.effective(g.layers()[k], slots_of(g, k), leaves);
    for (std::size_t s = 0; s < effective.size(); ++s) trained.use(k, s, effective[s]);
  }
  BOOST_TEST((test::largest_difference(image(folded), image(trained)) < 1e-12), what);
  const TemporaryFolder folder;
  save_tensors(folder / "folded.safetensors", folded.tensors(), generator_metadata(folded));
  const auto read = load_stylegan2(folder / "folded.safetensors", {.type = torch::kFloat64});
  BOOST_TEST((test::largest_difference(image(read), image(trained)) < 1e-12), what);
}

const Layer layer{
    "conv.8.0", LayerKind::convolution, 8, 1, {"weight", "bias", "noise_strength", "affine.weight", "affine.bias"}};
std::vector<Tensor> base() {
  return {random({4, 3, 3, 3}, 1), random({4}, 2), random({}, 3).reshape({}), random({3, 5}, 4), random({3}, 5)};
}

}  // namespace

BOOST_AUTO_TEST_CASE(parts_start_at_the_base_and_fold_back_into_plain_weights) {
  check_part(FullWeights{});
  check_part(AffineOnly{});
  check_part(StyleOffsets{});
  check_part(SparseStyleOffsets{.percent = 40});
  check_part(ChannelScales{});
  check_part(LowRank{.rank = 2});
}

BOOST_AUTO_TEST_CASE(offsets_and_scales_do_to_styles_what_their_names_say) {
  const auto b = base();
  const auto w = random({7, 5}, 9);
  const auto style = [&](const std::vector<Tensor>& slots) { return at::linear(w, slots[3], slots[4]); };
  const std::vector<Tensor> leaf{random({3}, 10)};
  BOOST_TEST((test::largest_difference(style(StyleOffsets{}.effective(layer, b, leaf)), style(b) + leaf[0]) < 1e-12));
  BOOST_TEST((test::largest_difference(style(ChannelScales{}.effective(layer, b, leaf)), style(b) * leaf[0]) < 1e-12));
  for (const std::size_t untouched : {0U, 1U, 2U})
    BOOST_TEST(test::same_bits(ChannelScales{}.effective(layer, b, leaf)[untouched], b[untouched]));
}

BOOST_AUTO_TEST_CASE(sparse_offsets_count_the_largest_alone_and_all_have_a_gradient) {
  const auto b = base();
  const std::vector<Tensor> leaf{test::row({0.1, -3, 2})[0].clone().requires_grad_(true)};
  const auto offsets = SparseStyleOffsets{.percent = 34}.effective(layer, b, leaf)[4] - b[4];  // ceil(1.02) = 2
  BOOST_TEST((test::largest_difference(offsets.detach(), test::row({0, -3, 2})[0]) < 1e-12));
  const auto gradient = torch::autograd::grad({(offsets * test::row({5, 6, 7})[0]).sum()}, {leaf[0]})[0];
  BOOST_TEST((test::largest_difference(gradient, test::row({5, 6, 7})[0]) < 1e-12));
}

BOOST_AUTO_TEST_CASE(a_low_rank_change_has_that_rank_and_draws_the_same_start_again) {
  const auto b = base();
  auto leaves = LowRank{.rank = 2}.leaves(layer, b, Stream{7});
  BOOST_TEST(test::same_bits(leaves[1].detach(), LowRank{.rank = 2}.leaves(layer, b, Stream{7})[1].detach()));
  BOOST_TEST(leaves[1].sizes() == (std::vector<std::int64_t>{2, 27}));
  for (auto& leaf : leaves) leaf = leaf.detach() + random(leaf.sizes(), 11);
  const auto change = LowRank{.rank = 2}.effective(layer, b, leaves)[0] - b[0];
  BOOST_TEST(at::linalg_matrix_rank(change.view({4, 27})).item<std::int64_t>() == 2);
  BOOST_TEST(LowRank{.rank = 12}.name() == "low-rank-12");
  BOOST_TEST(SparseStyleOffsets{.percent = 5}.name() == "style-offsets-top-5");
  BOOST_TEST(SparseStyleOffsets{.percent = 100}.name() == "style-offsets-top-100");
}

BOOST_AUTO_TEST_CASE(have_the_gradients_of_finite_differences) {
  const auto b = base();
  const auto probe = [&](const std::vector<Tensor>& slots) {
    return (slots[0].square().sum() + (slots[3] * slots[3]).sum() + slots[4].pow(3).sum());
  };
  const auto check = [&](const auto& part, std::size_t which) {
    auto leaves = part.leaves(layer, b, Stream{7});
    for (auto& leaf : leaves) leaf = leaf.detach() + 0.5 * random(leaf.sizes(), 13);
    test::check_gradient(
        [&](const Tensor& x) {
          auto moved = leaves;
          moved[which] = x;
          return probe(part.effective(layer, b, moved));
        },
        leaves[which]);
  };
  check(FullWeights{}, 0);
  check(AffineOnly{}, 0);
  check(StyleOffsets{}, 0);
  check(ChannelScales{}, 0);
  check(LowRank{.rank = 2}, 0);
  check(LowRank{.rank = 2}, 1);
}

/// Numbers that train of all convolutions of a config-f generator of 1024 pixels.
template <class P>
std::int64_t config_f_numbers(const P& part) {
  std::int64_t numbers = 0, in = 512;
  const auto width = [](int r) { return r <= 64 ? 512 : 32768 / r; };
  for (int r = 4; r <= 1024; r *= 2)
    for (int k = 0; k < (r == 4 ? 1 : 2); ++k) {
      const std::vector<Tensor> slots{torch::zeros({width(r), in, 3, 3}), torch::zeros({width(r)}), torch::zeros({}),
                                      torch::zeros({in, 512}), torch::zeros({in})};
      for (const auto& leaf : part.leaves(layer, slots, Stream{})) numbers += leaf.numel();
      in = width(r);
    }
  return numbers;
}

BOOST_AUTO_TEST_CASE(a_config_f_generator_of_1024_pixels_has_the_numbers_of_the_documented_table) {
  BOOST_TEST(config_f_numbers(FullWeights{}) == 26691953);
  BOOST_TEST(config_f_numbers(AffineOnly{}) == 3102624);
  BOOST_TEST(config_f_numbers(StyleOffsets{}) == 6048);
  BOOST_TEST(config_f_numbers(SparseStyleOffsets{.percent = 20}) == 6048);
  BOOST_TEST(config_f_numbers(ChannelScales{}) == 6048);
  BOOST_TEST(config_f_numbers(LowRank{.rank = 4}) == 299008);
}

BOOST_AUTO_TEST_CASE(names_that_are_not_known_and_leaves_that_do_not_fit_are_errors) {
  const auto g = test::small_stylegan2();
  auto delta = moved_delta(g, LowRank{.rank = 2}, 0.1);
  delta.parameterization = "low-rank-x";
  BOOST_TEST(error_of([&] { apply_delta(g, delta, "d"); }).find("'low-rank-x' is not known here") != std::string::npos);
  delta.parameterization = "low-rank-2";
  delta.leaves["conv.8.0.weight.up"] = torch::zeros({3, 3});
  BOOST_TEST(error_of([&] { apply_delta(g, delta, "d"); }).find("conv.8.0 do not fit the base") != std::string::npos);
}

BOOST_AUTO_TEST_CASE(no_two_random_matrices_of_a_low_rank_change_share_a_row) {
  const auto g = test::small_stylegan2();
  std::vector<std::pair<std::string, Tensor>> rows;
  const LowRank part{.rank = 2};
  for (std::size_t k = 0; k < g.layers().size(); ++k) {
    if (!part.covers(g.layers()[k])) continue;
    const auto names = part.names(g.layers()[k]);
    const auto leaves = part.leaves(g.layers()[k], slots_of(g, k), Stream{7});
    for (std::size_t i = 1; i < leaves.size(); i += 2)
      for (std::int64_t r = 0; r < leaves[i].size(0); ++r)
        rows.emplace_back(g.layers()[k].name + "." + names[i], leaves[i].detach()[r]);
  }
  BOOST_TEST(rows.size() > 8U);
  for (std::size_t a = 0; a < rows.size(); ++a)
    for (std::size_t b = a + 1; b < rows.size(); ++b) {
      const auto shared = std::min(rows[a].second.size(0), rows[b].second.size(0));
      BOOST_TEST(!at::equal(rows[a].second.narrow(0, 0, shared), rows[b].second.narrow(0, 0, shared)),
                 rows[a].first << " and " << rows[b].first << " begin alike");
    }
}

BOOST_AUTO_TEST_CASE(the_menu_is_each_of_its_parts_and_knows_their_names) {
  const auto g = test::small_stylegan2();
  const auto same = [&](const auto& part) {
    const auto any = AnyParameterization::named(name_of(part), "here");
    BOOST_TEST(any.name() == name_of(part));
    for (std::size_t k = 0; k < g.layers().size(); ++k) {
      BOOST_TEST(any.covers(g.layers()[k]) == part.covers(g.layers()[k]));
      if (!part.covers(g.layers()[k])) continue;
      const auto ours = any.leaves(g.layers()[k], slots_of(g, k), Stream{3});
      const auto theirs = part.leaves(g.layers()[k], slots_of(g, k), Stream{3});
      BOOST_TEST_REQUIRE(ours.size() == theirs.size());
      for (std::size_t i = 0; i < ours.size(); ++i) BOOST_TEST(test::same_bits(ours[i].detach(), theirs[i].detach()));
    }
  };
  same(FullWeights{});
  same(AffineOnly{});
  same(StyleOffsets{});
  same(SparseStyleOffsets{.percent = 35});
  same(ChannelScales{});
  same(LowRank{.rank = 3});
  for (const auto* wrong : {"low-rank-0", "low-rank-", "low-rank-4x", "style-offsets-top-101", "", "Full"})
    BOOST_TEST(error_of([&] { AnyParameterization::named(wrong, "here"); }).find("here: the parameterization '") == 0U);
}

BOOST_AUTO_TEST_SUITE_END()
