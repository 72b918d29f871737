// What a function of PyTorch's shim returned, held against what the graph promised. Later kernels read the
// memory with the promised strides, so a result of others (an operator may give a transposed one) is copied.
#include <stdio.h>

#include "aoti/model.h"
#include "runtime/model/error.h"

namespace {

// Whether the tensor's elements lie as promised. Strides of dimensions of size 1, and of empty tensors, mean
// nothing.
bool same_strides(int64_t ndim, const int64_t *sizes, const int64_t *a, const int64_t *b) {
  bool same = true;
  for (int64_t d = 0; d < ndim; ++d) {
    if (sizes[d] == 0) return true;
    same = same && (sizes[d] == 1 || a[d] == b[d]);
  }
  return same;
}

void describe(aoti_model::Text *text, int64_t ndim, const int64_t *sizes, int32_t dtype) {
  aoti_model::append(text, "[");
  for (int64_t d = 0; d < ndim; ++d) aoti_model::append(text, d > 0 ? ", %lld" : "%lld", (long long)sizes[d]);
  aoti_model::append(text, "] of dtype %d", dtype);
}

AOTITorchError copied(AtenTensorHandle *tensor, int64_t ndim, const int64_t *sizes, const int64_t *strides,
                      int32_t dtype) {
  AtenTensorHandle copy = nullptr;
  AOTITorchError error = aoti_torch_empty_strided(ndim, sizes, strides, dtype, AOTI_DEVICE_CPU, 0, &copy);
  if (error == AOTI_TORCH_SUCCESS) error = aoti_torch_copy_(copy, *tensor, 0);
  if (error != AOTI_TORCH_SUCCESS) {
    if (copy != nullptr) aoti_torch_delete_tensor_object(copy);
    return error;
  }
  aoti_torch_delete_tensor_object(*tensor);
  *tensor = copy;
  return AOTI_TORCH_SUCCESS;
}

}  // namespace

extern "C" int32_t aoti_model_check_result(const char *file, int line, const char *function,
                                           AtenTensorHandle *tensor, int64_t ndim, const int64_t *sizes,
                                           const int64_t *strides, int32_t dtype) {
  int64_t got_ndim = 0, *got_sizes = nullptr, *got_strides = nullptr;
  int32_t got_dtype = -1;
  bool ok = aoti_torch_get_dim(*tensor, &got_ndim) == AOTI_TORCH_SUCCESS &&
            aoti_torch_get_sizes(*tensor, &got_sizes) == AOTI_TORCH_SUCCESS &&
            aoti_torch_get_strides(*tensor, &got_strides) == AOTI_TORCH_SUCCESS &&
            aoti_torch_get_dtype(*tensor, &got_dtype) == AOTI_TORCH_SUCCESS;
  if (!ok) {
    aoti_torch_delete_tensor_object(*tensor);
    return aoti_model_fail_call(file, line, function);
  }
  ok = got_ndim == ndim && got_dtype == dtype;
  for (int64_t d = 0; ok && d < ndim; ++d) ok = got_sizes[d] == sizes[d];
  if (!ok) {
    char buffer[512] = "";
    aoti_model::Text text{buffer, sizeof buffer, 0};
    describe(&text, got_ndim, got_sizes, got_dtype);
    aoti_model::append(&text, "; the exported graph has ");
    describe(&text, ndim, sizes, dtype);
    aoti_torch_delete_tensor_object(*tensor);
    return aoti_model_fail(file, line, "%s returned a tensor of %s", function, buffer);
  }
  if (same_strides(ndim, sizes, got_strides, strides)) return AOTI_RUNTIME_SUCCESS;
  if (copied(tensor, ndim, sizes, strides, dtype) == AOTI_TORCH_SUCCESS) return AOTI_RUNTIME_SUCCESS;
  aoti_torch_delete_tensor_object(*tensor);
  return aoti_model_fail_call(file, line, function);
}
