// The part of GCC's OpenMP runtime (libgomp) that stock AOTInductor's kernels import, as teams of one thread.
//
// OpenMP lets a runtime give a parallel region fewer threads than were asked for, so a region may run with
// one: the body runs in line, its static loops cover everything, barriers and critical sections are no-ops.
// Kernels of ours use the runtime's own threads and never come here. Names, signatures and symbol versions:
// GCC's libgomp ABI.
#include <stdbool.h>

#include "aoti/status.h"

extern "C" {

AOTI_SHIM_API void GOMP_parallel(void (*body)(void *), void *data, unsigned num_threads, unsigned flags) {
  (void)num_threads, (void)flags;
  body(data);
}

AOTI_SHIM_API void GOMP_barrier(void) {}

AOTI_SHIM_API bool GOMP_single_start(void) { return true; }

AOTI_SHIM_API void GOMP_critical_start(void) {}
AOTI_SHIM_API void GOMP_critical_end(void) {}

AOTI_SHIM_API void GOMP_atomic_start(void) {}
AOTI_SHIM_API void GOMP_atomic_end(void) {}

AOTI_SHIM_API int omp_get_num_threads(void) { return 1; }
AOTI_SHIM_API int omp_get_thread_num(void) { return 0; }
AOTI_SHIM_API int omp_get_max_threads(void) { return 1; }
AOTI_SHIM_API int omp_in_parallel(void) { return 0; }
AOTI_SHIM_API void omp_set_num_threads(int num_threads) { (void)num_threads; }

}  // extern "C"
