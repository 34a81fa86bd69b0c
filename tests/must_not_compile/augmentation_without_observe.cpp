// Changes of pictures that never learn how sure the discriminator is.
#include "nada/pretraining/adaptive_augmentation.hpp"

struct Blind {
  static constexpr std::string_view name = "blind";
  torch::Tensor operator()(const torch::Tensor& images, const nada::Stream&, std::uint64_t) const { return images; }
};

static_assert(nada::explain_adversarial_augmentation<Blind>());
