// CUDA tensors of the lean shim: creation, copies of every kind, guards, kept memory; on the stand-in driver.
#include <initializer_list>

#include "aoti/shim.h"
#include "runtime/cuda/testing/fake_cuda.h"
#include "shim/cuda/driver_types.h"
#include "tools/testing/check.h"

namespace {

FakeCuda *fake;

struct Shape {
  int64_t ndim, sizes[4], strides[4];
  int64_t storage;  // elements
};

AtenTensorHandle make(const Shape &s, int32_t device_type) {
  AtenTensorHandle tensor = nullptr;
  CHECK_EQ(aoti_torch_empty_strided(s.ndim, s.sizes, s.strides, AOTI_DTYPE_INT32, device_type,
                                    device_type == AOTI_DEVICE_CPU ? 0 : -1, &tensor),
           0);
  return tensor;
}

// The stand-in's device memory can be read by the test.
int32_t *data_of(AtenTensorHandle tensor) {
  void *data = nullptr;
  CHECK_EQ(aoti_torch_get_data_ptr(tensor, &data), 0);
  return static_cast<int32_t *>(data);
}

int64_t place(const Shape &s, int64_t index) {
  int64_t at = 0;
  for (int64_t d = s.ndim - 1; d >= 0; --d) {
    at += index % s.sizes[d] * s.strides[d];
    index /= s.sizes[d];
  }
  return at;
}

int64_t numel(const Shape &s) {
  int64_t count = 1;
  for (int64_t d = 0; d < s.ndim; ++d) count *= s.sizes[d];
  return count;
}

// Copies from one layout on one device to another, and looks at every element of the target's storage.
void check_copy(const Shape &from, int32_t from_type, const Shape &to, int32_t to_type) {
  AtenTensorHandle source = make(from, from_type), target = make(to, to_type);
  for (int64_t i = 0; i < from.storage; ++i) data_of(source)[i] = -2;
  for (int64_t i = 0; i < to.storage; ++i) data_of(target)[i] = -1;
  for (int64_t i = 0; i < numel(from); ++i) data_of(source)[place(from, i)] = static_cast<int32_t>(i);
  CHECK_EQ(aoti_torch_copy_(target, source, 0), 0);
  int64_t touched = 0;
  for (int64_t i = 0; i < to.storage; ++i) touched += data_of(target)[i] != -1;
  CHECK_EQ(touched, numel(to));
  for (int64_t i = 0; i < numel(to); ++i) {
    // A source of fewer dimensions, or of size 1, repeats.
    int64_t rest = i, at = 0;
    for (int64_t d = to.ndim - 1; d >= 0; --d) {
      const int64_t index = rest % to.sizes[d], missing = to.ndim - from.ndim;
      rest /= to.sizes[d];
      if (d >= missing && from.sizes[d - missing] != 1) at += index * from.strides[d - missing];
    }
    CHECK_EQ(data_of(target)[place(to, i)], data_of(source)[at]);
  }
  CHECK_EQ(aoti_torch_delete_tensor_object(source), 0);
  CHECK_EQ(aoti_torch_delete_tensor_object(target), 0);
}

void copies_of_every_kind() {
  const Shape rows = {3, {2, 3, 4}, {12, 4, 1}, 24}, columns = {3, {2, 3, 4}, {1, 2, 6}, 24},
              gaps = {3, {2, 3, 4}, {40, 10, 2}, 67}, last = {3, {2, 3, 4}, {12, 1, 3}, 24},
              row = {1, {4}, {1}, 4}, ones = {3, {2, 1, 4}, {4, 4, 1}, 8}, scalar = {0, {}, {}, 1};
  for (const Shape &to : {rows, columns, gaps, last}) {
    for (const Shape &from : {rows, columns, gaps, last, row, ones, scalar}) {
      check_copy(from, AOTI_DEVICE_CPU, to, AOTI_DEVICE_CUDA);
      check_copy(from, AOTI_DEVICE_CUDA, to, AOTI_DEVICE_CPU);
      check_copy(from, AOTI_DEVICE_CUDA, to, AOTI_DEVICE_CUDA);
    }
  }
  // What lies together goes in one call.
  const int64_t before = fake->calls("cuMemcpyDtoDAsync_v2"), planes = fake->calls("cuMemcpy3DAsync_v2");
  check_copy(columns, AOTI_DEVICE_CUDA, columns, AOTI_DEVICE_CUDA);
  CHECK_EQ(fake->calls("cuMemcpyDtoDAsync_v2") - before, 1);
  const Shape part = {2, {3, 4}, {9, 1}, 22}, whole = {2, {3, 4}, {4, 1}, 12};
  check_copy(part, AOTI_DEVICE_CUDA, whole, AOTI_DEVICE_CUDA);
  CHECK_EQ(fake->calls("cuMemcpy3DAsync_v2") - planes, 1);
}

void clones_zeros_and_items() {
  const Shape gaps = {2, {3, 4}, {10, 2}, 27}, one = {0, {}, {}, 1};
  AtenTensorHandle tensor = make(gaps, AOTI_DEVICE_CUDA), clone = nullptr, item = make(one, AOTI_DEVICE_CUDA);
  for (int64_t i = 0; i < 27; ++i) data_of(tensor)[i] = static_cast<int32_t>(i);
  CHECK_EQ(aoti_torch_clone(tensor, &clone), 0);
  int32_t type = 0, index = -1;
  CHECK_EQ(aoti_torch_get_device_type(clone, &type), 0);
  CHECK_EQ(aoti_torch_get_device_index(clone, &index), 0);
  CHECK_EQ(type, AOTI_DEVICE_CUDA);
  CHECK_EQ(index, 0);
  for (int32_t i = 0; i < 12; ++i) CHECK_EQ(data_of(clone)[i], i / 4 * 10 + i % 4 * 2);
  CHECK_EQ(aoti_torch_zero_(tensor), 0);
  for (int32_t i = 0; i < 27; ++i) CHECK_EQ(data_of(tensor)[i] == 0, i % 10 % 2 == 0 && i % 10 < 8);
  CHECK_EQ(aoti_torch_zero_(clone), 0);
  for (int32_t i = 0; i < 12; ++i) CHECK_EQ(data_of(clone)[i], 0);
  data_of(item)[0] = 42;
  int32_t value = 0;
  CHECK_EQ(aoti_torch_item_int32(item, &value), 0);
  CHECK_EQ(value, 42);
  AtenTensorHandle product = make(Shape{2, {2, 2}, {2, 1}, 4}, AOTI_DEVICE_CUDA);
  CHECK_EQ(aoti_torch_cpu_mm_out(product, product, product), AOTI_TORCH_FAILURE);
  CHECK_CONTAINS(aoti_torch_get_last_error(), "the tensor is on cuda:0; expected one on the CPU");
  for (AtenTensorHandle handle : {tensor, clone, item, product})
    CHECK_EQ(aoti_torch_delete_tensor_object(handle), 0);
}

void places_are_checked() {
  const int64_t size = 4, stride = 1;
  AtenTensorHandle tensor = nullptr, other = nullptr;
  CHECK_EQ(aoti_torch_empty_strided(1, &size, &stride, AOTI_DTYPE_INT32, AOTI_DEVICE_CUDA, 7, &tensor),
           AOTI_TORCH_FAILURE);
  CHECK_CONTAINS(aoti_torch_get_last_error(), "CUDA device 7 does not exist");
  CHECK_EQ(aoti_torch_empty_strided(1, &size, &stride, AOTI_DTYPE_INT32, AOTI_DEVICE_XPU, 0, &tensor),
           AOTI_TORCH_FAILURE);
  CHECK_CONTAINS(aoti_torch_get_last_error(), "device type 12; the lean shim has the CPU (0) and CUDA (1)");
  CHECK_EQ(aoti_torch_empty_strided(1, &size, &stride, AOTI_DTYPE_INT32, AOTI_DEVICE_CUDA, 0, &tensor), 0);
  CHECK_EQ(aoti_torch_empty_strided(1, &size, &stride, AOTI_DTYPE_INT32, AOTI_DEVICE_CUDA, 1, &other), 0);
  CHECK_EQ(aoti_torch_copy_(tensor, other, 0), AOTI_TORCH_FAILURE);
  CHECK_CONTAINS(aoti_torch_get_last_error(), "from cuda:1 to cuda:0");
  fake->fail("cuMemcpyHtoDAsync_v2", aoti_cuda::kIllegalAddress, 0, 1);
  AtenTensorHandle host = make(Shape{1, {4}, {1}, 4}, AOTI_DEVICE_CPU);
  CHECK_EQ(aoti_torch_copy_(tensor, host, 0), AOTI_TORCH_FAILURE);
  CHECK_CONTAINS(aoti_torch_get_last_error(), "An earlier kernel of this process has failed");
  for (AtenTensorHandle handle : {tensor, other, host}) CHECK_EQ(aoti_torch_delete_tensor_object(handle), 0);
}

void guards_are_put_back() {
  void *stream = fake->make_stream(1), *current = &stream;
  CUDAStreamGuardHandle streams = nullptr;
  CUDAGuardHandle devices = nullptr;
  CHECK_EQ(aoti_torch_create_cuda_stream_guard(stream, 1, &streams), 0);
  CHECK_EQ(aoti_torch_get_current_cuda_stream(-1, &current), 0);
  CHECK(current == stream);
  CHECK_EQ(aoti_torch_create_cuda_guard(0, &devices), 0);
  CHECK_EQ(aoti_torch_get_current_cuda_stream(-1, &current), 0);
  CHECK(current == nullptr);
  CHECK_EQ(aoti_torch_cuda_guard_set_index(devices, 1), 0);
  CHECK_EQ(aoti_torch_get_current_cuda_stream(-1, &current), 0);
  CHECK(current == stream);
  CHECK_EQ(aoti_torch_delete_cuda_guard(devices), 0);
  CHECK_EQ(aoti_torch_delete_cuda_stream_guard(streams), 0);
  CHECK_EQ(aoti_torch_get_current_cuda_stream(1, &current), 0);
  CHECK(current == nullptr);
  CHECK_EQ(aoti_torch_create_cuda_guard(9, &devices), AOTI_TORCH_FAILURE);
  fake->destroy_stream(stream);
}

void memory_is_kept_by_stream() {
  void *stream = fake->make_stream(0), *first = nullptr, *second = nullptr;
  CHECK_EQ(aoti_torch_cuda_caching_allocator_raw_alloc(5000, &first), 0);
  CHECK_EQ(aoti_torch_cuda_caching_allocator_raw_delete(first), 0);
  CHECK_EQ(aoti_torch_cuda_caching_allocator_raw_delete(first), AOTI_TORCH_FAILURE);
  CUDAStreamGuardHandle guard = nullptr;
  CHECK_EQ(aoti_torch_create_cuda_stream_guard(stream, 0, &guard), 0);
  CHECK_EQ(aoti_torch_cuda_caching_allocator_raw_alloc(5000, &second), 0);
  CHECK(first != second);  // it was freed for another stream
  CHECK_EQ(aoti_torch_delete_cuda_stream_guard(guard), 0);
  void *third = nullptr;
  CHECK_EQ(aoti_torch_cuda_caching_allocator_raw_alloc(4900, &third), 0);
  CHECK(first == third);  // sizes are rounded
  CHECK_EQ(aoti_torch_cuda_caching_allocator_raw_delete(second), 0);
  CHECK_EQ(aoti_torch_cuda_caching_allocator_raw_delete(third), 0);
  // More than there is: what is kept goes first.
  CHECK_EQ(aoti_torch_cuda_caching_allocator_raw_alloc(uint64_t{1} << 40, &third), AOTI_TORCH_FAILURE);
  CHECK_CONTAINS(aoti_torch_get_last_error(),
                 "out of memory on cuda:0 (Stand-in GPU): could not allocate 1099511627776 bytes");
  CHECK_EQ(aoti_torch_cuda_caching_allocator_raw_alloc(UINT64_MAX, &third), AOTI_TORCH_FAILURE);
  CHECK_EQ(aoti_torch_cuda_caching_allocator_raw_alloc(60 << 20, &third), 0);
  CHECK_EQ(aoti_torch_cuda_caching_allocator_raw_delete(third), 0);
  CHECK_EQ(aoti_torch_cuda_caching_allocator_raw_alloc(40 << 20, &third),
           0);  // does not fit beside the kept one
  CHECK_EQ(aoti_torch_cuda_caching_allocator_raw_delete(third), 0);
  fake->destroy_stream(stream);
}

}  // namespace

int main() {
  fake = open_fake_cuda();
  copies_of_every_kind();
  clones_zeros_and_items();
  places_are_checked();
  guards_are_put_back();
  memory_is_kept_by_stream();
  return aoti_test::result();
}
