#include <boost/test/unit_test.hpp>

#include <functional>
#include <limits>
#include <string>
#include <vector>

#include "nada/encoders/any_clip.hpp"
#include "nada/encoders/clip.hpp"
#include "nada/encoders/encoder.hpp"
#include "nada/encoders/modified_resnet.hpp"
#include "nada/encoders/preprocessing.hpp"
#include "nada/encoders/transformer.hpp"
#include "nada/formats/file.hpp"
#include "nada/formats/tensor_file.hpp"
#include "support/files.hpp"
#include "support/random_clip.hpp"

BOOST_AUTO_TEST_SUITE(encoders_any_clip)

using namespace nada;
using test::largest_difference;
using test::random;
using test::same_bits;

namespace {

static_assert(TextImageEncoder<AnyClip>);

Metadata metadata(bool resnet = false) {
  return {{"nada.kind", "encoder"},
          {"nada.format", "1"},
          {"nada.image_heads", resnet ? "4" : "2"},
          {"nada.text_heads", "2"},
          {"nada.merges", test::small_merges},
          {"nada.phrases", R"(["a cat", "the \"cat\""])"}};
}
TensorMap tensors(bool resnet = false) {
  return resnet ? test::random_resnet_clip(0, torch::kFloat32) : test::random_vit_clip(0, torch::kFloat32);
}

std::string load_error(const std::filesystem::path& path) {
  const auto text = error_of([&] { load_clip(path); });
  return text.find(path.string()) == 0 ? text.substr(path.string().size()) : "without the file: " + text;
}

}  // namespace

BOOST_AUTO_TEST_CASE(a_native_file_says_which_tower_it_has_and_everything_else) {
  const TemporaryFolder folder;
  const auto path = folder / "e.safetensors";
  for (const bool resnet : {false, true}) {
    save_tensors(path, tensors(resnet), metadata(resnet));
    const auto clip = load_clip(path, {}, torch::kCPU, torch::kFloat64);
    BOOST_TEST(clip.visit([](const auto& c) { return std::is_same_v<decltype(c), const Clip<ModifiedResNet>&>; }) ==
               resnet);
    BOOST_TEST(clip.width() == 6);
    BOOST_TEST(clip.resolution() == (resnet ? 64 : 8));
    BOOST_TEST(clip.phrases() == (std::vector<std::string>{"a cat", "the \"cat\""}), boost::test_tools::per_element());
    const std::vector<std::string> texts{"the cat"};
    const auto direct = make_clip(tensors(resnet), "clip", test::small_clip_settings(resnet), torch::kFloat64);
    BOOST_TEST(same_bits(clip.read(clip.tokenize(texts)), direct.read(direct.tokenize(texts))));
    const auto images = random({1, 3, 20, 20}, 1);
    BOOST_TEST(same_bits(clip.see(images).unit, direct.see(images).unit));
    BOOST_TEST(clip.score_scale() == std::exp(3.0), boost::test_tools::tolerance(1e-12));
  }
}

BOOST_AUTO_TEST_CASE(copies_share_the_weights) {
  const auto clip = make_clip(tensors(), "clip", test::small_clip_settings());
  const auto copy = clip;
  clip.visit(
      [&](const auto& a) { copy.visit([&](const auto& b) { BOOST_TEST(static_cast<const void*>(&a) == &b); }); });
}

BOOST_AUTO_TEST_CASE(metadata_sets_activation_mean_and_deviation) {
  auto more = metadata();
  more["nada.gelu"] = "erf";
  more["nada.image_mean"] = "0.5 0.25  1";
  more["nada.image_deviation"] = "1 2 3.5";
  const auto settings = clip_settings(more, "e");
  BOOST_TEST((settings.gelu == Gelu::erf));
  BOOST_TEST((settings.preprocessing.mean == std::array<double, 3>{0.5, 0.25, 1}));
  BOOST_TEST((settings.preprocessing.deviation == std::array<double, 3>{1, 2, 3.5}));
  BOOST_TEST(settings.image_heads == 2);
  const auto defaults = clip_settings({}, "e");
  BOOST_TEST((defaults.gelu == Gelu::quick));
  BOOST_TEST(defaults.image_heads == 0);
  BOOST_TEST(defaults.phrases.empty());
  BOOST_TEST((defaults.preprocessing.mean == Preprocessing{}.mean));
}

BOOST_AUTO_TEST_CASE(metadata_that_makes_no_sense_is_an_error_that_names_it) {
  const auto error = [](const char* key, const char* value) {
    return error_of([&] { clip_settings({{key, value}}, "e"); });
  };
  BOOST_TEST(error("nada.gelu", "exact") == "e: nada.gelu is 'exact', expected quick or erf");
  BOOST_TEST(error("nada.image_heads", "two") == "e: nada.image_heads is 'two', expected a number >= 0");
  BOOST_TEST(error("nada.text_heads", "-2") == "e: nada.text_heads is '-2', expected a number >= 0");
  BOOST_TEST(error("nada.image_mean", "0.5 0.5") == "e: nada.image_mean is '0.5 0.5', expected three numbers");
  BOOST_TEST(error("nada.image_mean", "1 2 3 4") == "e: nada.image_mean is '1 2 3 4', expected three numbers");
  BOOST_TEST(error("nada.image_deviation", "1 0 1") == "e: nada.image_deviation must be > 0");
  BOOST_TEST(error("nada.phrases", "{}") == "e: nada.phrases is not a JSON list");
  BOOST_TEST(error("nada.phrases", "[1]") == "e: nada.phrases holds something that is no text");
}

BOOST_AUTO_TEST_CASE(a_vocabulary_is_the_given_one_else_the_files_else_one_beside_it) {
  const TemporaryFolder folder;
  const auto path = folder / "e.safetensors";
  auto without = metadata();
  without.erase("nada.merges");
  save_tensors(path, tensors(), without);
  const std::vector<std::string> texts{"cat"};
  BOOST_TEST(error_of([&] { load_clip(path).tokenize(texts); }).find("holds no vocabulary") != std::string::npos);
  // Merges of the same number, told apart by what they join: "cat" is 2 symbols, 3 or 1.
  write_text(folder / "merges.txt", "#version: 0.2\nc a\nx y\nx z\ny z\nz z\n");
  write_text(folder / "given.txt", "#version: 0.2\nx x\nx y\nx z\ny z\nz z\n");
  const auto symbols = [&](const AnyClip& clip) { return clip.tokenize(texts).ne(0).sum().item<std::int64_t>() - 2; };
  BOOST_TEST(symbols(load_clip(path)) == 2);
  BOOST_TEST(symbols(load_clip(path, folder / "given.txt")) == 3);
  save_tensors(path, tensors(), metadata());
  BOOST_TEST(symbols(load_clip(path)) == 1);
  BOOST_TEST(symbols(load_clip(path, folder / "given.txt")) == 3);
}

BOOST_AUTO_TEST_CASE(openai_names_without_metadata_are_recognised) {
  const TemporaryFolder folder;
  const auto path = folder / "e.safetensors";
  test::RandomClip wide(1, torch::kFloat32);  // heads must follow from the widths: 64 has one
  wide.add("visual.class_embedding", {64}, 0.5);
  wide.add("visual.conv1.weight", {64, 3, 4, 4}, 0.2);
  wide.add("visual.positional_embedding", {5, 64}, 0.3);
  wide.norm("visual.ln_pre", 64);
  wide.norm("visual.ln_post", 64);
  wide.transformer("visual.transformer", 64, 1);
  wide.add("visual.proj", {64, 6}, 0.4);
  wide.add("token_embedding.weight", {test::small_vocabulary, 64}, 1);
  wide.add("positional_embedding", {7, 64}, 0.3);
  wide.transformer("transformer", 64, 1);
  wide.norm("ln_final", 64);
  wide.add("text_projection", {64, 6}, 0.4);
  wide.add("logit_scale", {}, 0.1, 3);
  save_tensors(path, wide.tensors, {});
  BOOST_TEST(load_clip(path).see(random({1, 3, 8, 8}, 1).to(torch::kFloat32)).unit.size(1) == 6);
}

BOOST_AUTO_TEST_CASE(a_generator_given_as_an_encoder_and_other_files_are_refused_with_what_they_are) {
  const TemporaryFolder folder;
  const auto path = folder / "g.safetensors";
  save_tensors(path, {{"t", torch::ones({1})}}, {{"nada.kind", "generator"}, {"nada.format", "1"}});
  BOOST_TEST(load_error(path) == " is a StyleGAN2 generator, expected a CLIP encoder");
  save_tensors(path, {{"input.input", torch::ones({1})}, {"conv1.conv.weight", torch::ones({1})}}, {});
  BOOST_TEST(load_error(path) == " is a StyleGAN2 generator with rosinality's names, expected a CLIP encoder");
  save_tensors(path, {{"t", torch::ones({1})}}, {});
  BOOST_TEST(load_error(path) == " is no model file that is known here, expected a CLIP encoder");
}

BOOST_AUTO_TEST_CASE(a_tower_that_is_none_nan_and_a_wrong_vocabulary_are_errors_that_name_the_file) {
  const TemporaryFolder folder;
  const auto path = folder / "e.safetensors";
  const auto error_with = [&](const std::function<void(TensorMap&, Metadata&)>& change) {
    auto t = tensors();
    auto m = metadata();
    change(t, m);
    save_tensors(path, t, m);
    return load_error(path);
  };
  BOOST_TEST(error_with([](auto&, auto&) {}) == "without the file: ");
  BOOST_TEST(error_with([](TensorMap& t, auto&) {
               t.erase("visual.proj");
             }).find(": the image tower is neither a vision transformer") == 0U);
  BOOST_TEST(error_with([](TensorMap& t, auto&) {
               t["ln_final.bias"] = torch::full({8}, std::numeric_limits<float>::quiet_NaN());
             }) == ": tensor ln_final.bias holds NaN or infinity, expected finite numbers");
  BOOST_TEST(error_with([](TensorMap& t, auto&) { t["ln_final.bias"] = torch::ones({8}, torch::kInt32); }) ==
             ": tensor ln_final.bias does not hold floating-point numbers");
  BOOST_TEST(error_with([](TensorMap& t, auto&) { t.erase("ln_final.bias"); }) == ": tensor ln_final.bias is missing");
  BOOST_TEST(error_with([](auto&, Metadata& m) { m["nada.merges"] = "#version: 0.2\nt h\n"; }) ==
             ": the vocabulary has 515 entries, the encoder knows 519");
}

BOOST_AUTO_TEST_SUITE_END()
