/// Small models with random weights, for tests: a StyleGAN2 generator and an encoder.
#pragma once
#include <cstdint>
#include <functional>
#include <span>
#include <string>
#include <vector>

#include "nada/checks/agreement.hpp"
#include "nada/core/tensor.hpp"
#include "nada/encoders/encoder.hpp"
#include "nada/encoders/ensemble.hpp"
#include "nada/generators/stylegan2.hpp"
#include "nada/shifts/text_shift.hpp"

namespace nada::checks {

struct SmallStyleGan2 {
  std::vector<std::int64_t> widths = {5, 4, 3};  // channels at 4, 8, 16 ... pixels, one number for each resolution
  std::int64_t latent = 6, style = 5, depth = 2;
  bool noise_maps = true;
  std::uint64_t seed = 0;
  torch::ScalarType type = torch::kFloat64;
};

/// Returns tensors with native names. All tensors matter: biases and noise strengths are not zero.
NamedTensors random_stylegan2(const SmallStyleGan2& size = {});

/// Returns the generator that checks use where they are given none: 64 pixels, 9 convolutions, 10 styles.
StyleGan2 small_generator();

/// SmallEncoder sees images of any size and reads any text: images are resized to 8 pixels and go through one layer
/// with a tanh, texts through the mean of random vectors of their bytes. It computes in float64 and gives features in it.
struct SmallEncoder {
  Tensor weight = 0.2 * random({width, 3 * 8 * 8}, 1);
  Tensor bytes = random({256, width}, 2);
  double token_shift = 0;  // is added to the tokens, which are the resized pixels

  static constexpr std::int64_t width = 8;

  Features see(const Tensor& images, Wanted wanted) const;
  Tensor tokenize(std::span<const std::string> texts) const;
  Tensor read(const Tensor& ids) const;
  double score_scale() const { return 50; }
};
static_assert(TextImageEncoder<SmallEncoder>);

/// Returns the type of images that an encoder is checked with: float64 where it takes that and computes in it, else
/// float32. An encoder that rounds within gives raw features that float32 holds exactly.
torch::ScalarType image_type(const std::function<Features(const Tensor& images)>& see);

inline Members<SmallEncoder> small_encoders() { return Members<SmallEncoder>({{SmallEncoder{}, 1.0}}); }

/// Returns the shift that checks use where they are given none.
inline TextShift small_shift() { return {"a face", "a sketch", {"{}", "a picture of {}"}}; }

}  // namespace nada::checks

#ifndef NADA_COMPILED
#include "nada/checks/small_models.ipp"
#endif
