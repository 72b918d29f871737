// Status codes, opaque handles and the message of the last failure.
//
// Every fallible function of the C ABI returns AOTITorchError (or AOTIRuntimeError), has its out-parameters
// last and throws nothing. On failure out-parameters are left as they were, and a message is kept for the
// calling thread. Names, values and signatures are those of PyTorch 2.13's AOTInductor ABI
// (aoti_torch/c/macros.h, c/shim.h).
//
//   AtenTensorHandle t;
//   if (aoti_torch_clone(x, &t) != AOTI_TORCH_SUCCESS) fprintf(stderr, "%s\n", aoti_torch_get_last_error());
#ifndef AOTI_STATUS_H_
#define AOTI_STATUS_H_

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

// Marks a function of the shim. The shared shim and the stand-in for libtorch are built with
// AOTI_SHIM_EXPORTS; elsewhere the mark is empty, so that -fvisibility=hidden keeps a static shim inside its
// library.
#ifdef AOTI_SHIM_EXPORTS
#define AOTI_SHIM_API __attribute__((visibility("default")))
#else
#define AOTI_SHIM_API
#endif

#ifdef __cplusplus
extern "C" {
#endif

typedef int32_t AOTITorchError;
#define AOTI_TORCH_SUCCESS 0
#define AOTI_TORCH_FAILURE 1

typedef int32_t AOTIRuntimeError;
#define AOTI_RUNTIME_SUCCESS 0
#define AOTI_RUNTIME_FAILURE 1

// A tensor object: sizes, strides, offset, dtype and a counted reference to storage. One owner per handle.
// A handle may be read by several threads at once; it is deleted by one.
typedef struct AtenTensorOpaque AtenTensorOpaque;
typedef AtenTensorOpaque *AtenTensorHandle;

typedef struct AtenGeneratorOpaque AtenGeneratorOpaque;
typedef AtenGeneratorOpaque *AtenGeneratorHandle;

typedef struct AOTIProxyExecutorOpaque AOTIProxyExecutorOpaque;
typedef AOTIProxyExecutorOpaque *AOTIProxyExecutorHandle;

typedef struct C10IValueOpaque C10IValueOpaque;
typedef C10IValueOpaque *C10IValueHandle;

typedef struct AtenRecordFunctionOpaque AtenRecordFunctionOpaque;
typedef AtenRecordFunctionOpaque *AtenRecordFunctionHandle;

typedef struct IValueMapOpaque IValueMapOpaque;
typedef IValueMapOpaque *IValueMapHandle;

// The message of the last failed shim call on the calling thread; "" when none has failed. Never null.
// Borrowed: valid until the next failing call on this thread. Not cleared by success. Cannot fail. libtorch
// lacks this name.
AOTI_SHIM_API const char *aoti_torch_get_last_error(void);

// The same message under the names that libtorch has since 2.13 (stable/c/shim.h); the lean shim keeps no
// backtrace, so both give the same text. Code that must run under either shim declares them weak.
AOTI_SHIM_API const char *torch_exception_get_what(void);
AOTI_SHIM_API const char *torch_exception_get_what_without_backtrace(void);

// Stops the program's current operation when `cond` is false: prints "msg (func at file:line)" to stderr and
// calls abort(). PyTorch's own throws a C++ exception through C; the lean shim has none to throw. Generated
// code of ours never calls it. All strings are borrowed and may be null.
AOTI_SHIM_API void aoti_torch_check(bool cond, const char *func, const char *file, uint32_t line,
                                    const char *msg);

// Prints a warning, "msg (func at file:line)", to stderr. Strings are borrowed and may be null. Cannot fail.
AOTI_SHIM_API void aoti_torch_warn(const char *func, const char *file, uint32_t line, const char *msg);

// The version that the shim speaks, in libtorch's coding (major << 56 | minor << 48 | patch << 40): 2.13.0.
AOTI_SHIM_API uint64_t aoti_torch_abi_version(void);

#ifdef __cplusplus
}  // extern "C"
#endif

#endif  // AOTI_STATUS_H_
