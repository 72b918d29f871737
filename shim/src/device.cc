// Device numbers, and what a library asks of its host: ranges of a profile, operators by number.
#include "aoti/device.h"

#include "aoti/proxy_executor.h"
#include "shim/src/error.h"

using aoti_shim::fail;

namespace {

constexpr uint64_t kAbiVersion = (uint64_t{2} << 56) | (uint64_t{13} << 48);

}  // namespace

extern "C" {

#define AOTI_DEVICE_FUNCTION(capitals, number, name) \
  int32_t aoti_torch_device_type_##name(void) { return number; }
AOTI_FOR_EACH_DEVICE(AOTI_DEVICE_FUNCTION)

uint64_t aoti_torch_abi_version(void) { return kAbiVersion; }

AOTITorchError aoti_record_function_start(const char *name, IValueMapHandle kwargs,
                                          const C10IValueHandle *inputs, const uint64_t n_inputs,
                                          AtenRecordFunctionHandle *guard) {
  (void)kwargs, (void)inputs, (void)n_inputs;
  const char *function = "aoti_record_function_start";
  if (name == nullptr) return fail(function, "name is null; expected the name of the range");
  if (guard == nullptr) return aoti_shim::fail_null(function, "guard");
  *guard = nullptr;
  return AOTI_TORCH_SUCCESS;
}

AOTITorchError aoti_record_function_end(AtenRecordFunctionHandle guard) {
  if (guard == nullptr) return AOTI_TORCH_SUCCESS;
  return fail("aoti_record_function_end",
              "%p is not a guard that aoti_record_function_start of this shim gave",
              static_cast<void *>(guard));
}

AOTITorchError aoti_torch_proxy_executor_call_function(AOTIProxyExecutorHandle proxy_executor,
                                                       int extern_node_index, int num_ints,
                                                       int64_t *flatten_int_args, int num_tensors,
                                                       AtenTensorHandle *flatten_tensor_args) {
  const char *function = "aoti_torch_proxy_executor_call_function";
  const auto *executor = reinterpret_cast<const AotiProxyExecutor *>(proxy_executor);
  if (executor == nullptr || executor->mark != AOTI_PROXY_EXECUTOR_MARK) {
    return fail(
        function,
        "the model calls operator number %d of its package, and %s. Open the library with "
        "//runtime/package and give its runs LoadedLibrary::proxy_executor(), or run it in a process with "
        "libtorch",
        extern_node_index,
        executor == nullptr ? "nobody has said who calls it" : "the handle given is none of ours");
  }
  char message[1024] = "";
  if (executor->call(executor, extern_node_index, num_ints, flatten_int_args, num_tensors,
                     flatten_tensor_args, message, sizeof message) == AOTI_TORCH_SUCCESS) {
    return AOTI_TORCH_SUCCESS;
  }
  message[sizeof message - 1] = '\0';
  return fail(function, "%s", message);
}

}  // extern "C"
