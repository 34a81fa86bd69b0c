#include <boost/test/unit_test.hpp>

#include "nada/core/error.hpp"
#include "nada/core/stream.hpp"
#include "nada/core/tensor.hpp"
#include "nada/encoders/step_head.hpp"
#include "nada/pretraining/image_set.hpp"
#include "nada/pretraining/step_head_training.hpp"
#include "support/files.hpp"
#include "support/step_pairs.hpp"
#include "support/tiny.hpp"

BOOST_AUTO_TEST_SUITE(pretraining_step_head_training)

using namespace nada;

namespace {

TensorMap new_head(const AnyClip& clip) {
  return initial_step_head(
      {.levels = clip.dense_levels(), .embedding = clip.width(), .width = 12, .blocks = 2, .directions = 4}, {1, 0});
}

/// A folder of pairs, and a small encoder that reads their captions.
struct Example {
  explicit Example(std::int64_t count) : set(written(count)), clip(test::pair_clip()), pairs(set, clip) {}

  TemporaryFolder folder;
  ImageSet set;
  AnyClip clip;
  StepPairSource pairs;

 private:
  ImageSet written(std::int64_t count) const {
    test::write_pairs(folder / "pairs", count);
    return ImageSet::open(folder / "pairs");
  }
};

}  // namespace

BOOST_AUTO_TEST_CASE(learns_steps_that_depend_on_the_picture) {
  const Example example(24);
  const auto& [folder, set, clip, pairs] = example;
  BOOST_TEST(pairs.size() == 24);
  StepHeadTraining training(clip, new_head(clip),
                            {.adam = {.rate = 0.01, .beta1 = 0.9, .beta2 = 0.98}, .text_noise = 0});
  for (int i = 0; i < 120; ++i) training.step(pairs.draw(8, false, Stream{0, i + 1}));
  const auto negatives = pairs.at(pairs.with_text("style", "a negative", 8));
  const auto found = explained_energy(clip, training.head(), negatives);
  // The step of a negative is -2 x: its mean over random pictures is about 0, so that no constant step explains it.
  const auto truth = clip.see_dense(negatives.after)[0] - clip.see_dense(negatives.before)[0];
  const auto constant = 1 - (truth - truth.mean(0, true)).square().sum() / truth.square().sum();
  BOOST_TEST(found[0] > 0.65);
  BOOST_TEST(found[0] > constant.item<double>() + 0.2);
}

BOOST_AUTO_TEST_CASE(a_level_of_pixels_learns_a_step_that_the_picture_tells) {
  const Example example(24);
  const auto& [folder, set, clip, pairs] = example;
  auto head = initial_step_head({.levels = {}, .pixels = true, .embedding = 8, .width = 48, .blocks = 1}, {2, 0});
  StepHeadTraining training(clip, head, {.adam = {.rate = 0.01, .beta1 = 0.9, .beta2 = 0.98}, .text_noise = 0});
  for (int i = 0; i < 120; ++i) training.step(pairs.draw(8, false, Stream{0, i + 1}));
  const auto negatives = pairs.at(pairs.with_text("style", "a negative", 8));
  const auto found = explained_energy(clip, training.head(), negatives);
  BOOST_REQUIRE(found.size() == 1U);
  BOOST_TEST(found[0] > 0.6);  // of a step of -2 x, of which a constant step explains next to nothing
  const auto step = training.head()(negatives.before, negatives.step)[0] * training.head().scale()[0];
  BOOST_TEST((step * negatives.before).sum().item<double>() < 0);
}

BOOST_AUTO_TEST_CASE(scales_that_are_measured_stay_as_they_are) {
  const Example example(6);
  const auto& [folder, set, clip, pairs] = example;
  auto head = new_head(clip);
  head["step_head.scale"] = torch::tensor({3.0F, 1.0F});
  StepHeadTraining training(clip, head, {.measured = 1});
  training.step(pairs.draw(4, true, Stream{0, 1}));
  const auto scale = training.tensors().at("step_head.scale");
  BOOST_TEST(scale[0].item<float>() == 3);
  BOOST_TEST(scale[1].item<float>() != 1);
}

BOOST_AUTO_TEST_CASE(a_restored_training_takes_the_same_steps) {
  const Example example(6);
  const auto& [folder, set, clip, pairs] = example;
  StepHeadTraining whole(clip, new_head(clip), {.seed = 5}), half(clip, new_head(clip), {.seed = 5});
  const auto draw = [&](int i) { return pairs.draw(4, true, Stream{0, i + 1}); };
  for (int i = 0; i < 6; ++i) whole.step(draw(i));
  for (int i = 0; i < 3; ++i) half.step(draw(i));
  StepHeadTraining rest(clip, new_head(clip), {.seed = 5});
  rest.restore(half.state(), "state");
  for (int i = 3; i < 6; ++i) rest.step(draw(i));
  const auto a = whole.tensors(), b = rest.tensors();
  for (const auto& [name, value] : a) BOOST_TEST(at::equal(value, b.at(name)), name);
}

BOOST_AUTO_TEST_CASE(directions_are_the_steps_between_the_tables_texts) {
  const TemporaryFolder folder;
  test::write_pairs(folder / "pairs", 6);
  const auto set = ImageSet::open(folder / "pairs");
  const auto clip = test::pair_clip();
  StepPairSource pairs(set, clip);
  const std::vector<std::string> texts{"a face", "a negative", "a dark face"};
  const auto features = clip.read(clip.tokenize(texts));
  const auto found = pairs.directions(9, 0);
  BOOST_REQUIRE(found.size(0) == 2);
  BOOST_TEST(test::largest_difference(found[0], unit(features[2] - features[0])) < 1e-5);
  BOOST_TEST(test::largest_difference(found[1], unit(features[1] - features[0])) < 1e-5);
  pairs.leave_out("style", "a negative");
  BOOST_TEST(pairs.size() == 3);
  BOOST_TEST(pairs.directions(9, 0).size(0) == 1);
}

BOOST_AUTO_TEST_CASE(pictures_without_pairs_are_an_error) {
  const TemporaryFolder folder;
  save_tensors(folder / "0.safetensors", {{"images", torch::zeros({2, 3, 16, 16}, torch::kUInt8)}}, {});
  write_text(folder / "0.csv", "caption,group\na face,\na face,\n");
  const auto set = ImageSet::open(folder.path());
  const auto clip = test::pair_clip();
  BOOST_TEST(error_of([&] { StepPairSource(set, clip); }).starts_with("no pairs to learn steps from"));
}

BOOST_AUTO_TEST_SUITE_END()
