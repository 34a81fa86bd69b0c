// Views that do not show anything.
#include "nada/views/views.hpp"

struct Counted {
  std::int64_t count() const { return 2; }
};

static_assert(nada::explain_views<nada::Plain>());
static_assert(nada::explain_views<Counted>());
