// A penalty whose state is saved and never read back.
#include "nada/pretraining/regularizer.hpp"

struct Growing {
  static constexpr std::string_view name = "growing";
  std::int64_t every = 1;
  nada::Tensor mean = torch::zeros({});
  double weight() const { return 1; }
  nada::TensorMap state() const { return {{"mean", mean}}; }
};

static_assert(nada::explain_regularizer<Growing>());
