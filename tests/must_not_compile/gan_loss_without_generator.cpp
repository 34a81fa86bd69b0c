// A loss that forgot what the generator is after, as a user would train with it.
#include "nada/pretraining/gan_loss.hpp"

struct OneSided {
  static constexpr std::string_view name = "one-sided";
  nada::Tensor discriminator(const nada::Tensor& real, const nada::Tensor& fake) const { return (fake - real).mean(); }
};

static_assert(nada::explain_gan_loss<OneSided>());
