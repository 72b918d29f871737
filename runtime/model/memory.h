// Aligned memory for arenas and scratch.
#ifndef RUNTIME_MODEL_MEMORY_H_
#define RUNTIME_MODEL_MEMORY_H_

#include <stdint.h>

namespace aoti_model {

// `bytes` uninitialised bytes, aligned to AOTI_ALIGNMENT; large blocks to 2 MiB, with huge pages asked for (a
// first run takes one page fault for 2 MiB in place of 512). Null when memory runs out, and for 0 bytes. Free
// with free().
void *allocate_aligned(int64_t bytes);

// `bytes` rounded up to a multiple of AOTI_ALIGNMENT.
int64_t round_up(int64_t bytes);

}  // namespace aoti_model

#endif  // RUNTIME_MODEL_MEMORY_H_
