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

// Makes call number `call` of the model's record (AotiModelDesc.op_record); when it fails, records why and
// where. The arrays fill the record's holes; their lengths must be the record's.
int32_t aoti_model_call_op(const char *file, int line, const AotiRunArgs *args, int64_t call,
                           const AtenTensorHandle *tensors, int64_t num_tensors, const int64_t *sizes,
                           int64_t num_sizes, AtenTensorHandle *outputs, int64_t num_outputs);

// Checks what a function of PyTorch's shim returned against what the graph promised; a tensor of other
// strides is exchanged for a copy with these.
int32_t aoti_model_check_result(const char *file, int line, const char *function, AtenTensorHandle *tensor,
                                int64_t ndim, const int64_t *sizes, const int64_t *strides, int32_t dtype);

}  // extern "C"

// Evaluates a call of the shim once; when it fails, records why and where, and returns from the current
// function.
#define AOTI_TORCH_ERROR_CODE_CHECK(call)                          \
  do {                                                             \
    if (__builtin_expect((call) != AOTI_TORCH_SUCCESS, 0)) {       \
      return aoti_model_fail_call(__FILE_NAME__, __LINE__, #call); \
    }                                                              \
  } while (0)

// Calls an operator by its record; when it fails, returns from the current function.
#define AOTI_OP_CHECK(args, call, tensors, num_tensors, sizes, num_sizes, outputs, num_outputs)            \
  do {                                                                                                     \
    if (__builtin_expect(                                                                                  \
            aoti_model_call_op(__FILE_NAME__, __LINE__, (args), (call), (tensors), (num_tensors), (sizes), \
                               (num_sizes), (outputs), (num_outputs)) != AOTI_RUNTIME_SUCCESS,             \
            0)) {                                                                                          \
      return AOTI_RUNTIME_FAILURE;                                                                         \
    }                                                                                                      \
  } while (0)

// After a call that made a tensor: returns from the current function where it is not what was promised. The
// handle is then deleted.
#define AOTI_RESULT_CHECK(function, tensor, ndim, sizes, strides, dtype)                                \
  do {                                                                                                  \
    if (__builtin_expect(aoti_model_check_result(__FILE_NAME__, __LINE__, (function), (tensor), (ndim), \
                                                 (sizes), (strides), (dtype)) != AOTI_RUNTIME_SUCCESS,  \
                         0)) {                                                                          \
      return AOTI_RUNTIME_FAILURE;                                                                      \
    }                                                                                                   \
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

// A number that the run read out of a tensor: returns from the current function where it is not in its range.
#define AOTI_CHECK_READ(holds, value, where, expected)                                                \
  do {                                                                                                \
    if (__builtin_expect(!(holds), 0)) {                                                              \
      AOTI_REPORT(                                                                                    \
          "%s gives %lld, which the model uses as a size; expected %s, the range that the model was " \
          "exported with",                                                                            \
          (where), (long long)(value), (expected));                                                   \
    }                                                                                                 \
  } while (0)

// A condition on such numbers; the other arguments are a printf-like message.
#define AOTI_CHECK_SIZES(holds, ...)                             \
  do {                                                           \
    if (__builtin_expect(!(holds), 0)) AOTI_REPORT(__VA_ARGS__); \
  } while (0)

// Arithmetic of sizes, rounding towards minus infinity. A division by an empty size is 0: nothing is computed
// with it.
static inline int64_t aoti_floordiv(int64_t a, int64_t b) {
  if (b == 0) return 0;
  return a / b - (a % b != 0 && (a < 0) != (b < 0));
}
static inline int64_t aoti_mod(int64_t a, int64_t b) { return b == 0 ? 0 : a - aoti_floordiv(a, b) * b; }
static inline int64_t aoti_min(int64_t a, int64_t b) { return a < b ? a : b; }
static inline int64_t aoti_max(int64_t a, int64_t b) { return a > b ? a : b; }

// Lays out the slots of an arena, for sizes that are known at run time only, one behind the other.
class AotiArenaLayout {
 public:
  // The slots come behind `fixed_bytes`, a multiple of AOTI_ALIGNMENT.
  explicit AotiArenaLayout(int64_t fixed_bytes) : end_(fixed_bytes) {}
  // Sums and products of sizes. One that overflows makes the whole layout too large.
  int64_t mul(int64_t a, int64_t b) {
    int64_t product = 0;
    too_large_ |= __builtin_mul_overflow(a, b, &product);
    return product;
  }
  int64_t add(int64_t a, int64_t b) {
    int64_t sum = 0;
    too_large_ |= __builtin_add_overflow(a, b, &sum);
    return sum;
  }
  // The offset of the next slot, which has `bytes` of them (none when negative: a size that is empty).
  int64_t place(int64_t bytes) {
    const int64_t begin = end_;
    end_ = add(begin, add(aoti_max(bytes, 0), AOTI_ALIGNMENT - 1) & ~int64_t{AOTI_ALIGNMENT - 1});
    return begin;
  }
  // The size of the arena; -1 when it is more than can be addressed.
  int64_t bytes() const { return too_large_ ? -1 : end_; }

 private:
  int64_t end_;
  bool too_large_ = false;
};

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
