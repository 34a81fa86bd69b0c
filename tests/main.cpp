#define BOOST_TEST_MODULE nada
#include <boost/test/unit_test.hpp>

#include "nada/core/device.hpp"

namespace {
/// As programs do at their start.
struct Machine {
  Machine() { nada::distrust_wrong_convolutions(); }
};
}  // namespace

BOOST_TEST_GLOBAL_FIXTURE(Machine);
