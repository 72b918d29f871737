// What generated wrapper code (wrapper/model.cpp) is written with: owning handles and error macros.
//
// Needs C++ but only C headers, no exceptions, no RTTI and no C++ library. Everything here is inline except
// aoti_model_fail and aoti_model_fail_call, which runtime/model defines.
//
//   static int32_t run(AotiRunArgs *args) {
//     const Kernels *kernels = (const Kernels *)args->kernels;
//     AtenTensorHandle buf0_handle = nullptr;
//     AOTI_TORCH_ERROR_CODE_CHECK(aoti_torch_empty_strided(2, size, stride, AOTI_DTYPE_FLOAT32,
//     AOTI_DEVICE_CPU, 0,
//                                                          &buf0_handle));
//     RAIIAtenTensorHandle buf0(buf0_handle);
//     kernels->cpp_fused_sin_0(args->ctx, aoti_data<const float>(args->inputs[0]), aoti_data<float>(buf0));
//     AOTI_KERNEL_CHECK(args->ctx, "cpp_fused_sin_0");
//     args->outputs[0] = buf0.release();
//     return AOTI_RUNTIME_SUCCESS;
//   }
#ifndef AOTI_MODEL_H_
#define AOTI_MODEL_H_

#ifndef __cplusplus
#error "aoti/model.h is for generated C++; C code includes aoti/model_desc.h"
#endif

#include "aoti/model_desc.h"
#include "aoti/model_interface.h"

extern "C" {

// Records a printf-like message as the calling thread's last error, with the place in the generated code, and
// returns AOTI_RUNTIME_FAILURE. `file` and `format` are not null.
__attribute__((format(printf, 3, 4))) int32_t aoti_model_fail(const char *file, int line, const char *format,
                                                              ...);

// The same for a failed call of the shim: the message is `call` (its source text) and what the shim says of
// it.
int32_t aoti_model_fail_call(const char *file, int line, const char *call);

}  // extern "C"

// Evaluates a call of the shim once; when it fails, records why and where, and returns from the current
// function.
#define AOTI_TORCH_ERROR_CODE_CHECK(call)                          \
  do {                                                             \
    if (__builtin_expect((call) != AOTI_TORCH_SUCCESS, 0)) {       \
      return aoti_model_fail_call(__FILE_NAME__, __LINE__, #call); \
    }                                                              \
  } while (0)

// Returns from the current function with a printf-like message: AOTI_REPORT("expected %d, got %d", a, b).
#define AOTI_REPORT(...) return aoti_model_fail(__FILE_NAME__, __LINE__, __VA_ARGS__)

// After a kernel that can find bad data: returns from the current function with its message when it did.
#define AOTI_KERNEL_CHECK(ctx, kernel_name)                                                               \
  do {                                                                                                    \
    if (__builtin_expect((ctx)->error != nullptr, 0)) {                                                   \
      AOTI_REPORT("kernel %s: %s; got %lld", (kernel_name), (ctx)->error, (long long)(ctx)->error_value); \
    }                                                                                                     \
  } while (0)

// Sole owner of a tensor handle; deletes it. Movable, not copyable.
class RAIIAtenTensorHandle {
 public:
  RAIIAtenTensorHandle() = default;
  // Takes ownership; null is allowed.
  explicit RAIIAtenTensorHandle(AtenTensorHandle handle) : handle_(handle) {}
  RAIIAtenTensorHandle(RAIIAtenTensorHandle &&other) : handle_(other.release()) {}
  RAIIAtenTensorHandle &operator=(RAIIAtenTensorHandle &&other) {
    if (this != &other) {
      reset();
      handle_ = other.release();
    }
    return *this;
  }
  RAIIAtenTensorHandle(const RAIIAtenTensorHandle &) = delete;
  RAIIAtenTensorHandle &operator=(const RAIIAtenTensorHandle &) = delete;
  ~RAIIAtenTensorHandle() { reset(); }

  AtenTensorHandle get() const { return handle_; }
  operator AtenTensorHandle() const { return handle_; }
  // Gives up ownership.
  AtenTensorHandle release() {
    AtenTensorHandle handle = handle_;
    handle_ = nullptr;
    return handle;
  }
  void reset() {
    if (handle_ != nullptr) aoti_torch_delete_tensor_object(handle_);
    handle_ = nullptr;
  }

 private:
  AtenTensorHandle handle_ = nullptr;
};

// Address of a tensor's first element. For handles known to be good (checked inputs, tensors just made); null
// otherwise.
template <class T>
static inline T *aoti_data(AtenTensorHandle tensor) {
  void *data = nullptr;
  aoti_torch_get_data_ptr(tensor, &data);
  return static_cast<T *>(data);
}

// Address of a planned buffer in the arena, or of a constant.
template <class T>
static inline T *aoti_arena(const AotiRunArgs *args, int64_t offset_bytes) {
  return reinterpret_cast<T *>(static_cast<char *>(args->arena) + offset_bytes);
}
template <class T>
static inline const T *aoti_constant(const AotiRunArgs *args, int32_t index) {
  return static_cast<const T *>(args->constants[index]);
}
// The same for a mutated constant: the model's state.
template <class T>
static inline T *aoti_state(const AotiRunArgs *args, int32_t index) {
  return static_cast<T *>(const_cast<void *>(args->constants[index]));
}

#endif  // AOTI_MODEL_H_
