// Holds the shared precompiled header; see pch.hpp.
