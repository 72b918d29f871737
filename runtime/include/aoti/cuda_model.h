// What generated wrapper code of a CUDA model is written with, beside aoti/model.h: launches and guards.
//
// Needs C++ but only C headers, no exceptions and no C++ library.
//
//   enum : int32_t { triton_poi_fused_sin_0, triton_per_fused_softmax_1 };  // numbers in the table of
//   kernels
//
//   static int32_t run(AotiRunArgs *args) {
//     AotiCudaRun *const cuda = args->cuda;
//     AOTICudaStreamGuard stream_guard(cuda->stream, cuda->device_index);
//     AOTI_TORCH_ERROR_CODE_CHECK(stream_guard.status());
//     float *const buf0 = aoti_cuda_arena<float>(cuda, 0);
//     // aten.sin.default [sin] at m.py:20 in forward
//     AOTI_CUDA_CHECK(launchKernel(cuda, triton_poi_fused_sin_0, aoti_cuda_grid(cuda, triton_poi_fused_sin_0,
//     4096),
//                                  x, buf0, int32_t{4096}));
//     return AOTI_RUNTIME_SUCCESS;
//   }
#ifndef AOTI_CUDA_MODEL_H_
#define AOTI_CUDA_MODEL_H_

#ifndef __cplusplus
#error "aoti/cuda_model.h is for generated C++; C code includes aoti/cuda.h"
#endif

#include "aoti/cuda.h"
#include "aoti/cuda_guards.h"
#include "aoti/model.h"

// Returns from the current function when a function of aoti/cuda.h failed; its message has been set.
#define AOTI_CUDA_CHECK(call)                                          \
  do {                                                                 \
    if (__builtin_expect((call) != 0, 0)) return AOTI_RUNTIME_FAILURE; \
  } while (0)

// Makes `stream` of that device the calling thread's current one for tensors that are made while it lives.
class AOTICudaStreamGuard {
 public:
  AOTICudaStreamGuard(void *stream, int32_t device_index)
      : status_(aoti_torch_create_cuda_stream_guard(stream, device_index, &guard_)) {}
  AOTICudaStreamGuard(const AOTICudaStreamGuard &) = delete;
  AOTICudaStreamGuard &operator=(const AOTICudaStreamGuard &) = delete;
  ~AOTICudaStreamGuard() {
    if (guard_ != nullptr) aoti_torch_delete_cuda_stream_guard(guard_);
  }
  AOTITorchError status() const { return status_; }

 private:
  CUDAStreamGuardHandle guard_ = nullptr;
  AOTITorchError status_;
};

// Launches kernel number `kernel`; the arguments have exactly the types of the kernel's parameters (pointers,
// int32_t, int64_t, float, AotiCudaTensorMap ...), without the scratch pointers.
template <class... Params>
static inline int32_t launchKernel(AotiCudaRun *run, int32_t kernel, AotiCudaGrid grid, Params... params) {
  void *const addresses[] = {const_cast<void *>(static_cast<const void *>(&params))..., nullptr};
  return aoti_cuda_launch(run, kernel, grid, addresses);
}

// Blocks needed for `count` things when one block takes `per_block` of them.
static inline int64_t aoti_cuda_blocks(int64_t count, int64_t per_block) {
  return (count + per_block - 1) / per_block;
}

// The usual grid: dimension d of the work is cut into blocks of meta[d] of the chosen image (x, y, z).
static inline AotiCudaGrid aoti_cuda_grid(const AotiCudaRun *run, int32_t kernel, int64_t x) {
  const int32_t *meta = aoti_cuda_meta(run, kernel);
  return AotiCudaGrid{aoti_cuda_blocks(x, meta[0]), 1, 1};
}
static inline AotiCudaGrid aoti_cuda_grid(const AotiCudaRun *run, int32_t kernel, int64_t x, int64_t y,
                                          int64_t z = 1) {
  const int32_t *meta = aoti_cuda_meta(run, kernel);
  const int64_t per_z = meta[2] > 0 ? meta[2] : 1;
  return AotiCudaGrid{aoti_cuda_blocks(x, meta[0]), aoti_cuda_blocks(y, meta[1]), aoti_cuda_blocks(z, per_z)};
}

// Address of a planned buffer in the arena on the device.
template <class T>
static inline T *aoti_cuda_arena(const AotiCudaRun *run, int64_t offset_bytes) {
  return reinterpret_cast<T *>(static_cast<char *>(run->arena) + offset_bytes);
}

#endif  // AOTI_CUDA_MODEL_H_
