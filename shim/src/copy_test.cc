// Clones, copies, zero filling and scalars, against index arithmetic written out.
#include <string.h>

#include <initializer_list>

#include "aoti/shim.h"
#include "tools/testing/check.h"

namespace {

// A tensor of float32 over `values`, which the test owns.
AtenTensorHandle wrap(float *values, int64_t ndim, const int64_t *sizes, const int64_t *strides,
                      int64_t offset) {
  AtenTensorHandle tensor = nullptr;
  CHECK_EQ(aoti_torch_create_tensor_from_blob(values, ndim, sizes, strides, offset, AOTI_DTYPE_FLOAT32, 0, 0,
                                              &tensor),
           0);
  return tensor;
}

float *data_of(AtenTensorHandle tensor) {
  void *data = nullptr;
  CHECK_EQ(aoti_torch_get_data_ptr(tensor, &data), 0);
  return static_cast<float *>(data);
}

const int64_t *strides_of(AtenTensorHandle tensor) {
  int64_t *strides = nullptr;
  CHECK_EQ(aoti_torch_get_strides(tensor, &strides), 0);
  return strides;
}

struct Numbers {
  float values[64];
  Numbers() {
    for (int i = 0; i < 64; ++i) values[i] = static_cast<float>(i);
  }
};

// clone of {sizes, strides, offset}: every element must be where the clone's own strides say.
void check_clone(const int64_t *sizes, const int64_t *strides, int64_t offset, bool keeps_strides) {
  Numbers n;
  AtenTensorHandle source = wrap(n.values, 3, sizes, strides, offset), copy = nullptr;
  CHECK_EQ(aoti_torch_clone(source, &copy), 0);
  const int64_t *to = strides_of(copy);
  for (int64_t i = 0; i < sizes[0]; ++i) {
    for (int64_t j = 0; j < sizes[1]; ++j) {
      for (int64_t k = 0; k < sizes[2]; ++k) {
        CHECK_NEAR(data_of(copy)[i * to[0] + j * to[1] + k * to[2]],
                   static_cast<double>(offset + i * strides[0] + j * strides[1] + k * strides[2]), 0);
      }
    }
  }
  CHECK_EQ(memcmp(to, strides, 3 * sizeof(int64_t)) == 0, keeps_strides);
  aoti_torch_delete_tensor_object(source);
  aoti_torch_delete_tensor_object(copy);
}

void test_clone() {
  const int64_t sizes[] = {2, 3, 4}, thin[] = {2, 1, 4};
  const int64_t contiguous[] = {12, 4, 1}, permuted[] = {1, 8, 2}, gaps[] = {24, 8, 2},
                repeated[] = {4, 0, 1};
  const int64_t thin_strides[] = {4, 77, 1};
  check_clone(sizes, contiguous, 0, true);
  check_clone(sizes, permuted, 3, true);
  check_clone(sizes, gaps, 5, false);
  check_clone(sizes, repeated, 1, false);
  check_clone(thin, thin_strides, 0, true);
}

void test_copy_broadcasts() {
  Numbers from, to;
  const int64_t row[] = {4}, row_strides[] = {2}, sizes[] = {3, 4}, strides[] = {1, 3}, column[] = {3, 1};
  const int64_t column_strides[] = {5, 1};
  AtenTensorHandle target = wrap(to.values, 2, sizes, strides, 0);
  AtenTensorHandle source = wrap(from.values, 1, row, row_strides, 1);
  CHECK_EQ(aoti_torch_copy_(target, source, 0), 0);
  for (int i = 0; i < 3; ++i) {
    for (int j = 0; j < 4; ++j) CHECK_NEAR(to.values[i + 3 * j], 1 + 2 * j, 0);
  }
  AtenTensorHandle tall = wrap(from.values, 2, column, column_strides, 0);
  CHECK_EQ(aoti_torch_tensor_copy_(tall, target), 0);
  for (int i = 0; i < 3; ++i) {
    for (int j = 0; j < 4; ++j) CHECK_NEAR(to.values[i + 3 * j], 5 * i, 0);
  }
  CHECK_EQ(aoti_torch_copy_(tall, target, 0), AOTI_TORCH_FAILURE);
  CHECK_CONTAINS(aoti_torch_get_last_error(), "sizes [3, 4] cannot be broadcast to [3, 1]");
  AtenTensorHandle other = nullptr;
  CHECK_EQ(aoti_torch_scalar_to_tensor_float64(1.0, &other), 0);
  CHECK_EQ(aoti_torch_copy_(target, other, 0), 0);  // a float64 number into all of a float32 tensor
  CHECK_NEAR(to.values[7], 1, 0);
  CHECK_NEAR(to.values[63], 63, 0);
  AtenTensorHandle all[] = {target, source, tall, other};
  for (AtenTensorHandle tensor : all) aoti_torch_delete_tensor_object(tensor);
}

// One element of `value` as `from`, converted to `to`; the bytes of the result.
uint64_t converted(int32_t from, const void *value, int32_t to) {
  uint64_t bits[2] = {0, 0};
  AtenTensorHandle source = nullptr, target = nullptr;
  CHECK_EQ(aoti_torch_create_tensor_from_blob(const_cast<void *>(value), 0, nullptr, nullptr, 0, from, 0, 0,
                                              &source),
           0);
  CHECK_EQ(aoti_torch_create_tensor_from_blob(bits, 0, nullptr, nullptr, 0, to, 0, 0, &target), 0);
  CHECK_EQ(aoti_torch_copy_(target, source, 0), 0);
  aoti_torch_delete_tensor_object(source);
  aoti_torch_delete_tensor_object(target);
  return bits[0];
}

void test_copy_converts() {
  const float third = 1.0f / 3, negative = -2.75f, nan = NAN;
  const int64_t large = (int64_t{1} << 53) + 1, minus_one = -1;
  const bool yes = true;
  const uint16_t half = 0x3555, brain = 0x3eab;  // a third in float16 and bfloat16
  CHECK_EQ(converted(AOTI_DTYPE_FLOAT32, &third, AOTI_DTYPE_FLOAT16), 0x3555u);
  CHECK_EQ(converted(AOTI_DTYPE_FLOAT32, &third, AOTI_DTYPE_BFLOAT16), 0x3eabu);
  CHECK_EQ(converted(AOTI_DTYPE_FLOAT16, &half, AOTI_DTYPE_FLOAT32), 0x3eaaa000u);
  CHECK_EQ(converted(AOTI_DTYPE_BFLOAT16, &brain, AOTI_DTYPE_FLOAT32), 0x3eab0000u);
  CHECK_EQ(converted(AOTI_DTYPE_FLOAT32, &nan, AOTI_DTYPE_BFLOAT16), 0x7fc0u);
  CHECK_EQ(converted(AOTI_DTYPE_FLOAT32, &negative, AOTI_DTYPE_INT8), 0xfeu);
  CHECK_EQ(converted(AOTI_DTYPE_FLOAT32, &nan, AOTI_DTYPE_BOOL), 1u);
  CHECK_EQ(converted(AOTI_DTYPE_INT64, &large, AOTI_DTYPE_UINT64), static_cast<uint64_t>(large));
  CHECK_EQ(converted(AOTI_DTYPE_INT64, &minus_one, AOTI_DTYPE_UINT16), 0xffffu);
  CHECK_EQ(converted(AOTI_DTYPE_BOOL, &yes, AOTI_DTYPE_COMPLEX64), 0x3f800000u);
}

void test_zero() {
  Numbers n;
  const int64_t sizes[] = {2, 3}, strides[] = {10, 2};
  AtenTensorHandle tensor = wrap(n.values, 2, sizes, strides, 4);
  CHECK_EQ(aoti_torch_zero_(tensor), 0);
  for (int i = 0; i < 64; ++i) {
    const bool inside = (i == 4 || i == 6 || i == 8 || i == 14 || i == 16 || i == 18);
    CHECK_NEAR(n.values[i], inside ? 0 : i, 0);
  }
  aoti_torch_delete_tensor_object(tensor);
}

void test_every_element_size() {
  const int64_t sizes[] = {3}, strides[] = {2};
  for (int32_t dtype :
       {AOTI_DTYPE_BOOL, AOTI_DTYPE_BFLOAT16, AOTI_DTYPE_INT32, AOTI_DTYPE_INT64, AOTI_DTYPE_COMPLEX128}) {
    const size_t bytes = aoti_torch_dtype_element_size(dtype);
    alignas(16) unsigned char raw[16 * 6];
    for (size_t i = 0; i < sizeof raw; ++i) raw[i] = static_cast<unsigned char>(i);
    AtenTensorHandle source = nullptr, copy = nullptr;
    CHECK_EQ(aoti_torch_create_tensor_from_blob(raw, 1, sizes, strides, 1, dtype, 0, 0, &source), 0);
    CHECK_EQ(aoti_torch_clone(source, &copy), 0);
    for (size_t i = 0; i < 3; ++i) {
      const char *got = reinterpret_cast<const char *>(data_of(copy)) + i * bytes;
      CHECK_EQ(memcmp(got, raw + (1 + 2 * i) * bytes, bytes), 0);
    }
    aoti_torch_delete_tensor_object(source);
    aoti_torch_delete_tensor_object(copy);
  }
}

void test_scalars() {
  AtenTensorHandle t = nullptr;
  CHECK_EQ(aoti_torch_scalar_to_tensor_int64(-7, &t), 0);
  int64_t value = 0, dim = 9;
  int32_t narrow = 0;
  CHECK_EQ(aoti_torch_item_int64(t, &value), 0);
  CHECK_EQ(value, -7);
  CHECK_EQ(aoti_torch_get_dim(t, &dim), 0);
  CHECK_EQ(dim, 0);
  CHECK_EQ(aoti_torch_item_int32(t, &narrow), AOTI_TORCH_FAILURE);
  CHECK_CONTAINS(aoti_torch_get_last_error(), "dtype 4; expected 3");
  aoti_torch_delete_tensor_object(t);
  AotiComplex64 pair = {1.5f, -2.5f}, back = {0, 0};
  CHECK_EQ(aoti_torch_scalar_to_tensor_complex64(pair, &t), 0);
  CHECK_EQ(aoti_torch_item_complex64(t, &back), 0);
  CHECK_NEAR(back.imag, -2.5, 0);
  aoti_torch_delete_tensor_object(t);
  CHECK_EQ(aoti_torch_scalar_to_tensor_bool(true, &t), 0);
  bool flag = false;
  CHECK_EQ(aoti_torch_item_bool(t, &flag), 0);
  CHECK(flag);
  aoti_torch_delete_tensor_object(t);
  Numbers n;
  const int64_t two[] = {2}, one[] = {1};
  float number = 0;
  t = wrap(n.values, 1, two, one, 0);
  CHECK_EQ(aoti_torch_item_float32(t, &number), AOTI_TORCH_FAILURE);
  CHECK_CONTAINS(aoti_torch_get_last_error(), "2 elements; expected 1");
  aoti_torch_delete_tensor_object(t);
}

void test_inf_and_nan() {
  Numbers n;
  const int64_t sizes[] = {2, 3}, strides[] = {3, 1};
  AtenTensorHandle t = wrap(n.values, 2, sizes, strides, 0);
  CHECK_EQ(aoti_torch_check_inf_and_nan("buf0", t), 0);
  n.values[4] = -INFINITY;
  CHECK_EQ(aoti_torch_check_inf_and_nan("buf0", t), AOTI_TORCH_FAILURE);
  CHECK_CONTAINS(aoti_torch_get_last_error(), "buf0 has an infinity at element 4 of sizes [2, 3]");
  n.values[1] = NAN;
  CHECK_EQ(aoti_torch_check_inf_and_nan("buf0", t), AOTI_TORCH_FAILURE);
  CHECK_CONTAINS(aoti_torch_get_last_error(), "a NaN at element 1");
  aoti_torch_print_tensor_handle(t, "printed by copy_test");
  aoti_torch_print_tensor_handle(nullptr, "printed by copy_test");
  aoti_torch_delete_tensor_object(t);
}

}  // namespace

int main() {
  test_clone();
  test_copy_broadcasts();
  test_copy_converts();
  test_zero();
  test_every_element_size();
  test_scalars();
  test_inf_and_nan();
  return aoti_test::result();
}
