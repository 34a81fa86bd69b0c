/// Checks a parameterization.
#pragma once
#include <torch/autograd.h>

#include <cstddef>
#include <set>
#include <string>
#include <vector>

#include "nada/adaptation/delta.hpp"
#include "nada/adaptation/delta_file.hpp"
#include "nada/checks/agreement.hpp"
#include "nada/checks/small_models.hpp"
#include "nada/checks/small_run.hpp"
#include "nada/core/error.hpp"
#include "nada/core/stream.hpp"
#include "nada/core/tensor.hpp"
#include "nada/formats/safetensors.hpp"
#include "nada/generators/generator.hpp"
#include "nada/parameterization/parameterization.hpp"

namespace nada {

namespace checks {

template <Parameterization P, Generator G>
class ParameterizationCheck {
 public:
  ParameterizationCheck(const P& parameterization, const G& generator)
      : part_(parameterization),
        generator_(generator),
        who_(join("the parameterization ", name_of(parameterization))) {}

  void run() const {
    require(!name_of(part_).empty(), "the parameterization has an empty name");
    std::size_t covered = 0;
    for (std::size_t k = 0; k < generator_.layers().size(); ++k)
      if (part_.covers(generator_.layers()[k])) check_layer(k), ++covered;
    require(covered > 0, who_, " covers no layer of the generator");
    round_trip();
  }

 private:
  using Tensors = std::vector<Tensor>;

  Tensors base_of(std::size_t k) const {
    Tensors out;
    for (std::size_t s = 0; s < generator_.layers()[k].slots.size(); ++s)
      out.push_back(generator_.slot(k, s).detach().clone());
    return out;
  }
  static bool same(const Tensors& a, const Tensors& b) {
    return std::equal(a.begin(), a.end(), b.begin(), b.end(), same_bits);
  }
  static Tensors copies(const Tensors& tensors) {
    Tensors out;
    for (const auto& t : tensors) out.push_back(t.detach().clone());
    return out;
  }

  void check_layer(std::size_t k) const {
    const auto& layer = generator_.layers()[k];
    const auto base = base_of(k);
    const auto leaves = leaves_of(layer, base);
    const auto before = copies(leaves);
    const auto effective = telling(join(who_, " cannot make the tensors of ", layer.name),
                                   [&] { return part_.effective(layer, base, leaves); });
    require(effective.size() == base.size(), who_, " makes ", effective.size(), " tensors of ", layer.name,
            ", which has ", base.size(), " slots");
    for (std::size_t s = 0; s < base.size(); ++s) {
      const auto slot = layer.name + "." + layer.slots[s];
      require(effective[s].defined() && effective[s].sizes() == base[s].sizes(), who_, " makes ", slot, " of shape ",
              effective[s].defined() ? shape_text(effective[s].sizes()) : "[?]", ", the base has ",
              shape_text(base[s].sizes()));
      require(effective[s].scalar_type() == base[s].scalar_type(), who_, " makes ", slot,
              " of another type than the base's");
      const auto off = largest_difference(effective[s], base[s]);
      require(off <= 1e-6, who_, " does not start at the base: ", slot, " is off by ", off);
    }
    require(same(base, base_of(k)) && same(before, copies(leaves)), who_, " changes the base or the leaves of ",
            layer.name, " in effective(), which must be a pure function");
    require(same(copies(effective), copies(part_.effective(layer, base, leaves))), who_, " makes other tensors of ",
            layer.name, " when it is asked the same again");
    gradient_reaches(layer, base, leaves);
  }

  Tensors leaves_of(const Layer& layer, const Tensors& base) const {
    const Stream stream{5, 0};
    const auto names = part_.names(layer);
    const auto kept = copies(base);
    const auto leaves = telling(join(who_, " cannot make the leaves of ", layer.name, ", which it covers"),
                                [&] { return part_.leaves(layer, base, stream); });
    require(!names.empty(), who_, " covers ", layer.name, ", but names no leaf of it");
    require(names.size() == leaves.size(), who_, " names ", names.size(), " leaves of ", layer.name, " and makes ",
            leaves.size());
    require(std::set<std::string>(names.begin(), names.end()).size() == names.size() &&
                std::find(names.begin(), names.end(), std::string{}) == names.end(),
            who_, " gives two leaves of ", layer.name, " one name, or none");
    require(same(kept, base), who_, " changes the base of ", layer.name, " in leaves(), which must be a pure function");
    for (std::size_t i = 0; i < leaves.size(); ++i) {
      const auto leaf = join("the leaf ", names[i], " of ", layer.name);
      require(leaves[i].defined() && is_finite(leaves[i]), who_, ": ", leaf, " is not finite");
      require(leaves[i].is_leaf() && leaves[i].requires_grad(), who_, ": ", leaf,
              " is no leaf that requires a gradient: end it with .detach().clone().requires_grad_(true)");
      require(leaves[i].scalar_type() == base.front().scalar_type(), who_, ": ", leaf,
              " has another type than the base");
      for (const auto& b : base)
        require(!leaves[i].is_alias_of(b), who_, ": ", leaf,
                " shares memory with the base, which the optimiser would move: clone it");
    }
    require(same(copies(leaves), copies(part_.leaves(layer, base, stream))), who_, " makes other leaves of ",
            layer.name, " for the same stream: it draws random numbers that are not the stream's");
    return leaves;
  }

  /// At the start a gradient may be 0, as that of LowRank's `down` is. So the leaves are moved first.
  void gradient_reaches(const Layer& layer, const Tensors& base, const Tensors& start) const {
    Tensors leaves;
    for (const auto& leaf : start) {
      const auto noise = random(leaf.sizes(), 60 + leaves.size()).to(leaf.options().requires_grad(false));
      leaves.push_back((leaf.detach() + 0.1 * noise).requires_grad_(true));
    }
    Tensor sum;
    std::uint64_t seed = 80;
    for (const auto& t : part_.effective(layer, base, leaves)) {
      const auto part = (t * random(t.sizes(), seed++).to(t.options().requires_grad(false))).sum();
      sum = sum.defined() ? sum + part : part;
    }
    require(sum.requires_grad(), who_, ": no gradient reaches the leaves of ", layer.name);
    const auto gradients = torch::autograd::grad({sum}, leaves, {}, /*retain_graph=*/false, /*create_graph=*/false,
                                                 /*allow_unused=*/true);
    const auto names = part_.names(layer);
    for (std::size_t i = 0; i < leaves.size(); ++i)
      require(gradients[i].defined() && is_finite(gradients[i]) && gradients[i].abs().max().template item<double>() > 0,
              who_, ": no gradient reaches the leaf ", names[i], " of ", layer.name);
  }

  /// Trains for a few steps, writes the delta and the state, and reads both back.
  void round_trip() const {
    SmallRun<G, P> run = small_run(generator_, part_), resumed = small_run(generator_, part_);
    telling(who_ + " does not train", [&] {
      for (int i = 0; i < 3; ++i) run.step();
    });
    const auto z = latents_for(generator_, 2);
    const auto images = run.adapted_images(z);
    require(largest_difference(images, run.source_images(z)) > 0, who_, ": three steps do not change the images");
    resumed.restore(run.state());
    require(same_bits(resumed.adapted_images(z), images), who_,
            " gives other images when the state of a run is restored");
    const ScratchFolder folder;
    save_delta(folder / "delta.safetensors", run.delta());
    const auto delta = load_delta(Safetensors::open(folder / "delta.safetensors"));
    const auto back = apply_delta(generator_, delta, who_ + ": its delta");
    const torch::NoGradGuard no_grad;
    const auto read = back.synthesize(back.map(z, Tensor{}), Render{generator_.resolution()});
    require(delta.folded_from.empty() ? same_bits(read, images) : largest_difference(read, images) <= 1e-6, who_,
            " gives other images when its delta is read back: they differ by ", largest_difference(read, images));
  }

  const P& part_;
  const G& generator_;
  std::string who_;
};

}  // namespace checks

/// Checks a parameterization on the layers of `generator`.
/// Errors:  the first of these that does not hold, in one sentence:
///          of every layer that it covers, there are leaves, as many as names, and the names differ;
///          leaves are tensors of their own in the base's type that require a gradient, and depend on the stream alone;
///          effective tensors have the base's shapes and types, and at the start its values, to 1e-6;
///          leaves() and effective() are pure functions, and a gradient reaches each leaf;
///          a short run, and its state and its delta read back, give the same images: bit for bit, and to 1e-6 from
///          the delta of a parameterization outside the menu, which is folded.
template <Parameterization P, Generator G>
void check_part(const P& parameterization, const G& generator) {
  checks::ParameterizationCheck<P, G>(parameterization, generator).run();
}
template <Parameterization P>
void check_part(const P& parameterization) {
  check_part(parameterization, checks::small_generator());
}

}  // namespace nada
