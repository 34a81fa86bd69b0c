/// A shift from one text to several others at once.
#pragma once
#include <string>
#include <utility>
#include <vector>

#include "nada/core/error.hpp"
#include "nada/core/tensor.hpp"
#include "nada/encoders/encoder.hpp"
#include "nada/shifts/shift.hpp"
#include "nada/shifts/text_shift.hpp"

namespace nada {

/// WeightedText is a text and its share among others, TEXT or TEXT:weight.
struct WeightedText {
  std::string text;
  double weight = 1;
};

/// Returns the text that TEXT or TEXT:weight names. The part after the last colon is a weight only where it is a
/// number.
/// Errors:  an empty text; a weight that is not above 0.
WeightedText read_weighted_text(const std::string& text);

/// TextMixture points from the source text to several target texts at once. With d_k and t_k of the TextShift to the
/// k-th one, whose weight is v_k:
///     direction = unit(sum_k v_k d_k),  target = unit(sum_k v_k t_k)                            [1, E]
/// Source:  ours.
/// Facts:   weights count by their ratio alone; one that goes to 0 leaves the shift to the others. It has no text of
///          its own, so that terms which make texts refuse it.
/// Errors:  no target; those of TextShift; targets that cancel out.
class TextMixture {
 public:
  TextMixture(const std::string& source, std::vector<WeightedText> targets,
              const std::vector<std::string>& templates = {"{}"}) {
    require(!targets.empty(), "TextMixture: no target text");
    for (auto& [text, weight] : targets) {
      require(weight > 0, "TextMixture: the weight of '", text, "' is ", weight, ", expected above 0");
      shifts_.emplace_back(TextShift(source, std::move(text), templates), weight);
    }
  }

  template <TextImageEncoder E>
  Endpoints endpoints(const E& encoder, const Sampler& anchor) const {
    Endpoints out;
    Tensor direction, target;
    for (const auto& [shift, weight] : shifts_) {
      const auto ends = shift.endpoints(encoder, anchor);
      out.source = ends.source;
      direction = direction.defined() ? direction + weight * ends.direction : weight * ends.direction;
      target = target.defined() ? target + weight * ends.target : weight * ends.target;
    }
    for (const auto& sum : {direction, target})
      require(sum.norm().template item<double>() > 1e-6, "TextMixture: the targets cancel out");
    out.direction = unit(direction);
    out.target = unit(target);
    return out;
  }

 private:
  std::vector<std::pair<TextShift, double>> shifts_;
};

}  // namespace nada

#ifndef NADA_COMPILED
#include "nada/shifts/text_mixture.ipp"
#endif
