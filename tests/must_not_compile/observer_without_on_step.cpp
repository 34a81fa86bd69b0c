// An observer that only looks at the end.
#include "nada/adaptation/observer.hpp"

struct Last {
  void on_finish(nada::RunAccess&) {}
};

static_assert(nada::explain_observer<Last>());
