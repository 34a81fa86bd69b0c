/// Global directions of StyleCLIP: an edit in style space from two texts.
#pragma once
#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "nada/core/error.hpp"
#include "nada/core/tensor.hpp"
#include "nada/editing/channel_statistics.hpp"
#include "nada/editing/direction.hpp"
#include "nada/encoders/encoder.hpp"
#include "nada/shifts/text_shift.hpp"

namespace nada {

/// TextStep is what an encoder reads between two texts.
struct TextStep {
  Tensor direction;   // [E], unit length
  double weight = 1;  // of the encoder
};

/// Returns the step from `source` to `target` in each encoder of a weight:
///     direction = unit(t - s),  t = unit(mean over templates of E(fill(template, target))), s alike
/// Errors:  an empty text; equal texts; texts with the same embedding; a text that an encoder cannot read.
template <EncoderSet Es>
std::vector<TextStep> text_steps(const Es& encoders, const std::string& source, const std::string& target,
                                 std::span<const std::string> templates) {
  const TextShift checked(source, target);  // refuses what is no pair of texts
  std::vector<TextStep> out;
  encoders.each([&](const auto& encoder, double weight, std::size_t) {
    const auto step = text_feature(encoder, target, templates) - text_feature(encoder, source, templates);
    require(step.norm().template item<double>() > 1e-6, "the texts '", source, "' and '", target,
            "' have the same embedding: there is no direction between them");
    out.push_back({unit(step).squeeze(0), weight});
  });
  return out;
}

/// Returns the relevance of each style channel, [C] by the name of the layer: the mean over encoders, by weight, of
/// step_c . direction. It is in [-1, 1].
/// Errors:  another number of steps than the statistics have encoders; features of another width.
TensorMap channel_relevance(const ChannelStatistics& statistics, std::span<const TextStep> texts);

/// Returns the relevance, in size, of the channel that is the `rank`-th by it, from 1 on; of the last one where there are
/// fewer.
double relevance_of_rank(const TensorMap& relevance, std::int64_t rank);

/// KeptChannels tell how many channels a direction moves, of how many, and the largest relevance.
struct KeptChannels {
  std::int64_t kept = 0, of = 0;
  double largest = 0;
};
KeptChannels kept_channels(const TensorMap& relevance, double threshold);

/// Returns the direction that moves the channels whose relevance is at least `threshold` in size:
///     offset_c = deviation_c relevance_c / max |relevance|,   0 for the other channels
/// The channel that counts most moves by one deviation where the strength is 1.
/// Source:  Patashnik et al., StyleCLIP, arXiv:2103.17249, section on global directions (beta is the threshold, alpha the
///          strength), and its official code, which divides by the largest relevance.
/// Facts:   source and target changed places give the opposite direction.
/// Errors:  no channel that counts as much, telling the largest relevance.
Direction global_direction(const ChannelStatistics& statistics, const TensorMap& relevance, double threshold,
                           const std::string& source, const std::string& target);

}  // namespace nada

#ifndef NADA_COMPILED
#include "nada/editing/global_direction.ipp"
#endif
