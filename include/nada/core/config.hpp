/// The two forms of the library: header-only and compiled.
#pragma once

/// Bodies of functions that are no templates stand in `.ipp` files. In the header-only form (`nada::nada`, the default)
/// each header includes its own `.ipp`. In the compiled form `nada::compiled` defines `NADA_COMPILED`, and the bodies
/// are compiled once, into that library.
#ifdef NADA_COMPILED
#define NADA_INLINE
#else
#define NADA_INLINE inline
#endif
