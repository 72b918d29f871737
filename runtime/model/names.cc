#include "runtime/model/names.h"

namespace aoti_model {

const char *dtype_name(int32_t dtype) {
  const char *name = aoti_dtype_name(dtype);
  return name != nullptr ? name : "an unknown dtype";
}

const char *device_name(int32_t device_type) {
  const char *name = aoti_device_name(device_type);
  return name != nullptr ? name : "an unknown device";
}

void append_numbers(Text *text, int64_t count, const int64_t *numbers) {
  append(text, "[");
  for (int64_t i = 0; i < count; ++i) append(text, "%s%lld", i == 0 ? "" : ", ", (long long)numbers[i]);
  append(text, "]");
}

void append_strides(Text *text, const AotiTensorDesc &tensor) {
  append(text, "[");
  for (int32_t i = 0; i < tensor.ndim; ++i) {
    append(text, "%s", i == 0 ? "" : ", ");
    if (tensor.strides[i] == AOTI_ANY_STRIDE) {
      append(text, "any");
    } else {
      append(text, "%lld", (long long)tensor.strides[i]);
    }
  }
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
