// The tensor maps of an instance's last run, in the order in which the run made them.
//
// A run makes the same maps as the one before it, but for those of inputs and outputs that moved: what was
// encoded once is kept, so that a warm run calls the driver only for those.
#ifndef RUNTIME_CUDA_TENSOR_MAPS_H_
#define RUNTIME_CUDA_TENSOR_MAPS_H_

#include "aoti/cuda.h"

namespace aoti_cuda {

// What a map was made of, and the map.
struct TensorMapEntry {
  AotiCudaTensorMap map;  // first: 64-byte aligned
  const AotiCudaTensorMapDesc *desc;
  const void *address;
  int64_t sizes[AOTI_CUDA_MAX_RANK], strides[AOTI_CUDA_MAX_RANK];
};

struct TensorMaps {
  TensorMapEntry *entries;
  int32_t count, capacity;
  int32_t cursor;  // maps of this run so far
};

inline void tensor_maps_reset(TensorMaps *maps) { maps->cursor = 0; }
void tensor_maps_destroy(TensorMaps *maps);

}  // namespace aoti_cuda

#endif  // RUNTIME_CUDA_TENSOR_MAPS_H_
