/// Work of several threads that are not LibTorch's own loops.
#pragma once
#include <cstddef>
#include <functional>

namespace nada {

/// Calls f(i) for each i in [0, count) in a parallel region of OpenMP, by as many threads as LibTorch has: that many calls
/// run at the same time, and each computes with one thread. LibTorch, its BLAS and oneDNN split no work within such a region. Where no OpenMP is found, the calls
/// come one after the other and each computes with all threads.
/// Why:     a region of the compiler's would need OpenMP's flags in every program; LibTorch has loaded the library anyway.
/// Errors:  what a call throws, that of the smallest i where several do; the other calls are made all the same.
void for_each_in_threads(int count, const std::function<void(int)>& f);

/// Whether `parts` of some work are faster at the same time, one thread each, than one after the other by all of LibTorch's
/// threads: at least two of the threads have work, and at least half of them. Never where the work is not the processor's.
bool is_split_worthwhile(std::size_t parts, bool on_processor);

}  // namespace nada

#ifndef NADA_COMPILED
#include "nada/core/parallel.ipp"
#endif
