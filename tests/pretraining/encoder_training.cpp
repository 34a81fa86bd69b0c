#include <boost/test/unit_test.hpp>

#include "nada/core/stream.hpp"
#include "nada/core/tensor.hpp"
#include "nada/encoders/clip.hpp"
#include "nada/encoders/encoder.hpp"
#include "nada/encoders/tokenizer.hpp"
#include "nada/formats/file.hpp"
#include "nada/formats/safetensors.hpp"
#include "nada/formats/tensor_file.hpp"
#include "nada/pretraining/augmentation.hpp"
#include "nada/pretraining/byte_pairs.hpp"
#include "nada/pretraining/contrastive.hpp"
#include "nada/pretraining/encoder_evaluation.hpp"
#include "nada/pretraining/encoder_training.hpp"
#include "nada/pretraining/image_set.hpp"
#include "nada/pretraining/initial_encoder.hpp"
#include "support/files.hpp"
#include "support/finite_differences.hpp"
#include "support/tiny.hpp"

BOOST_AUTO_TEST_SUITE(pretraining_encoder_training)

using namespace nada;

namespace {

const std::vector<std::string> texts = {"a red picture", "a green picture", "a blue picture", "this is a dark picture"};

ClipSettings clip() {
  ClipSettings out;
  out.preprocessing.mean = out.preprocessing.deviation = {0.5, 0.5, 0.5};
  out.tokenizer = Tokenizer::from_merges(learn_byte_pairs(texts, 100), "merges");
  out.image_heads = 2;
  out.text_heads = 2;
  return out;
}

EncoderTraining training(bool residual, EncoderTrainingSettings settings) {
  const auto shape =
      EncoderShape{.resolution = 32,
                   .embedding = 8,
                   .width = residual ? 4 : 16,
                   .patch = residual ? 0 : 16,
                   .layers = residual ? std::vector<std::int64_t>{1, 1, 1, 1} : std::vector<std::int64_t>{1},
                   .context = 12,
                   .vocabulary = clip().tokenizer->vocabulary_size(),
                   .text_width = 16,
                   .text_layers = 1};
  return EncoderTraining(initial_encoder(shape, {1, 0}), clip(), settings);
}

/// Pictures of one colour each with their caption; pictures 2 k and 2 k + 1 are of one content.
CaptionedBatch batch(std::int64_t step) {
  CaptionedBatch out;
  const auto u = Stream{4, step}.uniform(Purpose::samples, {8, 1});
  out.images = 0.1 * Stream{4, step}.normal(Purpose::samples, {8, 3, 32, 32});
  out.unit = torch::tensor({0, 0, 2, 2, 4, 4, 6, 6});
  for (std::int64_t i = 0; i < 8; ++i) {
    const auto colour = i % 2 == 0 ? 3 : static_cast<std::int64_t>(u[i].item<double>() * 3);
    out.images[i] -= 0.6;
    if (colour < 3) out.images[i][colour] += 1.2;
    out.captions.push_back(texts[static_cast<std::size_t>(colour)]);
    if (i % 2 == 1) out.pairs.emplace_back(i - 1, i);
  }
  return out;
}

}  // namespace

BOOST_AUTO_TEST_CASE(byte_pairs_join_what_stands_together_most_often) {
  const std::vector<std::string> corpus = {"low low low low low", "lower lower",
                                           "newest newest newest newest newest newest", "widest widest widest"};
  // The example of arXiv:1508.07909: es, est, est</w>, lo, low. Here the end belongs to the last symbol.
  const auto merges = learn_byte_pairs(corpus, 3);
  BOOST_TEST(merges == "#version: 0.2\ne s\nes t</w>\nl o\n");
  const auto tokenizer = Tokenizer::from_merges(learn_byte_pairs(corpus, 100), "merges");
  BOOST_TEST(tokenizer.ids("newest low").size() == 2U);
  BOOST_TEST(tokenizer.ids("Lowest").size() > 1U);
  const auto words = words_of(corpus);
  BOOST_TEST(words.size() == 4U);
}

BOOST_AUTO_TEST_CASE(contrastive_loss_is_that_of_clip_where_captions_differ_and_knows_equal_ones) {
  const auto u = unit(test::random({4, 6}, 1)), t = unit(test::random({4, 6}, 2));
  const auto scale = torch::full({}, 5.0, torch::kFloat64);
  const auto scores = 5 * u.matmul(t.t());
  const auto own = torch::arange(4);
  const auto clip_loss =
      (at::nll_loss(at::log_softmax(scores, 1), own) + at::nll_loss(at::log_softmax(scores.t(), 1), own)) / 2;
  BOOST_TEST(test::number(contrastive_loss(u, t, own, scale)) == test::number(clip_loss),
             boost::test_tools::tolerance(1e-12));
  const auto equal = u[0].expand({4, 6});
  BOOST_TEST(test::number(contrastive_loss(equal, equal, own, scale)) == std::log(4.0),
             boost::test_tools::tolerance(1e-12));
  // Two perfect pairs of twins: nothing is lost between twins but log 2.
  const auto twins = torch::eye(2, torch::kFloat64).index_select(0, torch::tensor({0, 0, 1, 1}));
  const auto which = torch::tensor({0, 0, 1, 1});
  BOOST_TEST(
      test::number(contrastive_loss(twins, twins, which, torch::full({}, 100.0, torch::kFloat64))) == std::log(2.0),
      boost::test_tools::tolerance(1e-9));
  test::check_gradient([&](const Tensor& x) { return contrastive_loss(x, t, which, scale); }, u);
}

BOOST_AUTO_TEST_CASE(naming_loss_is_cross_entropy_over_the_pictures_that_have_a_text) {
  const auto u = unit(test::random({5, 6}, 1)), t = unit(test::random({3, 6}, 2));
  const auto scale = torch::full({}, 4.0, torch::kFloat64);
  const std::vector<std::int64_t> places = {2, -1, 0, 1, -1};
  double expected = 0;
  for (const std::int64_t i : {0, 2, 3}) {
    double all = 0;
    for (std::int64_t c = 0; c < 3; ++c) all += std::exp(4 * test::number((u[i] * t[c]).sum()));
    const auto own = places[static_cast<std::size_t>(i)];
    expected += (std::log(all) - 4 * test::number((u[i] * t[own]).sum())) / 3;
  }
  const auto truth = torch::tensor(places);
  BOOST_TEST(test::number(naming_loss(u, t, truth, scale)) == expected, boost::test_tools::tolerance(1e-12));
  BOOST_TEST(test::number(naming_loss(u, t, torch::full({5}, -1, torch::kInt64), scale)) == 0);
  test::check_gradient([&](const Tensor& x) { return naming_loss(x, t, truth, scale); }, u);
  test::check_gradient([&](const Tensor& x) { return naming_loss(u, x, truth, scale); }, t);
  BOOST_TEST(error_of([&] { naming_loss(u, t, torch::zeros({4}, torch::kInt64), scale); }) ==
             "naming loss: features of [5, 6] and [3, 6], truth [4]");
}

BOOST_AUTO_TEST_CASE(mixed_naming_loss_asks_for_both_texts_by_their_shares) {
  const auto u = unit(test::random({4, 6}, 1)), t = unit(test::random({3, 6}, 2));
  const auto scale = torch::full({}, 4.0, torch::kFloat64);
  const std::vector<std::int64_t> from = {2, -1, 0, 1}, to = {0, 1, 0, -1};
  const auto share = torch::tensor({0.25, 0.5, 0.7, 0.1}, torch::kFloat64);
  double expected = 0;
  for (const std::int64_t i : {0, 2}) {
    double all = 0;
    const auto score = [&](std::int64_t c) { return 4 * test::number((u[i] * t[c]).sum()); };
    for (std::int64_t c = 0; c < 3; ++c) all += std::exp(score(c));
    const auto w = test::number(share[i]);
    const auto k = static_cast<std::size_t>(i);
    expected += (std::log(all) - (1 - w) * score(from[k]) - w * score(to[k])) / 2;
  }
  const auto a = torch::tensor(from), b = torch::tensor(to);
  BOOST_TEST(test::number(mixed_naming_loss(u, t, a, b, share, scale)) == expected,
             boost::test_tools::tolerance(1e-12));
  BOOST_TEST(test::number(mixed_naming_loss(u, t, a, torch::full({4}, -1, torch::kInt64), share, scale)) == 0);
  test::check_gradient([&](const Tensor& x) { return mixed_naming_loss(x, t, a, b, share, scale); }, u);
  test::check_gradient([&](const Tensor& x) { return mixed_naming_loss(u, x, a, b, share, scale); }, t);
  BOOST_TEST(error_of([&] { mixed_naming_loss(u, t, a, b, share.narrow(0, 0, 3), scale); }) ==
             "mixed naming loss: features of [4, 6] and [3, 6], texts [4] and [4], shares [3]");
}

BOOST_AUTO_TEST_CASE(step_loss_is_zero_two_and_none) {
  const auto u = test::random({4, 6}, 3);
  const std::vector<std::pair<std::int64_t, std::int64_t>> pairs = {{0, 1}, {2, 3}};
  BOOST_TEST(std::abs(test::number(step_loss(u, 3 * u + 1, pairs))) < 1e-12);
  BOOST_TEST(std::abs(test::number(step_loss(u, -u, pairs)) - 2) < 1e-12);
  BOOST_TEST(test::number(step_loss(u, u, {})) == 0);
  const auto t = test::random({4, 6}, 4);
  test::check_gradient([&](const Tensor& x) { return step_loss(x, t, pairs); }, u);
}

BOOST_AUTO_TEST_CASE(a_share_of_an_augmentation_goes_as_far) {
  const Augmentation whole;
  const auto images = torch::full({64, 3, 8, 8}, 0.3);
  const auto unit = torch::arange(64);
  const auto farthest = [&](double share) {
    auto augmentation = whole.times(share);
    augmentation.noise = 0;
    return (augmentation(images, unit, {7, 1}) - images).abs().max().item<double>();
  };
  // Of a picture of one value v only contrast c and brightness b show: v (1 + c) + b.
  BOOST_TEST(farthest(0) < 1e-6);
  for (const double share : {0.25, 1.0}) {
    BOOST_TEST(farthest(share) < share * (0.3 * whole.contrast + whole.brightness));
    BOOST_TEST(farthest(share) > share * 0.5 * (0.3 * whole.contrast + whole.brightness));
  }
  BOOST_TEST(whole.times(0.4).min_side == 0.9, boost::test_tools::tolerance(1e-12));
  BOOST_TEST(whole.times(0.4).max_side == 1.04, boost::test_tools::tolerance(1e-12));
}

BOOST_AUTO_TEST_CASE(augmentation_changes_pictures_of_one_content_alike) {
  const auto image = test::random({1, 3, 16, 16}, 5).to(torch::kFloat32).clamp(-1, 1).expand({4, 3, 16, 16});
  Augmentation augmentation;
  augmentation.noise = 0;
  const auto out = augmentation(image, torch::tensor({0, 0, 2, 2}), {7, 1});
  BOOST_TEST(test::largest_difference(out[0], out[1]) == 0);
  BOOST_TEST(test::largest_difference(out[0], out[2]) > 0.1);
  BOOST_TEST(out.abs().max().item<double>() <= 1);
  const Augmentation none{1, 1, 0, 0, 0, 0, 0};  // but for a shift of at most a twentieth
  const auto same = none(torch::full({2, 3, 16, 16}, 0.3), torch::tensor({0, 1}), {7, 1});
  BOOST_TEST(test::largest_difference(same, torch::full_like(same, 0.3)) < 1e-5);
}

BOOST_AUTO_TEST_CASE(both_towers_learn_colours_and_steps_and_name_pictures) {
  for (const bool residual : {true, false}) {
    EncoderTrainingSettings settings{.radius = 1};
    settings.adam.rate = 0.003;
    settings.augmentation.noise = 0.05;
    auto run = training(residual, settings);
    double last = 0, step_term = 0;
    const std::int64_t steps = 150;
    for (std::int64_t step = 0; step < steps; ++step) {
      const auto found = run.step(batch(step));
      if (step >= steps - 10) last += found.contrastive / 10, step_term += found.step / 10;
    }
    // The best that batches of 4 dark pictures and 4 of three colours allow is about 1.1 (positives share).
    BOOST_TEST(step_term < 0.3, "step term " << step_term);
    const auto encoder = run.encoder();
    const auto seen = encoder.see(batch(1000).images);
    const auto guess = seen.unit.matmul(encoder.read(encoder.tokenize(texts)).t()).argmax(1);
    std::int64_t right = 0;
    for (std::int64_t i = 0; i < 8; ++i)
      right += texts[static_cast<std::size_t>(guess[i].item<std::int64_t>())] ==
               batch(1000).captions[static_cast<std::size_t>(i)];
    BOOST_TEST(right >= 7, (residual ? "residual" : "transformer") << " names " << right << " of 8; loss " << last);
  }
}

BOOST_AUTO_TEST_CASE(columns_teach_what_captions_do_not_tell) {
  const auto named_right = [](double column_weight) {
    EncoderTrainingSettings settings{.column_weight = column_weight};
    settings.adam.rate = 0.003;
    auto run = training(true, settings);
    const std::vector<std::string> colours(texts.begin(), texts.begin() + 3);
    const auto silent = [&](std::int64_t step) {  // the same pictures, whose captions all say the same
      auto out = batch(step);
      std::vector<std::int64_t> truth;
      for (auto& caption : out.captions) {
        const auto at = std::find(colours.begin(), colours.end(), caption) - colours.begin();
        truth.push_back(at < 3 ? at : -1);
        caption = texts[3];
      }
      out.pairs.clear();
      out.columns = {{colours, torch::tensor(truth)}};
      return out;
    };
    for (std::int64_t step = 0; step < 100; ++step) run.step(silent(step));
    const auto encoder = run.encoder();
    std::int64_t right = 0, all = 0;
    for (std::int64_t step = 1000; step < 1006; ++step) {
      const auto now = silent(step);
      const auto guess = encoder.see(now.images).unit.matmul(encoder.read(encoder.tokenize(colours)).t()).argmax(1);
      const auto named = now.columns[0].truth >= 0;
      right += ((guess == now.columns[0].truth) & named).sum().item<std::int64_t>();
      all += named.sum().item<std::int64_t>();
    }
    return static_cast<double>(right) / static_cast<double>(all);
  };
  BOOST_TEST(named_right(1) >= 0.9);
  BOOST_TEST(named_right(0) <= 0.7);
}

BOOST_AUTO_TEST_CASE(pictures_changed_in_a_part_are_named_by_both_texts) {
  // How sure an encoder is of what it sees where one half of a picture is red and the other dark. All pictures have two
  // halves, of which one is darker, so that one half can change alone.
  const auto halves = [](Tensor images) {
    images.narrow(3, 16, 16) -= 0.35;
    return images;
  };
  const auto sureness = [&](double mix_weight) {
    EncoderTrainingSettings settings{.mix_weight = mix_weight};
    settings.adam.rate = 0.003;
    settings.augmentation.noise = 0.02;
    auto run = training(true, settings);
    for (std::int64_t step = 0; step < 200; ++step) {
      auto now = batch(step);
      now.images = halves((now.images * 5).round() / 5);  // its noise, of deviation 0.1, becomes rare
      run.step(now);
    }
    auto images = torch::full({2, 3, 32, 32}, -0.6);
    for (std::int64_t i = 0; i < 2; ++i) images[i][0].narrow(1, i * 16, 16) += 1.2;
    const auto encoder = run.encoder();
    const auto among = encoder.read(encoder.tokenize(std::vector<std::string>{texts[0], texts[3]}));
    const auto scores = run.tensors().at("logit_scale").exp() * encoder.see(halves(images)).unit.matmul(among.t());
    return (at::softmax(scores, 1).select(1, 0) - 0.5).abs().mean().item<double>();  // 0: both; 0.5: one alone
  };
  BOOST_TEST(sureness(1) < 0.3);
  BOOST_TEST(sureness(0) > 0.35);
}

BOOST_AUTO_TEST_CASE(goes_on_bit_for_bit_after_saving_and_loading) {
  const TemporaryFolder folder;
  for (const bool residual : {true, false}) {
    const EncoderTrainingSettings settings{.mix_weight = 1, .radius = 2};
    auto whole = training(residual, settings);
    for (std::int64_t step = 0; step < 6; ++step) whole.step(batch(step));
    auto first = training(residual, settings);
    for (std::int64_t step = 0; step < 3; ++step) first.step(batch(step));
    save_tensors(folder / "state.safetensors", first.state(), {});
    auto second = training(residual, settings);
    second.restore(to_tensors(Safetensors::open(folder / "state.safetensors")), "state");
    for (std::int64_t step = 3; step < 6; ++step) second.step(batch(step));
    const auto a = whole.tensors(), b = second.tensors();
    BOOST_TEST(a.size() == b.size());
    for (const auto& [name, value] : a) BOOST_TEST(test::same_bits(value, b.at(name)), name);
  }
}

BOOST_AUTO_TEST_CASE(running_statistics_converge_to_those_of_the_pictures) {
  EncoderTrainingSettings settings;
  settings.adam.rate = 1e-12;  // nothing else moves
  auto run = training(true, settings);
  for (int step = 0; step < 80; ++step) run.step(batch(0));
  // In training the first norm gives zero mean and unit variance a channel; folded with the running statistics it must
  // too, as far as the augmentation's draws differ.
  const auto tensors = run.tensors();
  const auto mean = tensors.at("visual.bn1.running_mean");
  const auto x = at::conv2d(batch(0).images, tensors.at("visual.conv1.weight"), {}, 2, 1);
  const auto direct = x.mean(at::IntArrayRef{0, 2, 3});
  BOOST_TEST(test::largest_difference(mean, direct) < 0.25 * direct.abs().max().item<double>() + 0.02);
  BOOST_TEST(tensors.at("visual.bn1.running_var").min().item<double>() > 0);
}

BOOST_AUTO_TEST_CASE(measures_of_an_encoder_that_knows_everything_are_one) {
  // Pictures whose first pixels spell their class; an encoder that reads them.
  struct Oracle {
    std::vector<std::string> known;
    Features see(const Tensor& images, Wanted) const {
      const auto raw = images.flatten(1).narrow(1, 0, 8).to(torch::kFloat64);
      return {unit(raw), raw, {}};
    }
    Tensor tokenize(std::span<const std::string> all) const {
      auto out = torch::zeros({static_cast<std::int64_t>(all.size()), 1}, torch::kInt64);
      for (std::size_t i = 0; i < all.size(); ++i)
        out[static_cast<std::int64_t>(i)] = std::find(known.begin(), known.end(), all[i]) - known.begin();
      return out;
    }
    Tensor read(const Tensor& ids) const {
      return torch::eye(8, torch::kFloat64).index_select(0, ids.select(1, 0)) * 2 - 0.9;
    }
    double score_scale() const { return 1; }
  };
  const TemporaryFolder folder;
  auto images = torch::zeros({8, 3, 8, 8}, torch::kUInt8);
  std::string table = "caption,group,kind\n";
  Oracle oracle;
  for (int i = 0; i < 8; ++i) {
    images[i][0][0][i] = 255;
    oracle.known.push_back(join("text ", i));
    table += join("text ", i, ",g", i / 2, ",", i < 4 ? join("text ", i) : "", "\n");
  }
  save_tensors(folder / "0.safetensors", {{"images", images}}, {});
  write_text(folder / "0.csv", table);
  const auto set = ImageSet::open(folder.path());
  const auto seen = see_set(oracle, set, spread_pictures(set, 100));
  BOOST_TEST(seen.pictures.size() == 8U);
  const auto named = zero_shot(oracle, seen, "kind");
  BOOST_TEST(named.classes == 4);
  BOOST_TEST(named.accuracy == 1);
  BOOST_TEST(retrieval(oracle, seen, 8) == 1);
  BOOST_TEST(std::isnan(retrieval(oracle, seen, 9)));
  BOOST_TEST(direction_agreement(oracle, seen) == 1, boost::test_tools::tolerance(1e-9));
  std::swap(oracle.known[0], oracle.known[1]);  // now two classes are taken for each other
  BOOST_TEST(zero_shot(oracle, seen, "kind").accuracy == 0.5);
  BOOST_TEST(retrieval(oracle, seen, 8) == 0.75);
  BOOST_TEST(spread_pictures(set, 4).size() == 4U);  // every second group, whole
}

BOOST_AUTO_TEST_CASE(refuses_batches_without_captions_and_shapes_that_do_not_fit) {
  auto run = training(false, {});
  auto wrong = batch(0);
  wrong.captions.pop_back();
  BOOST_TEST(error_of([&] { run.step(wrong); }) == "a batch of 8 pictures with 7 captions");
  BOOST_TEST(error_of([] { initial_encoder({.resolution = 48, .vocabulary = 600}, {}); }).find("that 32 divides") !=
             std::string::npos);
  BOOST_TEST(error_of([] { initial_encoder({.patch = 7, .vocabulary = 600}, {}); }).find("do not divide") !=
             std::string::npos);
}

BOOST_AUTO_TEST_SUITE_END()
