/// The two forms of the library.
#pragma once

/// Bodies of what is no template stand in `.ipp` files. Header-only (`nada::nada`, the default) each header includes its
/// own; with `NADA_COMPILED` (which `nada::compiled` defines) they are compiled once, into that library.
#ifdef NADA_COMPILED
#define NADA_INLINE
#else
#define NADA_INLINE inline
#endif
