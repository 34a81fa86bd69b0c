#include <boost/test/unit_test.hpp>

#include <fstream>
#include <map>
#include <string>
#include <vector>

#include "nada/core/tensor.hpp"
#include "nada/formats/model_file.hpp"
#include "nada/formats/recognise.hpp"
#include "nada/formats/safetensors.hpp"
#include "nada/formats/tensor_file.hpp"
#include "nada/generators/any_generator.hpp"
#include "nada/generators/base_hash.hpp"
#include "nada/generators/generator.hpp"
#include "nada/generators/open_generator.hpp"
#include "nada/generators/stylegan3.hpp"
#include "nada/generators/stylegan3_file.hpp"
#include "nada/generators/stylegan3_geometry.hpp"
#include "nada/generators/stylegan3_ops.hpp"
#include "support/files.hpp"
#include "support/finite_differences.hpp"
#include "support/golden.hpp"
#include "support/model_writers.hpp"
#include "support/tiny.hpp"

BOOST_AUTO_TEST_SUITE(generators_stylegan3)

using namespace nada;
using test::largest_difference;
using test::number;
using test::random;
using test::same_bits;

namespace {

static_assert(Generator<StyleGan3>);

const auto golden = test::kept_golden() / "stylegan3";
const Placement exact{.device = torch::kCPU, .type = torch::kFloat64};

Tensor named(const char* file, const std::string& name) {
  return to_tensor(Safetensors::open(golden / file).at(name)).to(torch::kFloat64);
}

/// y[m] = gain sum_t z[m down + t] f[T - 1 - t] as the words say, with z written out.
Tensor resampled(const Tensor& x, const Tensor& f, int up, int down, int before, int after, double gain) {
  const auto length = x.size(0), taps = f.size(0);
  std::vector<double> z(static_cast<std::size_t>(std::max(before, 0)), 0.0), y;
  for (std::int64_t i = 0; i < length; ++i)
    for (int k = 0; k < up; ++k) z.push_back(k == 0 ? number(x[i]) : 0);
  z.insert(z.end(), static_cast<std::size_t>(std::max(after, 0)), 0.0);
  z.erase(z.begin(), z.begin() + std::max(-before, 0));
  z.resize(z.size() - static_cast<std::size_t>(std::max(-after, 0)));
  for (std::size_t m = 0; m + static_cast<std::size_t>(taps) <= z.size(); m += static_cast<std::size_t>(down)) {
    double sum = 0;
    for (std::int64_t t = 0; t < taps; ++t) sum += z[m + static_cast<std::size_t>(t)] * number(f[taps - 1 - t]);
    y.push_back(gain * sum);
  }
  return torch::tensor(y, torch::kFloat64);
}

std::string error_with(const std::function<void(TensorMap&)>& change, StyleGan3Settings settings = {.resolution = 32}) {
  auto tensors = read_stylegan3(ModelFile::open(golden / "t32.safetensors")).first;
  change(tensors);
  return error_of([&] { StyleGan3(std::move(tensors), "g", settings); });
}

}  // namespace

// -------------------- operations

BOOST_AUTO_TEST_CASE(resampling_is_what_its_sentence_says_at_any_factor_padding_and_length) {
  struct Case {
    int up, down, before, after, taps, length;
  };
  for (const auto& c :
       {Case{2, 1, 9, 8, 12, 36}, Case{4, 1, -6, -9, 24, 50}, Case{1, 2, 0, 0, 12, 150}, Case{1, 4, 3, -2, 7, 99},
        Case{3, 2, 4, 5, 10, 41}, Case{1, 1, 5, 6, 5, 200}, Case{2, 1, 0, 0, 12, 6}}) {
    const auto x = random({c.length}, 3).to(torch::kFloat64), f = random({c.taps}, 4).to(torch::kFloat64);
    const auto expected = resampled(x, f, c.up, c.down, c.before, c.after, 1.7);
    const stylegan3::Resampling resample(f, c.up, c.down, c.before, c.after, c.length, 1.7);
    BOOST_TEST_REQUIRE(resample.size() == expected.size(0));
    BOOST_TEST(largest_difference(resample(x), expected) < 1e-12);
    BOOST_TEST(largest_difference(resample(at::stack({x, -x}))[1], -expected) < 1e-12);
  }
  BOOST_TEST(error_of([] { stylegan3::Resampling(torch::ones({12}), 1, 2, 0, 0, 11); }).find("does not fit") !=
             std::string::npos);
}

BOOST_AUTO_TEST_CASE(filters_sum_to_one_and_pass_what_is_far_below_the_cutoff) {
  for (const bool radial : {false, true}) {
    const auto f = stylegan3::lowpass(24, 4, 4, 64, radial);
    BOOST_TEST(number(f.sum()) == 1, boost::test_tools::tolerance(1e-12));
    BOOST_TEST(largest_difference(f, f.flip(0)) < 1e-15);
    const auto line = radial ? f.sum(0) : f;
    const auto response = [&](double frequency) {
      const auto t = (torch::arange(24, torch::kFloat64) - 11.5) / 64;
      return number((line * (2 * M_PI * frequency * t).cos()).sum());
    };
    BOOST_TEST(response(0.5) > 0.9);
    BOOST_TEST(std::abs(response(16)) < 0.01);
  }
}

BOOST_AUTO_TEST_CASE(a_crop_of_a_filtered_activation_has_the_gradient_of_finite_differences) {
  const auto fu = stylegan3::lowpass(12, 3, 6, 32), fd = stylegan3::lowpass(12, 4, 8, 32, true);
  const stylegan3::FilteredLeakyRelu activation(
      fu, fd, 9, 7, {.up = 2, .down = 2, .padding = {5, 6, 7, 8}, .gain = 1.4, .clamp = 0.8});
  const auto weight = random({2, 3, 11, 9}, 6).to(torch::kFloat64);
  test::check_gradient(
      [&](const Tensor& x) {
        return (activation(x) * weight.narrow(2, 0, activation(x).size(2)).narrow(3, 0, activation(x).size(3))).sum();
      },
      random({2, 3, 9, 7}, 5), 1e-5);
}

// -------------------- the generator

BOOST_AUTO_TEST_CASE(layers_have_the_official_names_and_one_style_each) {
  const auto generator = load_stylegan3(golden / "t32.safetensors");
  BOOST_TEST(generator.resolution() == 32);
  BOOST_TEST(generator.latent_size() == 24);
  BOOST_TEST(generator.style_count() == 8);
  BOOST_TEST(!generator.is_radial());
  const auto& input = generator.layers()[find_layer(generator.layers(), "input")];
  BOOST_TEST((input.kind == LayerKind::constant && input.style == 0 && input.resolution == 16));
  const auto& third = generator.layers()[find_layer(generator.layers(), "L2_52_8")];
  BOOST_TEST((third.kind == LayerKind::convolution && third.style == 3 && third.resolution == 32));
  const auto& last = generator.layers().back();
  BOOST_TEST((last.name == "L6_32_3" && last.kind == LayerKind::rgb && last.style == 7));
  BOOST_TEST(load_stylegan3(golden / "r32_cond.safetensors").is_radial());
}

BOOST_AUTO_TEST_CASE(pictures_are_the_reference_s) {
  for (const std::string name : {"t32", "r32_cond"}) {
    const auto generator = load_stylegan3(golden / (name + ".safetensors"), exact);
    const auto labels = generator.label_size() > 0 ? named("inputs.safetensors", name + ".c") : Tensor{};
    const auto w = generator.map(named("inputs.safetensors", name + ".z"), labels);
    const auto expected = named((name + ".golden.safetensors").c_str(), name + "/image/image");
    const auto error = largest_difference(generator.synthesize(w).narrow(0, 0, expected.size(0)), expected);
    BOOST_TEST(error < 1e-6 * number(expected.abs().max()), name);
  }
}

BOOST_AUTO_TEST_CASE(samples_of_a_batch_do_not_know_one_another) {
  const auto generator = load_stylegan3(golden / "t32.safetensors", exact);
  const auto w = generator.map(random({3, 24}, 8));
  const auto all = generator.synthesize(w);
  for (int n = 0; n < 3; ++n)
    BOOST_TEST(largest_difference(generator.synthesize(w.narrow(0, n, 1)), all.narrow(0, n, 1)) < 1e-12);
}

BOOST_AUTO_TEST_CASE(effective_tensors_carry_gradients_and_clones_are_apart) {
  const auto generator = load_stylegan3(golden / "r32_cond.safetensors", exact);
  auto copy = generator.clone();
  const auto w = copy.map(random({1, 32}, 9), torch::eye(3, torch::kFloat64).narrow(0, 1, 1)).detach();
  std::vector<Tensor> leaves;
  for (std::size_t k = 0; k < copy.layers().size(); ++k)
    for (std::size_t s = 0; s < copy.layers()[k].slots.size(); ++s) {
      if (copy.layers()[k].kind == LayerKind::mapping) continue;
      leaves.push_back(copy.slot(k, s).clone().requires_grad_(true));
      copy.use(k, s, leaves.back());
    }
  for (const auto& g : torch::autograd::grad({copy.synthesize(w).square().sum()}, leaves)) {
    BOOST_TEST(g.isfinite().all().item<bool>());
    BOOST_TEST(number(g.abs().max()) > 0);
  }
  const auto before = generator.synthesize(w);
  copy.use(copy.layers().size() - 1, 0, torch::zeros_like(leaves[leaves.size() - 4]));
  BOOST_TEST(same_bits(generator.synthesize(w), before));
  BOOST_TEST(largest_difference(copy.synthesize(w), before) > 0.01);
}

BOOST_AUTO_TEST_CASE(a_transform_by_a_quarter_turns_the_picture_of_configuration_r) {
  auto generator = load_stylegan3(golden / "r32_cond.safetensors", exact);
  const auto w = generator.map(random({1, 32}, 9), torch::eye(3, torch::kFloat64).narrow(0, 0, 1));
  const auto before = generator.synthesize(w);
  generator.use_transform(torch::tensor({{0.0, -1.0, 0.0}, {1.0, 0.0, 0.0}, {0.0, 0.0, 1.0}}, torch::kFloat64));
  const auto turned = generator.synthesize(w);
  const auto scale = number(before.abs().max());
  const auto off = std::min(largest_difference(turned, before.rot90(1, {2, 3})),
                            largest_difference(turned, before.rot90(-1, {2, 3})));
  BOOST_TEST(off < 1e-3 * scale);
  BOOST_TEST(largest_difference(turned, before) > 0.1 * scale);
  BOOST_TEST(error_of([&] { generator.use_transform(torch::eye(2)); }) ==
             "a transform of shape [2, 2], expected [3, 3]");
}

BOOST_AUTO_TEST_CASE(what_is_not_there_is_refused) {
  const auto generator = load_stylegan3(golden / "t32.safetensors");
  const auto w = generator.map(random({1, 24}, 8));
  BOOST_TEST(error_of([&] { generator.synthesize(w, {.resolution = 16}); }) ==
             "no exit at 16 pixels; a StyleGAN3 generator has only one, at 32");
  BOOST_TEST(error_of([&] { generator.synthesize(w.narrow(1, 0, 3)); }) ==
             "w+ of shape [1, 3, 32], expected [N, 8, 32]");
  BOOST_TEST(error_of([&] { generator.noise_resolution(0); }) == "a StyleGAN3 generator has no noise maps");
  BOOST_TEST(error_with([](TensorMap&) {}).empty());
  BOOST_TEST(error_with([](TensorMap& t) { t.erase("L3_52_8.up_filter"); }) ==
             "g: tensor L3_52_8.up_filter is missing");
  BOOST_TEST(error_with([](TensorMap& t) { t["L3_52_8.gain"] = torch::ones({1}); }) ==
             "g: tensor L3_52_8.gain has no place in a StyleGAN3 generator of this size");
  BOOST_TEST(error_with([](TensorMap& t) { t["L0_36_8.affine.bias"] = torch::ones({3}); }).find("has shape [3]") !=
             std::string::npos);
  BOOST_TEST(error_with([](TensorMap&) {}, {.resolution = 64}).find(" would be ") != std::string::npos);
  BOOST_TEST(error_with([](TensorMap&) {}, {.resolution = 30}).find("expected a power of two") != std::string::npos);
  BOOST_TEST(error_with([](TensorMap& t) {
               std::erase_if(t, [](const auto& e) { return e.first[0] == 'L'; });
             }).find("no layers") != std::string::npos);
}

// -------------------- files

BOOST_AUTO_TEST_CASE(a_native_file_gives_the_same_pictures_and_hash) {
  const TemporaryFolder folder;
  const auto read = load_stylegan3(golden / "r32_cond.safetensors");
  BOOST_TEST(read.settings().conv_clamp.value_or(0) == 3);
  save_tensors(folder / "g.safetensors", read.tensors(), generator_metadata(read));
  const auto file = ModelFile::open(folder / "g.safetensors");
  BOOST_TEST((file.kind() == FileKind::native_stylegan3));
  const auto again = open_generator(file);
  BOOST_TEST(base_hash(again) == base_hash(read));
  BOOST_TEST(again.label_size() == 3);
  const auto w = read.map(random({1, 32}, 9), torch::eye(3).narrow(0, 0, 1));
  BOOST_TEST(same_bits(again.synthesize(w), read.synthesize(w)));
}

BOOST_AUTO_TEST_CASE(a_pickle_of_modules_is_read_with_what_its_layers_clamp_to) {
  const TemporaryFolder folder;
  const auto file = ModelFile::open(golden / "t32.safetensors");
  test::detail::Module root;
  for (const auto& view : file.tensors()) {
    const auto elements = count(view);
    const auto stream =
        test::torch_stream(test::pickle::storage("FloatStorage", "0", elements), {{"0", elements, test::dense(view)}});
    root.put(view.name,
             test::pickle::tensor(test::pickle::call(test::pickle::global("torch.storage", "_load_from_bytes"),
                                                     test::pickle::tuple(test::pickle::bytes(stream))),
                                  0, view.shape, contiguous_strides(view.shape)));
  }
  std::ofstream(folder / "g.pkl", std::ios::binary)
      << test::pickle::whole(test::pickle::dict(test::pickle::text("G_ema"), test::detail::nvidia_module(root)), 3);
  const auto pickle = ModelFile::open(folder / "g.pkl");
  BOOST_TEST((pickle.kind() == FileKind::stylegan3_generator));
  const auto read = load_stylegan3(pickle);
  BOOST_TEST(!read.settings().conv_clamp.has_value());  // None, as the modules here say
  BOOST_TEST(base_hash(read) == base_hash(load_stylegan3(file)));
  BOOST_TEST(error_of([&] { load_stylegan2(pickle); }).find("expected a StyleGAN2 generator") != std::string::npos);
}

BOOST_AUTO_TEST_SUITE_END()
