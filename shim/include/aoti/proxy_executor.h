// What a host gives a library that stock AOTInductor made, as its AOTIProxyExecutorHandle, in a process
// without libtorch: who calls the operators that the library reaches through
// aoti_torch_proxy_executor_call_function.
//
// runtime/package makes one from the JSON beside the library; libraries of this compiler need none
// (docs/adr/0019-records-of-calls.md). With the real libtorch the handle is a C++ object of its own, and the
// two are told apart by the mark.
#ifndef AOTI_PROXY_EXECUTOR_H_
#define AOTI_PROXY_EXECUTOR_H_

#include "aoti/custom_op.h"

#ifdef __cplusplus
extern "C" {
#endif

// "AOTIPRX1" as the bytes of a little-endian number.
#define AOTI_PROXY_EXECUTOR_MARK UINT64_C(0x3158525049544f41)

// Lives as long as runs that were given it.
typedef struct AotiProxyExecutor {
  uint64_t mark;  // AOTI_PROXY_EXECUTOR_MARK
  // Calls operator number `node` of the library. `ints` are the call's integers, `tensors` its tensors and
  // then its results: empty handles, to which the operator assigns what it returns. All memory is borrowed.
  // On failure `message` [message_bytes] says why. Several threads call at once; throws nothing.
  AOTITorchError (*call)(const struct AotiProxyExecutor *self, int64_t node, int64_t num_ints,
                         const int64_t *ints, int64_t num_tensors, const AtenTensorHandle *tensors,
                         char *message, size_t message_bytes);
} AotiProxyExecutor;

// What was registered in a library of operators (//shim:op_library), which exports it for hosts that open it;
// null when that is nothing. Thread-safe.
AOTI_SHIM_API const AotiOpRegistration *aoti_registered_ops(void);

#ifdef __cplusplus
}  // extern "C"
#endif

#endif  // AOTI_PROXY_EXECUTOR_H_
