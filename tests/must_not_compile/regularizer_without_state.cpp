// A penalty that does not say what it remembers.
#include "nada/pretraining/regularizer.hpp"

struct Forgetful {
  static constexpr std::string_view name = "forgetful";
  std::int64_t every = 1;
  double weight() const { return 1; }
};

static_assert(nada::explain_regularizer<Forgetful>());
