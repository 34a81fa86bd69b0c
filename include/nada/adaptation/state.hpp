/// The state of an adaptation: all that its next step depends on.
#pragma once
#include <cstdint>
#include <map>
#include <string>

#include "nada/formats/tensor_file.hpp"
#include "nada/training/moments.hpp"

namespace nada {

/// AdaptationState is what exact resume saves. adaptation/state_file.hpp reads and writes states.
struct AdaptationState {
  std::string origin = "the state";        // file or another name of the state, for errors
  std::int64_t step = 0;                   // finished steps
  std::string seed;                        // of the run
  std::string parameterization;            // name of the parameterization that made the leaves
  std::string base_hash;                   // SHA-256 of the generator that the leaves belong to
  TensorMap leaves;                        // by `<layer>.<leaf>`, of every layer that was ever chosen
  std::map<std::string, Moments> moments;  // of each leaf
  TensorMap means;                         // running mean of each leaf, where the run keeps one
  TensorMap selector;                      // what a stateful selector remembers, of any type and shape
  TensorMap anchor_leaves;                 // leaves of a moved anchor
  std::int64_t anchor_step = -1;           // step at which the anchor moved; -1: never
};

}  // namespace nada
