#include "nada/adaptation/make_delta.hpp"

#include <boost/test/unit_test.hpp>
#include <filesystem>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "nada/adaptation/adaptation.hpp"
#include "nada/adaptation/delta_file.hpp"
#include "nada/adaptation/state_file.hpp"
#include "nada/checks/small_models.hpp"
#include "nada/core/tensor.hpp"
#include "nada/formats/safetensors.hpp"
#include "nada/formats/tensor_file.hpp"
#include "nada/generators/load.hpp"
#include "nada/generators/stylegan2.hpp"
#include "nada/losses/directional.hpp"
#include "nada/parameterization/any_parameterization.hpp"
#include "nada/parameterization/low_rank.hpp"
#include "nada/parameterization/parameterization.hpp"
#include "nada/selection/named_layers.hpp"
#include "support/files.hpp"
#include "support/random_stylegan2.hpp"

BOOST_AUTO_TEST_SUITE(adaptation_make_delta)

using namespace nada;

namespace {

/// A parameterization that no menu has: biases times one number. (A factor of the weight is demodulated away.)
struct Gain {
  static constexpr std::string_view name = "gain";
  bool covers(const Layer& layer) const { return layer.kind == LayerKind::convolution; }
  std::vector<std::string> names(const Layer&) const { return {"gain"}; }
  std::vector<Tensor> leaves(const Layer&, std::span<const Tensor> base, const Stream&) const {
    return {torch::ones({1}, base[0].options()).requires_grad_(true)};
  }
  std::vector<Tensor> effective(const Layer&, std::span<const Tensor> base, std::span<const Tensor> leaves) const {
    std::vector<Tensor> out(base.begin(), base.end());
    out[1] = base[1] * leaves[0];
    return out;
  }
};
static_assert(Parameterization<Gain> && !is_in_menu<Gain>);
static_assert(is_in_menu<FullWeights> && is_in_menu<LowRank> && is_in_menu<AnyParameterization>);

/// A run on a small StyleGAN2 in float32, whose file lies in a folder.
template <class P>
struct Run {
  TemporaryFolder folder;
  StyleGan2 source = test::small_stylegan2({.type = torch::kFloat32});
  Adaptation<StyleGan2, Members<checks::SmallEncoder>, TextShift, Objective<Directional>, NamedLayers, P> adaptation;
  Tensor z = test::random({2, 6}, 3).to(torch::kFloat32);

  explicit Run(P parameterization)
      : adaptation(source, checks::small_encoders(), checks::small_shift(), weigh(1.0, Directional{}),
                   NamedLayers{{"conv.8.0", "conv.16.1"}}, std::move(parameterization), {}, {}, settings()) {
    save_tensors(folder / "base.safetensors", source.tensors(), generator_metadata(source));
    for (int i = 0; i < 3; ++i) adaptation.step();
  }
  static AdaptationSettings settings() {
    AdaptationSettings out;
    out.adam.rate = 0.02;
    out.batch = 2;
    return out;
  }
  std::filesystem::path delta() const { return folder / "adapted.safetensors"; }
  void save() const { DeltaOrigin{{}, folder / "base.safetensors"}.save(delta(), adaptation.delta()); }
  Tensor read() const {
    const torch::NoGradGuard no_grad;
    const auto generator = load_generator(delta());
    return generator.synthesize(generator.map(z));
  }
};

}  // namespace

BOOST_AUTO_TEST_CASE(of_a_parameterization_outside_the_menu_holds_the_weights_that_it_folds_into) {
  const Run<Gain> run{Gain{}};
  const auto delta = run.adaptation.delta();
  BOOST_TEST(delta.parameterization == "full");
  BOOST_TEST(delta.folded_from == "gain");
  BOOST_TEST(delta.leaves.size() == 10U);  // five slots of two layers
  const auto k = find_layer(run.source.layers(), "conv.8.0");
  BOOST_TEST(test::same_bits(delta.leaves.at("conv.8.0.bias"), run.adaptation.adapted().slot(k, 1)));
  BOOST_TEST(!test::same_bits(delta.leaves.at("conv.8.0.bias"), run.source.slot(k, 1)));
}

BOOST_AUTO_TEST_CASE(any_program_reads_it_back_as_the_generator_of_the_run) {
  const Run<Gain> run{Gain{}};
  run.save();
  const auto images = run.adaptation.adapted_images(run.z);
  BOOST_TEST(test::largest_difference(images, run.adaptation.source_images(run.z)) > 1e-3);
  BOOST_TEST(test::largest_difference(run.read(), images) <= 1e-6);
  const auto file = Safetensors::open(run.delta());
  BOOST_TEST(file.metadata().at("nada.parameterization") == "full");
  BOOST_TEST(file.metadata().at("nada.folded_from") == "gain");
  BOOST_TEST(load_delta(file).folded_from == "gain");
}

BOOST_AUTO_TEST_CASE(a_run_is_resumed_with_its_own_leaves_and_not_with_the_folded_ones) {
  Run<Gain> run{Gain{}}, again{Gain{}};
  const auto path = run.folder / "state.safetensors";
  save_state(path, run.adaptation.state());
  const auto state = load_state(path);
  BOOST_TEST(state.parameterization == "gain");
  BOOST_TEST(state.leaves.size() == 2U);
  BOOST_TEST(state.leaves.at("conv.8.0.gain").numel() == 1);
  again.adaptation.restore(state);
  run.adaptation.step();
  again.adaptation.step();
  BOOST_TEST(test::same_bits(run.adaptation.adapted_images(run.z), again.adaptation.adapted_images(run.z)));
}

BOOST_AUTO_TEST_CASE(of_a_parameterization_in_the_menu_holds_its_leaves) {
  const Run<LowRank> run{LowRank{2}};
  const auto delta = run.adaptation.delta();
  BOOST_TEST(delta.parameterization == "low-rank-2");
  BOOST_TEST(delta.folded_from == "");
  BOOST_TEST(delta.leaves.size() == 8U);  // up and down of two weights of two layers
  run.save();
  BOOST_TEST(test::same_bits(run.read(), run.adaptation.adapted_images(run.z)));
  BOOST_TEST(Safetensors::open(run.delta()).metadata().count("nada.folded_from") == 0U);
}

BOOST_AUTO_TEST_SUITE_END()
