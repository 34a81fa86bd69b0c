#include <boost/test/unit_test.hpp>

#include <cmath>
#include <map>
#include <string>

#include "nada/core/stream.hpp"
#include "nada/core/tensor.hpp"
#include "nada/encoders/encoder.hpp"
#include "nada/generators/generator.hpp"
#include "nada/generators/stylegan2.hpp"
#include "support/files.hpp"
#include "support/finite_differences.hpp"
#include "support/random_stylegan2.hpp"

BOOST_AUTO_TEST_SUITE(generators_stylegan2)

using namespace nada;
using test::largest_difference;
using test::number;
using test::random;
using test::same_bits;

namespace {

static_assert(Generator<StyleGan2>);

Tensor render(const StyleGan2& generator, const Tensor& w, Noise noise, std::uint64_t seed = 5, std::int64_t step = 0,
              std::int64_t first = 0) {
  Render how;
  how.noise = noise;
  how.stream = {seed, step};
  how.first_sample = first;
  return generator.synthesize(w, how);
}

std::string error_with(const std::function<void(NamedTensors&)>& change) {
  auto tensors = test::random_stylegan2();
  change(tensors);
  return error_of([&] { StyleGan2(std::move(tensors), "g.safetensors"); });
}

}  // namespace

// -------------------- structure

BOOST_AUTO_TEST_CASE(sizes_come_from_the_tensors) {
  const auto generator = test::small_stylegan2();
  BOOST_TEST(generator.resolution() == 16);
  BOOST_TEST(generator.latent_size() == 6);
  BOOST_TEST(generator.style_size() == 5);
  BOOST_TEST(generator.style_count() == 6);  // 2 log2(16) - 2
  const auto large = test::small_stylegan2({.widths = {4, 4, 3, 2}, .latent = 3, .style = 7, .depth = 4});
  BOOST_TEST(large.resolution() == 32);
  BOOST_TEST(large.style_count() == 8);
  BOOST_TEST(large.map(random({2, 3}, 1)).sizes() == (at::IntArrayRef{2, 8, 7}));
}

BOOST_AUTO_TEST_CASE(layers_have_names_kinds_places_and_styles) {
  const auto generator = test::small_stylegan2();
  struct Row {
    std::string name;
    LayerKind kind;
    int resolution, style;
  };
  const std::vector<Row> expected{{"mapping.0", LayerKind::mapping, 0, -1},
                                  {"mapping.1", LayerKind::mapping, 0, -1},
                                  {"const", LayerKind::constant, 4, -1},
                                  {"conv.4.0", LayerKind::convolution, 4, 0},
                                  {"rgb.4", LayerKind::rgb, 4, 1},
                                  {"conv.8.0", LayerKind::convolution, 8, 1},
                                  {"conv.8.1", LayerKind::convolution, 8, 2},
                                  {"rgb.8", LayerKind::rgb, 8, 3},
                                  {"conv.16.0", LayerKind::convolution, 16, 3},
                                  {"conv.16.1", LayerKind::convolution, 16, 4},
                                  {"rgb.16", LayerKind::rgb, 16, 5}};
  BOOST_TEST_REQUIRE(generator.layers().size() == expected.size());
  for (std::size_t k = 0; k < expected.size(); ++k) {
    const auto& layer = generator.layers()[k];
    BOOST_TEST(layer.name == expected[k].name);
    BOOST_TEST((layer.kind == expected[k].kind));
    BOOST_TEST(layer.resolution == expected[k].resolution);
    BOOST_TEST(layer.style == expected[k].style);
  }
  BOOST_TEST(parameter_count(generator, find_layer(generator.layers(), "conv.8.0")) == 4 * 5 * 9 + 4 + 1 + 5 * 5 + 5);
}

BOOST_AUTO_TEST_CASE(an_unknown_layer_is_an_error_that_lists_the_layers) {
  const auto generator = test::small_stylegan2({.widths = {3}});
  BOOST_TEST(error_of([&] { find_layer(generator.layers(), "conv.8.0"); }) ==
             "there is no layer 'conv.8.0'; the layers are mapping.0, mapping.1, const, conv.4.0, rgb.4");
}

BOOST_AUTO_TEST_CASE(tensors_are_what_it_was_made_of) {
  const auto made = test::random_stylegan2();
  const auto back = StyleGan2(made).tensors();
  BOOST_TEST_REQUIRE(back.size() == made.size());
  for (const auto& [name, value] : made) BOOST_TEST(same_bits(back.at(name), value), name);
}

BOOST_AUTO_TEST_CASE(a_tensor_that_is_missing_unused_misshaped_or_of_integers_is_an_error_that_names_it) {
  BOOST_TEST(error_with([](auto&) {}) == "");
  BOOST_TEST(error_with([](NamedTensors& t) { t.erase("conv.8.1.bias"); }) ==
             "g.safetensors: tensor conv.8.1.bias is missing");
  BOOST_TEST(error_with([](NamedTensors& t) { t.erase("mean_style"); }) ==
             "g.safetensors: tensor mean_style is missing");
  BOOST_TEST(error_with([](NamedTensors& t) { t.erase("rgb.16.affine.weight"); }) ==
             "g.safetensors: tensor rgb.16.affine.weight is missing");
  BOOST_TEST(error_with([](NamedTensors& t) { t["conv.64.1.bias"] = torch::zeros({2}); }) ==
             "g.safetensors: tensor conv.64.1.bias has no place in a StyleGAN2 generator of this size");
  BOOST_TEST(error_with([](NamedTensors& t) {
               t["conv.8.0.weight"] = torch::zeros({4, 6, 3, 3});
             }) == "g.safetensors: tensor conv.8.0.weight has shape [4, 6, 3, 3], expected [-1, 5, 3, 3] (-1: any)");
  BOOST_TEST(error_with([](NamedTensors& t) {
               t["const.weight"] = torch::zeros({5, 4, 5});
             }) == "g.safetensors: tensor const.weight has shape [5, 4, 5], expected [-1, 4, 4] (-1: any)");
  BOOST_TEST(error_with([](NamedTensors& t) { t["rgb.8.bias"] = torch::zeros({3}, torch::kInt64); }) ==
             "g.safetensors: tensor rgb.8.bias does not hold floating-point numbers");
  BOOST_TEST(error_with([](NamedTensors& t) { t.erase("noise.8.1"); }) ==
             "g.safetensors: some noise maps are there and some are missing");
  BOOST_TEST(error_with([](NamedTensors& t) { t.erase("mapping.0.weight"); }) ==
             "g.safetensors: no mapping network (expected a tensor mapping.0.weight)");
  BOOST_TEST(error_with([](NamedTensors& t) { t["mean_style"] = torch::zeros({9}); }).find("mean_style has 9") !=
             std::string::npos);
  BOOST_TEST(error_with([](NamedTensors& t) {
               t["const.weight"] = torch::zeros({0, 4, 4});
             }).find("const.weight") != std::string::npos);
}

// -------------------- mapping

BOOST_AUTO_TEST_CASE(map_is_the_papers_network_layer_by_layer) {
  const auto t = test::random_stylegan2();
  const StyleGan2 generator(t);
  const auto z = random({3, 6}, 1);
  auto x = z / (z.square().mean(1, true) + 1e-8).sqrt();
  for (const char* name : {"mapping.0", "mapping.1"}) {
    const auto weight = t.at(std::string(name) + ".weight");
    const auto y = 0.01 * (x.matmul(weight.t()) / std::sqrt(weight.size(1)) + t.at(std::string(name) + ".bias"));
    x = std::sqrt(2.0) * at::where(y > 0, y, 0.2 * y);
  }
  const auto w = generator.map(z);
  BOOST_TEST(w.sizes() == (at::IntArrayRef{3, 6, 5}));
  for (std::int64_t l = 0; l < 6; ++l) BOOST_TEST(largest_difference(w.select(1, l), x) < 1e-12);
  BOOST_TEST(largest_difference(w[0], w[1]) > 1e-3);
}

BOOST_AUTO_TEST_CASE(labels_are_embedded_normalised_and_put_after_the_latents) {
  auto tensors = test::random_stylegan2({.depth = 1});  // latents of 6, styles of 5
  tensors["embed.weight"] = random({3, 2}, 91);
  tensors["embed.bias"] = random({3}, 92);
  tensors["mapping.0.weight"] = 100 * random({5, 9}, 93);
  const StyleGan2 generator(tensors);
  BOOST_TEST(generator.label_size() == 2);
  const auto z = random({3, 6}, 1), label = torch::tensor({{0.0, 1.0}}, torch::kFloat64);
  // y = W_e c / sqrt(2) + b_e, normalised like z; w = sqrt(2) lrelu(0.01 (W [z, y] / sqrt(9) + b))
  const auto unit = [](const Tensor& x) { return x / (x.square().mean(1, true) + 1e-8).sqrt(); };
  const auto y = unit(tensors["embed.weight"].select(1, 1).unsqueeze(0) / std::sqrt(2.0) + tensors["embed.bias"]);
  const auto x = torch::cat({unit(z), y.expand({3, 3})}, 1);
  const auto dense = 0.01 * (x.matmul(tensors["mapping.0.weight"].t()) / 3.0 + tensors["mapping.0.bias"]);
  const auto expected = std::sqrt(2.0) * at::leaky_relu(dense, 0.2);
  BOOST_TEST(test::largest_difference(generator.map(z, label).select(1, 2), expected) < 1e-12);
  BOOST_TEST(error_of([&] { generator.map(z); }).find("class-conditional") != std::string::npos);
  BOOST_TEST(error_of([&] { generator.map(z, torch::ones({1, 3})); }) == "labels of shape [1, 3], expected [N, 2]");
}

BOOST_AUTO_TEST_CASE(a_clamp_bounds_activations_and_the_rgb_of_each_layer) {
  const auto tensors = test::random_stylegan2({});
  const StyleGan2 plain(tensors), clamped(tensors, "g", {.conv_clamp = 0.1});
  const auto w = test::random_styles(plain, 2);
  int seen = 0;
  clamped.synthesize(w, {}, [&](std::string_view name, const Tensor& x) {
    if (!name.starts_with("conv.")) return;
    ++seen;
    BOOST_TEST(x.abs().max().item<double>() <= 0.1);
  });
  BOOST_TEST(seen == 5);
  BOOST_TEST(clamped.synthesize(w).abs().max().item<double>() <= 0.1 * 3 * 2.3);  // an upsampling may overshoot
  BOOST_TEST(plain.synthesize(w).abs().max().item<double>() > 0.1 * 3 * 2.3);
}

BOOST_AUTO_TEST_CASE(map_scales_with_the_multiplier_of_the_learning_rate) {
  const StyleGan2 one(test::random_stylegan2({.depth = 1}), "g", {.mapping_lr = 0.01}),
      two(test::random_stylegan2({.depth = 1}), "g", {.mapping_lr = 0.02});
  const auto z = random({3, 6}, 1);
  BOOST_TEST(largest_difference(two.map(z), 2 * one.map(z)) < 1e-12);
}

BOOST_AUTO_TEST_CASE(map_refuses_labels_and_latents_of_another_size) {
  const auto generator = test::small_stylegan2();
  BOOST_TEST(error_of([&] { generator.map(random({3, 7}, 1)); }) == "latents of shape [3, 7], expected [N, 6]");
  BOOST_TEST(error_of([&] {
               generator.map(random({3, 6}, 1), random({3, 2}, 1));
             }) == "this generator is not class-conditional, but a class was given");
}

// -------------------- synthesis

BOOST_AUTO_TEST_CASE(synthesis_is_the_layers_one_after_the_other_with_a_skip_sum) {
  const auto t = test::random_stylegan2();
  const StyleGan2 generator(t);
  const auto w = test::random_styles(generator, 2);
  const auto conv = [&](const Tensor& x, const std::string& name, int style, bool up) {
    const auto noise = t.at("noise" + name.substr(4)).unsqueeze(0).unsqueeze(0);
    return stylegan2::modulated_convolution(
        x, w.select(1, style),
        {t.at(name + ".weight"), t.at(name + ".bias"), t.at(name + ".noise_strength"), t.at(name + ".affine.weight"),
         t.at(name + ".affine.bias")},
        noise, up);
  };
  const auto rgb = [&](const Tensor& x, const std::string& name, int style) {
    return stylegan2::to_rgb(x, w.select(1, style), t.at(name + ".weight"), t.at(name + ".bias"),
                             t.at(name + ".affine.weight"), t.at(name + ".affine.bias"));
  };
  auto x = conv(t.at("const.weight").unsqueeze(0).expand({2, 5, 4, 4}), "conv.4.0", 0, false);
  auto image = rgb(x, "rgb.4", 1);
  x = conv(conv(x, "conv.8.0", 1, true), "conv.8.1", 2, false);
  image = stylegan2::upsample(image) + rgb(x, "rgb.8", 3);
  x = conv(conv(x, "conv.16.0", 3, true), "conv.16.1", 4, false);
  image = stylegan2::upsample(image) + rgb(x, "rgb.16", 5);
  BOOST_TEST(largest_difference(generator.synthesize(w), image) < 1e-13);
}

BOOST_AUTO_TEST_CASE(samples_do_not_see_each_other) {
  const auto generator = test::small_stylegan2();
  const auto w = test::random_styles(generator, 3);
  const auto together = generator.synthesize(w);
  for (std::int64_t n = 0; n < 3; ++n)
    BOOST_TEST(largest_difference(generator.synthesize(w.narrow(0, n, 1))[0], together[n]) < 1e-13);
}

BOOST_AUTO_TEST_CASE(synthesis_has_the_gradients_of_finite_differences) {
  const auto generator = test::small_stylegan2({.widths = {3, 2}, .latent = 3, .style = 3});
  const auto w = test::random_styles(generator, 2), probe = random({2, 3, 8, 8}, 1);
  test::check_gradient([&](const Tensor& x) { return (generator.synthesize(x) * probe).sum(); }, w, 1e-5);
  for (const auto& [name, slot] : {std::pair<std::string, std::size_t>{"conv.8.0", 0},
                                   {"conv.4.0", 2},
                                   {"conv.8.1", 3},
                                   {"rgb.4", 0},
                                   {"const", 0}}) {
    const auto layer = find_layer(generator.layers(), name);
    const auto with = [&](const Tensor& x) {
      auto other = generator.clone();
      other.use(layer, slot, x);
      return (other.synthesize(w) * probe).sum();
    };
    BOOST_TEST_CONTEXT(name) test::check_gradient(with, generator.slot(layer, slot), 1e-5);
  }
}

BOOST_AUTO_TEST_CASE(the_gradient_reaches_the_mapping_network_and_the_latents) {
  const auto generator = test::small_stylegan2();
  const auto probe = random({2, 3, 16, 16}, 1);
  test::check_gradient([&](const Tensor& z) { return (generator.synthesize(generator.map(z)) * probe).sum(); },
                       random({2, 6}, 2), 1e-5);
}

BOOST_AUTO_TEST_CASE(an_early_exit_is_the_running_rgb_of_the_tap) {
  const auto generator = test::small_stylegan2();
  const auto w = test::random_styles(generator, 2);
  std::map<std::string, Tensor> seen;
  const auto full =
      generator.synthesize(w, {}, [&](std::string_view name, const Tensor& value) { seen[std::string(name)] = value; });
  BOOST_TEST(seen.size() == 8U);  // 5 convolutions, 3 rgb
  BOOST_TEST(seen.at("conv.16.0").sizes() == (at::IntArrayRef{2, 3, 16, 16}));
  for (const int r : {4, 8, 16}) {
    Render early;
    early.resolution = r;
    const auto image = generator.synthesize(w, early);
    BOOST_TEST(image.size(3) == r);
    BOOST_TEST(same_bits(image, seen.at("rgb." + std::to_string(r))));
  }
  BOOST_TEST(same_bits(full, seen.at("rgb.16")));
}

BOOST_AUTO_TEST_CASE(an_exit_that_is_not_there_and_styles_of_another_shape_are_errors) {
  const auto generator = test::small_stylegan2();
  const auto w = test::random_styles(generator, 2);
  for (const int r : {2, 12, 32, -4}) {
    Render how;
    how.resolution = r;
    BOOST_TEST(error_of([&] { generator.synthesize(w, how); }) ==
               join("no exit at ", r, " pixels; this generator has them at powers of two from 4 to 16"));
  }
  BOOST_TEST(error_of([&] {
               generator.synthesize(random({2, 5, 5}, 1));
             }) == "w+ of shape [2, 5, 5], expected [N, 6, 5]");
}

// -------------------- noise

BOOST_AUTO_TEST_CASE(stored_noise_adds_the_files_maps_and_a_generator_without_maps_adds_none) {
  auto without_maps = test::random_stylegan2();
  std::erase_if(without_maps, [](const auto& entry) { return entry.first.starts_with("noise."); });
  const StyleGan2 with(test::random_stylegan2()), without(without_maps);
  const auto w = test::random_styles(with, 2);
  BOOST_TEST(with.has_noise_maps());
  BOOST_TEST(!without.has_noise_maps());
  BOOST_TEST(same_bits(render(with, w, Noise::none), render(without, w, Noise::none)));
  BOOST_TEST(same_bits(render(without, w, Noise::stored), render(without, w, Noise::none)));
  BOOST_TEST(largest_difference(render(with, w, Noise::stored), render(with, w, Noise::none)) > 1e-3);
}

BOOST_AUTO_TEST_CASE(fresh_noise_of_a_sample_depends_on_seed_step_and_sample_and_not_on_the_batch) {
  const auto generator = test::small_stylegan2();
  const auto w = test::random_styles(generator, 1).expand({3, -1, -1});  // equal styles: only noise differs
  const auto batch = render(generator, w, Noise::fresh);
  BOOST_TEST(largest_difference(batch[0], batch[1]) > 1e-3);
  const auto alone = render(generator, w.narrow(0, 0, 1), Noise::fresh, 5, 0, /*first=*/2);
  BOOST_TEST(largest_difference(alone[0], batch[2]) < 1e-13);
  BOOST_TEST(same_bits(render(generator, w, Noise::fresh), batch));
  BOOST_TEST(largest_difference(render(generator, w, Noise::fresh, 6), batch) > 1e-3);
  BOOST_TEST(largest_difference(render(generator, w, Noise::fresh, 5, 1), batch) > 1e-3);
}

BOOST_AUTO_TEST_CASE(fresh_noise_is_the_streams_under_the_index_of_the_convolution) {
  const auto t = test::random_stylegan2();
  auto by_hand = t;
  std::uint64_t sub = 0;
  for (const char* name : {"4.0", "8.0", "8.1", "16.0", "16.1"}) {
    const auto r = t.at(join("noise.", name)).size(0);
    by_hand[join("noise.", name)] =
        Stream{5, 0}.normal(Purpose::noise, {1, 1, r, r}, 0, sub++)[0][0].to(torch::kFloat64);
  }
  const StyleGan2 generator(t), expected(by_hand);
  const auto w = test::random_styles(generator, 1);
  BOOST_TEST(largest_difference(render(generator, w, Noise::fresh), render(expected, w, Noise::stored)) < 1e-13);
}

// -------------------- slots, copies

BOOST_AUTO_TEST_CASE(use_replaces_a_slot_with_its_graph_and_refuses_other_shapes) {
  auto generator = test::small_stylegan2();
  const auto layer = find_layer(generator.layers(), "conv.8.1");
  const auto value = generator.slot(layer, 1).clone().requires_grad_(true);
  generator.use(layer, 1, value);
  const auto w = test::random_styles(generator, 1);
  BOOST_TEST(torch::autograd::grad({generator.synthesize(w).sum()}, {value})[0].defined());
  BOOST_TEST(error_of([&] { generator.use(layer, 1, torch::zeros({9})); }) ==
             "layer conv.8.1, bias: shape [9], expected [4]");
}

BOOST_AUTO_TEST_CASE(a_clone_shares_nothing_and_has_no_graph) {
  auto generator = test::small_stylegan2();
  generator.use(3, 0, generator.slot(3, 0).clone().requires_grad_(true));
  const auto w = test::random_styles(generator, 1);
  const auto before = generator.synthesize(w).detach();
  auto copy = generator.clone();
  BOOST_TEST(same_bits(copy.synthesize(w), before));
  BOOST_TEST(!copy.synthesize(w).requires_grad());
  for (std::size_t k = 0; k < copy.layers().size(); ++k)
    for (std::size_t s = 0; s < copy.layers()[k].slots.size(); ++s) {
      BOOST_TEST(copy.slot(k, s).data_ptr() != generator.slot(k, s).data_ptr());
      copy.slot(k, s).detach().add_(1);
    }
  for (auto& [name, value] : copy.tensors())
    if (name.starts_with("noise") || name == "mean_style") value.add_(1);
  BOOST_TEST(same_bits(generator.synthesize(w).detach(), before));
  BOOST_TEST(largest_difference(copy.mean_style(), generator.mean_style()) == 1);
}

BOOST_AUTO_TEST_CASE(a_copy_in_another_type_gives_the_same_images_to_its_precision) {
  const auto exact = test::small_stylegan2();
  const auto rounded = exact.to(torch::kCPU, torch::kFloat32);
  const auto w = test::random_styles(exact, 2);
  const auto image = rounded.synthesize(w.to(torch::kFloat32));
  BOOST_TEST((image.scalar_type() == torch::kFloat32));
  const auto expected = exact.synthesize(w);
  BOOST_TEST(largest_difference(image.to(torch::kFloat64), expected) < 1e-5 * number(expected.abs().max()) + 1e-6);
}

BOOST_AUTO_TEST_CASE(patterns_of_zeros_change_no_picture_and_are_slots_of_the_convolutions) {
  const auto generator = test::small_stylegan2(), more = generator.with_patterns();
  BOOST_TEST(!generator.has_patterns());
  BOOST_TEST(more.has_patterns());
  const auto w = random({2, 6, 5}, 3);
  BOOST_TEST(same_bits(generator.synthesize(w), more.synthesize(w)));
  for (const auto& layer : more.layers())
    if (layer.kind == LayerKind::convolution) BOOST_TEST(layer.slots.back() == "pattern");
  const StyleGan2 again(more.tensors());
  BOOST_TEST(again.has_patterns());
  BOOST_TEST(again.tensors().at("conv.16.1.pattern").sizes() == (at::IntArrayRef{16, 16}));
}

BOOST_AUTO_TEST_CASE(a_pattern_is_a_noise_map_of_strength_10_whatever_noise_is_used) {
  auto tensors = test::random_stylegan2();
  const auto map = random({16, 16}, 4);
  auto with = StyleGan2(tensors).with_patterns().tensors();
  with["conv.16.1.pattern"] = map;
  auto noisy = tensors;
  for (auto& [name, value] : noisy)
    if (name.ends_with(".noise_strength")) value = torch::zeros_like(value);
  for (const auto& [name, value] : StyleGan2(tensors).with_patterns().tensors())
    if (name.ends_with(".pattern")) noisy["noise" + name.substr(4, name.size() - 12)] = torch::zeros_like(value);
  noisy["noise.16.1"] = map;
  noisy["conv.16.1.noise_strength"] = torch::full({}, 10.0);
  const auto w = random({2, 6, 5}, 3);
  BOOST_TEST(largest_difference(render(StyleGan2(with), w, Noise::none), render(StyleGan2(noisy), w, Noise::stored)) <
             1e-5);
}

BOOST_AUTO_TEST_SUITE_END()
