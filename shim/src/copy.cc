// Clones, copies and zero filling.
#include <string.h>

#include "aoti/device.h"
#include "shim/src/convert.h"
#include "shim/src/copy.h"
#include "shim/src/device_backend.h"
#include "shim/src/error.h"
#include "shim/src/strided_copy.h"
#include "shim/src/tensor_object.h"

using aoti_shim::check_tensor;
using aoti_shim::fail;
using aoti_shim::Geometry;
using aoti_shim::kMaxRank;

namespace {

int64_t element_bytes_of(const AtenTensorOpaque *tensor) {
  return static_cast<int64_t>(aoti_torch_dtype_element_size(tensor->dtype));
}

// True when the elements fill a stretch of memory exactly, in whatever order of dimensions: then a clone
// keeps the order. Walks the dimensions by ascending stride.
bool is_dense(const AtenTensorOpaque *tensor) {
  int64_t expected = 1;
  uint64_t seen = 0;
  for (int64_t n = 0; n < tensor->ndim; ++n) {
    int64_t next = -1;
    for (int64_t i = 0; i < tensor->ndim; ++i) {
      if ((seen >> i & 1) != 0) continue;
      if (tensor->sizes[i] == 1 || tensor->strides[i] == expected) next = i;
      if (next == i && tensor->sizes[i] != 1) break;
    }
    if (next < 0) return false;
    seen |= uint64_t{1} << next;
    expected *= tensor->sizes[next];
  }
  return true;
}

// Into all of `to`, from a tensor whose strides seen from there are `from_strides`.
AOTITorchError copy_elements(const char *function, const AtenTensorOpaque *to, const AtenTensorOpaque *from,
                             const int64_t *from_strides, bool non_blocking) {
  if (to->storage->device_type != AOTI_DEVICE_CPU || from->storage->device_type != AOTI_DEVICE_CPU) {
    const aoti_shim::DeviceBackend *backend = aoti_shim::cuda_backend(function);
    return backend != nullptr ? backend->copy(function, to, from, from_strides, non_blocking)
                              : AOTI_TORCH_FAILURE;
  }
  if (to->dtype != from->dtype) {
    aoti_shim::strided_convert(to->ndim, to->sizes, aoti_shim::data_of(to), to->strides, to->dtype,
                               aoti_shim::data_of(from), from_strides, from->dtype);
    return AOTI_TORCH_SUCCESS;
  }
  aoti_shim::strided_copy(to->ndim, to->sizes, aoti_shim::data_of(to), to->strides, aoti_shim::data_of(from),
                          from_strides, element_bytes_of(to));
  return AOTI_TORCH_SUCCESS;
}

AOTITorchError clone_with_strides(const char *function, AtenTensorHandle self, const int64_t *strides,
                                  AtenTensorHandle *ret) {
  AtenTensorHandle copy = nullptr;
  Geometry geometry{self->ndim, self->sizes, strides, 0, self->dtype};
  if (aoti_shim::make_empty(function, geometry, aoti_shim::place_of(self), &copy) != AOTI_TORCH_SUCCESS)
    return AOTI_TORCH_FAILURE;
  if (copy_elements(function, copy, self, self->strides, false) != AOTI_TORCH_SUCCESS) {
    aoti_shim::destroy_tensor(copy);
    return AOTI_TORCH_FAILURE;
  }
  *ret = copy;
  return AOTI_TORCH_SUCCESS;
}

// src's strides seen from self's sizes; 0 where src repeats. False when src does not broadcast.
bool broadcast_strides(const AtenTensorOpaque *self, const AtenTensorOpaque *src, int64_t *strides) {
  int64_t missing = self->ndim - src->ndim;
  if (missing < 0) return false;
  for (int64_t i = 0; i < self->ndim; ++i) {
    int64_t from = i - missing;
    if (from < 0 || src->sizes[from] == 1) {
      strides[i] = 0;
    } else if (src->sizes[from] == self->sizes[i]) {
      strides[i] = src->strides[from];
    } else {
      return false;
    }
  }
  return true;
}

// Of a GPU's tensor: in one piece, or by copying zeros where its elements lie apart.
AOTITorchError zero_on_device(const char *function, const AtenTensorOpaque *self) {
  const aoti_shim::DeviceBackend *backend = aoti_shim::cuda_backend(function);
  if (backend == nullptr) return AOTI_TORCH_FAILURE;
  const int64_t bytes = self->numel * element_bytes_of(self);
  if (is_dense(self)) return backend->zero(function, self, aoti_shim::data_of(self), bytes);
  AtenTensorHandle zero = nullptr;
  Geometry scalar{0, nullptr, nullptr, 0, self->dtype};
  if (aoti_shim::make_empty(function, scalar, aoti_shim::place_of(self), &zero) != AOTI_TORCH_SUCCESS)
    return AOTI_TORCH_FAILURE;
  const int64_t no_strides[kMaxRank] = {0};
  AOTITorchError status =
      backend->zero(function, zero, aoti_shim::data_of(zero), element_bytes_of(self)) == AOTI_TORCH_SUCCESS
          ? backend->copy(function, self, zero, no_strides, true)
          : AOTI_TORCH_FAILURE;
  aoti_shim::destroy_tensor(zero);
  return status;
}

}  // namespace

namespace aoti_shim {

AOTITorchError copy_to_host(const char *function, AtenTensorHandle tensor, AtenTensorHandle *ret_copy) {
  if (tensor->storage->device_type == AOTI_DEVICE_CPU) {
    return make_tensor(function, geometry_of(tensor), tensor->numel, storage_retain(tensor->storage),
                       ret_copy);
  }
  int64_t strides[kMaxRank];
  contiguous_strides(tensor->ndim, tensor->sizes, strides);
  AtenTensorHandle copy = nullptr;
  Geometry geometry{tensor->ndim, tensor->sizes, strides, 0, tensor->dtype};
  if (make_empty(function, geometry, Place{}, &copy) != AOTI_TORCH_SUCCESS) return AOTI_TORCH_FAILURE;
  if (copy_elements(function, copy, tensor, tensor->strides, false) != AOTI_TORCH_SUCCESS) {
    destroy_tensor(copy);
    return AOTI_TORCH_FAILURE;
  }
  *ret_copy = copy;
  return AOTI_TORCH_SUCCESS;
}

}  // namespace aoti_shim

extern "C" {

AOTITorchError aoti_torch_clone(AtenTensorHandle self, AtenTensorHandle *ret) {
  const char *function = "aoti_torch_clone";
  if (check_tensor(function, self) != AOTI_TORCH_SUCCESS) return AOTI_TORCH_FAILURE;
  if (ret == nullptr) return aoti_shim::fail_null(function, "ret");
  int64_t strides[kMaxRank];
  if (is_dense(self)) return clone_with_strides(function, self, self->strides, ret);
  aoti_shim::contiguous_strides(self->ndim, self->sizes, strides);
  return clone_with_strides(function, self, strides, ret);
}

AOTITorchError aoti_torch_clone_preserve_strides(AtenTensorHandle self, AtenTensorHandle *ret) {
  const char *function = "aoti_torch_clone_preserve_strides";
  if (check_tensor(function, self) != AOTI_TORCH_SUCCESS) return AOTI_TORCH_FAILURE;
  if (ret == nullptr) return aoti_shim::fail_null(function, "ret");
  return clone_with_strides(function, self, self->strides, ret);
}

AOTITorchError aoti_torch_copy_(AtenTensorHandle self, AtenTensorHandle src, int32_t non_blocking) {
  const char *function = "aoti_torch_copy_";
  if (check_tensor(function, self) != AOTI_TORCH_SUCCESS) return AOTI_TORCH_FAILURE;
  if (check_tensor(function, src) != AOTI_TORCH_SUCCESS) return AOTI_TORCH_FAILURE;
  const bool on_cpu =
      self->storage->device_type == AOTI_DEVICE_CPU && src->storage->device_type == AOTI_DEVICE_CPU;
  const bool convertible =
      on_cpu && aoti_shim::is_convertible(self->dtype) && aoti_shim::is_convertible(src->dtype);
  if (self->dtype != src->dtype && !convertible) {
    return fail(function,
                "%s into %s: the lean shim converts numbers of 16 bits and more, on the CPU; link the model "
                "with shim = \"torch\"",
                aoti_dtype_name(src->dtype), aoti_dtype_name(self->dtype));
  }
  int64_t strides[kMaxRank];
  if (!broadcast_strides(self, src, strides)) {
    char from[256], to[256];
    return fail(function, "sizes %s cannot be broadcast to %s",
                aoti_shim::format_numbers(src->ndim, src->sizes, from, sizeof from),
                aoti_shim::format_numbers(self->ndim, self->sizes, to, sizeof to));
  }
  return copy_elements(function, self, src, strides, non_blocking != 0);
}

AOTITorchError aoti_torch_tensor_copy_(AtenTensorHandle src, AtenTensorHandle dst) {
  return aoti_torch_copy_(dst, src, 0);
}

AOTITorchError aoti_torch_zero_(AtenTensorHandle self) {
  const char *function = "aoti_torch_zero_";
  if (check_tensor(function, self) != AOTI_TORCH_SUCCESS) return AOTI_TORCH_FAILURE;
  if (self->storage->device_type != AOTI_DEVICE_CPU) return zero_on_device(function, self);
  if (is_dense(self)) {
    if (self->numel > 0) {
      memset(aoti_shim::data_of(self), 0, static_cast<size_t>(self->numel * element_bytes_of(self)));
    }
    return AOTI_TORCH_SUCCESS;
  }
  const uint64_t zeros[2] = {0, 0};
  const int64_t no_strides[kMaxRank] = {0};
  aoti_shim::strided_copy(self->ndim, self->sizes, aoti_shim::data_of(self), self->strides,
                          reinterpret_cast<const char *>(zeros), no_strides, element_bytes_of(self));
  return AOTI_TORCH_SUCCESS;
}

}  // extern "C"
