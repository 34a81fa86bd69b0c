// Views that do not say how many they are.
#include "nada/views/views.hpp"

struct Mirror {
  nada::Tensor show(const nada::Tensor& images, const nada::Stream&) const { return images.flip(3); }
};

static_assert(nada::explain_views<nada::Plain>());
static_assert(nada::explain_views<Mirror>());
