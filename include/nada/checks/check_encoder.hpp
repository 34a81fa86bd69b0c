/// Checks an encoder.
#pragma once
#include <functional>
#include <span>
#include <string>
#include <vector>

#include "nada/core/tensor.hpp"
#include "nada/encoders/encoder.hpp"

namespace nada {

namespace checks {

/// EncoderForm is an encoder without its type.
struct EncoderForm {
  std::function<Features(const Tensor& images, Wanted)> see;
  std::function<Tensor(std::span<const std::string>)> tokenize;
  std::function<Tensor(const Tensor& ids)> read;
  std::function<double()> score_scale;
};

void check_encoder(const EncoderForm& encoder, const std::vector<std::string>& texts);

}  // namespace checks

/// Checks an encoder on random images of 32, 64 and 100 pixels and on `texts`, of which it must know at least two.
/// Images are float64, or float32 for an encoder that does not take those.
/// Errors:  the first of these that does not hold, in one sentence:
///          unit features are [N, E] of length 1 and point as the raw ones do; texts give [T, E], of length 1;
///          images and texts give the same bits again, and the same, to 1e-4, alone and in a batch;
///          different images and different texts differ; an empty text is refused;
///          the gradient in the images is finite and agrees with finite differences;
///          score_scale() is finite and above 0.
template <TextImageEncoder E>
void check_part(const E& encoder, const std::vector<std::string>& texts = {"a photo of a face", "a sketch"}) {
  checks::check_encoder(
      {[&](const Tensor& images, Wanted wanted) { return encoder.see(images, wanted); },
       [&](std::span<const std::string> some) { return encoder.tokenize(some); },
       [&](const Tensor& ids) { return encoder.read(ids); }, [&]() -> double { return encoder.score_scale(); }},
      texts);
}

}  // namespace nada

#ifndef NADA_COMPILED
#include "nada/checks/check_encoder.ipp"
#endif
