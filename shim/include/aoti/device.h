// Numbers of device types and the state of a thread: grad mode, device guards, profiling ranges.
//
// The lean shim knows one device, the CPU (index 0; -1 means "the current one" and is the same). Values of
// device types are c10::DeviceType's of PyTorch 2.13. All functions are thread-safe; grad mode is per thread.
#ifndef AOTI_DEVICE_H_
#define AOTI_DEVICE_H_

#include "aoti/status.h"

#ifdef __cplusplus
extern "C" {
#endif

// clang-format off
#define AOTI_FOR_EACH_DEVICE(X)        \
  X(CPU, 0, cpu)                       \
  X(CUDA, 1, cuda)                     \
  X(XPU, 12, xpu)                      \
  X(MPS, 13, mps)                      \
  X(META, 14, meta)                    \
  X(PRIVATEUSE1, 20, privateuse1)
// clang-format on

enum {
#define AOTI_DEVICE_NUMBER(capitals, number, name) AOTI_DEVICE_##capitals = (number),
  AOTI_FOR_EACH_DEVICE(AOTI_DEVICE_NUMBER)
#undef AOTI_DEVICE_NUMBER
};

// "cpu", "cuda"; null for a number that is no device type. (Not a function of the ABI.)
static inline const char *aoti_device_name(int32_t device_type) {
  switch (device_type) {
#define AOTI_DEVICE_NAME(capitals, number, name) \
  case number:                                   \
    return #name;
    AOTI_FOR_EACH_DEVICE(AOTI_DEVICE_NAME)
#undef AOTI_DEVICE_NAME
    default:
      return NULL;
  }
}

// Cannot fail.
AOTI_SHIM_API int32_t aoti_torch_device_type_cpu(void);
AOTI_SHIM_API int32_t aoti_torch_device_type_cuda(void);
AOTI_SHIM_API int32_t aoti_torch_device_type_meta(void);
AOTI_SHIM_API int32_t aoti_torch_device_type_xpu(void);
AOTI_SHIM_API int32_t aoti_torch_device_type_mps(void);
AOTI_SHIM_API int32_t aoti_torch_device_type_privateuse1(void);

// The calling thread's grad mode; true at its start, as in PyTorch. The lean shim computes no gradients: the
// flag is only kept. Cannot fail.
AOTI_SHIM_API bool aoti_torch_grad_mode_is_enabled(void);
AOTI_SHIM_API void aoti_torch_grad_mode_set_enabled(bool enabled);

// Opens a profiling range named `name` (borrowed; not null). `kwargs` and `inputs` may be null; they are not
// read. *guard (not null) is owned by the caller, who closes it with aoti_record_function_end. The lean shim
// has no profiler: *guard becomes null and nothing is recorded. Fails when name or guard is null.
AOTI_SHIM_API AOTITorchError aoti_record_function_start(const char *name, IValueMapHandle kwargs,
                                                        const C10IValueHandle *inputs,
                                                        const uint64_t n_inputs,
                                                        AtenRecordFunctionHandle *guard);

// Closes a range; `guard` is consumed. Accepts null, fails for anything that aoti_record_function_start of
// this shim did not give.
AOTI_SHIM_API AOTITorchError aoti_record_function_end(AtenRecordFunctionHandle guard);

// Calls an operator through the host's proxy executor (aoti/proxy_executor.h; in libtorch an object of its
// own): number extern_node_index of the library's package. The last of the tensors are empty handles, which
// receive the results. Fails with what the operator says, and where the executor is null or not of this shim.
// All arguments are borrowed.
AOTI_SHIM_API AOTITorchError aoti_torch_proxy_executor_call_function(AOTIProxyExecutorHandle proxy_executor,
                                                                     int extern_node_index, int num_ints,
                                                                     int64_t *flatten_int_args,
                                                                     int num_tensors,
                                                                     AtenTensorHandle *flatten_tensor_args);

#ifdef __cplusplus
}  // extern "C"
#endif

#endif  // AOTI_DEVICE_H_
