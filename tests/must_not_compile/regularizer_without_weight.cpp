// A penalty that does not say how much it counts.
#include "nada/pretraining/regularizer.hpp"

struct Weightless {
  static constexpr std::string_view name = "weightless";
  std::int64_t every = 1;
};

static_assert(nada::explain_regularizer<Weightless>());
