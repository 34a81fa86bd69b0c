// Holds the precompiled header of the tests; see test_pch.hpp.
