// Tensors of the lean shim: creation, views, getters, and what is refused.
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "aoti/shim.h"
#include "tools/testing/check.h"

namespace {

AtenTensorHandle make(int64_t ndim, const int64_t *sizes, const int64_t *strides, int32_t dtype) {
  AtenTensorHandle tensor = nullptr;
  CHECK_EQ(aoti_torch_empty_strided(ndim, sizes, strides, dtype, AOTI_DEVICE_CPU, 0, &tensor),
           AOTI_TORCH_SUCCESS);
  return tensor;
}

void refused(AOTITorchError status, const char *part) {
  CHECK_EQ(status, AOTI_TORCH_FAILURE);
  CHECK_CONTAINS(aoti_torch_get_last_error(), part);
}

void test_getters() {
  const int64_t sizes[] = {2, 3}, strides[] = {3, 1};
  AtenTensorHandle t = make(2, sizes, strides, AOTI_DTYPE_FLOAT32);
  int64_t value = 0, *array = nullptr;
  int32_t number = -5;
  bool flag = false;
  void *data = nullptr;
  CHECK_EQ(aoti_torch_get_dim(t, &value), 0);
  CHECK_EQ(value, 2);
  CHECK_EQ(aoti_torch_get_numel(t, &value), 0);
  CHECK_EQ(value, 6);
  CHECK_EQ(aoti_torch_get_storage_size(t, &value), 0);
  CHECK_EQ(value, 24);
  CHECK_EQ(aoti_torch_get_storage_numel(t, &value), 0);
  CHECK_EQ(value, 6);
  CHECK_EQ(aoti_torch_get_sizes(t, &array), 0);
  CHECK_EQ(array[0] * 10 + array[1], 23);
  CHECK_EQ(aoti_torch_get_strides(t, &array), 0);
  CHECK_EQ(array[0] * 10 + array[1], 31);
  CHECK_EQ(aoti_torch_get_size(t, -1, &value), 0);
  CHECK_EQ(value, 3);
  CHECK_EQ(aoti_torch_get_stride(t, 0, &value), 0);
  CHECK_EQ(value, 3);
  CHECK_EQ(aoti_torch_get_dtype(t, &number), 0);
  CHECK_EQ(number, AOTI_DTYPE_FLOAT32);
  CHECK_EQ(aoti_torch_get_device_type(t, &number), 0);
  CHECK_EQ(number, AOTI_DEVICE_CPU);
  CHECK_EQ(aoti_torch_get_layout(t, &number), 0);
  CHECK_EQ(number, aoti_torch_layout_strided());
  CHECK_EQ(aoti_torch_get_storage_offset(t, &value), 0);
  CHECK_EQ(value, 0);
  CHECK_EQ(aoti_torch_is_contiguous(t, &flag), 0);
  CHECK(flag);
  CHECK_EQ(aoti_torch_is_defined(t, &flag), 0);
  CHECK(flag);
  CHECK_EQ(aoti_torch_get_data_ptr(t, &data), 0);
  CHECK_EQ(reinterpret_cast<uintptr_t>(data) % 64, 0u);
  refused(aoti_torch_get_size(t, 2, &value), "dimension 2 of a tensor of rank 2; expected -2 to 1");
  refused(aoti_torch_get_size(t, -3, &value), "dimension -3");
  refused(aoti_torch_get_dim(t, nullptr), "is null");
  CHECK_EQ(aoti_torch_delete_tensor_object(t), 0);
}

void test_handles_are_validated() {
  int64_t value = 0;
  alignas(16) char foreign[256] = "not a tensor";
  AtenTensorHandle wrong = reinterpret_cast<AtenTensorHandle>(foreign);
  refused(aoti_torch_get_dim(nullptr, &value), "null");
  refused(aoti_torch_get_dim(wrong, &value), "not a tensor handle of this shim");
  refused(aoti_torch_get_dim(reinterpret_cast<AtenTensorHandle>(foreign + 1), &value), "misaligned");
  refused(aoti_torch_delete_tensor_object(wrong), "not a tensor handle of this shim");
  CHECK_EQ(aoti_torch_delete_tensor_object(nullptr), 0);
  AtenTensorHandle undefined = nullptr;
  CHECK_EQ(aoti_torch_new_uninitialized_tensor(&undefined), 0);
  refused(aoti_torch_get_dim(undefined, &value), "undefined");
  bool defined = true;
  CHECK_EQ(aoti_torch_is_defined(undefined, &defined), 0);
  CHECK(!defined);
  CHECK_EQ(aoti_torch_delete_tensor_object(undefined), 0);
}

void test_bad_geometry() {
  AtenTensorHandle out = nullptr;
  const int64_t two[] = {2, 2}, minus[] = {-1, 2}, huge[] = {INT64_MAX, 2}, far[] = {INT64_MAX / 2, 1};
  refused(aoti_torch_empty_strided(-1, two, two, AOTI_DTYPE_FLOAT32, 0, 0, &out), "rank is -1");
  refused(aoti_torch_empty_strided(65, two, two, AOTI_DTYPE_FLOAT32, 0, 0, &out), "rank is 65");
  refused(aoti_torch_empty_strided(2, nullptr, two, AOTI_DTYPE_FLOAT32, 0, 0, &out), "sizes is null");
  refused(aoti_torch_empty_strided(2, minus, two, AOTI_DTYPE_FLOAT32, 0, 0, &out), "size -1");
  refused(aoti_torch_empty_strided(2, two, minus, AOTI_DTYPE_FLOAT32, 0, 0, &out), "stride -1");
  refused(aoti_torch_empty_strided(2, huge, two, AOTI_DTYPE_FLOAT32, 0, 0, &out), "larger than memory");
  refused(aoti_torch_empty_strided(2, two, far, AOTI_DTYPE_FLOAT32, 0, 0, &out), "larger than memory");
  refused(aoti_torch_empty_strided(2, two, two, 99, 0, 0, &out), "99 is not the number of a dtype");
  refused(aoti_torch_empty_strided(2, two, two, AOTI_DTYPE_FLOAT32, AOTI_DEVICE_CUDA, 0, &out),
          "device type 1");
  refused(aoti_torch_empty_strided(2, two, two, AOTI_DTYPE_FLOAT32, 0, 3, &out), "device index 3");
  const int64_t much[] = {int64_t{1} << 45}, one[] = {1};
  refused(aoti_torch_empty_strided(1, much, one, AOTI_DTYPE_FLOAT64, 0, 0, &out), "out of memory");
  CHECK(out == nullptr);
}

void test_many_dimensions() {
  int64_t sizes[64], strides[64];
  for (int i = 0; i < 64; ++i) sizes[i] = strides[i] = 1;
  AtenTensorHandle t = make(64, sizes, strides, AOTI_DTYPE_INT8), copy = nullptr;
  CHECK_EQ(aoti_torch_new_tensor_handle(t, &copy), 0);
  int64_t dim = 0;
  CHECK_EQ(aoti_torch_get_dim(copy, &dim), 0);
  CHECK_EQ(dim, 64);
  CHECK_EQ(aoti_torch_delete_tensor_object(t), 0);
  CHECK_EQ(aoti_torch_delete_tensor_object(copy), 0);
}

void test_views() {
  const int64_t sizes[] = {4, 4}, strides[] = {4, 1}, flat[] = {2, 2}, flat_strides[] = {8, 1}, three[] = {3};
  AtenTensorHandle t = make(2, sizes, strides, AOTI_DTYPE_FLOAT32), view = nullptr, bytes = nullptr,
                   same = nullptr;
  void *base = nullptr, *data = nullptr;
  aoti_torch_get_data_ptr(t, &base);
  CHECK_EQ(aoti_torch__reinterpret_tensor(t, 2, flat, flat_strides, 5, &view), 0);
  aoti_torch_get_data_ptr(view, &data);
  CHECK_EQ(static_cast<char *>(data) - static_cast<char *>(base), 20);
  // 5 + 8 + 1 is the last element reached; 15 is the last there is.
  refused(aoti_torch__reinterpret_tensor(t, 2, flat, flat_strides, 7, &same),
          "needs 68 bytes of storage; there are 64");
  refused(aoti_torch__reinterpret_tensor(t, 2, flat, flat_strides, -1, &same), "storage offset is -1");
  CHECK_EQ(aoti_torch_as_strided(view, flat, flat_strides, &same), 0);
  int64_t offset = 0;
  aoti_torch_get_storage_offset(same, &offset);
  CHECK_EQ(offset, 5);
  CHECK_EQ(aoti_torch__alloc_from_pool(t, 8, AOTI_DTYPE_FLOAT64, 1, three, three, &bytes), 0);
  aoti_torch_get_storage_offset(bytes, &offset);
  CHECK_EQ(offset, 1);
  AtenTensorHandle none = nullptr;
  refused(aoti_torch__alloc_from_pool(t, 4, AOTI_DTYPE_FLOAT64, 1, three, three, &none), "not a multiple");
  // A view keeps the storage alive.
  CHECK_EQ(aoti_torch_delete_tensor_object(t), 0);
  static_cast<float *>(data)[0] = 3;
  CHECK_EQ(aoti_torch_delete_tensor_object(view), 0);
  CHECK_EQ(aoti_torch_delete_tensor_object(same), 0);
  CHECK_EQ(aoti_torch_delete_tensor_object(bytes), 0);
}

void count_call(void *data, void *context) {
  CHECK(data != nullptr);
  ++*static_cast<int *>(context);
}

void test_from_blob() {
  float values[8] = {0, 1, 2, 3, 4, 5, 6, 7};
  const int64_t sizes[] = {2, 2}, strides[] = {3, 1};
  AtenTensorHandle t = nullptr, second = nullptr;
  int deleted = 0;
  CHECK_EQ(torch_from_blob(values, 2, sizes, strides, 1, AOTI_DTYPE_FLOAT32, 0, -1, &t, 0, nullptr, 0,
                           count_call, &deleted),
           0);
  int64_t bytes = 0;
  void *data = nullptr;
  aoti_torch_get_storage_size(t, &bytes);
  CHECK_EQ(bytes, 24);
  aoti_torch_get_data_ptr(t, &data);
  CHECK_NEAR(static_cast<float *>(data)[3], 4, 0);
  bool contiguous = true;
  aoti_torch_is_contiguous(t, &contiguous);
  CHECK(!contiguous);
  CHECK_EQ(aoti_torch_assign_tensors_out(t, &second), 0);
  aoti_torch_delete_tensor_object(t);
  CHECK_EQ(deleted, 0);
  aoti_torch_delete_tensor_object(second);
  CHECK_EQ(deleted, 1);
  refused(aoti_torch_create_tensor_from_blob(nullptr, 2, sizes, strides, 0, AOTI_DTYPE_FLOAT32, 0, 0, &t),
          "data is null");
  refused(aoti_torch_create_tensor_from_blob_v2(values, 2, sizes, strides, 0, AOTI_DTYPE_FLOAT32, 0, 0, &t,
                                                aoti_torch_layout__mkldnn(), nullptr, 0),
          "layout 3");
  const int64_t empty[] = {0, 2};
  CHECK_EQ(aoti_torch_create_tensor_from_blob(nullptr, 2, empty, strides, 0, AOTI_DTYPE_FLOAT32, 0, 0, &t),
           0);
  aoti_torch_delete_tensor_object(t);
}

void test_assign() {
  const int64_t one[] = {1}, two[] = {2, 2}, two_strides[] = {2, 1};
  AtenTensorHandle a = make(1, one, one, AOTI_DTYPE_INT64), b = make(2, two, two_strides, AOTI_DTYPE_BOOL);
  CHECK_EQ(aoti_torch_assign_tensors(a, b), 0);
  int64_t dim = 0;
  void *left = nullptr, *right = nullptr;
  aoti_torch_get_dim(b, &dim);
  CHECK_EQ(dim, 1);
  aoti_torch_get_data_ptr(a, &left);
  aoti_torch_get_data_ptr(b, &right);
  CHECK(left == right);
  CHECK_EQ(aoti_torch_assign_tensors(a, a), 0);
  aoti_torch_delete_tensor_object(a);
  aoti_torch_delete_tensor_object(b);
}

void test_numbers() {
  CHECK_EQ(aoti_torch_dtype_element_size(aoti_torch_dtype_bfloat16()), 2u);
  CHECK_EQ(aoti_torch_dtype_element_size(aoti_torch_dtype_complex128()), 16u);
  CHECK_EQ(aoti_torch_dtype_element_size(12345), 0u);
  CHECK_EQ(aoti_torch_abi_version() >> 48, 0x020dull);
  CHECK(aoti_torch_grad_mode_is_enabled());
  aoti_torch_grad_mode_set_enabled(false);
  CHECK(!aoti_torch_grad_mode_is_enabled());
  AtenRecordFunctionHandle guard = reinterpret_cast<AtenRecordFunctionHandle>(&guard);
  CHECK_EQ(aoti_record_function_start("range", nullptr, nullptr, 0, &guard), 0);
  CHECK(guard == nullptr);
  CHECK_EQ(aoti_record_function_end(guard), 0);
  refused(aoti_torch_proxy_executor_call_function(nullptr, 7, 0, nullptr, 0, nullptr),
          "operator number 7 of its package, and nobody has said who calls it");
  uint64_t of_another[4] = {1, 2, 3, 4};
  refused(aoti_torch_proxy_executor_call_function(reinterpret_cast<AOTIProxyExecutorHandle>(of_another), 7, 0,
                                                  nullptr, 0, nullptr),
          "the handle given is none of ours");
  CHECK_STR_EQ(torch_exception_get_what_without_backtrace(), aoti_torch_get_last_error());
}

}  // namespace

int main() {
  test_getters();
  test_handles_are_validated();
  test_bad_geometry();
  test_many_dimensions();
  test_views();
  test_from_blob();
  test_assign();
  test_numbers();
  return aoti_test::result();
}
