/// Generators as ONNX graphs, which other runtimes execute: in a browser, on a telephone, in a program of another
/// language.
///
///     inputs    z [N, Z] standard normal; psi [1], truncation: w' = mean + psi (w - mean), 1 changes nothing, 0 gives
///               the mean style; of a class-conditional generator also labels [N, C], one-hot rows
///     output    images [N, 3, R, R], nominally in [-1, 1], black to white, not clamped
///
/// Everything is float32, N is free, and the noise is the file's (Noise::stored).
#pragma once
#include <string>

#include "nada/formats/onnx.hpp"
#include "nada/generators/any_generator.hpp"
#include "nada/generators/stylegan2.hpp"

namespace nada {

/// Returns the graph of `synthesize(truncate(map(z, labels), mean_style, psi))`, with the arithmetic that
/// stylegan2_ops.hpp describes: inputs and outputs of convolutions are scaled for each sample, their weights are shared.
/// Multipliers of learning rates and gains of activations are folded into the weights in double precision; noise maps
/// and patterns into one map for each convolution, which is left out where all of it is 0. `what` names the generator
/// in messages. Name, producer and metadata of the model are left to the caller.
/// Errors:  noise maps of several samples (use_noise()).
OnnxModel to_onnx(const StyleGan2& generator, const std::string& what);

/// Returns the graph of any generator.
/// Errors:  a generator that has no form as a graph here; as above.
OnnxModel to_onnx(const AnyGenerator& generator, const std::string& what);

}  // namespace nada

#ifndef NADA_COMPILED
#include "nada/generators/onnx_export.ipp"
#endif
