/// Arrays of numpy.save, read as data: the header is a Python literal, of which nothing is ever run.
///
///     6 bytes  "\x93NUMPY"
///     2 bytes  version: 1.0, 2.0 or 3.0
///     2 bytes  length H of the header, little-endian; 4 bytes from version 2.0 on
///     H bytes  {'descr': '<f4', 'fortran_order': False, 'shape': (1, 512), }, then blanks and a line break
///     rest     the numbers
///
/// Source:  NumPy, numpy/lib/format.py (the format's text, versions 1.0 to 3.0).
/// Facts:   the numbers stay where they are in the file; the keys may stand in any order.
#pragma once
#include <cstddef>
#include <filesystem>
#include <span>
#include <string>

#include "nada/formats/safetensors.hpp"

namespace nada {

/// Returns whether bytes begin as a file of numpy.save does.
bool is_npy(std::span<const std::byte> bytes);

/// Returns the array of numpy.save in `bytes`, which the view refers to: float32 or float64, little-endian, row-major.
/// The view has no name. `what` names the bytes in errors.
/// Errors:  another version; a header that is cut off, is no such dict, or lacks a key, has one twice or an unknown one;
///          elements of another type, columns first, an impossible shape; fewer or more bytes than the shape takes.
TensorView read_npy(std::span<const std::byte> bytes, const std::string& what);

}  // namespace nada

#ifndef NADA_COMPILED
#include "nada/formats/npy.ipp"
#endif
