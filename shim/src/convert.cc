// Rows go through a buffer of a wide type: int64 between integers, float64 (pairs of them for complex
// numbers) otherwise. That keeps 15 dtypes from becoming 225 loops; only int64 beyond 2^53 to float32 is
// rounded twice.
#include "shim/src/convert.h"

#include <string.h>

#include "aoti/dtypes.h"

namespace aoti_shim {
namespace {

constexpr int64_t kBlock = 128;

// Both half precisions are rounded from float32, as in PyTorch.
struct Float16 {
  _Float16 value;
  explicit Float16(double number) : value(static_cast<_Float16>(static_cast<float>(number))) {}
  explicit operator double() const { return static_cast<double>(value); }
};

struct BFloat16 {
  uint16_t bits;
  explicit BFloat16(double number) {
    const float narrow = static_cast<float>(number);
    uint32_t wide = 0;
    memcpy(&wide, &narrow, sizeof wide);
    bits = narrow != narrow ? uint16_t{0x7fc0}
                            : static_cast<uint16_t>((wide + 0x7fff + ((wide >> 16) & 1)) >> 16);
  }
  explicit operator double() const {
    const uint32_t wide = static_cast<uint32_t>(bits) << 16;
    float value = 0;
    memcpy(&value, &wide, sizeof value);
    return static_cast<double>(value);
  }
};

template <class Wide, class T>
void load(int64_t count, const char *src, int64_t stride, Wide *buffer) {
  const T *from = reinterpret_cast<const T *>(src);
  for (int64_t i = 0; i < count; ++i) buffer[i] = static_cast<Wide>(from[i * stride]);
}

template <class Wide, class T>
void store(int64_t count, char *dst, int64_t stride, const Wide *buffer) {
  T *to = reinterpret_cast<T *>(dst);
  for (int64_t i = 0; i < count; ++i) to[i * stride] = static_cast<T>(buffer[i]);
}

#define AOTI_INTEGERS(X)         \
  X(AOTI_DTYPE_UINT8, uint8_t)   \
  X(AOTI_DTYPE_INT8, int8_t)     \
  X(AOTI_DTYPE_INT16, int16_t)   \
  X(AOTI_DTYPE_INT32, int32_t)   \
  X(AOTI_DTYPE_INT64, int64_t)   \
  X(AOTI_DTYPE_UINT16, uint16_t) \
  X(AOTI_DTYPE_UINT32, uint32_t) \
  X(AOTI_DTYPE_UINT64, uint64_t) \
  X(AOTI_DTYPE_BOOL, bool)

#define AOTI_FLOATS(X)             \
  X(AOTI_DTYPE_FLOAT16, Float16)   \
  X(AOTI_DTYPE_BFLOAT16, BFloat16) \
  X(AOTI_DTYPE_FLOAT32, float)     \
  X(AOTI_DTYPE_FLOAT64, double)

bool is_integer(int32_t dtype) {
  switch (dtype) {
#define AOTI_CASE(number, type) case number:
    AOTI_INTEGERS(AOTI_CASE)
#undef AOTI_CASE
    return true;
    default:
      return false;
  }
}

void load_integers(int64_t count, const char *src, int64_t stride, int32_t dtype, int64_t *buffer) {
  switch (dtype) {
#define AOTI_CASE(number, type) \
  case number:                  \
    return load<int64_t, type>(count, src, stride, buffer);
    AOTI_INTEGERS(AOTI_CASE)
#undef AOTI_CASE
  }
}

void store_integers(int64_t count, char *dst, int64_t stride, int32_t dtype, const int64_t *buffer) {
  switch (dtype) {
#define AOTI_CASE(number, type) \
  case number:                  \
    return store<int64_t, type>(count, dst, stride, buffer);
    AOTI_INTEGERS(AOTI_CASE)
#undef AOTI_CASE
  }
}

void load_numbers(int64_t count, const char *src, int64_t stride, int32_t dtype, double *buffer) {
  switch (dtype) {
#define AOTI_CASE(number, type) \
  case number:                  \
    return load<double, type>(count, src, stride, buffer);
    AOTI_INTEGERS(AOTI_CASE)
    AOTI_FLOATS(AOTI_CASE)
#undef AOTI_CASE
    case AOTI_DTYPE_COMPLEX64:  // real parts: every other float
      return load<double, float>(count, src, 2 * stride, buffer);
    case AOTI_DTYPE_COMPLEX128:
      return load<double, double>(count, src, 2 * stride, buffer);
  }
}

void store_numbers(int64_t count, char *dst, int64_t stride, int32_t dtype, const double *buffer) {
  switch (dtype) {
#define AOTI_CASE(number, type) \
  case number:                  \
    return store<double, type>(count, dst, stride, buffer);
    AOTI_INTEGERS(AOTI_CASE)
    AOTI_FLOATS(AOTI_CASE)
#undef AOTI_CASE
    case AOTI_DTYPE_COMPLEX64:
      return store<double, float>(count, dst, 2 * stride, buffer);
    case AOTI_DTYPE_COMPLEX128:
      return store<double, double>(count, dst, 2 * stride, buffer);
  }
}

bool is_complex(int32_t dtype) { return dtype == AOTI_DTYPE_COMPLEX64 || dtype == AOTI_DTYPE_COMPLEX128; }

// The imaginary parts of a block: those of the source, or zeros.
void convert_imaginary(int64_t count, char *dst, int64_t dst_stride, int32_t dst_dtype, const char *src,
                       int64_t src_stride, int32_t src_dtype) {
  double buffer[kBlock] = {};
  const int64_t half = static_cast<int64_t>(aoti_torch_dtype_element_size(dst_dtype)) / 2;
  if (is_complex(src_dtype)) {
    const int64_t src_half = static_cast<int64_t>(aoti_torch_dtype_element_size(src_dtype)) / 2;
    load_numbers(count, src + src_half, src_stride, src_dtype, buffer);
  }
  store_numbers(count, dst + half, dst_stride, dst_dtype, buffer);
}

}  // namespace

bool is_convertible(int32_t dtype) {
  return is_integer(dtype) || is_complex(dtype) || dtype == AOTI_DTYPE_FLOAT16 ||
         dtype == AOTI_DTYPE_BFLOAT16 || dtype == AOTI_DTYPE_FLOAT32 || dtype == AOTI_DTYPE_FLOAT64;
}

void convert_row(int64_t count, char *dst, int64_t dst_stride, int32_t dst_dtype, const char *src,
                 int64_t src_stride, int32_t src_dtype) {
  const int64_t dst_bytes = static_cast<int64_t>(aoti_torch_dtype_element_size(dst_dtype));
  const int64_t src_bytes = static_cast<int64_t>(aoti_torch_dtype_element_size(src_dtype));
  const bool integers = is_integer(dst_dtype) && is_integer(src_dtype);
  for (int64_t start = 0; start < count; start += kBlock) {
    const int64_t n = count - start < kBlock ? count - start : kBlock;
    char *to = dst + start * dst_stride * dst_bytes;
    const char *from = src + start * src_stride * src_bytes;
    if (integers) {
      int64_t buffer[kBlock];
      load_integers(n, from, src_stride, src_dtype, buffer);
      store_integers(n, to, dst_stride, dst_dtype, buffer);
      continue;
    }
    double buffer[kBlock];
    load_numbers(n, from, src_stride, src_dtype, buffer);
    store_numbers(n, to, dst_stride, dst_dtype, buffer);
    if (is_complex(dst_dtype)) convert_imaginary(n, to, dst_stride, dst_dtype, from, src_stride, src_dtype);
  }
}

}  // namespace aoti_shim
