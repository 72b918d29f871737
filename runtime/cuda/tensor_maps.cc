#include "runtime/cuda/tensor_maps.h"

#include <stdlib.h>
#include <string.h>

#include "runtime/cuda/instance.h"
#include "runtime/model/error.h"

using namespace aoti_cuda;
using aoti_model::fail;

namespace {

constexpr int32_t kL2Promotion256 = 3;  // CU_TENSOR_MAP_L2_PROMOTION_L2_256B

// The entry of the map that is asked for now; null when there is no memory for it.
TensorMapEntry *next_entry(TensorMaps *maps) {
  if (maps->cursor == maps->capacity) {
    const int32_t capacity = 2 * maps->capacity + 8;
    void *entries = nullptr;
    if (posix_memalign(&entries, alignof(TensorMapEntry),
                       sizeof(TensorMapEntry) * static_cast<size_t>(capacity)) != 0) {
      return nullptr;
    }
    if (maps->count > 0)
      memcpy(entries, maps->entries, sizeof(TensorMapEntry) * static_cast<size_t>(maps->count));
    free(maps->entries);
    maps->entries = static_cast<TensorMapEntry *>(entries);
    maps->capacity = capacity;
  }
  TensorMapEntry *entry = &maps->entries[maps->cursor++];
  if (maps->cursor > maps->count) {
    memset(entry, 0, sizeof *entry);
    maps->count = maps->cursor;
  }
  return entry;
}

bool is_same(const TensorMapEntry &entry, const AotiCudaTensorMapDesc &desc, const void *address,
             const int64_t *sizes, const int64_t *strides) {
  const size_t bytes = sizeof(int64_t) * static_cast<size_t>(desc.rank);
  return entry.desc == &desc && entry.address == address && memcmp(entry.sizes, sizes, bytes) == 0 &&
         memcmp(entry.strides, strides, bytes) == 0;
}

// The driver counts dimensions from the innermost one.
CUresult encode(const Driver &cu, const AotiCudaTensorMapDesc &desc, const void *address,
                const int64_t *sizes, const int64_t *strides, AotiCudaTensorMap *map) {
  uint64_t driver_sizes[AOTI_CUDA_MAX_RANK], stride_bytes[AOTI_CUDA_MAX_RANK];
  uint32_t box[AOTI_CUDA_MAX_RANK], steps[AOTI_CUDA_MAX_RANK];
  for (int32_t i = 0; i < desc.rank; ++i) {
    const int32_t from = desc.rank - 1 - i;
    driver_sizes[i] = static_cast<uint64_t>(sizes[from]);
    box[i] = static_cast<uint32_t>(desc.block[from]);
    steps[i] = 1;
    if (i > 0) stride_bytes[i - 1] = static_cast<uint64_t>(strides[from] * desc.element_bytes);
  }
  // Bytes that the driver leaves alone must not make two equal maps differ.
  memset(map, 0, sizeof *map);
  return cu.TensorMapEncodeTiled(map, desc.data_type, static_cast<uint32_t>(desc.rank),
                                 const_cast<void *>(address), driver_sizes, stride_bytes, box, steps, 0,
                                 desc.swizzle, kL2Promotion256, 0);
}

}  // namespace

namespace aoti_cuda {

void tensor_maps_destroy(TensorMaps *maps) {
  free(maps->entries);
  *maps = TensorMaps{};
}

}  // namespace aoti_cuda

extern "C" int32_t aoti_cuda_tensor_map(AotiCudaRun *run, int32_t kernel_number, int32_t map_number,
                                        const void *address, const int64_t *sizes, const int64_t *strides,
                                        AotiCudaTensorMap *ret_map) {
  CudaInstance *instance = instance_of(run);
  CudaModel *model = instance->model;
  const Driver &cu = *model->device->cu;
  const Kernel &kernel = model->kernels[kernel_number];
  if (cu.TensorMapEncodeTiled == nullptr) {
    return fail("model %s: the driver (%d.%d) lacks cuTensorMapEncodeTiled: update the driver",
                model->desc->name, cu.version / 1000, cu.version % 1000 / 10);
  }
  if (map_number < 0 || map_number >= kernel.image->num_maps) {
    return fail(
        "model %s: kernel %s has %d tensor maps, number %d is asked for; this is a fault of the compiled "
        "model",
        model->desc->name, kernel.desc->name, kernel.image->num_maps, map_number);
  }
  const AotiCudaTensorMapDesc &desc = kernel.image->maps[map_number];
  TensorMapEntry *entry = next_entry(&instance->maps);
  if (entry == nullptr) return aoti_model::fail_memory("a tensor map", sizeof(TensorMapEntry));
  if (!is_same(*entry, desc, address, sizes, strides)) {
    entry->desc = nullptr;  // until it is whole
    const CUresult result = encode(cu, desc, address, sizes, strides, &entry->map);
    if (result != kSuccess) return fail_driver(model, result, "encoding a tensor map");
    entry->desc = &desc;
    entry->address = address;
    memcpy(entry->sizes, sizes, sizeof(int64_t) * static_cast<size_t>(desc.rank));
    memcpy(entry->strides, strides, sizeof(int64_t) * static_cast<size_t>(desc.rank));
  }
  *ret_map = entry->map;
  return AOTI_RUNTIME_SUCCESS;
}
