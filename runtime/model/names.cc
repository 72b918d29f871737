#include "runtime/model/names.h"

namespace aoti_model {

const char *dtype_name(int32_t dtype) {
  switch (dtype) {
    case AOTI_DTYPE_UINT8:
      return "uint8";
    case AOTI_DTYPE_INT8:
      return "int8";
    case AOTI_DTYPE_INT16:
      return "int16";
    case AOTI_DTYPE_INT32:
      return "int32";
    case AOTI_DTYPE_INT64:
      return "int64";
    case AOTI_DTYPE_UINT16:
      return "uint16";
    case AOTI_DTYPE_UINT32:
      return "uint32";
    case AOTI_DTYPE_UINT64:
      return "uint64";
    case AOTI_DTYPE_FLOAT16:
      return "float16";
    case AOTI_DTYPE_BFLOAT16:
      return "bfloat16";
    case AOTI_DTYPE_FLOAT32:
      return "float32";
    case AOTI_DTYPE_FLOAT64:
      return "float64";
    case AOTI_DTYPE_COMPLEX32:
      return "complex32";
    case AOTI_DTYPE_COMPLEX64:
      return "complex64";
    case AOTI_DTYPE_COMPLEX128:
      return "complex128";
    case AOTI_DTYPE_BOOL:
      return "bool";
    case AOTI_DTYPE_FLOAT8_E5M2:
      return "float8_e5m2";
    case AOTI_DTYPE_FLOAT8_E4M3FN:
      return "float8_e4m3fn";
    case AOTI_DTYPE_FLOAT8_E5M2FNUZ:
      return "float8_e5m2fnuz";
    case AOTI_DTYPE_FLOAT8_E4M3FNUZ:
      return "float8_e4m3fnuz";
    case AOTI_DTYPE_FLOAT8_E8M0FNU:
      return "float8_e8m0fnu";
    case AOTI_DTYPE_FLOAT4_E2M1FN_X2:
      return "float4_e2m1fn_x2";
    default:
      return "an unknown dtype";
  }
}

const char *device_name(int32_t device_type) {
  switch (device_type) {
    case AOTI_DEVICE_CPU:
      return "cpu";
    case AOTI_DEVICE_CUDA:
      return "cuda";
    case AOTI_DEVICE_XPU:
      return "xpu";
    case AOTI_DEVICE_MPS:
      return "mps";
    case AOTI_DEVICE_META:
      return "meta";
    case AOTI_DEVICE_PRIVATEUSE1:
      return "privateuse1";
    default:
      return "an unknown device";
  }
}

void append_numbers(Text *text, int64_t count, const int64_t *numbers) {
  append(text, "[");
  for (int64_t i = 0; i < count; ++i) append(text, "%s%lld", i == 0 ? "" : ", ", (long long)numbers[i]);
  append(text, "]");
}

void append_dims(Text *text, const AotiTensorDesc &tensor) {
  append(text, "[");
  for (int32_t i = 0; i < tensor.ndim; ++i) {
    const AotiDimDesc &dim = tensor.dims[i];
    append(text, "%s", i == 0 ? "" : ", ");
    if (dim.lo == dim.hi) {
      append(text, "%lld", (long long)dim.lo);
    } else if (dim.hi == INT64_MAX) {
      append(text, "%lld or more", (long long)dim.lo);
    } else {
      append(text, "%lld to %lld", (long long)dim.lo, (long long)dim.hi);
    }
    if (dim.multiple_of > 1) append(text, " in steps of %lld", (long long)dim.multiple_of);
  }
  append(text, "]");
}

}  // namespace aoti_model
