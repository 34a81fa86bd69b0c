#include <torch/autograd.h>

#include <boost/test/unit_test.hpp>

#include <cmath>
#include <string>
#include <vector>

#include "nada/core/tensor.hpp"
#include "nada/encoders/any_clip.hpp"
#include "nada/encoders/clip.hpp"
#include "nada/encoders/encoder.hpp"
#include "nada/encoders/modified_resnet.hpp"
#include "nada/encoders/preprocessing.hpp"
#include "nada/encoders/tokenizer.hpp"
#include "nada/encoders/transformer.hpp"
#include "nada/encoders/vision_transformer.hpp"
#include "nada/encoders/weights.hpp"
#include "support/files.hpp"
#include "support/finite_differences.hpp"
#include "support/naive_transformer.hpp"
#include "support/random_clip.hpp"

BOOST_AUTO_TEST_SUITE(encoders_clip)

using namespace nada;
using test::largest_difference;
using test::random;

namespace {

static_assert(TextImageEncoder<Clip<VisionTransformer>> && TextImageEncoder<Clip<ModifiedResNet>>);

Tensor ids(std::vector<std::int64_t> numbers) { return torch::tensor(numbers, torch::kInt64).unsqueeze(0); }

constexpr auto ignore = [](const std::string&, const Tensor&) {};

}  // namespace

BOOST_AUTO_TEST_CASE(sizes_and_scale_come_from_the_tensors) {
  const auto clip = test::small_vit_clip();
  BOOST_TEST(clip.width() == 6);
  BOOST_TEST(clip.resolution() == 8);
  BOOST_TEST(clip.context() == 7);
  BOOST_TEST(clip.vocabulary_size() == 519);
  BOOST_TEST(clip.score_scale() == std::exp(3.0), boost::test_tools::tolerance(1e-14));
  BOOST_TEST(clip.settings().preprocessing.size == 8);
  BOOST_TEST(test::small_resnet_clip().resolution() == 64);
}

BOOST_AUTO_TEST_CASE(images_of_any_size_are_preprocessed_seen_by_the_tower_and_made_unit) {
  const auto tensors = test::random_vit_clip();
  const auto clip = test::small_vit_clip();
  const VisionTransformer tower(Weights(tensors, "clip", torch::kFloat64), 2, Gelu::quick);
  auto preprocessing = Preprocessing{};
  preprocessing.size = 8;
  for (const std::int64_t side : {8, 20}) {
    const auto images = random({2, 3, side, side}, 1);
    const auto features = clip.see(images);
    const auto expected = tower(preprocessing(images), false, ignore).first;
    BOOST_TEST(largest_difference(features.raw, expected) < 1e-13);
    for (std::int64_t n = 0; n < 2; ++n)
      BOOST_TEST(largest_difference(features.unit[n],
                                    expected[n] / std::sqrt(test::number(expected[n].dot(expected[n])))) < 1e-13);
    BOOST_TEST(!features.tokens.defined());
  }
  BOOST_TEST(clip.see(random({2, 3, 8, 8}, 1), {.tokens = true}).tokens.sizes() == (at::IntArrayRef{2, 4, 8}));
}

BOOST_AUTO_TEST_CASE(another_preprocessing_keeps_the_size_of_the_tower) {
  auto clip = test::small_vit_clip();
  clip.set_preprocessing({.size = 224, .mean = {0, 0, 0}, .deviation = {1, 1, 1}});
  const auto images = random({1, 3, 8, 8}, 1);
  const auto expected = clip.see_normalized((images + 1) / 2, {}, ignore).raw;
  BOOST_TEST(largest_difference(clip.see(images).raw, expected) < 1e-13);
}

BOOST_AUTO_TEST_CASE(seeing_has_the_gradient_of_finite_differences) {
  const auto clip = test::small_vit_clip();
  const auto probe = random({1, 6}, 2);
  test::check_gradient([&](const Tensor& x) { return (clip.see(x).unit * probe).sum(); }, random({1, 3, 12, 12}, 1));
}

BOOST_AUTO_TEST_CASE(normalised_images_of_another_size_are_refused) {
  BOOST_TEST(error_of([] {
               test::small_vit_clip().see_normalized(random({1, 3, 9, 9}, 1), {}, ignore);
             }) == "normalised images of shape [1, 3, 9, 9], expected [N, 3, 8, 8]");
}

BOOST_AUTO_TEST_CASE(a_text_is_read_at_its_largest_id_by_a_causal_transformer) {
  const auto t = test::random_vit_clip();
  const auto clip = test::small_vit_clip();
  for (const auto& text :
       {std::vector<std::int64_t>{517, 40, 41, 518, 0, 0, 0}, {517, 518, 0, 0, 0, 0, 0}, {517, 1, 2, 3, 4, 5, 518}}) {
    const auto end = std::find(text.begin(), text.end(), 518) - text.begin();
    std::vector<Tensor> rows;
    for (const auto id : text) rows.push_back(t.at("token_embedding.weight")[id]);
    auto x = torch::stack(rows) + t.at("positional_embedding");
    x = test::naive_layer_norm(test::naive_transformer(x, t, "transformer", 2, 2, /*causal=*/true), t, "ln_final");
    const auto expected = x[end].matmul(t.at("text_projection"));
    BOOST_TEST(largest_difference(clip.read_raw(ids(text), ignore)[0], expected) < 1e-12);
    BOOST_TEST(largest_difference(clip.read(ids(text))[0], expected / expected.norm()) < 1e-13);
  }
}

BOOST_AUTO_TEST_CASE(what_stands_after_the_end_of_a_text_does_not_matter) {
  const auto clip = test::small_vit_clip();
  const auto one = clip.read(ids({517, 40, 518, 0, 0, 0, 0})), other = clip.read(ids({517, 40, 518, 9, 8, 7, 6}));
  BOOST_TEST(largest_difference(one, other) < 1e-14);
  BOOST_TEST(largest_difference(one, clip.read(ids({517, 41, 518, 0, 0, 0, 0}))) > 1e-4);
}

BOOST_AUTO_TEST_CASE(tokenize_pads_each_text_with_start_and_end) {
  const std::vector<std::string> texts{"the cat", "cat"};
  const auto tokens = test::small_vit_clip().tokenize(texts);
  const auto expected = torch::tensor({517, 513, 515, 518, 0, 0, 0, 517, 515, 518, 0, 0, 0, 0}, torch::kInt64);
  BOOST_TEST(at::equal(tokens, expected.view({2, 7})));
}

BOOST_AUTO_TEST_CASE(an_empty_text_one_that_is_too_long_and_a_missing_vocabulary_are_errors) {
  const auto clip = test::small_vit_clip();
  const auto error = [](const auto& clip, const std::string& text) {
    const std::vector<std::string> texts{"cat", text};
    return error_of([&] { clip.tokenize(texts); });
  };
  BOOST_TEST(error(clip, "the cat") == "");
  BOOST_TEST(error(clip, "") == "an empty text cannot be encoded");
  BOOST_TEST(error(clip, " \t\n") == "an empty text cannot be encoded");
  BOOST_TEST(error(clip, "cat cat cat cat cat cat") ==
             "the text \"cat cat cat cat cat cat\" has 8 tokens with start and end, expected at most 7 (the encoder's "
             "context)");
  const auto tensors = test::random_vit_clip();
  auto settings = test::small_clip_settings();
  settings.tokenizer.reset();
  const Clip<VisionTransformer> without(Weights(tensors, "clip", torch::kFloat64), settings);
  BOOST_TEST(error(without, "cat").find("this encoder's file holds no vocabulary: give one with --vocabulary") == 0U);
}

BOOST_AUTO_TEST_CASE(a_vocabulary_of_another_size_is_refused_with_both_sizes) {
  const auto tensors = test::random_vit_clip();
  auto settings = test::small_clip_settings();
  settings.tokenizer = Tokenizer::from_merges("#version: 0.2\nt h\n", "other");
  BOOST_TEST(error_of([&] { Clip<VisionTransformer>(Weights(tensors, "clip.pt", torch::kFloat64), settings); }) ==
             "clip.pt: the vocabulary has 515 entries, the encoder knows 519");
}

BOOST_AUTO_TEST_CASE(what_stands_after_the_end_token_has_no_say) {
  const auto clip = test::small_vit_clip();
  const auto whole = clip.read_raw(ids({517, 3, 4, 518, 0, 0, 0}), ignore);
  const auto cut = clip.read_raw(ids({517, 3, 4, 518}), ignore);
  BOOST_TEST((whole - cut).abs().max().item<double>() < 1e-12);
}

BOOST_AUTO_TEST_CASE(products_in_bfloat16_are_near_those_in_float32_and_train) {
  for (const bool resnet : {false, true}) {
    const auto tensors = resnet ? test::random_resnet_clip() : test::random_vit_clip();
    auto settings = test::small_clip_settings(resnet);
    const auto exact = make_clip(tensors, "clip", settings);
    settings.products = torch::kBFloat16;
    const auto narrow = make_clip(tensors, "clip", settings);
    const auto images = torch::rand({2, 3, exact.resolution(), exact.resolution()}) * 2 - 1;
    const auto leaf = images.clone().requires_grad_(true);
    const auto a = exact.see(images).unit, b = narrow.see(leaf).unit;
    BOOST_TEST((b.scalar_type() == torch::kFloat32));
    BOOST_TEST((a - b).norm(2, 1).max().item<double>() < 0.1);  // of unit features: 8 bits a product
    const auto gradient = torch::autograd::grad({b.sum()}, {leaf})[0];
    BOOST_TEST(gradient.isfinite().all().item<bool>());
    BOOST_TEST(gradient.abs().max().item<double>() > 0);
  }
}

BOOST_AUTO_TEST_CASE(ids_of_another_shape_or_outside_the_vocabulary_are_errors) {
  const auto clip = test::small_vit_clip();
  BOOST_TEST(error_of([&] {
               clip.read(ids({517, 1, 1, 1, 1, 1, 1, 518}));
             }) == "token ids of shape [1, 8], expected [T, 7] or fewer tokens");
  BOOST_TEST(error_of([&] { clip.read(ids({517, 519, 0, 0, 0, 0, 0})); }) == "token ids outside the vocabulary of 519");
  BOOST_TEST(error_of([&] {
               clip.read(ids({517, -1, 518, 0, 0, 0, 0}));
             }) == "token ids outside the vocabulary of 519");
}

BOOST_AUTO_TEST_CASE(towers_of_images_and_texts_must_share_their_width) {
  auto tensors = test::random_vit_clip();
  tensors["text_projection"] = random({8, 5}, 1);
  BOOST_TEST(error_of([&] {
               Clip<VisionTransformer>(Weights(tensors, "clip", torch::kFloat64), test::small_clip_settings());
             }) == "clip: tensor text_projection has shape [8, 5], expected [8, 6] (-1: any)");
}

BOOST_AUTO_TEST_SUITE_END()
