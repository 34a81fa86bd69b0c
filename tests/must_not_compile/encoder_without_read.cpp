// An encoder that reads no texts, in an ensemble.
#include "nada/encoders/ensemble.hpp"

struct Blind {
  nada::Features see(const nada::Tensor& images, nada::Wanted) const { return {images, images, {}}; }
  nada::Tensor tokenize(std::span<const std::string>) const { return {}; }
  double score_scale() const { return 100; }
};

const nada::Ensemble encoders{nada::Member<Blind>{Blind{}, 1.0}};
