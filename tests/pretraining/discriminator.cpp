#include <boost/test/unit_test.hpp>

#include "nada/core/tensor.hpp"
#include "nada/pretraining/discriminator.hpp"
#include "nada/pretraining/discriminator_names.hpp"
#include "nada/pretraining/gan_loss.hpp"
#include "nada/pretraining/generator_training.hpp"
#include "nada/pretraining/regularizer.hpp"
#include "support/files.hpp"
#include "support/finite_differences.hpp"
#include "support/tiny.hpp"

BOOST_AUTO_TEST_SUITE(pretraining_discriminator)

using namespace nada;

namespace {

/// Scores by the mean pixel: the least that the concept admits.
struct Mean {
  std::map<std::string, Tensor> own = {{"gain", torch::ones({}, torch::kFloat64)}};
  Tensor operator()(const Tensor& images, const Tensor&, std::optional<torch::ScalarType>) const {
    return (images.mean(at::IntArrayRef{1, 2, 3}) * own.at("gain")).unsqueeze(1);
  }
  const std::map<std::string, Tensor>& tensors() const { return own; }
  void use(const std::string& name, Tensor value) { own.at(name) = std::move(value); }
};
static_assert(Discriminator<Mean> && Discriminator<StyleGan2Discriminator> && !Discriminator<int>);

const DiscriminatorShape small{.channels = {4, 6, 8}, .stem = 1, .group = 2, .resolution = 16};
const DiscriminatorShape stemmed{.channels = {4, 6}, .stem = 2, .group = 2, .resolution = 16};

/// Random tensors in double precision; biases are not zero.
std::map<std::string, Tensor> tensors(const DiscriminatorShape& shape) {
  auto out = initial_discriminator(shape, {5, 0});
  std::uint64_t seed = 50;
  for (auto& [name, value] : out)
    value = name.ends_with(".bias") ? 0.3 * test::random(value.sizes(), ++seed) : value.to(torch::kFloat64);
  return out;
}
StyleGan2Discriminator made(const DiscriminatorShape& shape) {
  return StyleGan2Discriminator(tensors(shape), "discriminator", {.group = shape.group});
}

}  // namespace

BOOST_AUTO_TEST_CASE(has_the_gradient_of_finite_differences_at_images_and_at_every_kind_of_tensor) {
  constexpr double kinks = 2e-3;  // a step may cross the kink of one of some thousand activations
  auto d = made(small);
  const auto images = test::random({4, 3, 16, 16}, 1);
  test::check_gradient([&](const Tensor& x) { return (d(x) * test::random({4, 1}, 2)).sum(); }, images, kinks, 20);
  for (const std::string name : {"rgb.16.weight", "conv.16.0.weight", "conv.8.1.bias", "skip.8.weight",
                                 "conv.4.0.weight", "out.0.weight", "out.1.bias"}) {
    const auto value = d.tensors().at(name);
    test::check_gradient(
        [&](const Tensor& x) {
          auto copy = d;
          copy.use(name, x);
          return at::softplus(-copy(images)).mean();
        },
        value, kinks, 8);
  }
}

BOOST_AUTO_TEST_CASE(a_stem_reads_squares_of_pixels_folded_into_channels) {
  // A stem of 2 on 16 px is the discriminator of 8 px images with 12 channels, which a 1x1 kernel reads.
  const auto with = made(stemmed);
  const auto folded = tensors(stemmed);
  const auto images = test::random({2, 3, 16, 16}, 3);
  // The same through a hand-made first layer.
  namespace op = stylegan2;
  const auto& weight = folded.at("rgb.8.weight");
  const auto first = op::activate(at::conv2d(at::pixel_unshuffle(images, 2), weight / std::sqrt(12.0)) +
                                  folded.at("rgb.8.bias").view({1, -1, 1, 1}));
  BOOST_TEST(with.resolution() == 16);
  BOOST_TEST(first.size(1) == 4);
  const auto next = op::activate(at::conv2d(first, folded.at("conv.8.0.weight") / 6.0, {}, 1, 1) +
                                 folded.at("conv.8.0.bias").view({1, -1, 1, 1}));
  // Down: filter, stride 2, and the way around, as the definitions say.
  const auto main = op::activate(at::conv2d(op::lowpass(next, 2, 1), folded.at("conv.8.1.weight") / 6.0, {}, 2) +
                                 folded.at("conv.8.1.bias").view({1, -1, 1, 1}));
  const auto skip = at::conv2d(op::lowpass(first, 1, 1), folded.at("skip.8.weight") / 2.0, {}, 2);
  auto x = (main + skip) / std::sqrt(2.0);
  const auto spread = (((x[0] - x[1]) / 2).square() + 1e-8).sqrt().mean();
  x = torch::cat({x, spread.expand({2, 1, 4, 4})}, 1);
  x = op::activate(at::conv2d(x, folded.at("conv.4.0.weight") / std::sqrt(9.0 * 7), {}, 1, 1) +
                   folded.at("conv.4.0.bias").view({1, -1, 1, 1}));
  x = op::activate(op::dense(x.flatten(1), folded.at("out.0.weight"), folded.at("out.0.bias")));
  x = op::dense(x, folded.at("out.1.weight"), folded.at("out.1.bias"));
  BOOST_TEST(test::largest_difference(with(images), x) < 1e-12);
}

BOOST_AUTO_TEST_CASE(a_sample_is_compared_with_those_of_its_group_alone) {
  const auto d = made(small);  // groups of 2: of a batch of 4, samples 0 and 2, 1 and 3
  const auto images = test::random({4, 3, 16, 16}, 4);
  const auto all = d(images);
  auto other = images.clone();
  other[1] += 0.5;
  BOOST_TEST(test::largest_difference(d(other)[0], all[0]) < 1e-12);
  BOOST_TEST(test::largest_difference(d(other)[2], all[2]) < 1e-12);
  BOOST_TEST(test::largest_difference(d(other)[3], all[3]) > 1e-6);
  const auto pair = d(images.index_select(0, torch::tensor({0, 2})));
  BOOST_TEST(test::largest_difference(pair[0], all[0]) < 1e-12);
}

BOOST_AUTO_TEST_CASE(bfloat16_convolutions_change_logits_by_about_their_rounding) {
  auto values = tensors(small);
  for (auto& [name, value] : values) value = value.to(torch::kFloat32);
  const StyleGan2Discriminator d(values, "discriminator", {.group = 2});
  const auto images = test::random({4, 3, 16, 16}, 5).to(torch::kFloat32);
  const auto exact = d(images), rounded = d(images, {}, torch::kBFloat16);
  BOOST_TEST(rounded.scalar_type() == torch::kFloat32);
  const auto size = exact.abs().max().item<double>();
  BOOST_TEST(test::largest_difference(exact, rounded) < 0.05 * size);
  BOOST_TEST(test::largest_difference(exact, rounded) > 0);
}

BOOST_AUTO_TEST_CASE(refuses_tensors_and_images_that_do_not_fit) {
  auto missing = tensors(small);
  missing.erase("conv.8.0.weight");
  BOOST_TEST(error_of([&] { StyleGan2Discriminator{missing}; }) == "discriminator: tensor conv.8.0.weight is missing");
  auto extra = tensors(small);
  extra["conv.32.0.weight"] = torch::zeros({1});
  BOOST_TEST(error_of([&] { StyleGan2Discriminator{extra}; }).find("conv.32.0.weight has no place") !=
             std::string::npos);
  const auto d = made(small);
  BOOST_TEST(error_of([&] {
               d(torch::zeros({2, 3, 8, 8}, torch::kFloat64));
             }) == "images of shape [2, 3, 8, 8], expected [N, 3, 16, 16]");
  BOOST_TEST(error_of([&] {
               d(torch::zeros({3, 3, 16, 16}, torch::kFloat64));
             }).find("a batch of 3") != std::string::npos);
  BOOST_TEST(error_of([&] {
               initial_discriminator({.channels = {4, 4}, .stem = 1, .resolution = 16}, {});
             }).find("needs 3 numbers of channels") != std::string::npos);
}

BOOST_AUTO_TEST_CASE(names_of_the_public_projects_lead_to_ours) {
  BOOST_TEST(discriminator_from_rosinality("convs.1.conv2.1.weight", 64).value_or("-") == "conv.64.1.weight");
  BOOST_TEST(discriminator_from_rosinality("convs.3.skip.1.weight", 64).value_or("-") == "skip.16.weight");
  BOOST_TEST(discriminator_from_rosinality("convs.1.skip.0.kernel", 64).value_or("-").empty());
  BOOST_TEST(!discriminator_from_rosinality("convs.1.conv3.weight", 64));
  BOOST_TEST(discriminator_from_nvidia("b32.conv0.bias").value_or("-") == "conv.32.0.bias");
  BOOST_TEST(discriminator_from_nvidia("b4.out.weight").value_or("-") == "out.1.weight");
  BOOST_TEST(discriminator_from_nvidia("mapping.fc2.bias").value_or("-") == "mapping.2.bias");
  BOOST_TEST(!discriminator_from_nvidia("synthesis.b4.const"));
}

BOOST_AUTO_TEST_CASE(r1_is_the_squared_gradient_and_can_be_minimised) {
  // D(x) = a . x has the gradient a for every image: r = |a|^2, and d r / d a = 2 a.
  const auto a = test::random({3, 4, 4}, 7).requires_grad_(true);
  const auto images = test::random({5, 3, 4, 4}, 8);
  R1 r1{.gamma = 4, .every = 16};
  const auto penalty = r1([&](const Tensor& x) { return (x * a).sum(at::IntArrayRef{1, 2, 3}).unsqueeze(1); }, images);
  BOOST_TEST(std::abs(test::number(penalty) - test::number(a.square().sum())) < 1e-12);
  const auto gradient = torch::autograd::grad({penalty}, {a})[0];
  BOOST_TEST(test::largest_difference(gradient, 2 * a) < 1e-12);
  BOOST_TEST(r1.weight() == 2);
}

BOOST_AUTO_TEST_CASE(path_length_of_a_linear_generator_is_known) {
  // images = w A: J'y = A y / sqrt(H W), whatever w.
  const auto matrix = test::random({6, 3 * 4 * 4}, 9);
  const auto w = test::random({2, 1, 6}, 10).requires_grad_(true);
  const auto images = w.select(1, 0).matmul(matrix).view({2, 3, 4, 4});
  const auto noise = test::random({2, 3, 4, 4}, 11);
  PathLength path{.factor = 2, .every = 4, .decay = 0.01, .mean = torch::full({}, 0.5)};
  const auto lengths = noise.view({2, -1}).matmul(matrix.t()).norm(2, 1) / 4;
  const auto mean = 0.5 + 0.01 * (test::number(lengths.mean()) - 0.5);
  const auto penalty = path(w, images, noise);
  BOOST_TEST(std::abs(test::number(penalty) - test::number((lengths - mean).square().mean())) < 1e-12);
  BOOST_TEST(std::abs(path.mean.item<double>() - mean) < 1e-6);
}

BOOST_AUTO_TEST_CASE(losses_of_logits_that_know_nothing_are_those_of_the_papers) {
  const auto zeros = torch::zeros({4, 1}, torch::kFloat64);
  const NonSaturatingLogistic logistic;
  BOOST_TEST(std::abs(test::number(logistic.discriminator(zeros, zeros)) - 2 * std::log(2.0)) < 1e-12);
  BOOST_TEST(std::abs(test::number(logistic.generator(zeros)) - std::log(2.0)) < 1e-12);
  const Hinge hinge;
  BOOST_TEST(test::number(hinge.discriminator(zeros, zeros)) == 2);
  BOOST_TEST(test::number(hinge.discriminator(zeros + 1.5, zeros - 1.5)) == 0);
  BOOST_TEST(test::number(hinge.generator(zeros + 3)) == -3);
  const auto logits = test::random({4, 1}, 12);
  test::check_gradient([&](const Tensor& x) { return logistic.discriminator(x, 2 * x); }, logits);
  test::check_gradient([&](const Tensor& x) { return logistic.generator(x); }, logits);
}

BOOST_AUTO_TEST_SUITE_END()
