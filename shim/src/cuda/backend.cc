// The lean shim's CUDA tensors: what shim/src/device_backend.h asks for.
#include "shim/src/device_backend.h"

#include "aoti/device.h"
#include "shim/src/cuda/memory.h"
#include "shim/src/cuda/state.h"
#include "shim/src/cuda/transfer.h"
#include "shim/src/error.h"

using aoti_cuda::ContextScope;
using aoti_cuda::CUresult;
using aoti_cuda::CUstream;
using aoti_cuda::Device;
using aoti_cuda::kSuccess;

namespace aoti_shim {
namespace {

AOTITorchError resolve(const char *function, int32_t device_index, int32_t *ret_index) {
  const Device *device = cuda_device(function, device_index);
  if (device == nullptr) return AOTI_TORCH_FAILURE;
  *ret_index = device->index;
  return AOTI_TORCH_SUCCESS;
}

void free_block(void *, void *context) { block_free(static_cast<Block *>(context)); }

AOTITorchError allocate(const char *function, int32_t device_index, int64_t bytes, Storage **ret_storage) {
  const Device *device = cuda_device(function, device_index);
  if (device == nullptr) return AOTI_TORCH_FAILURE;
  Block *block = nullptr;
  if (bytes > 0 && block_allocate(function, *device, bytes, &block) != AOTI_TORCH_SUCCESS)
    return AOTI_TORCH_FAILURE;
  void *data = block == nullptr ? nullptr : reinterpret_cast<void *>(block->address);
  Storage *storage = storage_adopt(data, bytes, block == nullptr ? nullptr : free_block, block);
  if (storage == nullptr) {
    if (block != nullptr) block_free(block);
    return fail_memory(function, sizeof(Storage));
  }
  storage->device_type = AOTI_DEVICE_CUDA;
  storage->device_index = device->index;
  *ret_storage = storage;
  return AOTI_TORCH_SUCCESS;
}

AOTITorchError copy(const char *function, const AtenTensorOpaque *to, const AtenTensorOpaque *from,
                    const int64_t *from_strides, bool non_blocking) {
  const bool to_host = to->storage->device_type == AOTI_DEVICE_CPU;
  const bool from_host = from->storage->device_type == AOTI_DEVICE_CPU;
  const int32_t index = (to_host ? from : to)->storage->device_index;
  if (!to_host && !from_host && from->storage->device_index != index) {
    return fail(function, "from cuda:%d to cuda:%d; the lean shim copies between GPUs through the host only",
                from->storage->device_index, index);
  }
  const Device *device = cuda_device(function, index);
  if (device == nullptr) return AOTI_TORCH_FAILURE;
  ContextScope scope(*device);
  const CUstream stream = current_stream(*device);
  CUresult result = scope.result();
  if (result == kSuccess) result = transfer(*device, stream, to, from, from_strides);
  if (result == kSuccess && (to_host || from_host) && !non_blocking) {
    result = device->cu->StreamSynchronize(stream);
  }
  return result == kSuccess ? AOTI_TORCH_SUCCESS : fail_cuda(function, *device, result, "copying a tensor");
}

AOTITorchError zero(const char *function, const AtenTensorOpaque *tensor, void *data, int64_t bytes) {
  if (bytes == 0) return AOTI_TORCH_SUCCESS;
  const Device *device = cuda_device(function, tensor->storage->device_index);
  if (device == nullptr) return AOTI_TORCH_FAILURE;
  ContextScope scope(*device);
  CUresult result = scope.result();
  if (result == kSuccess) {
    result = device->cu->MemsetD8Async(reinterpret_cast<uintptr_t>(data), 0, static_cast<size_t>(bytes),
                                       current_stream(*device));
  }
  return result == kSuccess ? AOTI_TORCH_SUCCESS : fail_cuda(function, *device, result, "filling a tensor");
}

}  // namespace
}  // namespace aoti_shim

extern "C" {
const aoti_shim::DeviceBackend aoti_shim_cuda_backend = {aoti_shim::resolve, aoti_shim::allocate,
                                                         aoti_shim::copy, aoti_shim::zero};
}
