#include "shim/src/tensor_object.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "aoti/device.h"
#include "shim/src/device_backend.h"
#include "shim/src/error.h"

namespace aoti_shim {
namespace {

// The mark of live tensors that this copy of the shim made. A process has as many copies as static libraries,
// and each has this variable at an address of its own.
uint64_t live_mark() {
  static const char own = 0;
  return kLiveTensor ^ reinterpret_cast<uintptr_t>(&own);
}

}  // namespace

AOTITorchError check_handle(const char *function, AtenTensorHandle tensor) {
  if (tensor == nullptr) {
    return fail(function, "the tensor handle is null; expected one that this shim made");
  }
  if ((reinterpret_cast<uintptr_t>(tensor) & (alignof(AtenTensorOpaque) - 1)) != 0) {
    return fail(function, "%p is not a tensor handle (misaligned); expected one that this shim made",
                static_cast<void *>(tensor));
  }
  if (tensor->magic == live_mark()) return AOTI_TORCH_SUCCESS;
  if (tensor->magic == kDeadTensor) {
    return fail(function,
                "tensor handle %p has been deleted; inputs of a run are consumed by it, keep a handle of "
                "your own (aoti_torch_new_tensor_handle)",
                static_cast<void *>(tensor));
  }
  return fail(function,
              "%p is not a tensor handle of this shim; handles of another library or of libtorch cannot be "
              "mixed in: make it with the same library's functions",
              static_cast<void *>(tensor));
}

AOTITorchError check_tensor(const char *function, AtenTensorHandle tensor) {
  if (check_handle(function, tensor) != AOTI_TORCH_SUCCESS) return AOTI_TORCH_FAILURE;
  if (tensor->storage == nullptr) {
    return fail(function, "the tensor is undefined; assign one to it first (aoti_torch_assign_tensors)");
  }
  return AOTI_TORCH_SUCCESS;
}

AOTITorchError check_host_tensor(const char *function, AtenTensorHandle tensor) {
  if (check_tensor(function, tensor) != AOTI_TORCH_SUCCESS) return AOTI_TORCH_FAILURE;
  if (tensor->storage->device_type == AOTI_DEVICE_CPU) return AOTI_TORCH_SUCCESS;
  return fail(function, "the tensor is on cuda:%d; expected one on the CPU: copy it there first",
              tensor->storage->device_index);
}

AOTITorchError check_geometry(const char *function, const Geometry &g, int64_t *ret_numel,
                              int64_t *ret_storage_bytes) {
  if (g.ndim < 0 || g.ndim > kMaxRank) {
    return fail(function, "rank is %lld; expected 0 to %lld", (long long)g.ndim, (long long)kMaxRank);
  }
  if (g.ndim > 0 && (g.sizes == nullptr || g.strides == nullptr)) {
    return fail(function, "%s is null; expected %lld numbers", g.sizes == nullptr ? "sizes" : "strides",
                (long long)g.ndim);
  }
  int64_t element_bytes = static_cast<int64_t>(aoti_torch_dtype_element_size(g.dtype));
  if (element_bytes == 0) return fail(function, "%d is not the number of a dtype", g.dtype);
  if (g.offset < 0) return fail(function, "storage offset is %lld; expected 0 or more", (long long)g.offset);
  int64_t numel = 1;
  int64_t last = g.offset;
  bool overflow = false;
  for (int64_t i = 0; i < g.ndim; ++i) {
    if (g.sizes[i] < 0 || g.strides[i] < 0) {
      return fail(function, "size %lld and stride %lld of dimension %lld; expected neither to be negative",
                  (long long)g.sizes[i], (long long)g.strides[i], (long long)i);
    }
    if (g.sizes[i] == 0) numel = 0;
    int64_t reach = 0;
    overflow |= numel != 0 && __builtin_mul_overflow(numel, g.sizes[i], &numel);
    overflow |= numel != 0 && (__builtin_mul_overflow(g.sizes[i] - 1, g.strides[i], &reach) ||
                               __builtin_add_overflow(last, reach, &last));
    if (overflow) break;
  }
  int64_t bytes = 0;
  overflow |= numel != 0 &&
              (__builtin_add_overflow(last, 1, &last) || __builtin_mul_overflow(last, element_bytes, &bytes));
  if (overflow) {
    char text[256];
    return fail(function, "a tensor of sizes %s is larger than memory can be addressed",
                format_numbers(g.ndim, g.sizes, text, sizeof text));
  }
  *ret_numel = numel;
  *ret_storage_bytes = numel == 0 ? 0 : bytes;
  return AOTI_TORCH_SUCCESS;
}

AOTITorchError make_tensor(const char *function, const Geometry &g, int64_t numel, Storage *storage,
                           AtenTensorHandle *ret_tensor) {
  AtenTensorOpaque *tensor = static_cast<AtenTensorOpaque *>(malloc(sizeof(AtenTensorOpaque)));
  int64_t *dims = tensor == nullptr ? nullptr : tensor->inline_dims;
  size_t dims_bytes = 2 * static_cast<size_t>(g.ndim) * sizeof(int64_t);
  if (dims != nullptr && g.ndim > kInlineRank) dims = static_cast<int64_t *>(malloc(dims_bytes));
  if (dims == nullptr) {
    free(tensor);
    storage_release(storage);
    return fail_memory(function, static_cast<int64_t>(sizeof(AtenTensorOpaque) + dims_bytes));
  }
  tensor->magic = live_mark();
  tensor->storage = storage;
  tensor->offset = g.offset;
  tensor->numel = numel;
  tensor->ndim = g.ndim;
  tensor->dtype = g.dtype;
  tensor->sizes = dims;
  tensor->strides = dims + g.ndim;
  for (int64_t i = 0; i < g.ndim; ++i) {
    tensor->sizes[i] = g.sizes[i];
    tensor->strides[i] = g.strides[i];
  }
  *ret_tensor = tensor;
  return AOTI_TORCH_SUCCESS;
}

AOTITorchError make_empty(const char *function, const Geometry &g, const Place &place,
                          AtenTensorHandle *ret_tensor) {
  int64_t numel = 0, bytes = 0;
  if (check_geometry(function, g, &numel, &bytes) != AOTI_TORCH_SUCCESS) return AOTI_TORCH_FAILURE;
  Storage *storage = nullptr;
  if (place.device_type == AOTI_DEVICE_CPU) {
    storage = storage_allocate(bytes);
    if (storage == nullptr) return fail_memory(function, bytes);
  } else {
    const DeviceBackend *backend = cuda_backend(function);
    if (backend == nullptr ||
        backend->allocate(function, place.device_index, bytes, &storage) != AOTI_TORCH_SUCCESS) {
      return AOTI_TORCH_FAILURE;
    }
  }
  return make_tensor(function, g, numel, storage, ret_tensor);
}

AOTITorchError resolve_place(const char *function, int32_t device_type, int32_t device_index,
                             Place *ret_place) {
  if (device_type == AOTI_DEVICE_CUDA) {
    const DeviceBackend *backend = cuda_backend(function);
    ret_place->device_type = AOTI_DEVICE_CUDA;
    return backend != nullptr ? backend->resolve(function, device_index, &ret_place->device_index)
                              : AOTI_TORCH_FAILURE;
  }
  if (device_type != AOTI_DEVICE_CPU) {
    return fail(function,
                "device type %d; the lean shim has the CPU (0) and CUDA (1): link the model with shim = "
                "\"torch\"",
                device_type);
  }
  if (device_index != 0 && device_index != -1) {
    return fail(function, "device index %d of the CPU; expected 0 or -1", device_index);
  }
  *ret_place = Place{AOTI_DEVICE_CPU, -1};
  return AOTI_TORCH_SUCCESS;
}

Place place_of(const AtenTensorOpaque *tensor) {
  return Place{tensor->storage->device_type, tensor->storage->device_index};
}

AOTITorchError make_view(const char *function, AtenTensorHandle self, const Geometry &g,
                         AtenTensorHandle *ret_tensor) {
  int64_t numel = 0, bytes = 0;
  if (check_geometry(function, g, &numel, &bytes) != AOTI_TORCH_SUCCESS) return AOTI_TORCH_FAILURE;
  if (bytes > self->storage->bytes) {
    char sizes[256], strides[256];
    return fail(function,
                "a view of sizes %s, strides %s and offset %lld needs %lld bytes of storage; there are %lld",
                format_numbers(g.ndim, g.sizes, sizes, sizeof sizes),
                format_numbers(g.ndim, g.strides, strides, sizeof strides), (long long)g.offset,
                (long long)bytes, (long long)self->storage->bytes);
  }
  return make_tensor(function, g, numel, storage_retain(self->storage), ret_tensor);
}

Geometry geometry_of(const AtenTensorOpaque *tensor) {
  return Geometry{tensor->ndim, tensor->sizes, tensor->strides, tensor->offset, tensor->dtype};
}

void destroy_tensor(AtenTensorOpaque *tensor) {
  tensor->magic = kDeadTensor;
  storage_release(tensor->storage);
  if (tensor->sizes != tensor->inline_dims) free(tensor->sizes);
  free(tensor);
}

void move_into(AtenTensorOpaque *from, AtenTensorOpaque *to) {
  storage_release(to->storage);
  if (to->sizes != to->inline_dims) free(to->sizes);
  bool is_inline = from->sizes == from->inline_dims;
  memcpy(to, from, sizeof(AtenTensorOpaque));
  if (is_inline) to->sizes = to->inline_dims;
  to->strides = to->sizes + to->ndim;
  from->magic = kDeadTensor;
  free(from);
}

char *data_of(const AtenTensorOpaque *tensor) {
  char *start = static_cast<char *>(tensor->storage->data);
  if (start == nullptr) return nullptr;
  return start + tensor->offset * static_cast<int64_t>(aoti_torch_dtype_element_size(tensor->dtype));
}

void contiguous_strides(int64_t ndim, const int64_t *sizes, int64_t *strides) {
  int64_t stride = 1;
  for (int64_t i = ndim - 1; i >= 0; --i) {
    strides[i] = stride;
    stride *= sizes[i] > 0 ? sizes[i] : 1;
  }
}

bool is_contiguous(const AtenTensorOpaque *tensor) {
  if (tensor->numel == 0) return true;
  int64_t expected = 1;
  for (int64_t i = tensor->ndim - 1; i >= 0; --i) {
    if (tensor->sizes[i] == 1) continue;
    if (tensor->strides[i] != expected) return false;
    expected *= tensor->sizes[i];
  }
  return true;
}

const char *format_numbers(int64_t count, const int64_t *numbers, char *text, size_t bytes) {
  size_t used = static_cast<size_t>(snprintf(text, bytes, "["));
  for (int64_t i = 0; i < count && used + 1 < bytes; ++i) {
    used += static_cast<size_t>(
        snprintf(text + used, bytes - used, "%s%lld", i == 0 ? "" : ", ", (long long)numbers[i]));
  }
  if (used + 1 < bytes) snprintf(text + used, bytes - used, "]");
  return text;
}

}  // namespace aoti_shim
