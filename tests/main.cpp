#define BOOST_TEST_MODULE nada
#include <boost/test/unit_test.hpp>
