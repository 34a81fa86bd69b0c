#include <boost/test/unit_test.hpp>

#include <cmath>
#include <map>
#include <string>
#include <string_view>

#include "nada/core/stream.hpp"
#include "nada/core/tensor.hpp"
#include "nada/formats/safetensors.hpp"
#include "nada/formats/tensor_file.hpp"
#include "nada/generators/generator.hpp"
#include "nada/generators/stylegan2.hpp"
#include "nada/generators/stylegan2_ops.hpp"
#include "nada/metrics/frechet.hpp"
#include "nada/pretraining/adaptive_augmentation.hpp"
#include "nada/pretraining/discriminator.hpp"
#include "nada/pretraining/gan_loss.hpp"
#include "nada/pretraining/generator_training.hpp"
#include "nada/pretraining/regularizer.hpp"
#include "support/files.hpp"
#include "support/tiny.hpp"

BOOST_AUTO_TEST_SUITE(pretraining_generator_training)

using namespace nada;

namespace {

const GeneratorShape tiny{.channels = {6, 4}, .latents = 5, .styles = 6, .mapping_layers = 2};

template <class Augment = NoAugmentation>
auto training(GeneratorTrainingSettings settings, std::int64_t path_every = 0, Augment augmentation = {}) {
  const Stream stream{3, 0};
  settings.batch = 4;
  return GeneratorTraining(
      initial_generator(tiny, stream),
      StyleGan2Discriminator(initial_discriminator({.channels = {6, 8}, .stem = 1, .resolution = 8}, stream)),
      NonSaturatingLogistic{}, R1{.gamma = 0.1, .every = 2}, PathLength{.every = path_every}, settings,
      std::move(augmentation));
}

/// Pictures whose upper half is bright and whose lower half is dark.
Tensor pictures(std::int64_t step) {
  auto out = 0.1 * Stream{9, step}.normal(Purpose::samples, {4, 3, 8, 8});
  out.narrow(2, 0, 4) += 0.6;
  out.narrow(2, 4, 4) -= 0.6;
  return out.clamp(-1, 1);
}

Tensor samples(const StyleGan2& generator) {
  const torch::NoGradGuard no_grad;
  return generator.synthesize(generator.map(Stream{1, 0}.normal(Purpose::latents, {16, generator.latent_size()})),
                              {.noise = Noise::none});
}

bool same(const StyleGan2& a, const StyleGan2& b) {
  const auto x = a.tensors(), y = b.tensors();
  return std::ranges::equal(
      x, y, [](const auto& p, const auto& q) { return p.first == q.first && test::same_bits(p.second, q.second); });
}

}  // namespace

BOOST_AUTO_TEST_CASE(a_grown_generator_draws_the_pictures_of_the_smaller_one_upsampled) {
  const Stream stream{5, 0};
  const StyleGan2 small(initial_generator(tiny, stream));
  const StyleGan2 grown(grown_generator(small, {4, 3}, stream));
  BOOST_TEST(grown.resolution() == 32);
  BOOST_TEST(grown.style_count() == small.style_count() + 4);
  const auto w = stream.normal(Purpose::evaluation, {2, 1, tiny.styles});
  const auto expected =
      stylegan2::upsample(stylegan2::upsample(small.synthesize(w.expand({2, small.style_count(), tiny.styles}), {})));
  const auto found = grown.synthesize(w.expand({2, grown.style_count(), tiny.styles}), {});
  BOOST_TEST((found - expected).abs().max().item<double>() < 1e-6);
  BOOST_TEST(grown.tensors().at("conv.32.1.weight").sizes() == (at::IntArrayRef{3, 3, 3, 3}));
}

BOOST_AUTO_TEST_CASE(a_grown_generator_needs_channels_in_each_block) {
  const Stream stream{5, 0};
  BOOST_CHECK_THROW(grown_generator(StyleGan2(initial_generator(tiny, stream)), {4, 0}, stream), Error);
}

BOOST_AUTO_TEST_CASE(a_new_generator_makes_images_of_the_promised_size_whose_activations_have_unit_scale) {
  const StyleGan2 generator(initial_generator({}, {0, 0}));
  BOOST_TEST(generator.resolution() == 64);
  BOOST_TEST(generator.style_count() == 10);
  const torch::NoGradGuard no_grad;
  const auto w = generator.map(Stream{1, 0}.normal(Purpose::latents, {8, 128}));
  std::map<std::string, double> sizes;
  generator.synthesize(w, {.noise = Noise::none}, [&](std::string_view name, const Tensor& x) {
    sizes[std::string(name)] = std::sqrt(x.square().mean().item<double>());
  });
  for (const auto& [name, size] : sizes)
    if (name.starts_with("conv.")) BOOST_TEST((size > 0.4 && size < 2.5), name << " has the size " << size);
}

BOOST_AUTO_TEST_CASE(at_a_width_of_512_each_layer_keeps_the_mean_square_of_what_it_reads_within_a_tenth) {
  // An activation has the mean square (1 + 0.2^2) / 2 * sqrt(2)^2 = 1.04 of what it is applied to. An upsampling
  // convolution reads the upsampled image. Where kernels reach over the border into zeros is left out. One generator's
  // layers lie up to 15% from it by chance; four are averaged.
  constexpr int generators = 4;
  const torch::NoGradGuard no_grad;
  std::map<std::string, double> shares;
  for (std::uint64_t seed = 0; seed < generators; ++seed) {
    const StyleGan2 generator(initial_generator({.channels = {512, 512}, .latents = 512, .styles = 512}, {seed, 0}));
    const auto w = generator.map(Stream{1, 0}.normal(Purpose::latents, {64, 512}));
    shares["mapping"] += test::number(w.square().mean()) / std::pow(1.04, 4) / generators;  // four layers; z has 1
    auto read = generator.slot(find_layer(generator.layers(), "const"), 0).unsqueeze(0);
    generator.synthesize(w.narrow(0, 0, 4), {.noise = Noise::none}, [&](std::string_view name, const Tensor& x) {
      if (!name.starts_with("conv.")) return;
      if (read.size(2) < x.size(2)) read = stylegan2::upsample(read);
      const auto inside = x.narrow(2, 1, x.size(2) - 2).narrow(3, 1, x.size(3) - 2);
      const auto under_kernels = at::avg_pool2d(read.square(), 3, 1);
      shares[std::string(name)] += test::number(inside.square().mean() / under_kernels.mean()) / 1.04 / generators;
      read = x;
    });
  }
  BOOST_TEST(shares.size() == 4U);
  for (const auto& [name, share] : shares) BOOST_TEST(std::abs(share - 1) < 0.1, name << " keeps " << share);
}

BOOST_AUTO_TEST_CASE(learns_where_pictures_are_bright) {
  auto run = training({.average_images = 100});
  const auto before = samples(run.average());
  for (std::int64_t step = 0; step < 250; ++step) run.step(pictures(step));
  const auto after = samples(run.average());
  const auto contrast = [](const Tensor& x) {
    return (x.narrow(2, 0, 4).mean() - x.narrow(2, 4, 4).mean()).item<double>();
  };
  BOOST_TEST(std::abs(contrast(before)) < 0.4);
  BOOST_TEST(contrast(after) > 0.8);  // 1.2 in the pictures
}

BOOST_AUTO_TEST_CASE(goes_on_bit_for_bit_after_saving_and_loading) {
  const TemporaryFolder folder;
  for (const bool rounded : {false, true}) {
    GeneratorTrainingSettings settings{.mixing = 0.5, .noise = Noise::fresh};
    if (rounded) settings.convolutions = torch::kBFloat16;
    auto whole = training(settings, /*path_every=*/3);
    for (std::int64_t step = 0; step < 7; ++step) whole.step(pictures(step));
    auto first = training(settings, 3);
    for (std::int64_t step = 0; step < 4; ++step) first.step(pictures(step));
    save_tensors(folder / "state.safetensors", first.state(), {});
    auto second = training(settings, 3);
    second.restore(to_tensors(Safetensors::open(folder / "state.safetensors")), "state");
    BOOST_TEST(second.images() == 16);
    for (std::int64_t step = 4; step < 7; ++step) second.step(pictures(step));
    BOOST_TEST(same(whole.average(), second.average()));
    for (const auto& [name, value] : whole.discriminator().tensors())
      BOOST_TEST(test::same_bits(value, second.discriminator().tensors().at(name)), name);
  }
}

BOOST_AUTO_TEST_CASE(without_augmentation_the_state_is_what_it_always_was_and_with_probability_zero_so_are_the_steps) {
  const TemporaryFolder folder;
  AdaptiveAugmentation still;
  still.images = 0;
  auto plain = training({});
  auto through = training({}, 0, still);
  for (std::int64_t step = 0; step < 3; ++step) {
    BOOST_TEST(!plain.step(pictures(step)).augmentation.has_value());
    BOOST_TEST(through.step(pictures(step)).augmentation.value() == 0);
  }
  BOOST_TEST(same(plain.average(), through.average()));
  save_tensors(folder / "plain.safetensors", plain.state(), {});
  save_tensors(folder / "through.safetensors", through.state(), {});
  const auto a = to_tensors(Safetensors::open(folder / "plain.safetensors"));
  const auto b = to_tensors(Safetensors::open(folder / "through.safetensors"));
  BOOST_TEST(b.size() == a.size() + 2);
  for (const auto& [name, value] : a) {
    BOOST_TEST(!name.starts_with("augmentation."));
    BOOST_TEST(test::same_bits(value, b.at(name)), name);
  }
  BOOST_TEST(error_of([&] {
               through.restore(to_tensors(Safetensors::open(folder / "plain.safetensors")), "state");
             }).find("augmentation.p is missing") != std::string::npos);
}

BOOST_AUTO_TEST_CASE(with_augmentation_it_goes_on_bit_for_bit_while_the_probability_moves) {
  const TemporaryFolder folder;
  AdaptiveAugmentation some;
  some.images = 100;
  some.p = torch::full({}, 0.5, torch::kFloat64);
  some.target = -0.99;  // nearly always too sure
  auto whole = training({}, /*path_every=*/3, some);
  for (std::int64_t step = 0; step < 11; ++step) whole.step(pictures(step));
  BOOST_TEST(*whole.augmentation().share() != 0.5);
  auto first = training({}, 3, some);
  for (std::int64_t step = 0; step < 6; ++step) first.step(pictures(step));
  save_tensors(folder / "state.safetensors", first.state(), {});
  auto second = training({}, 3, some);
  second.restore(to_tensors(Safetensors::open(folder / "state.safetensors")), "state");
  for (std::int64_t step = 6; step < 11; ++step) second.step(pictures(step));
  BOOST_TEST(same(whole.average(), second.average()));
  BOOST_TEST(*whole.augmentation().share() == *second.augmentation().share());
}

BOOST_AUTO_TEST_CASE(learns_from_few_pictures_what_they_show_and_not_how_they_were_changed) {
  AdaptiveAugmentation some;
  some.p = torch::full({}, 0.4, torch::kFloat64);
  some.images = 0;
  some.colour = false;
  auto run = training({.average_images = 100}, 0, some);
  for (std::int64_t step = 0; step < 250; ++step) run.step(pictures(step));
  const auto x = samples(run.average());
  BOOST_TEST((x.narrow(2, 0, 4).mean() - x.narrow(2, 4, 4).mean()).item<double>() > 0.6);  // not turned or shifted
}

BOOST_AUTO_TEST_CASE(the_result_follows_the_weights_with_the_half_life_that_was_asked_for) {
  // With a half-life of next to no images the mean is the weights; with one of 40 a batch of 4 takes it a little there.
  auto quick = training({.average_images = 1e-9});
  auto slow = training({.average_images = 40, .average_share = 1e9});
  const auto start = slow.average().clone();
  quick.step(pictures(0));
  slow.step(pictures(0));
  double moved_quick = 0, moved_slow = 0;
  const auto from = start.tensors(), a = quick.average().tensors(), b = slow.average().tensors();
  for (const auto& [name, value] : from) {
    moved_quick += test::number((a.at(name) - value).abs().sum());
    moved_slow += test::number((b.at(name) - value).abs().sum());
  }
  const double expected = 1 - std::pow(0.5, 4.0 / 40);
  BOOST_TEST(moved_slow / moved_quick == expected, boost::test_tools::tolerance(0.01));
}

BOOST_AUTO_TEST_CASE(bfloat16_images_differ_from_exact_ones_by_their_rounding) {
  const StyleGan2 generator(initial_generator({.channels = {16, 12, 8}}, {0, 0}));
  const torch::NoGradGuard no_grad;
  const auto w = generator.map(Stream{1, 0}.normal(Purpose::latents, {4, 128}));
  const auto exact = generator.synthesize(w, {.noise = Noise::none});
  const auto rounded = generator.synthesize(w, {.noise = Noise::none, .convolutions = torch::kBFloat16});
  BOOST_TEST(rounded.scalar_type() == torch::kFloat32);
  const auto error = test::largest_difference(exact, rounded) / exact.abs().max().item<double>();
  BOOST_TEST((error > 0 && error < 0.05), "relative error " << error);
}

BOOST_AUTO_TEST_CASE(refuses_batches_and_states_that_do_not_fit) {
  auto run = training({});
  BOOST_TEST(error_of([&] { run.step(torch::zeros({3, 3, 8, 8})); }) == "a batch of 3 images, expected 4");
  const TemporaryFolder folder;
  save_tensors(folder / "other.safetensors", {{"steps", torch::zeros({}, torch::kInt64)}}, {});
  BOOST_TEST(error_of([&] {
               run.restore(to_tensors(Safetensors::open(folder / "other.safetensors")), "state");
             }).find("is missing") != std::string::npos);
}

BOOST_AUTO_TEST_CASE(frechet_distance_of_known_gaussians) {
  const auto x = test::random({4000, 3}, 20);
  BOOST_TEST(frechet_distance(x, x) < 1e-9);
  const auto shift = test::row({1, 2, -2});
  BOOST_TEST(frechet_distance(x, x + shift) == 9, boost::test_tools::tolerance(1e-9));
  // Of a scaled set: tr (s - 1)^2 C.
  const auto centred = x - x.mean(0);
  const auto variance = test::number(centred.square().sum() / 3999);
  BOOST_TEST(frechet_distance(centred, 3 * centred) == 4 * variance, boost::test_tools::tolerance(1e-9));
}

BOOST_AUTO_TEST_SUITE_END()
