// dtypes as others name them: PyTorch's number (whose name is aoti_dtype_name), DLPack's code and width,
// Python's buffer format.
#ifndef RUNTIME_BINDINGS_DTYPE_H_
#define RUNTIME_BINDINGS_DTYPE_H_

#include "runtime/bindings/dlpack.h"

namespace aoti {

struct Dtype {
  int32_t number;      // AOTI_DTYPE_*
  DlDataType dlpack;   // bits 0: DLPack has none
  const char *format;  // of the struct module; null: it has none
};

// Null when it is not known.
const Dtype *dtype_of_number(int32_t number);
const Dtype *dtype_of_dlpack(const DlDataType &type);

}  // namespace aoti

#endif  // RUNTIME_BINDINGS_DTYPE_H_
