// Aligned memory for arenas and scratch.
#ifndef RUNTIME_MODEL_MEMORY_H_
#define RUNTIME_MODEL_MEMORY_H_

#include <stdint.h>

namespace aoti_model {

// `bytes` uninitialised bytes, aligned to AOTI_ALIGNMENT; large blocks to 2 MiB, with huge pages asked for (a
// first run takes one page fault for 2 MiB in place of 512). Null when memory runs out, and for 0 bytes. Free
// with free().
void *allocate_aligned(int64_t bytes);

// Asks that what is mapped from `begin`, a multiple of 2 MiB, to `end` be read from its file into huge pages:
// a product that waits for its weights waits for the page tables too. Only advice: nothing changes where
// `begin` is no such multiple, or where the kernel or the file system has no huge pages for files.
void prefer_huge_pages(const void *begin, const void *end);

// `bytes` rounded up to a multiple of AOTI_ALIGNMENT.
int64_t round_up(int64_t bytes);

}  // namespace aoti_model

#endif  // RUNTIME_MODEL_MEMORY_H_
