// Handles: a second one, an empty one, assignment, deletion.
#include "shim/src/error.h"
#include "shim/src/tensor_object.h"

using aoti_shim::check_handle;
using aoti_shim::check_tensor;
using aoti_shim::fail_null;

extern "C" {

AOTITorchError aoti_torch_delete_tensor_object(AtenTensorHandle tensor) {
  if (tensor == nullptr) return AOTI_TORCH_SUCCESS;
  if (check_handle("aoti_torch_delete_tensor_object", tensor) != AOTI_TORCH_SUCCESS)
    return AOTI_TORCH_FAILURE;
  aoti_shim::destroy_tensor(tensor);
  return AOTI_TORCH_SUCCESS;
}

AOTITorchError aoti_torch_new_tensor_handle(AtenTensorHandle orig_handle, AtenTensorHandle *new_handle) {
  const char *function = "aoti_torch_new_tensor_handle";
  if (check_handle(function, orig_handle) != AOTI_TORCH_SUCCESS) return AOTI_TORCH_FAILURE;
  if (new_handle == nullptr) return fail_null(function, "new_handle");
  if (orig_handle->storage == nullptr) return aoti_torch_new_uninitialized_tensor(new_handle);
  return aoti_shim::make_tensor(function, aoti_shim::geometry_of(orig_handle), orig_handle->numel,
                                aoti_shim::storage_retain(orig_handle->storage), new_handle);
}

AOTITorchError aoti_torch_new_uninitialized_tensor(AtenTensorHandle *ret) {
  const char *function = "aoti_torch_new_uninitialized_tensor";
  if (ret == nullptr) return fail_null(function, "ret");
  aoti_shim::Geometry nothing{0, nullptr, nullptr, 0, AOTI_DTYPE_FLOAT32};
  return aoti_shim::make_tensor(function, nothing, 0, nullptr, ret);
}

AOTITorchError aoti_torch_assign_tensors(AtenTensorHandle src, AtenTensorHandle dst) {
  if (check_handle("aoti_torch_assign_tensors", dst) != AOTI_TORCH_SUCCESS) return AOTI_TORCH_FAILURE;
  AtenTensorHandle copy = nullptr;
  if (aoti_torch_new_tensor_handle(src, &copy) != AOTI_TORCH_SUCCESS) return AOTI_TORCH_FAILURE;
  aoti_shim::move_into(copy, dst);
  return AOTI_TORCH_SUCCESS;
}

AOTITorchError aoti_torch_assign_tensors_out(AtenTensorHandle src, AtenTensorHandle *ret_dst) {
  if (check_tensor("aoti_torch_assign_tensors_out", src) != AOTI_TORCH_SUCCESS) return AOTI_TORCH_FAILURE;
  return aoti_torch_new_tensor_handle(src, ret_dst);
}

}  // extern "C"
