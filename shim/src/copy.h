// Copies that other functions of the shim need.
#ifndef SHIM_SRC_COPY_H_
#define SHIM_SRC_COPY_H_

#include "shim/src/tensor_object.h"

namespace aoti_shim {

// The values of a defined tensor where the processor can read them: another handle of the same storage on the
// CPU, a contiguous copy (once the current stream has made it) of a GPU's. The caller destroys it.
AOTITorchError copy_to_host(const char *function, AtenTensorHandle tensor, AtenTensorHandle *ret_copy);

}  // namespace aoti_shim

#endif  // SHIM_SRC_COPY_H_
