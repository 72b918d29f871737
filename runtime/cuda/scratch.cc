#include "runtime/cuda/scratch.h"

#include <stdlib.h>

namespace aoti_cuda {

struct ScratchChunk {
  ScratchChunk *next;
  CUdeviceptr address;  // aligned to 512 bytes, as the driver's allocations are
  int64_t bytes;
};

namespace {

constexpr int64_t kChunkBytes = 256 << 10;

CUresult add_chunk(const Device &device, int64_t bytes, ScratchChunk **link) {
  ScratchChunk *chunk = static_cast<ScratchChunk *>(malloc(sizeof(ScratchChunk)));
  if (chunk == nullptr) return kOutOfMemory;
  *chunk = ScratchChunk{nullptr, 0, bytes < kChunkBytes ? kChunkBytes : bytes};
  const CUresult result = allocate(*device.cu, &chunk->address, static_cast<size_t>(chunk->bytes));
  if (result != kSuccess) {
    free(chunk);
    return result;
  }
  *link = chunk;
  return kSuccess;
}

}  // namespace

void scratch_reset(Scratch *scratch) {
  scratch->current = scratch->first;
  scratch->used = 0;
}

CUresult scratch_take(const Device &device, Scratch *scratch, int64_t bytes, int64_t align,
                      CUdeviceptr *ret_address) {
  for (;;) {
    if (scratch->current != nullptr) {
      const int64_t start = (scratch->used + align - 1) & -align;
      if (bytes <= scratch->current->bytes - start) {
        scratch->used = start + bytes;
        *ret_address = scratch->current->address + static_cast<uint64_t>(start);
        return kSuccess;
      }
    }
    ScratchChunk **link = scratch->current != nullptr ? &scratch->current->next : &scratch->first;
    if (*link == nullptr) {
      const CUresult result = add_chunk(device, bytes, link);
      if (result != kSuccess) return result;
    }
    scratch->current = *link;
    scratch->used = 0;
  }
}

void scratch_destroy(const Device &device, Scratch *scratch) {
  while (scratch->first != nullptr) {
    ScratchChunk *chunk = scratch->first;
    scratch->first = chunk->next;
    device.cu->MemFree(chunk->address);
    free(chunk);
  }
  scratch->current = nullptr;
}

}  // namespace aoti_cuda
