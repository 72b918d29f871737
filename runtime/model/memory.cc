#ifndef _GNU_SOURCE
#define _GNU_SOURCE  // MADV_HUGEPAGE
#endif
#include "runtime/model/memory.h"

#include <stdlib.h>
#include <sys/mman.h>

#include "aoti/model_desc.h"

namespace aoti_model {
namespace {

constexpr uintptr_t kHugePageBytes = 2 << 20;

}  // namespace

void *allocate_aligned(int64_t bytes) {
  if (bytes <= 0) return nullptr;
  const bool large = static_cast<uint64_t>(bytes) >= kHugePageBytes;
  void *data = nullptr;
  const size_t alignment = static_cast<size_t>(large ? kHugePageBytes : AOTI_ALIGNMENT);
  if (posix_memalign(&data, alignment, static_cast<size_t>(bytes)) != 0) return nullptr;
  // Only advice: where the kernel has no huge pages nothing changes.
  if (large) madvise(data, static_cast<size_t>(bytes), MADV_HUGEPAGE);
  return data;
}

void prefer_huge_pages(const void *begin, const void *end) {
  const uintptr_t first = reinterpret_cast<uintptr_t>(begin), last = reinterpret_cast<uintptr_t>(end);
  if (first % kHugePageBytes != 0 || last - first < kHugePageBytes) return;
  madvise(const_cast<void *>(begin), last - first, MADV_HUGEPAGE);
}

int64_t round_up(int64_t bytes) { return (bytes + AOTI_ALIGNMENT - 1) / AOTI_ALIGNMENT * AOTI_ALIGNMENT; }

}  // namespace aoti_model
