// The message of the calling thread's last failure, for functions of the shim.
//
//   if (ndim < 0) return aoti_shim::fail("aoti_torch_empty_strided", "ndim is %lld; expected 0 or more",
//   ndim);
#ifndef SHIM_SRC_ERROR_H_
#define SHIM_SRC_ERROR_H_

#include "aoti/status.h"

namespace aoti_shim {

// Records "function: message" (cut to 2047 bytes) for this thread and returns AOTI_TORCH_FAILURE. Neither
// string is null; both are copied.
__attribute__((format(printf, 2, 3), cold)) AOTITorchError fail(const char *function, const char *format,
                                                                ...);

// The failure of an allocation of `bytes` bytes.
AOTITorchError fail_memory(const char *function, int64_t bytes);

// The failure of an out-parameter that is null.
AOTITorchError fail_null(const char *function, const char *parameter);

}  // namespace aoti_shim

#endif  // SHIM_SRC_ERROR_H_
