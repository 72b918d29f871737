#include "shim/src/cuda/memory.h"

#include <pthread.h>
#include <stdlib.h>

#include "aoti/cuda_guards.h"
#include "shim/src/cuda/state.h"
#include "shim/src/error.h"

using aoti_cuda::ContextScope;
using aoti_cuda::CUresult;
using aoti_cuda::Device;
using aoti_cuda::kSuccess;

namespace aoti_shim {
namespace {

// Sizes are rounded up to one of eight steps between powers of two, from 512 bytes on: at most an eighth is
// lost, and inputs of many sizes share blocks.
constexpr int32_t kSmallestLog2 = 9;
constexpr int32_t kStepsLog2 = 3;
constexpr int32_t kNumClasses = (62 - kSmallestLog2) << kStepsLog2;
constexpr int64_t kLargest = int64_t{1} << 60;

pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER;
Block *kept[aoti_cuda::kMaxDevices][kNumClasses];
int64_t kept_total[aoti_cuda::kMaxDevices];

int32_t size_class(int64_t bytes, int64_t *ret_rounded) {
  const int64_t smallest = int64_t{1} << kSmallestLog2;
  if (bytes < smallest) bytes = smallest;
  const int32_t log2 = 63 - __builtin_clzll(static_cast<uint64_t>(bytes));
  const int32_t shift = log2 - kStepsLog2;
  const int64_t step = int64_t{1} << shift;
  const int64_t rounded = (bytes + step - 1) >> shift << shift;
  *ret_rounded = rounded;
  const int32_t rounded_log2 = 63 - __builtin_clzll(static_cast<uint64_t>(rounded));
  const int64_t above = (rounded >> (rounded_log2 - kStepsLog2)) - (int64_t{1} << kStepsLog2);
  return ((rounded_log2 - kSmallestLog2) << kStepsLog2) + static_cast<int32_t>(above);
}

// Which list of free blocks memory for this stream comes from and goes to: the stream's id; while the stream
// is captured (when the driver answers no question for its id, and a question ends the capture) the capture's
// own id, marked: whoever replays what was captured uses that memory at any time, so nobody else gets it.
constexpr unsigned long long kOfCapture = 1ull << 63;

CUresult owner_of(const Device &device, aoti_cuda::CUstream stream, unsigned long long *ret_owner) {
  aoti_cuda::CUstreamCaptureStatus status = aoti_cuda::kCaptureNone;
  unsigned long long capture = 0;
  // Of the default stream the driver says nothing while another one is captured.
  const CUresult result =
      device.cu->StreamGetCaptureInfo(stream, &status, &capture, nullptr, nullptr, nullptr);
  if (result == kSuccess && status != aoti_cuda::kCaptureNone) {
    *ret_owner = capture | kOfCapture;
    return kSuccess;
  }
  return device.cu->StreamGetId(stream, ret_owner);
}

Block *take_kept(const Device &device, int32_t number, unsigned long long owner) {
  pthread_mutex_lock(&mutex);
  Block **link = &kept[device.index][number];
  while (*link != nullptr && (*link)->owner != owner) link = &(*link)->next;
  Block *block = *link;
  if (block != nullptr) {
    *link = block->next;
    kept_total[device.index] -= block->bytes;
  }
  pthread_mutex_unlock(&mutex);
  return block;
}

// Gives what is kept on a device back to the driver. Waits for the device: a kept block may still be in use
// by work that was queued before it was freed.
void release_kept(const Device &device) {
  pthread_mutex_lock(&mutex);
  Block *all = nullptr;
  for (Block *&first : kept[device.index]) {
    for (Block **link = &first; *link != nullptr;) {
      Block *block = *link;
      if ((block->owner & kOfCapture) != 0) {
        link = &block->next;
        continue;
      }
      *link = block->next;
      kept_total[device.index] -= block->bytes;
      block->next = all;
      all = block;
    }
  }
  pthread_mutex_unlock(&mutex);
  if (all != nullptr) device.cu->CtxSynchronize();
  while (all != nullptr) {
    Block *block = all;
    all = block->next;
    device.cu->MemFree(block->address);
    free(block);
  }
}

AOTITorchError fail_out_of_memory(const char *function, const Device &device, int64_t bytes) {
  size_t available = 0, total = 0;
  if (device.cu->MemGetInfo(&available, &total) != kSuccess) available = total = 0;
  return fail(
      function,
      "out of memory on cuda:%d (%s): could not allocate %lld bytes; %lld of %lld are free. Free tensors, "
      "use smaller inputs, or end other programs on this GPU",
      device.index, device.name, (long long)bytes, (long long)available, (long long)total);
}

}  // namespace

AOTITorchError block_allocate(const char *function, const Device &device, int64_t bytes, Block **ret_block) {
  if (bytes > kLargest) return fail_out_of_memory(function, device, bytes);
  ContextScope scope(device);
  unsigned long long owner = 0;
  CUresult result = scope.result();
  if (result == kSuccess) result = owner_of(device, current_stream(device), &owner);
  if (result != kSuccess) return fail_cuda(function, device, result, "the current stream");
  int64_t rounded = 0;
  const int32_t number = size_class(bytes, &rounded);
  *ret_block = take_kept(device, number, owner);
  if (*ret_block != nullptr) return AOTI_TORCH_SUCCESS;
  Block *block = static_cast<Block *>(malloc(sizeof(Block)));
  if (block == nullptr) return fail_memory(function, sizeof(Block));
  *block = Block{nullptr, &device, owner, rounded, 0, number};
  result = aoti_cuda::allocate(*device.cu, &block->address, static_cast<size_t>(rounded));
  if (result == aoti_cuda::kOutOfMemory) {
    release_kept(device);
    result = aoti_cuda::allocate(*device.cu, &block->address, static_cast<size_t>(rounded));
  }
  if (result == kSuccess) {
    *ret_block = block;
    return AOTI_TORCH_SUCCESS;
  }
  free(block);
  return result == aoti_cuda::kOutOfMemory ? fail_out_of_memory(function, device, bytes)
                                           : fail_cuda(function, device, result, "allocating device memory");
}

void block_free(Block *block) {
  pthread_mutex_lock(&mutex);
  // By address, so that a run whose outputs were all given back gets the same address for each again, in
  // whatever order they came back: a graph then needs no update.
  Block **link = &kept[block->device->index][block->size_class];
  while (*link != nullptr && (*link)->address < block->address) link = &(*link)->next;
  block->next = *link;
  *link = block;
  kept_total[block->device->index] += block->bytes;
  pthread_mutex_unlock(&mutex);
}

int64_t kept_bytes(const Device &device) {
  pthread_mutex_lock(&mutex);
  const int64_t bytes = kept_total[device.index];
  pthread_mutex_unlock(&mutex);
  return bytes;
}

}  // namespace aoti_shim

namespace {

// Blocks that were handed out as bare addresses, by address.
struct RawBlock {
  RawBlock *next;
  aoti_shim::Block *block;
};
RawBlock *raw_blocks;
pthread_mutex_t raw_mutex = PTHREAD_MUTEX_INITIALIZER;

}  // namespace

extern "C" {

AOTITorchError aoti_torch_cuda_caching_allocator_raw_alloc(uint64_t nbytes, void **ret_ptr) {
  const char *function = "aoti_torch_cuda_caching_allocator_raw_alloc";
  if (ret_ptr == nullptr) return aoti_shim::fail_null(function, "ret_ptr");
  const Device *device = aoti_shim::cuda_device(function, -1);
  if (device == nullptr) return AOTI_TORCH_FAILURE;
  RawBlock *raw = static_cast<RawBlock *>(malloc(sizeof(RawBlock)));
  if (raw == nullptr) return aoti_shim::fail_memory(function, sizeof(RawBlock));
  const int64_t bytes = nbytes > INT64_MAX ? INT64_MAX : static_cast<int64_t>(nbytes);
  if (aoti_shim::block_allocate(function, *device, bytes, &raw->block) != AOTI_TORCH_SUCCESS) {
    free(raw);
    return AOTI_TORCH_FAILURE;
  }
  pthread_mutex_lock(&raw_mutex);
  raw->next = raw_blocks;
  raw_blocks = raw;
  pthread_mutex_unlock(&raw_mutex);
  *ret_ptr = reinterpret_cast<void *>(raw->block->address);
  return AOTI_TORCH_SUCCESS;
}

AOTITorchError aoti_torch_cuda_caching_allocator_raw_delete(void *ptr) {
  if (ptr == nullptr) return AOTI_TORCH_SUCCESS;
  pthread_mutex_lock(&raw_mutex);
  RawBlock **link = &raw_blocks;
  while (*link != nullptr && (*link)->block->address != reinterpret_cast<uintptr_t>(ptr))
    link = &(*link)->next;
  RawBlock *raw = *link;
  if (raw != nullptr) *link = raw->next;
  pthread_mutex_unlock(&raw_mutex);
  if (raw == nullptr) {
    return aoti_shim::fail(
        "aoti_torch_cuda_caching_allocator_raw_delete",
        "%p is not memory that aoti_torch_cuda_caching_allocator_raw_alloc of this shim gave", ptr);
  }
  aoti_shim::block_free(raw->block);
  free(raw);
  return AOTI_TORCH_SUCCESS;
}

}  // extern "C"
