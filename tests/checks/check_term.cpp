#include "nada/checks/check_term.hpp"

#include <boost/test/unit_test.hpp>
#include <memory>
#include <string>
#include <string_view>

#include "nada/core/tensor.hpp"
#include "nada/encoders/any_clip.hpp"
#include "nada/encoders/encoder.hpp"
#include "nada/experiment/build.hpp"
#include "nada/losses/directional.hpp"
#include "nada/losses/global.hpp"
#include "nada/losses/manifold.hpp"
#include "nada/losses/moment.hpp"
#include "nada/losses/patch_directional.hpp"
#include "nada/losses/perceptual_anchor.hpp"
#include "nada/losses/pixel_anchor.hpp"
#include "nada/losses/range_penalty.hpp"
#include "nada/losses/term.hpp"
#include "nada/losses/texture.hpp"
#include "nada/losses/weight_anchor.hpp"
#include "nada/losses/within_domain.hpp"
#include "nada/shifts/shift.hpp"
#include "nada/shifts/text_shift.hpp"
#include "support/files.hpp"

BOOST_AUTO_TEST_SUITE(checks_check_term)

using namespace nada;

namespace {

/// A scene term that calls a function; each broken term derives from it.
template <Reads what = Reads::adapted, bool mean = true>
struct Broken {
  static constexpr std::string_view name = "mine";
  static constexpr Reads reads = what;
  static constexpr bool per_sample = mean;
};
Tensor brightness(const Tensor& images) { return images.square().mean(); }

struct Honest : Broken<> {
  Tensor operator()(const Scene& s) const { return brightness(s.adapted_images); }
};
struct Detached : Broken<> {
  Tensor operator()(const Scene& s) const { return brightness(s.adapted_images.detach()); }
};
struct HalfDetached : Broken<> {
  Tensor operator()(const Scene& s) const { return (s.adapted_images * s.adapted_images.detach()).mean(); }
};
struct Vector : Broken<> {
  Tensor operator()(const Scene& s) const { return s.adapted_images.mean(at::IntArrayRef{1, 2, 3}); }
};
struct Infinite : Broken<> {
  Tensor operator()(const Scene& s) const { return brightness(s.adapted_images) / 0; }
};
struct Drawn : Broken<> {
  Tensor operator()(const Scene& s) const { return brightness(s.adapted_images + torch::rand({1}, torch::kFloat64)); }
};
/// Takes the images that it saw before for the anchor's.
struct Remembering : Broken<> {
  std::shared_ptr<Tensor> anchor = std::make_shared<Tensor>();
  Tensor operator()(const Scene& s) const {
    const auto before = anchor->defined() ? *anchor : s.adapted_images.detach();
    *anchor = s.adapted_images.detach();
    return brightness(s.adapted_images - before + 1);
  }
};
/// Takes the first images that it sees, once bound, for the anchor's.
struct RemembersFirst : Broken<> {
  template <TextImageEncoder E>
  auto bind(const E&, const auto&, const Endpoints&) const {
    return [first = std::make_shared<Tensor>()](auto& c) -> Tensor {
      if (!first->defined()) *first = c.adapted().unit.detach();
      return brightness(c.adapted().unit - *first + 1);
    };
  }
};
struct Undeclared : Broken<> {
  Tensor operator()(const Scene& s) const { return brightness(s.adapted_images - s.anchor_images); }
};
struct UndeclaredIfThere : Broken<> {
  Tensor operator()(const Scene& s) const {
    return brightness(s.anchor_images.defined() ? s.adapted_images - s.anchor_images : s.adapted_images);
  }
};
struct UndeclaredLeaves : Broken<> {
  Tensor operator()(const Scene& s) const {
    return brightness(s.adapted_images) + (s.leaves.empty() ? torch::zeros({}) : s.leaves[0].value.square().sum());
  }
};
struct NeverAnchor : Broken<Reads::adapted | Reads::anchor> {
  Tensor operator()(const Scene& s) const { return brightness(s.adapted_images); }
};
struct NeverLeaves : Broken<Reads::adapted | Reads::leaves> {
  Tensor operator()(const Scene& s) const { return brightness(s.adapted_images); }
};
struct NeverAdapted : Broken<Reads::adapted | Reads::leaves, false> {
  Tensor operator()(const Scene& s) const { return s.leaves[0].value.square().sum(); }
};
struct Spread : Broken<> {
  Tensor operator()(const Scene& s) const { return s.adapted_images.mean(0).square().mean(); }
};
struct Sum : Broken<> {
  Tensor operator()(const Scene& s) const { return s.adapted_images.square().mean(at::IntArrayRef{1, 2, 3}).sum(); }
};
struct NotAlone : Broken<> {
  Tensor operator()(const Scene& s) const { return s.adapted_images.var(0, /*unbiased=*/true).sum(); }
};

/// An encoder term whose score is a function of features.
template <class Base, class Score>
struct Bound : Base {
  template <TextImageEncoder E>
  auto bind(const E&, const auto&, const Endpoints& ends) const {
    return [ends](auto& c) -> Tensor { return Score{}(c, ends); };
  }
};
struct OfTokens {
  Tensor operator()(auto& c, const Endpoints&) const { return c.adapted().tokens.square().mean(); }
};
struct OfTarget {
  Tensor operator()(auto& c, const Endpoints& ends) const { return (c.adapted().unit * ends.target).sum(1).mean(); }
};
struct WithoutGradient {
  Tensor operator()(auto& c, const Endpoints& ends) const {
    const torch::NoGradGuard no_grad;
    return (c.adapted().unit * ends.target).sum(1).mean();
  }
};

template <class Term>
std::string error(const Term& term) {
  return error_of([&] { check_part(term); });
}
bool tells(const std::string& text, const std::string& part) { return text.find(part) != std::string::npos; }

}  // namespace

BOOST_AUTO_TEST_CASE(the_terms_of_the_framework_pass) {
  const auto pass = [](const auto& term) { BOOST_TEST(error(term) == "", error(term)); };
  pass(Directional{});
  pass(Directional{.distance = StepDistance::l1});
  pass(Directional{.distance = StepDistance::l2});
  pass(Global{.scaled = true});
  pass(RangePenalty{});
  pass(WithinDomain{});
  pass(InDomainDiversity{});
  pass(PixelAnchor{});
  pass(PerceptualAnchor{});
  pass(Manifold{});
  pass(Moment{});
  pass(PatchDirectional{.size = 16});  // draws places in each image
  pass(PatchSimilarity{.size = 16});
  pass(Texture{checks::random_images(2, 48, 5)});  // another picture for each place in the batch
  pass(WeightAnchor{});
  pass(Honest{});
  pass(Bound<Broken<>, OfTarget>{});
}

BOOST_AUTO_TEST_CASE(a_term_may_be_checked_under_another_encoder_and_shift) {
  const TextShift shift("a portrait", "a zombie");
  for (const auto type : {torch::kFloat64, torch::kFloat32}) {
    const auto clip = load_clip(configs() / "avatars" / "encoder_vit.safetensors", {}, torch::kCPU, type);
    const auto error = [&](const auto& term) { return error_of([&] { check_part(term, clip, shift); }); };
    BOOST_TEST(error(Directional{}) == "");
    BOOST_TEST(error(Global{}) == "");
    BOOST_TEST(tells(error(Bound<Broken<>, WithoutGradient>{}), "the value carries no graph"));
  }
}

BOOST_AUTO_TEST_CASE(a_value_that_is_no_finite_scalar_is_told) {
  BOOST_TEST(error(Vector{}) == "the loss mine gives a tensor of shape [4], expected a scalar []");
  BOOST_TEST(error(Infinite{}) == "the loss mine is inf, expected a finite number");
}

BOOST_AUTO_TEST_CASE(a_gradient_that_is_missing_or_wrong_is_told) {
  BOOST_TEST(error(Detached{}) ==
             "the loss mine: the gradient in the adapted images is not there: the value carries no graph (was it "
             "detached?)");
  BOOST_TEST(tells(error(Bound<Broken<>, WithoutGradient>{}), "the gradient in the adapted images is not there"));
  BOOST_TEST(tells(error(HalfDetached{}), "the loss mine: the gradient in the adapted images disagrees with finite"));
}

BOOST_AUTO_TEST_CASE(a_value_that_changes_from_call_to_call_is_told) {
  BOOST_TEST(tells(error(Drawn{}), "the loss mine gives another value when the same batch is scored again"));
}

BOOST_AUTO_TEST_CASE(what_is_read_and_not_declared_is_told) {
  const std::string anchor =
      "the loss mine reads the anchor's images, which its `reads` does not declare: add nada::Reads::anchor";
  BOOST_TEST(error(Undeclared{}) == anchor);
  BOOST_TEST(error(UndeclaredIfThere{}) == anchor);
  BOOST_TEST(tells(error(UndeclaredLeaves{}), "reads the leaves, which its `reads` does not declare"));
  BOOST_TEST(
      tells(error(Bound<Broken<>, OfTokens>{}), "reads the features' tokens, which its `reads` does not declare"));
  BOOST_TEST(tells(error(Remembering{}), "it remembers something"));  // an anchor in a captured member
  BOOST_TEST(tells(error(RemembersFirst{}), "it remembers something"));
}

BOOST_AUTO_TEST_CASE(what_is_declared_and_not_read_is_told) {
  BOOST_TEST(error(NeverAnchor{}) ==
             "the loss mine declares nada::Reads::anchor, but its value never depends on the anchor's images");
  BOOST_TEST(tells(error(NeverLeaves{}), "never depends on the leaves"));
  BOOST_TEST(tells(error(NeverAdapted{}), "never depends on the adapted images"));
  BOOST_TEST(tells(error(Bound<Broken<Reads::adapted | Reads::tokens>, OfTarget>{}), "never depends on the features'"));
  BOOST_TEST(error(Bound<Broken<Reads::adapted | Reads::tokens>, OfTokens>{}) == "");
}

BOOST_AUTO_TEST_CASE(a_relation_between_samples_that_calls_itself_a_mean_over_samples_is_told) {
  BOOST_TEST(tells(error(Spread{}), "the loss mine declares per_sample = true, but the value of a batch is "));
  BOOST_TEST(tells(error(Sum{}), "declares per_sample = true"));
  BOOST_TEST(error(NotAlone{}) != "");
}

BOOST_AUTO_TEST_SUITE_END()
