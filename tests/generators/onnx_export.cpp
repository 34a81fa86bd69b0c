#include "nada/generators/onnx_export.hpp"

#include <algorithm>
#include <boost/test/unit_test.hpp>
#include <cmath>
#include <cstdint>
#include <cstring>
#include <map>
#include <string>
#include <utility>
#include <vector>

#include "nada/core/tensor.hpp"
#include "nada/formats/file.hpp"
#include "nada/formats/onnx.hpp"
#include "nada/generators/any_generator.hpp"
#include "nada/generators/generator.hpp"
#include "nada/generators/latents.hpp"
#include "nada/generators/stylegan2.hpp"
#include "support/files.hpp"
#include "support/onnx_interpreter.hpp"
#include "support/random_stylegan2.hpp"

BOOST_AUTO_TEST_SUITE(generators_onnx_export)

using namespace nada;
using test::largest_difference;
using test::random;

namespace {

/// Returns the file of a generator's graph, read again.
test::ReadOnnx written(const StyleGan2& generator) {
  const TemporaryFolder folder;
  save_onnx(folder / "g.onnx", to_onnx(generator, "g"));
  return test::ReadOnnx(read_text(folder / "g.onnx"));
}

/// Returns the largest difference between the graph and the generator over n = 1 and 3 and psi = 1, 0.5 and 0, divided
/// by the largest number of the pictures.
double difference(const StyleGan2& generator) {
  const auto graph = written(generator);
  double out = 0;
  for (const std::int64_t n : {1, 3})
    for (const double psi : {1.0, 0.5, 0.0}) {
      const auto z = random({n, generator.latent_size()}, 11);
      std::map<std::string, Tensor> inputs{{"z", z}, {"psi", torch::tensor({psi}, torch::kFloat64)}};
      Tensor labels;
      if (const auto classes = generator.label_size()) {
        labels = torch::eye(classes, torch::kFloat64).narrow(0, 0, n);
        inputs["labels"] = labels;
      }
      const auto ours = generator.synthesize(truncate(generator.map(z, labels), generator.mean_style(), psi));
      const auto theirs = graph.run(inputs);
      BOOST_TEST((theirs.sizes() == ours.sizes()));
      out = std::max(out, largest_difference(ours, theirs) / test::number(ours.abs().max()));
    }
  return out;
}

std::vector<std::string> operators(const OnnxModel& model, const std::string& layer) {
  std::vector<std::string> out;
  for (const auto& node : model.nodes)
    if (node.output == layer || node.output.starts_with(layer + ".")) out.push_back(node.op);
  return out;
}

std::map<std::string, std::vector<std::int64_t>> shapes(const OnnxModel& model, const std::string& layer) {
  std::map<std::string, std::vector<std::int64_t>> out;
  for (const auto& constant : model.constants)
    if (constant.name.starts_with(layer + ".")) out[constant.name.substr(layer.size() + 1)] = constant.shape;
  return out;
}

double first_number(const OnnxModel& model, const std::string& name) {
  for (const auto& constant : model.constants)
    if (constant.name == name) {
      float out = 0;
      std::memcpy(&out, constant.bytes.data(), sizeof out);
      return out;
    }
  BOOST_ERROR("there is no constant " + name);
  return 0;
}

using Names = std::vector<std::string>;
using Shapes = std::map<std::string, std::vector<std::int64_t>>;
constexpr double rounding = 2e-6;  // of float32's weights

}  // namespace

// -------------------- what the graph computes: the interpreter knows ONNX's descriptions of operators alone

BOOST_AUTO_TEST_CASE(the_graph_computes_the_generators_pictures) {
  BOOST_TEST(difference(test::small_stylegan2()) < rounding);
  BOOST_TEST(difference(test::small_stylegan2({.noise_maps = false})) < rounding);
  BOOST_TEST(difference(test::small_stylegan2({.widths = {3}})) < rounding);  // 4 px: nothing is doubled
  BOOST_TEST(difference(test::small_stylegan2({.widths = {4, 4, 3, 2}, .latent = 3, .style = 7, .depth = 4})) <
             rounding);
}

BOOST_AUTO_TEST_CASE(residual_blocks_classes_clamps_and_rates_are_in_it) {
  const auto tensors = test::random_stylegan2();
  const auto both = test::residual_and_conditional(tensors);
  BOOST_TEST(difference(StyleGan2(both)) < rounding);
  BOOST_TEST(difference(StyleGan2(tensors, "g", {.mapping_lr = 0.02})) < rounding);
  for (const auto& some : {tensors, both}) {
    const StyleGan2 free(some), clamped(some, "g", {.conv_clamp = 0.4});
    BOOST_TEST(difference(clamped) < rounding);
    const auto w = test::random_styles(StyleGan2(tensors), 1);
    BOOST_TEST(largest_difference(free.synthesize(w), clamped.synthesize(w)) > 0.1);  // the clamp is felt
  }
}

BOOST_AUTO_TEST_CASE(patterns_are_in_it_with_and_without_noise) {
  for (const bool noise : {true, false}) {
    auto generator = test::small_stylegan2({.noise_maps = noise}).with_patterns();
    for (const char* name : {"conv.4.0", "conv.8.1", "conv.16.0"}) {
      const auto k = find_layer(generator.layers(), name);
      const auto r = generator.layers()[k].resolution;
      generator.use(k, 5, 0.1 * random({r, r}, 31));
    }
    BOOST_TEST(difference(generator) < rounding);
  }
}

BOOST_AUTO_TEST_CASE(weights_of_any_type_become_float32) {
  auto generator = test::small_stylegan2();
  const auto halved = generator.to(torch::kCPU, torch::kBFloat16).to(torch::kCPU, torch::kFloat64);
  const auto model = to_onnx(generator.to(torch::kCPU, torch::kBFloat16), "g"), same = to_onnx(halved, "g");
  for (std::size_t k = 0; k < model.constants.size(); ++k) {
    BOOST_TEST((model.constants[k].dtype == (model.constants[k].name == "image_axes" ? DType::i64 : DType::f32)));
    BOOST_TEST((model.constants[k].bytes == same.constants[k].bytes), model.constants[k].name);
  }
}

// -------------------- what the graph is

BOOST_AUTO_TEST_CASE(inputs_and_outputs_leave_the_number_of_samples_free) {
  const auto graph = written(test::small_stylegan2());
  BOOST_TEST(graph.ir_version == 8);
  BOOST_TEST(graph.opset == 17);
  BOOST_TEST((graph.shapes ==
              std::map<std::string, Names>{{"z", {"N", "6"}}, {"psi", {"1"}}, {"images", {"N", "3", "16", "16"}}}));
  const auto labelled = written(StyleGan2(test::residual_and_conditional(test::random_stylegan2())));
  BOOST_TEST((labelled.shapes.at("labels") == Names{"N", "4"}));
}

BOOST_AUTO_TEST_CASE(a_layer_has_the_operators_that_its_kind_needs) {
  const auto model = to_onnx(test::small_stylegan2(), "g");
  BOOST_TEST((operators(model, "mapping.0") == Names{"Gemm", "LeakyRelu"}));
  BOOST_TEST(
      (operators(model, "conv.8.0") == Names{"Gemm", "Unsqueeze", "Mul", "ConvTranspose", "Conv", "Mul", "Gemm", "Sqrt",
                                             "Reciprocal", "Unsqueeze", "Mul", "Add", "Add", "LeakyRelu"}));
  BOOST_TEST((operators(model, "conv.8.1") == Names{"Gemm", "Unsqueeze", "Mul", "Conv", "Mul", "Gemm", "Sqrt",
                                                    "Reciprocal", "Unsqueeze", "Mul", "Add", "Add", "LeakyRelu"}));
  BOOST_TEST((operators(model, "rgb.8") == Names{"Gemm", "Unsqueeze", "Mul", "Conv", "ConvTranspose", "Add"}));
  BOOST_TEST(model.nodes.back().op == "Add");
  BOOST_TEST(model.nodes.back().output == "images");
}

BOOST_AUTO_TEST_CASE(constants_have_the_shapes_that_the_operators_ask_for) {
  const auto model = to_onnx(test::small_stylegan2(), "g");
  BOOST_TEST((shapes(model, "mapping.0") == Shapes{{"dense.weight", {5, 6}}, {"dense.bias", {5}}}));
  BOOST_TEST((shapes(model, "conv.8.0") == Shapes{{"affine.weight", {5, 5}},
                                                  {"affine.bias", {5}},
                                                  {"weight", {5, 4, 3, 3}},  // inputs first: it is transposed
                                                  {"weight_energy", {4, 5}},
                                                  {"energy_floor", {1}},
                                                  {"bias", {1, 4, 1, 1}},
                                                  {"noise", {1, 1, 8, 8}}}));
  BOOST_TEST((shapes(model, "conv.16.1").at("weight") == std::vector<std::int64_t>{3, 3, 3, 3}));
  BOOST_TEST((shapes(model, "rgb.8") ==
              Shapes{{"affine.weight", {4, 5}}, {"affine.bias", {4}}, {"weight", {3, 4, 1, 1}}, {"bias", {3}}}));
  BOOST_TEST((shapes(model, "filter") ==
              Shapes{{"3", {3, 1, 4, 4}}, {"4", {4, 1, 4, 4}}}));  // one for each number of channels, shared
}

BOOST_AUTO_TEST_CASE(gains_and_learning_rates_are_folded_into_the_weights) {
  const auto tensors = test::random_stylegan2();
  const auto model = to_onnx(StyleGan2(tensors), "g");
  const auto first = [&](const char* name) { return tensors.at(name).flatten()[0].item<double>(); };
  const double tolerance = 1e-5;  // percent
  BOOST_CHECK_CLOSE(first_number(model, "mapping.0.dense.weight"),
                    first("mapping.0.weight") * 0.01 * std::sqrt(2.0 / 6), tolerance);
  BOOST_CHECK_CLOSE(first_number(model, "mapping.1.dense.bias"), first("mapping.1.bias") * 0.01 * std::sqrt(2.0),
                    tolerance);
  BOOST_CHECK_CLOSE(first_number(model, "conv.8.1.affine.weight"),
                    first("conv.8.1.affine.weight") / std::sqrt(5.0) / std::sqrt(4.0 * 9), tolerance);
  BOOST_CHECK_CLOSE(first_number(model, "conv.8.1.noise"),
                    first("noise.8.1") * first("conv.8.1.noise_strength") * std::sqrt(2.0), tolerance);
  BOOST_CHECK_CLOSE(first_number(model, "filter.3"), 0.25 * 0.25, tolerance);
}

BOOST_AUTO_TEST_CASE(noise_that_adds_nothing_is_left_out) {
  auto tensors = test::random_stylegan2();
  tensors.at("conv.8.1.noise_strength").zero_();
  const auto model = to_onnx(StyleGan2(tensors), "g");
  BOOST_TEST(shapes(model, "conv.8.1").count("noise") == 0U);
  BOOST_TEST(shapes(model, "conv.8.0").count("noise") == 1U);
  BOOST_TEST(difference(StyleGan2(tensors)) < rounding);
}

BOOST_AUTO_TEST_CASE(noise_of_several_samples_is_refused) {
  auto generator = test::small_stylegan2();
  generator.use_noise(1, torch::zeros({2, 1, 8, 8}, torch::kFloat64));
  BOOST_TEST(error_of([&] { to_onnx(generator, "g.safetensors"); }) ==
             "g.safetensors: noise maps of several samples have no place in an ONNX graph");
}

BOOST_AUTO_TEST_CASE(the_menu_of_generators_gives_the_same_graph) {
  const auto generator = test::small_stylegan2();
  const auto one = to_onnx(generator, "g"), other = to_onnx(AnyGenerator(generator), "g");
  BOOST_TEST(one.nodes.size() == other.nodes.size());
  BOOST_TEST_REQUIRE(one.constants.size() == other.constants.size());
  for (std::size_t k = 0; k < one.constants.size(); ++k)
    BOOST_TEST((one.constants[k].bytes == other.constants[k].bytes), one.constants[k].name);
}

BOOST_AUTO_TEST_SUITE_END()
