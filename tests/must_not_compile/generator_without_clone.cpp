// A generator that cannot be copied.
#include "nada/generators/generator.hpp"

struct Flat {
  std::span<const nada::Layer> layers() const { return {}; }
  std::int64_t latent_size() const { return 1; }
  std::int64_t style_count() const { return 1; }
  int resolution() const { return 4; }
  nada::Tensor map(const nada::Tensor& z, const nada::Tensor&) const { return z.unsqueeze(1); }
  nada::Tensor mean_style() const { return {}; }
  nada::Tensor synthesize(const nada::Tensor& styles, const nada::Render&) const { return styles; }
  const nada::Tensor& slot(std::size_t, std::size_t) const { return weight; }
  void use(std::size_t, std::size_t, nada::Tensor value) { weight = std::move(value); }
  nada::Tensor weight;
};

static_assert(nada::explain_generator<Flat>());
