// The functions of aoti/cuda.h, which generated code calls, and the table that the container calls.
#include <stdio.h>

#include "runtime/cuda/graph.h"
#include "runtime/cuda/instance.h"
#include "runtime/cuda/runtime_table.h"
#include "runtime/model/error.h"

using namespace aoti_cuda;
using aoti_model::fail;

namespace {

constexpr int64_t kMaxGridX = INT32_MAX, kMaxGridYz = 65535;

const char *describe_op(const Op &op, char *text, size_t bytes) {
  if (op.kind != OpKind::kLaunch)
    return op.kind == OpKind::kCopy ? "copying on the device" : "filling memory";
  const AotiCudaKernelDesc &desc = *op.kernel->desc;
  snprintf(text, bytes, "launching kernel %s%s%s%s", desc.name, desc.origins != nullptr ? " (" : "",
           desc.origins != nullptr ? desc.origins : "", desc.origins != nullptr ? ")" : "");
  return text;
}

AOTIRuntimeError do_now(CudaInstance *instance, const Op &op, void *const *params) {
  CudaModel *model = instance->model;
  const CUstream stream = static_cast<CUstream>(instance->run.stream);
  CUresult result = execute(*model->device, op, params, stream);
  if (result == kSuccess && model->sync_launches && !instance->captured) {
    result = model->device->cu->StreamSynchronize(stream);
  }
  if (result == kSuccess) return AOTI_RUNTIME_SUCCESS;
  char text[256];
  return fail_driver(model, result, describe_op(op, text, sizeof text));
}

AOTIRuntimeError do_op(CudaInstance *instance, const Op &op, void *const *params) {
  Recording *r = instance->recording;
  if (instance->mode == Mode::kRecord) {
    if (recording_add(r, op, params)) return AOTI_RUNTIME_SUCCESS;
    if (leave_graph(instance, "out of host memory") != AOTI_RUNTIME_SUCCESS) return AOTI_RUNTIME_FAILURE;
  } else if (instance->mode == Mode::kReplay) {
    switch (recording_next(r, op, params)) {
      case Match::kSame:
        return AOTI_RUNTIME_SUCCESS;
      case Match::kChanged:
        if (graph_update(*instance->model->device, r, r->cursor - 1) == kSuccess) return AOTI_RUNTIME_SUCCESS;
        return leave_graph(instance, "the driver refused to update a node");
      case Match::kOther:
        break;
    }
    if (leave_graph(instance, "runs of these sizes launch different kernels") != AOTI_RUNTIME_SUCCESS) {
      return AOTI_RUNTIME_FAILURE;
    }
  }
  return do_now(instance, op, params);
}

AOTIRuntimeError take_scratch(CudaInstance *instance, const Kernel &kernel, int64_t blocks,
                              int64_t bytes_each, CUdeviceptr *ret_address) {
  *ret_address = 0;
  if (bytes_each == 0) return AOTI_RUNTIME_SUCCESS;
  const int64_t align = kernel.image->scratch_align > 0 ? kernel.image->scratch_align : 1;
  int64_t bytes = 0;
  CUresult result = kOutOfMemory;
  if (!__builtin_mul_overflow(blocks, bytes_each, &bytes)) {
    result = scratch_take(*instance->model->device, &instance->scratch, bytes, align, ret_address);
  }
  if (result == kSuccess) return AOTI_RUNTIME_SUCCESS;
  char what[256];
  snprintf(what, sizeof what, "allocating %lld bytes of scratch for kernel %s", (long long)bytes,
           kernel.desc->name);
  return fail_driver(instance->model, result, what);
}

AOTIRuntimeError check_grid(const CudaInstance &instance, const Kernel &kernel, const AotiCudaGrid &grid) {
  const int64_t cluster = kernel.image->cluster > 1 ? kernel.image->cluster : 1;
  if (grid.x >= 0 && grid.x <= kMaxGridX / cluster && grid.y >= 0 && grid.y <= kMaxGridYz && grid.z >= 0 &&
      grid.z <= kMaxGridYz) {
    return AOTI_RUNTIME_SUCCESS;
  }
  return fail(
      "model %s: kernel %s would need a grid of %lld x %lld x %lld; the limits are %lld x %lld x %lld: the "
      "inputs "
      "are too large",
      instance.model->desc->name, kernel.desc->name, (long long)grid.x, (long long)grid.y, (long long)grid.z,
      (long long)(kMaxGridX / cluster), (long long)kMaxGridYz, (long long)kMaxGridYz);
}

}  // namespace

extern "C" {

const int32_t *aoti_cuda_meta(const AotiCudaRun *run, int32_t kernel) {
  return instance_of(run)->model->kernels[kernel].image->meta;
}

int32_t aoti_cuda_has_kernel(const AotiCudaRun *run, int32_t kernel) {
  return instance_of(run)->model->kernels[kernel].function != nullptr ? 1 : 0;
}

int32_t aoti_cuda_launch(AotiCudaRun *run, int32_t kernel_number, AotiCudaGrid grid, void *const *params) {
  CudaInstance *instance = instance_of(run);
  const Kernel &kernel = instance->model->kernels[kernel_number];
  if (kernel.function == nullptr) {
    return fail("model %s: kernel %s has no code for cuda:%d (sm_%d); this is a fault of the compiled model",
                instance->model->desc->name, kernel.desc->name, run->device_index, run->sm);
  }
  if (check_grid(*instance, kernel, grid) != AOTI_RUNTIME_SUCCESS) return AOTI_RUNTIME_FAILURE;
  const int64_t programs = grid.x * grid.y * grid.z;
  if (programs == 0) return AOTI_RUNTIME_SUCCESS;
  const uint32_t cluster = kernel.image->cluster > 1 ? static_cast<uint32_t>(kernel.image->cluster) : 1;
  CUdeviceptr scratch[2] = {0, 0};
  const int64_t scratch_bytes[2] = {kernel.image->scratch_bytes, kernel.image->profile_bytes};
  void *all[kMaxLaunchParams];
  for (int32_t i = 0; i < kernel.desc->num_params; ++i) all[i] = params[i];
  for (int32_t i = 0; i < kernel.desc->num_scratch_params; ++i) {
    if (take_scratch(instance, kernel, programs * cluster, scratch_bytes[i], &scratch[i]) !=
        AOTI_RUNTIME_SUCCESS) {
      return AOTI_RUNTIME_FAILURE;
    }
    all[kernel.desc->num_params + i] = &scratch[i];
  }
  Op op{};
  op.kind = OpKind::kLaunch;
  op.kernel = &kernel;
  op.grid[0] = static_cast<uint32_t>(grid.x) * cluster;
  op.grid[1] = static_cast<uint32_t>(grid.y);
  op.grid[2] = static_cast<uint32_t>(grid.z);
  return do_op(instance, op, all);
}

int32_t aoti_cuda_copy(AotiCudaRun *run, void *dst, const void *src, int64_t bytes, AotiCudaCopyKind kind) {
  CudaInstance *instance = instance_of(run);
  if (bytes <= 0) return AOTI_RUNTIME_SUCCESS;
  if (kind == AOTI_CUDA_DEVICE_TO_DEVICE) {
    Op op{};
    op.kind = OpKind::kCopy;
    op.to = reinterpret_cast<uintptr_t>(dst);
    op.from = reinterpret_cast<uintptr_t>(src);
    op.count = bytes;
    return do_op(instance, op, nullptr);
  }
  if (instance->captured) {
    const AotiModelDesc &desc = *instance->model->desc;
    const char *const reason = desc.cuda->no_graph_reason;
    return fail(
        "model %s: the run copies between host and device, and the caller captures the stream, which cannot "
        "hold that%s%s; "
        "run this model outside of captures",
        desc.name, reason != nullptr ? ": " : "", reason != nullptr ? reason : "");
  }
  if (instance->mode != Mode::kEager &&
      leave_graph(instance, "the run copies between host and device") != AOTI_RUNTIME_SUCCESS) {
    return AOTI_RUNTIME_FAILURE;
  }
  const Driver &cu = *instance->model->device->cu;
  const CUstream stream = static_cast<CUstream>(run->stream);
  const size_t size = static_cast<size_t>(bytes);
  CUresult result = kind == AOTI_CUDA_HOST_TO_DEVICE
                        ? cu.MemcpyHtoDAsync(reinterpret_cast<uintptr_t>(dst), src, size, stream)
                        : cu.MemcpyDtoHAsync(dst, reinterpret_cast<uintptr_t>(src), size, stream);
  if (result == kSuccess) result = cu.StreamSynchronize(stream);
  if (result == kSuccess) return AOTI_RUNTIME_SUCCESS;
  return fail_driver(instance->model, result,
                     kind == AOTI_CUDA_HOST_TO_DEVICE ? "copying to the device" : "copying to the host");
}

int32_t aoti_cuda_fill(AotiCudaRun *run, void *dst, uint32_t value, int32_t element_bytes, int64_t count) {
  if (count == 0) return AOTI_RUNTIME_SUCCESS;
  if (element_bytes != 1 && element_bytes != 2 && element_bytes != 4) {
    return fail("aoti_cuda_fill: elements of %d bytes; expected 1, 2 or 4", element_bytes);
  }
  Op op{};
  op.kind = OpKind::kFill;
  op.to = reinterpret_cast<uintptr_t>(dst);
  op.value = element_bytes == 4 ? value : value & ((1u << (8 * element_bytes)) - 1);
  op.element_bytes = element_bytes;
  op.count = count;
  return do_op(instance_of(run), op, nullptr);
}

const AotiCudaRuntime aoti_cuda_runtime = {
    model_open,
    model_close,
    [](const CudaModel *model) { return model->device->index; },
    [](const CudaModel *model) {
      return reinterpret_cast<const uint8_t *>(model->uploaded -
                                               static_cast<uint64_t>(model->uploaded_begin));
    },
    instance_create,
    instance_destroy,
    instance_begin,
    instance_end,
    model_finish,
    model_synchronize,
    model_stream_wait,
    [](CudaInstance *instance, bool enabled) { instance->graphs = enabled; },
    [](const CudaInstance *instance) { return instance->graph_state; },
};

}  // extern "C"
