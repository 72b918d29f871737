// Words for the numbers in messages.
#ifndef RUNTIME_MODEL_NAMES_H_
#define RUNTIME_MODEL_NAMES_H_

#include "aoti/model_desc.h"
#include "runtime/model/error.h"

namespace aoti_model {

// "float32"; "an unknown dtype". Never null.
const char *dtype_name(int32_t dtype);

// "cpu", "cuda"; "an unknown device". Never null.
const char *device_name(int32_t device_type);

// "[2, 3]"
void append_numbers(Text *text, int64_t count, const int64_t *numbers);

// "[1, any]": the strides that the table allows; not those of a contiguous tensor.
void append_strides(Text *text, const AotiTensorDesc &tensor);

// "[1 to 64, 64]": what the table allows.
void append_dims(Text *text, const AotiTensorDesc &tensor);

}  // namespace aoti_model

#endif  // RUNTIME_MODEL_NAMES_H_
