// Looking into tensors: printing, and finding values that are not finite.
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "aoti/device.h"
#include "shim/src/copy.h"
#include "shim/src/error.h"
#include "shim/src/tensor_object.h"

using aoti_shim::check_tensor;
using aoti_shim::fail;

namespace {

constexpr int64_t kPrintedEachEnd = 4;

template <class T>
T load(const char *at) {
  T value;
  memcpy(&value, at, sizeof value);
  return value;
}

// IEEE 754 binary16: sign, 5 exponent bits (bias 15), 10 mantissa bits.
double from_float16(uint16_t bits) {
  int exponent = bits >> 10 & 31;
  int mantissa = bits & 1023;
  double magnitude = exponent == 0    ? ldexp(mantissa, -24)
                     : exponent == 31 ? (mantissa != 0 ? NAN : INFINITY)
                                      : ldexp(mantissa + 1024, exponent - 25);
  return (bits & 0x8000) != 0 ? -magnitude : magnitude;
}

double from_bfloat16(uint16_t bits) {
  uint32_t wide = static_cast<uint32_t>(bits) << 16;
  float value;
  memcpy(&value, &wide, sizeof value);
  return static_cast<double>(value);
}

bool is_floating(int32_t dtype) {
  return dtype == AOTI_DTYPE_FLOAT32 || dtype == AOTI_DTYPE_FLOAT64 || dtype == AOTI_DTYPE_FLOAT16 ||
         dtype == AOTI_DTYPE_BFLOAT16;
}

double floating_value(const char *at, int32_t dtype) {
  switch (dtype) {
    case AOTI_DTYPE_FLOAT32:
      return static_cast<double>(load<float>(at));
    case AOTI_DTYPE_FLOAT64:
      return load<double>(at);
    case AOTI_DTYPE_FLOAT16:
      return from_float16(load<uint16_t>(at));
    default:
      return from_bfloat16(load<uint16_t>(at));
  }
}

// Floating-point numbers, integers and bool; not complex numbers and eight-bit floats.
bool is_printable(int32_t dtype) {
  return is_floating(dtype) || (dtype >= AOTI_DTYPE_UINT8 && dtype <= AOTI_DTYPE_INT64) ||
         dtype == AOTI_DTYPE_BOOL || (dtype >= AOTI_DTYPE_UINT16 && dtype <= AOTI_DTYPE_UINT64);
}

void print_element(const char *at, int32_t dtype) {
  if (is_floating(dtype)) {
    printf(" %.9g", floating_value(at, dtype));
    return;
  }
  switch (dtype) {
    case AOTI_DTYPE_INT8:
      printf(" %d", load<int8_t>(at));
      break;
    case AOTI_DTYPE_UINT8:
    case AOTI_DTYPE_BOOL:
      printf(" %u", load<uint8_t>(at));
      break;
    case AOTI_DTYPE_INT16:
      printf(" %d", load<int16_t>(at));
      break;
    case AOTI_DTYPE_UINT16:
      printf(" %u", load<uint16_t>(at));
      break;
    case AOTI_DTYPE_INT32:
      printf(" %d", load<int32_t>(at));
      break;
    case AOTI_DTYPE_UINT32:
      printf(" %u", load<uint32_t>(at));
      break;
    case AOTI_DTYPE_INT64:
      printf(" %lld", static_cast<long long>(load<int64_t>(at)));
      break;
    default:
      printf(" %llu", static_cast<unsigned long long>(load<uint64_t>(at)));
      break;
  }
}

// Address of element number `index` in row-major order.
const char *element_at(const AtenTensorOpaque *tensor, int64_t index) {
  int64_t offset = 0;
  for (int64_t i = tensor->ndim - 1; i >= 0; --i) {
    offset += index % tensor->sizes[i] * tensor->strides[i];
    index /= tensor->sizes[i];
  }
  return aoti_shim::data_of(tensor) +
         offset * static_cast<int64_t>(aoti_torch_dtype_element_size(tensor->dtype));
}

void print_values(const AtenTensorOpaque *tensor) {
  printf(" values:");
  for (int64_t i = 0; i < tensor->numel; ++i) {
    if (i == kPrintedEachEnd && tensor->numel > 2 * kPrintedEachEnd) {
      printf(" ...");
      i = tensor->numel - kPrintedEachEnd;
    }
    print_element(element_at(tensor, i), tensor->dtype);
  }
}

AOTITorchError check_finite(const char *function, const char *name, const AtenTensorOpaque *tensor) {
  for (int64_t i = 0; i < tensor->numel; ++i) {
    double value = floating_value(element_at(tensor, i), tensor->dtype);
    if (isfinite(value)) continue;
    char sizes[256];
    return fail(function, "%s has %s at element %lld of sizes %s; expected finite numbers", name,
                isnan(value) ? "a NaN" : "an infinity", (long long)i,
                aoti_shim::format_numbers(tensor->ndim, tensor->sizes, sizes, sizeof sizes));
  }
  return AOTI_TORCH_SUCCESS;
}

}  // namespace

extern "C" {

void aoti_torch_print_tensor_handle(AtenTensorHandle self, const char *msg) {
  printf("[ %s ] ", msg != nullptr ? msg : "tensor");
  if (check_tensor("aoti_torch_print_tensor_handle", self) != AOTI_TORCH_SUCCESS) {
    printf("%s\n", aoti_torch_get_last_error());
    return;
  }
  char sizes[256], strides[256];
  const char *dtype = aoti_dtype_name(self->dtype);
  printf("sizes %s strides %s dtype ",
         aoti_shim::format_numbers(self->ndim, self->sizes, sizes, sizeof sizes),
         aoti_shim::format_numbers(self->ndim, self->strides, strides, sizeof strides));
  printf("%s", dtype);  // every tensor's dtype has a name
  AtenTensorHandle copy = nullptr;
  if (self->storage->device_type != AOTI_DEVICE_CPU) printf(" on cuda:%d", self->storage->device_index);
  if (aoti_shim::copy_to_host("aoti_torch_print_tensor_handle", self, &copy) != AOTI_TORCH_SUCCESS) {
    printf(" values: %s\n", aoti_torch_get_last_error());
    return;
  }
  if (is_printable(self->dtype)) print_values(copy);
  aoti_shim::destroy_tensor(copy);
  printf("\n");
  fflush(stdout);
}

AOTITorchError aoti_torch_check_inf_and_nan(const char *tensor_name, AtenTensorHandle tensor) {
  const char *function = "aoti_torch_check_inf_and_nan";
  if (check_tensor(function, tensor) != AOTI_TORCH_SUCCESS) return AOTI_TORCH_FAILURE;
  if (!is_floating(tensor->dtype)) return AOTI_TORCH_SUCCESS;
  AtenTensorHandle copy = nullptr;
  if (aoti_shim::copy_to_host(function, tensor, &copy) != AOTI_TORCH_SUCCESS) return AOTI_TORCH_FAILURE;
  AOTITorchError status = check_finite(function, tensor_name != nullptr ? tensor_name : "the tensor", copy);
  aoti_shim::destroy_tensor(copy);
  return status;
}

}  // extern "C"
