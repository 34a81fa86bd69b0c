// A term that no encoder has a part in, bound to one.
#include "nada/losses/range_penalty.hpp"
#include "nada/losses/term.hpp"

const auto objective = nada::weigh(1.0, nada::On<0, nada::RangePenalty>{});
