/// Makes encoders before training.
#pragma once
#include <cstdint>
#include <vector>

#include "nada/core/stream.hpp"
#include "nada/formats/tensor_file.hpp"

namespace nada {

/// EncoderShape holds the sizes of a new CLIP. With `patch` > 0 the image tower is a vision transformer, else a
/// modified residual network whose four stages have `layers` blocks.
struct EncoderShape {
  std::int64_t resolution = 64, embedding = 128, width = 32, patch = 0;
  std::vector<std::int64_t> layers = {1, 1, 1, 1};  // a transformer's depth is the first number
  std::int64_t context = 64, vocabulary = 0, text_width = 128, text_layers = 2;
};

/// Returns tensors with OpenAI's names, initialised as in that project: embeddings N(0, 0.02), positions N(0, 0.01),
/// matrices by their widths, convolutions uniform by fan in, the last norm of each residual block 0, temperature 0.07.
/// Source:  openai/CLIP at d05afc4, model.py.
/// Errors:  sizes that do not fit each other.
TensorMap initial_encoder(const EncoderShape& shape, const Stream& stream);

}  // namespace nada

#ifndef NADA_COMPILED
#include "nada/pretraining/initial_encoder.ipp"
#endif
