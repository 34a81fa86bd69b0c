#include "nada/checks/check_parameterization.hpp"

#include <boost/test/unit_test.hpp>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "nada/core/stream.hpp"
#include "nada/core/tensor.hpp"
#include "nada/generators/generator.hpp"
#include "nada/parameterization/affine_only.hpp"
#include "nada/parameterization/any_parameterization.hpp"
#include "nada/parameterization/channel_scales.hpp"
#include "nada/parameterization/full_weights.hpp"
#include "nada/parameterization/low_rank.hpp"
#include "nada/parameterization/style_offsets.hpp"
#include "support/files.hpp"
#include "support/tiny.hpp"

BOOST_AUTO_TEST_SUITE(checks_check_parameterization)

using namespace nada;

namespace {

using Tensors = std::vector<Tensor>;
using View = std::span<const Tensor>;

/// Trains one number of each convolution's weight; each broken parameterization derives from it.
struct Factor {
  static constexpr std::string_view name = "factor";
  bool covers(const Layer& layer) const { return layer.kind == LayerKind::convolution; }
  std::vector<std::string> names(const Layer&) const { return {"factor", "offset"}; }
  Tensors leaves(const Layer&, View base, const Stream&) const {
    return {torch::ones({1}, base[0].options()).requires_grad_(true),
            torch::zeros({1}, base[0].options()).requires_grad_(true)};
  }
  Tensors effective(const Layer&, View base, View leaves) const {
    Tensors out(base.begin(), base.end());
    out[0] = base[0] * leaves[0] + leaves[1];
    return out;
  }
};
struct OffBase : Factor {
  Tensors effective(const Layer& layer, View base, View leaves) const {
    auto out = Factor::effective(layer, base, leaves);
    out[0] = out[0] + 0.01;
    return out;
  }
};
struct OtherShape : Factor {
  Tensors effective(const Layer& layer, View base, View leaves) const {
    auto out = Factor::effective(layer, base, leaves);
    out[0] = out[0].unsqueeze(0);
    return out;
  }
};
struct OtherType : Factor {
  Tensors effective(const Layer& layer, View base, View leaves) const {
    auto out = Factor::effective(layer, base, leaves);
    out[0] = out[0].to(torch::kFloat32);
    return out;
  }
};
struct TooFew : Factor {
  Tensors effective(const Layer&, View base, View leaves) const { return {base[0] * leaves[0] + leaves[1]}; }
};
struct ChangesBase : Factor {
  Tensors effective(const Layer& layer, View base, View leaves) const {
    const torch::NoGradGuard no_grad;
    Tensor own = base[0];
    own.mul_(1.5);
    return Factor::effective(layer, base, leaves);
  }
};
struct Noisy : Factor {
  Tensors effective(const Layer& layer, View base, View leaves) const {
    auto out = Factor::effective(layer, base, leaves);
    out[0] = out[0] + 1e-9 * torch::rand_like(base[0]);
    return out;
  }
};
struct LosesALeaf : Factor {
  Tensors effective(const Layer& layer, View base, View leaves) const {
    const Tensors detached{leaves[0], leaves[1].detach()};
    return Factor::effective(layer, base, detached);
  }
};
struct OneName : Factor {
  std::vector<std::string> names(const Layer&) const { return {"factor"}; }
};
struct SameNames : Factor {
  std::vector<std::string> names(const Layer&) const { return {"factor", "factor"}; }
};
struct CoversNothing : Factor {
  bool covers(const Layer&) const { return false; }
};
struct CoversTooMuch : Factor {
  bool covers(const Layer&) const { return true; }
  std::vector<std::string> names(const Layer& layer) const {
    return Factor::covers(layer) ? Factor::names(layer) : std::vector<std::string>{};
  }
};
struct Constants : Factor {
  Tensors leaves(const Layer&, View base, const Stream&) const {
    return {torch::ones({1}, base[0].options()), torch::zeros({1}, base[0].options())};
  }
};
struct Chance : Factor {
  Tensors leaves(const Layer&, View base, const Stream&) const {
    return {torch::ones({1}, base[0].options()).requires_grad_(true),
            (1e-9 * torch::rand({1}, base[0].options())).requires_grad_(true)};
  }
};
/// Trains the base itself.
struct Alias : FullWeights {
  Tensors leaves(const Layer&, View base, const Stream&) const {
    Tensors out;
    for (const auto& t : base) out.push_back(t.detach().requires_grad_(true));
    return out;
  }
};

template <class P>
std::string error(const P& parameterization) {
  return error_of([&] { check_part(parameterization, test::TinyGenerator(1)); });
}
bool tells(const std::string& text, const std::string& part) { return text.find(part) != std::string::npos; }

}  // namespace

BOOST_AUTO_TEST_CASE(the_parameterizations_of_the_framework_pass) {
  const auto pass = [](const auto& part) { BOOST_TEST(error_of([&] { check_part(part); }) == "", name_of(part)); };
  pass(FullWeights{});
  pass(AffineOnly{});
  pass(StyleOffsets{});
  pass(SparseStyleOffsets{});
  pass(ChannelScales{});
  pass(LowRank{2});
  pass(AnyParameterization(LowRank{2}));
  pass(Factor{});
}

BOOST_AUTO_TEST_CASE(one_that_does_not_start_at_the_base_is_told) {
  BOOST_TEST(
      tells(error(OffBase{}), "the parameterization factor does not start at the base: conv.4.0.weight is off by"));
  BOOST_TEST(error(Factor{}) == "");
}

BOOST_AUTO_TEST_CASE(tensors_that_do_not_fit_the_base_are_told) {
  BOOST_TEST(error(OtherShape{}) ==
             "the parameterization factor makes conv.4.0.weight of shape [1, 4, 4], the base has [4, 4]");
  BOOST_TEST(error(OtherType{}) == "the parameterization factor makes conv.4.0.weight of another type than the base's");
  BOOST_TEST(error(TooFew{}) == "the parameterization factor makes 1 tensors of conv.4.0, which has 3 slots");
}

BOOST_AUTO_TEST_CASE(functions_that_are_not_pure_are_told) {
  BOOST_TEST(tells(error(ChangesBase{}), "changes the base or the leaves of conv.4.0 in effective()"));
  BOOST_TEST(tells(error(Noisy{}), "makes other tensors of conv.4.0 when it is asked the same again"));
  BOOST_TEST(tells(error(Chance{}), "makes other leaves of conv.4.0 for the same stream"));
}

BOOST_AUTO_TEST_CASE(leaves_that_cannot_train_are_told) {
  BOOST_TEST(error(LosesALeaf{}) == "the parameterization factor: no gradient reaches the leaf offset of conv.4.0");
  BOOST_TEST(tells(error(Constants{}), "the leaf factor of conv.4.0 is no leaf that requires a gradient"));
  BOOST_TEST(tells(error(Alias{}), "the leaf weight of mapping.0 shares memory with the base"));
}

BOOST_AUTO_TEST_CASE(names_and_covers_that_do_not_fit_the_leaves_are_told) {
  BOOST_TEST(error(OneName{}) == "the parameterization factor names 1 leaves of conv.4.0 and makes 2");
  BOOST_TEST(error(SameNames{}) == "the parameterization factor gives two leaves of conv.4.0 one name, or none");
  BOOST_TEST(error(CoversNothing{}) == "the parameterization factor covers no layer of the generator");
  BOOST_TEST(error(CoversTooMuch{}) == "the parameterization factor covers mapping.0, but names no leaf of it");
}

BOOST_AUTO_TEST_SUITE_END()
