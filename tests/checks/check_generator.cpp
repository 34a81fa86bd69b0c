#include "nada/checks/check_generator.hpp"

#include <boost/test/unit_test.hpp>
#include <limits>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "nada/checks/small_models.hpp"
#include "nada/core/tensor.hpp"
#include "nada/experiment/build.hpp"
#include "nada/generators/generator.hpp"
#include "nada/generators/load.hpp"
#include "nada/generators/open_generator.hpp"
#include "support/files.hpp"
#include "support/golden.hpp"
#include "support/tiny.hpp"

BOOST_AUTO_TEST_SUITE(checks_check_generator)

using namespace nada;

namespace {

enum class Fault {
  none,
  names,
  styles,
  mean_style,
  remembers_batch,
  random,
  infinite,
  one_image,
  exit,
  shallow,
  attached,
  no_graph,
  loses_a_slot
};

/// The tiny generator with one fault.
class Broken {
 public:
  explicit Broken(Fault fault) : fault_(fault), layers_(inner_.layers().begin(), inner_.layers().end()) {
    if (fault == Fault::names) layers_[5].name = layers_[4].name;
  }
  std::span<const Layer> layers() const { return layers_; }
  std::int64_t latent_size() const { return inner_.latent_size(); }
  std::int64_t style_count() const { return inner_.style_count(); }
  int resolution() const { return inner_.resolution(); }
  Tensor map(const Tensor& z, const Tensor& labels) const {
    const auto w = inner_.map(z, labels);
    return fault_ == Fault::styles ? w.select(1, 0) : w;
  }
  Tensor mean_style() const { return fault_ == Fault::mean_style ? torch::zeros({1}) : inner_.mean_style(); }
  Tensor synthesize(const Tensor& styles, Render render) const {
    if (fault_ == Fault::exit) render.resolution = 0;
    auto x = inner_.synthesize(styles, render);
    if (fault_ == Fault::remembers_batch) x = x - x.mean(0, true) / 2;
    if (fault_ == Fault::random) x = x + 1e-9 * torch::rand_like(x);
    if (fault_ == Fault::infinite) x = x / 0;
    if (fault_ == Fault::one_image) x = 0 * x;
    return x;
  }
  const Tensor& slot(std::size_t layer, std::size_t slot) const { return inner_.slot(layer, slot); }
  void use(std::size_t layer, std::size_t slot, Tensor value) {
    const bool lost = fault_ == Fault::no_graph || (fault_ == Fault::loses_a_slot && layer == 4 && slot == 1);
    inner_.use(layer, slot, lost ? value.detach() : std::move(value));
  }
  Broken clone() const {
    auto copy = *this;
    if (fault_ == Fault::shallow) return copy;
    copy.inner_ = inner_.clone();
    for (std::size_t k = 0; fault_ == Fault::attached && k < layers_.size(); ++k)
      for (std::size_t s = 0; s < layers_[k].slots.size(); ++s) copy.inner_.use(k, s, inner_.slot(k, s).clone());
    return copy;
  }

 private:
  Fault fault_;
  test::TinyGenerator inner_{1};
  std::vector<Layer> layers_;
};
static_assert(Generator<Broken>);

std::string error(Fault fault) {
  return error_of([&] { check_part(Broken(fault)); });
}
bool tells(const std::string& text, const std::string& part) { return text.find(part) != std::string::npos; }

}  // namespace

BOOST_AUTO_TEST_CASE(the_generators_of_the_framework_pass) {
  BOOST_TEST(error(Fault::none) == "");
  BOOST_TEST(error_of([] { check_part(checks::small_generator()); }) == "");
  BOOST_TEST(error_of([] { check_part(StyleGan2(checks::random_stylegan2({.noise_maps = false}))); }) == "");
  BOOST_TEST(error_of([] { check_part(load_stylegan2(configs() / "avatars" / "generator.safetensors")); }) == "");
  const auto third = open_generator(test::kept_golden() / "stylegan3" / "t32.safetensors", {.type = torch::kFloat64});
  BOOST_TEST(error_of([&] { check_part(third); }) == "");
}

BOOST_AUTO_TEST_CASE(layers_styles_and_images_of_a_wrong_form_are_told) {
  BOOST_TEST(error(Fault::names) == "the generator has two layers called 'conv.8.0', or one without a name");
  BOOST_TEST(error(Fault::styles) == "the generator maps 3 latents to styles of shape [3, 4], expected [3, 4, D]");
  BOOST_TEST(error(Fault::mean_style) == "the generator's mean_style has shape [1], expected [4], finite");
  BOOST_TEST(error(Fault::infinite) == "the generator's images are not finite");
  BOOST_TEST(error(Fault::one_image) == "the generator renders different latents as the same image");
  BOOST_TEST(
      tells(error(Fault::exit), "the generator renders images of shape [3, 3, 8, 8] where Render::resolution is 4"));
}

BOOST_AUTO_TEST_CASE(images_that_depend_on_more_than_their_styles_are_told) {
  BOOST_TEST(tells(error(Fault::remembers_batch), "the generator's images depend on the batch"));
  BOOST_TEST(tells(error(Fault::random), "renders the same styles as other images the second time"));
}

BOOST_AUTO_TEST_CASE(a_clone_that_is_shallow_or_keeps_the_graph_is_told) {
  BOOST_TEST(error(Fault::shallow) ==
             "the generator's clone() is shallow: mapping.0.weight shares memory with the original");
  BOOST_TEST(tells(error(Fault::attached), "the generator's clone() keeps the graph of mapping.0.weight"));
}

BOOST_AUTO_TEST_CASE(a_tensor_that_loses_its_graph_is_told) {
  BOOST_TEST(tells(error(Fault::no_graph), "carries no gradient"));
  BOOST_TEST(error(Fault::loses_a_slot) ==
             "the generator's use() carries no gradient from conv.8.0.bias to the images");
}

BOOST_AUTO_TEST_SUITE_END()
