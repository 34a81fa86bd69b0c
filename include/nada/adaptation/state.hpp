/// All that the next step of an adaptation depends on.
#pragma once
#include <cstdint>
#include <map>
#include <string>

#include "nada/formats/tensor_file.hpp"
#include "nada/training/adam.hpp"

namespace nada {

/// What exact resume saves. adaptation/state_file.hpp reads and writes it.
struct AdaptationState {
  std::string origin = "the state";        // file or other name, for errors
  std::int64_t step = 0;                   // finished steps
  std::string seed;                        // of the run
  std::string parameterization;            // name of the one that made the leaves
  std::string base_hash;                   // SHA-256 of the generator that the leaves belong to
  TensorMap leaves;                        // by `<layer>.<leaf>`, of every layer that was ever chosen
  std::map<std::string, Moments> moments;  // of each leaf
  TensorMap selector;                      // what a stateful selector remembers
  TensorMap anchor_leaves;                 // that a moved anchor was made of
  std::int64_t anchor_step = -1;           // when it moved; -1: never
};

}  // namespace nada
