// Kernels for a model's custom operators (torch.library.custom_op, TORCH_LIBRARY), written in C or C++ and
// linked into the model's library.
//
//   static AOTITorchError scale(const AotiOpCall *call) {           // mylib::scale(Tensor x, float factor)
//   -> Tensor
//     float *x, *y;
//     int64_t n;
//     aoti_torch_get_data_ptr(call->args[0].value.tensor, (void **)&x);
//     aoti_torch_get_numel(call->args[0].value.tensor, &n);
//     aoti_torch_get_data_ptr(call->outputs[0], (void **)&y);
//     for (int64_t i = 0; i < n; ++i) y[i] = x[i] * (float)call->args[1].value.f64;
//     return AOTI_TORCH_SUCCESS;
//   }
//   AOTI_REGISTER_OP(mylib_scale, "mylib::scale(Tensor x, float factor) -> Tensor", scale)
//
// The model's graph says what an operator returns, so outputs are made before the call, contiguous, and the
// kernel writes all their elements. Libraries that stock AOTInductor made do not say: a kernel for those
// makes its outputs with aoti_op_make_output (aoti/op_output.h), which for other libraries only compares the
// sizes. When a container is created every operator of the model must have a kernel that was registered with
// the schema that the model was exported with; otherwise that fails and names the operators.
//
// An operator that writes to its arguments (Tensor(a!) in its schema) does that in the tensors that it is
// given: they hold the old values, are marked AOTI_OP_WRITTEN, may be views with any strides, and are the
// model's copies or its state. Nothing comes after it in `outputs` for them, nor for results that are such an
// argument.
//
//   static AOTITorchError add(const AotiOpCall *call)               // mylib::add_(Tensor(a!) sum, Tensor x)
//   -> ()
//
// A cc_library with kernels needs alwayslink = True: nothing refers to a registration by name.
#ifndef AOTI_CUSTOM_OP_H_
#define AOTI_CUSTOM_OP_H_

#include "aoti/shim.h"

#ifdef __cplusplus
extern "C" {
#endif

// What an argument holds. Values are part of the ABI.
typedef enum AotiOpValueKind {
  AOTI_OP_NONE = 0,
  AOTI_OP_TENSOR = 1,  // value.tensor
  AOTI_OP_INT =
      2,  // value.i64; also SymInt, and the numbers of dtypes (AOTI_DTYPE_*), layouts, memory formats
  AOTI_OP_FLOAT = 3,   // value.f64
  AOTI_OP_BOOL = 4,    // value.i64, 0 or 1
  AOTI_OP_STRING = 5,  // value.string; also devices, as "cpu"
  AOTI_OP_LIST = 6     // value.list: `count` values, of any kind
} AotiOpValueKind;

// In AotiOpValue.flags, of use to who calls another library by the schema.
enum {
  AOTI_OP_OPTION = 1,  // the schema has an option here: this value, or none
  AOTI_OP_DEVICE = 2,  // the string is a device's name
  AOTI_OP_WRITTEN = 4  // the operator writes to this tensor
};

// In AotiOpCall.result_lengths, where it is no list's length.
enum {
  AOTI_OP_RESULT_TENSOR = -1,  // the next of the outputs
  AOTI_OP_RESULT_ALIAS = -2    // an argument that the operator writes to: none of the outputs
};

// An argument, in the order of the schema; defaults are filled in. All memory is borrowed for the length of
// the call.
typedef struct AotiOpValue {
  int32_t kind;   // AotiOpValueKind
  int32_t flags;  // AOTI_OP_OPTION, AOTI_OP_DEVICE
  int64_t count;  // of a list's values, else 0
  union {
    AtenTensorHandle tensor;  // any strides; read only unless marked AOTI_OP_WRITTEN
    int64_t i64;
    double f64;
    const char *string;
    const struct AotiOpValue *list;
  } value;
} AotiOpValue;

// One call. Kernels run on the calling thread of the model, several at once when the model has several
// instances.
typedef struct AotiOpCall {
  uint32_t struct_size;  // sizeof(AotiOpCall) of the library
  uint32_t reserved;     // 0
  const char *schema;    // as the model was exported with
  const AotiOpValue *args;
  int64_t num_args;
  // [num_outputs], borrowed: contiguous tensors of the sizes that export saw, or empty handles in calls of a
  // stock library, which aoti_op_make_output fills.
  AtenTensorHandle *outputs;
  int64_t num_outputs;
  // Where a kernel that fails may write why, as a string of at most message_bytes bytes with its 0.
  char *message;
  size_t message_bytes;
  // The schema's results: AOTI_OP_RESULT_TENSOR, AOTI_OP_RESULT_ALIAS, else how many tensors its list has.
  // The outputs are all of them in order.
  const int64_t *result_lengths;  // [num_results]
  int64_t num_results;
} AotiOpCall;

// Returns AOTI_TORCH_SUCCESS, or anything else to end the run with an error. Must not throw.
typedef AOTITorchError (*AotiOpKernel)(const AotiOpCall *call);

// A kernel in the list of this library. Static memory, never removed.
typedef struct AotiOpRegistration {
  const char *schema;
  AotiOpKernel kernel;
  struct AotiOpRegistration *next;  // set by aoti_register_op
} AotiOpRegistration;

// Adds a registration to the list of the library that this code is linked into. Called before main or while
// the library is loaded, by one thread. Cannot fail.
void aoti_register_op(AotiOpRegistration *registration);

#ifdef __cplusplus
}  // extern "C"
#endif

// Registers `kernel_function` when the library is loaded. `name`: an identifier, unique in the file.
#define AOTI_REGISTER_OP(name, schema_text, kernel_function)                                    \
  static AotiOpRegistration aoti_op_registration_##name = {schema_text, kernel_function, NULL}; \
  __attribute__((constructor)) static void aoti_op_register_##name(void) {                      \
    aoti_register_op(&aoti_op_registration_##name);                                             \
  }

#endif  // AOTI_CUSTOM_OP_H_
