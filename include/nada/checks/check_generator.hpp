/// Checks a generator.
#pragma once
#include <torch/autograd.h>

#include <cstddef>
#include <cstdint>
#include <exception>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "nada/checks/agreement.hpp"
#include "nada/checks/small_run.hpp"
#include "nada/core/error.hpp"
#include "nada/core/stream.hpp"
#include "nada/core/tensor.hpp"
#include "nada/generators/generator.hpp"

namespace nada {

namespace checks {

template <Generator G>
class GeneratorCheck {
 public:
  GeneratorCheck(const G& generator, Tensor labels) : generator_(generator), labels_(std::move(labels)) {}

  void run() const {
    check_layers();
    const auto z = latents_for(generator_, count);
    const auto w = telling("the generator cannot map", [&] { return map(generator_, z); });
    check_styles(w);
    for (const auto noise : {Noise::stored, Noise::fresh}) check_images(w, noise);
    check_exit(w);
    check_clone(z);
    check_use(z);
  }

 private:
  static constexpr std::int64_t count = 3;

  Tensor map(const G& generator, const Tensor& z) const { return generator.map(z, labels_); }
  Tensor images(const G& generator, const Tensor& z) const { return generator.synthesize(map(generator, z), Render{}); }
  std::string place(std::size_t k, std::size_t s) const {
    return generator_.layers()[k].name + "." + generator_.layers()[k].slots[s];
  }
  template <class Visit>
  void each_slot(Visit&& visit) const {
    for (std::size_t k = 0; k < generator_.layers().size(); ++k)
      for (std::size_t s = 0; s < generator_.layers()[k].slots.size(); ++s) visit(k, s);
  }

  void check_layers() const {
    require(!generator_.layers().empty(), "the generator has no layers");
    require(generator_.latent_size() > 0 && generator_.style_count() > 0 && generator_.resolution() > 0,
            "the generator's latent_size, style_count or resolution is not above 0");
    std::set<std::string> names;
    for (const auto& layer : generator_.layers()) {
      require(!layer.name.empty() && names.insert(layer.name).second, "the generator has two layers called '",
              layer.name, "', or one without a name");
      require(layer.style >= -1 && layer.style < generator_.style_count(), "the generator's layer ", layer.name,
              " reads style ", layer.style, ", the styles are 0 to ", generator_.style_count() - 1);
      require(layer.resolution >= 0 && layer.resolution <= generator_.resolution(), "the generator's layer ",
              layer.name, " has ", layer.resolution, " pixels, the images have ", generator_.resolution());
      const std::set<std::string> slots(layer.slots.begin(), layer.slots.end());
      require(!slots.empty() && slots.size() == layer.slots.size(), "the generator's layer ", layer.name,
              " has no slots, or two of one name");
    }
    each_slot([&](auto k, auto s) {
      const Tensor& slot =
          telling(join("the generator has no tensor ", place(k, s)), [&]() -> Tensor { return generator_.slot(k, s); });
      require(slot.defined() && slot.is_floating_point() && is_finite(slot), "the generator's tensor ", place(k, s),
              " is not made of finite numbers");
      require(slot.scalar_type() == generator_.slot(0, 0).scalar_type(), "the generator's tensor ", place(k, s),
              " has another type than its first");
    });
  }

  void check_styles(const Tensor& w) const {
    require(w.dim() == 3 && w.size(0) == count && w.size(1) == generator_.style_count(), "the generator maps ", count,
            " latents to styles of shape ", shape_text(w.sizes()), ", expected [", count, ", ",
            generator_.style_count(), ", D]");
    require(is_finite(w), "the generator's styles are not finite");
    const auto mean = generator_.mean_style();
    require(mean.dim() == 1 && mean.size(0) == w.size(2) && is_finite(mean), "the generator's mean_style has shape ",
            shape_text(mean.sizes()), ", expected [", w.size(2), "], finite");
    const auto z = latents_for(generator_, count);
    require(same_bits(w, map(generator_, z)), "the generator maps the same latents to other styles the second time");
    for (std::int64_t n = 0; n < count; ++n) agree("styles", map(generator_, z.narrow(0, n, 1)), w.narrow(0, n, 1));
  }

  static void agree(const char* what, const Tensor& alone, const Tensor& inside) {
    const auto off = largest_difference(alone, inside);
    require(off <= 1e-4 * std::max(1.0, inside.abs().max().template item<double>()), "the generator's ", what,
            " depend on the batch: a sample alone and in a batch differ by ", off);
  }

  void check_images(const Tensor& w, Noise noise) const {
    const torch::NoGradGuard no_grad;
    const auto size = generator_.resolution();
    const auto draw = [&](const Tensor& styles, std::int64_t first) {
      return telling("the generator cannot render", [&] {
        return generator_.synthesize(styles, Render{0, noise, Stream{3, 0}, first, {}});
      });
    };
    const auto images = draw(w, 0);
    require(images.dim() == 4 && images.size(0) == count && images.size(1) == 3 && images.size(2) == size &&
                images.size(3) == size,
            "the generator renders ", count, " styles as images of shape ", shape_text(images.sizes()), ", expected [",
            count, ", 3, ", size, ", ", size, "]");
    require(is_finite(images), "the generator's images are not finite");
    require(same_bits(images, draw(w, 0)), "the generator renders the same styles as other images the second time");
    require(largest_difference(images.narrow(0, 0, 1), images.narrow(0, 1, 1)) > 0,
            "the generator renders different latents as the same image");
    for (std::int64_t n = 0; n < count; ++n)
      agree(noise == Noise::fresh ? "images with fresh noise" : "images", draw(w.narrow(0, n, 1), n),
            images.narrow(0, n, 1));
  }

  /// A smaller exit has its own size, or is refused.
  void check_exit(const Tensor& w) const {
    const torch::NoGradGuard no_grad;
    const int size = generator_.resolution(), half = size / 2;
    require(same_bits(generator_.synthesize(w, Render{size}), generator_.synthesize(w, Render{})),
            "the generator renders other images where Render::resolution is its own resolution than where it is 0");
    Tensor images;
    try {
      images = generator_.synthesize(w, Render{half});
    } catch (const std::exception&) {
      return;
    }
    require(images.dim() == 4 && images.size(2) == half && images.size(3) == half,
            "the generator renders images of shape ", shape_text(images.sizes()), " where Render::resolution is ", half,
            "; a generator without that exit must refuse it");
  }

  void check_clone(const Tensor& z) const {
    const torch::NoGradGuard no_grad;
    const auto before = images(generator_, z);
    auto copy = generator_.clone();
    require(same_bits(before, images(copy, z)), "the generator's clone() renders other images");
    each_slot([&](auto k, auto s) {
      require(!copy.slot(k, s).is_alias_of(generator_.slot(k, s)), "the generator's clone() is shallow: ", place(k, s),
              " shares memory with the original");
      Tensor value = copy.slot(k, s);
      value.add_(1);
      copy.use(k, s, torch::zeros_like(value));
    });
    require(same_bits(before, images(generator_, z)),
            "the generator's clone() is shallow: what is done to the clone changes the original's images");
  }

  void check_use(const Tensor& z) const {
    auto copy = generator_.clone();
    std::vector<Tensor> leaves;
    each_slot([&](auto k, auto s) {
      leaves.push_back(generator_.slot(k, s).detach().clone().requires_grad_(true));
      copy.use(k, s, leaves.back());
      require(same_bits(copy.slot(k, s), leaves.back()), "the generator's slot() does not give what use() put into ",
              place(k, s));
    });
    const auto w = map(copy, z);
    const auto sum = (copy.synthesize(w, Render{}).square().sum() +
                      copy.synthesize(w, Render{0, Noise::fresh, Stream{3, 0}, 0, {}}).square().sum());
    require(sum.requires_grad(), "the generator's use() carries no gradient to the images");
    const auto gradients = torch::autograd::grad({sum}, leaves, {}, /*retain_graph=*/false, /*create_graph=*/false,
                                                 /*allow_unused=*/true);
    std::size_t i = 0;
    each_slot([&](auto k, auto s) {
      const auto& g = gradients[i++];
      require(g.defined(), "the generator's use() carries no gradient from ", place(k, s), " to the images");
      require(is_finite(g), "the gradient of the generator's images in ", place(k, s), " is not finite");
    });
    const auto detached = copy.clone();
    each_slot([&](auto k, auto s) {
      require(!detached.slot(k, s).requires_grad(), "the generator's clone() keeps the graph of ", place(k, s),
              ": it must be detached");
    });
  }

  const G& generator_;
  Tensor labels_;
};

}  // namespace checks

/// Checks a generator; `labels` [1, C] are for one that has classes.
/// Errors:  the first of these that does not hold, in one sentence:
///          layers have different names, and slots of finite numbers in one type; styles and resolutions are in range;
///          map() gives [N, L, D], mean_style() [D], synthesize() [N, 3, R, R], all finite, and the same bits again;
///          a sample is the same, to 1e-4, alone and in a batch, with fresh noise as well (Render::first_sample);
///          an exit that is not there is refused;
///          clone() is deep and detached; use() carries a gradient from every slot to the images.
template <Generator G>
void check_part(const G& generator, const Tensor& labels = {}) {
  checks::GeneratorCheck<G>(generator, labels).run();
}

}  // namespace nada
