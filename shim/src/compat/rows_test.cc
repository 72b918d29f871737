// Operators of the stand-in along one dimension, at the ends of what they take: sums that wrap around, NaN
// among what is sorted, no elements, dimensions that are not there.
#include <math.h>

#include <initializer_list>

#include "aoti/compat_ops.h"
#include "aoti/shim.h"
#include "tools/testing/check.h"

namespace {

AtenTensorHandle tensor_of(void *values, int64_t rows, int64_t columns, int32_t dtype) {
  const int64_t sizes[2] = {rows, columns}, strides[2] = {columns, 1};
  AtenTensorHandle tensor = nullptr;
  CHECK_EQ(aoti_torch_create_tensor_from_blob(values, 2, sizes, strides, 0, dtype, 0, 0, &tensor), 0);
  return tensor;
}

// Compares with NaN equal to itself, and deletes the tensor.
template <class T>
void check_values(AtenTensorHandle tensor, const T *expected, int64_t count) {
  T *values = nullptr;
  int64_t numel = -1;
  CHECK_EQ(aoti_torch_get_numel(tensor, &numel), 0);
  CHECK_EQ(numel, count);
  CHECK_EQ(aoti_torch_get_data_ptr(tensor, reinterpret_cast<void **>(&values)), 0);
  for (int64_t i = 0; i < count && i < numel; ++i) {
    if (expected[i] == expected[i]) CHECK_EQ(values[i], expected[i]);
    if (expected[i] != expected[i]) CHECK(values[i] != values[i]);
  }
  CHECK_EQ(aoti_torch_delete_tensor_object(tensor), 0);
}

void test_sums() {
  int64_t values[6] = {INT64_MAX, 1, 1, INT64_MIN, -1, 3};
  const int64_t along_rows[6] = {INT64_MAX, INT64_MIN, INT64_MIN + 1, INT64_MIN, INT64_MAX, INT64_MIN + 2};
  const int64_t along_columns[6] = {INT64_MAX, 1, 1, -1, 0, 4};
  AtenTensorHandle x = tensor_of(values, 2, 3, AOTI_DTYPE_INT64), y = nullptr;
  CHECK_EQ(aoti_torch_cpu_cumsum(x, 1, nullptr, &y), 0);
  check_values(y, along_rows, 6);
  CHECK_EQ(aoti_torch_cpu_cumsum(x, -2, nullptr, &y), 0);
  check_values(y, along_columns, 6);
  y = nullptr;
  CHECK_EQ(aoti_torch_cpu_cumsum(x, 2, nullptr, &y), AOTI_TORCH_FAILURE);
  CHECK_CONTAINS(aoti_torch_get_last_error(), "there is no dimension 2");
  CHECK(y == nullptr);
  aoti_torch_delete_tensor_object(x);
}

void test_order() {
  float values[5] = {2, NAN, -1, 2, INFINITY};
  const float ascending[5] = {-1, 2, 2, INFINITY, NAN}, largest[2] = {NAN, INFINITY};
  const int64_t places[5] = {2, 0, 3, 4, 1}, of_largest[2] = {1, 4};
  AtenTensorHandle x = tensor_of(values, 1, 5, AOTI_DTYPE_FLOAT32), sorted = nullptr, order = nullptr;
  CHECK_EQ(aoti_torch_cpu_sort_stable(x, nullptr, 1, 0, &sorted, &order), 0);
  check_values(sorted, ascending, 5);
  check_values(order, places, 5);
  CHECK_EQ(aoti_torch_cpu_topk(x, 2, -1, 1, 1, &sorted, &order), 0);
  check_values(sorted, largest, 2);
  check_values(order, of_largest, 2);
  for (int64_t k : {int64_t{-1}, int64_t{6}, INT64_MAX})
    CHECK_EQ(aoti_torch_cpu_topk(x, k, -1, 1, 1, &sorted, &order), AOTI_TORCH_FAILURE);
  aoti_torch_delete_tensor_object(x);
}

void test_no_elements() {
  float none[1] = {};
  for (int64_t rows : {int64_t{0}, int64_t{3}}) {
    AtenTensorHandle x = tensor_of(none, rows, rows == 0 ? 3 : 0, AOTI_DTYPE_FLOAT32);
    for (int64_t dim = 0; dim < 2; ++dim) {
      AtenTensorHandle results[3] = {};
      CHECK_EQ(aoti_torch_cpu_cumsum(x, dim, nullptr, &results[0]), 0);
      CHECK_EQ(aoti_torch_cpu_sort_stable(x, nullptr, dim, 1, &results[1], &results[2]), 0);
      check_values(results[0], none, 0);
      check_values(results[1], none, 0);
      check_values(results[2], static_cast<int64_t *>(nullptr), 0);
    }
    aoti_torch_delete_tensor_object(x);
  }
}

}  // namespace

int main() {
  test_sums();
  test_order();
  test_no_elements();
  return aoti_test::result();
}
