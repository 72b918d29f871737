// What a library of kernels without a model offers to its host, the JIT of compiler/driver: the kernels for
// this processor, and contexts to call them with.
//
// What enters: `aoti_jit_variants`, which generated code defines (one table of kernels for each instruction
// set, best first). What leaves: three C functions that the host finds by name.
#ifndef RUNTIME_JIT_JIT_HOST_H_
#define RUNTIME_JIT_JIT_HOST_H_

#include <stddef.h>
#include <stdint.h>

#include "aoti/kernel_context.h"
#include "aoti/model_desc.h"

#ifdef __cplusplus
extern "C" {
#endif

// Defined by generated code; the last row has a null `kernels`.
extern const AotiIsaVariant aoti_jit_variants[];

// The struct of function pointers for this processor; borrowed, never freed. Null when the library has none
// that runs here; `message` then says what it has, what the processor has and what to do. Thread-safe.
__attribute__((visibility("default"))) const void *aoti_jit_kernels(char *message, size_t message_bytes);

// A context with its own threads and scratch memory, or null with a message. num_threads: 1 to 1024, the
// caller's included; scratch_bytes_per_thread: 0 or more. One call at a time may use it. The caller owns it.
__attribute__((visibility("default"))) AotiKernelContext *aoti_jit_context_create(
    int32_t num_threads, int64_t scratch_bytes_per_thread, char *message, size_t message_bytes);

// Stops the threads and frees the context. Null is accepted.
__attribute__((visibility("default"))) void aoti_jit_context_destroy(AotiKernelContext *context);

#ifdef __cplusplus
}  // extern "C"
#endif

#endif  // RUNTIME_JIT_JIT_HOST_H_
