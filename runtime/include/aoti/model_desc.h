// The tables that generated code hands to the runtime: plain C structs, constant data, no constructors.
//
// What enters: generated wrapper/model.cpp defines `extern "C" const AotiModelDesc aoti_model_desc` (hidden
// visibility). What leaves: the runtime (runtime/model) makes containers from it, checks every input against
// it *before* it calls desc->run, and answers the questions of the model interface from it.
//
// Invariants, checked when a container is created (a violation names the field and both numbers):
// - struct_size == sizeof(AotiModelDesc) and abi_version == AOTI_MODEL_ABI_VERSION;
// - counts are not negative, arrays are not null where their count is not 0;
// - constants lie inside [0, weights_bytes), their offsets are multiples of 64; mutated ones are plain.
//
//   static const AotiDimDesc x_dims[] = {{1, 64, 1, 0, 0}, AOTI_STATIC_DIM(64)};   // [s0 in 1..64, 64]
//   static const AotiTensorDesc inputs[] = {{"x", AOTI_DTYPE_FLOAT32, AOTI_DEVICE_CPU, 2, x_dims, NULL,
//   "m.py:3"}};
#ifndef AOTI_MODEL_DESC_H_
#define AOTI_MODEL_DESC_H_

#include "aoti/cuda.h"
#include "aoti/custom_op.h"
#include "aoti/kernel_context.h"
#include "aoti/shim.h"
#include "aoti/weights_desc.h"

#ifdef __cplusplus
extern "C" {
#endif

// Raised when a struct below or the meaning of a field changes; shim/abi/CHANGELOG.md says what and why.
#define AOTI_MODEL_ABI_VERSION 2u

// Alignment of weights, of constants inside them, of the arena and of each thread's scratch.
#define AOTI_ALIGNMENT 64

// In AotiTensorDesc.strides: this dimension's stride is not checked (the generated code reads it).
#define AOTI_ANY_STRIDE INT64_MIN

// One dimension: lo <= size <= hi, size divisible by multiple_of, and equal to every other dimension of the
// same symbol. symbol: index in [0, num_symbols), or -1 when the size is static (then lo == hi).
typedef struct AotiDimDesc {
  int64_t lo, hi;
  int64_t multiple_of;  // 1: any
  int32_t symbol;
  int32_t reserved;  // 0
} AotiDimDesc;

// clang-format off
#define AOTI_STATIC_DIM(size) {(size), (size), 1, -1, 0}
// clang-format on

// In AotiTensorDesc.dtype, of outputs only: the model returns None here; its handle has no tensor in it.
#define AOTI_OUTPUT_NONE (-1)

// An input or an output.
typedef struct AotiTensorDesc {
  const char *name;     // as in the model's signature, e.g. "x"
  int32_t dtype;        // AOTI_DTYPE_*
  int32_t device_type;  // AOTI_DEVICE_*
  int32_t ndim;
  const AotiDimDesc *dims;  // [ndim]; null when ndim is 0
  const int64_t
      *strides;  // [ndim], in elements; null: contiguous. Strides of dimensions of size 1 are not checked.
  const char *origin;  // what made it so, e.g. "models/x.py:12 in forward"; null when unknown
  // Of inputs: the address must be a multiple of it, because kernels load that many bytes at a time. A power
  // of two; 0 means that of the dtype.
  int32_t align_bytes;
  int32_t
      is_mutated;  // 1: an input whose memory a run writes to; it must not overlap another input's. Else 0
} AotiTensorDesc;

typedef enum AotiConstantKind {
  AOTI_CONSTANT_UNKNOWN = 0,
  AOTI_CONSTANT_PARAMETER = 1,
  AOTI_CONSTANT_BUFFER = 2,
  AOTI_CONSTANT_TENSOR = 3,
  AOTI_CONSTANT_FOLDED = 4
} AotiConstantKind;

// How a constant is stored, for people: its recipe is what the runtime goes by.
typedef enum AotiPacking {
  AOTI_PACKING_PLAIN = 0,              // as sizes and strides say
  AOTI_PACKING_PANEL16 = 1,            // kernels/cpp/gemm.h
  AOTI_PACKING_CONV_PANEL16 = 2,       // kernels/cpp/conv2d.h
  AOTI_PACKING_DEPTHWISE = 3,          // kernels/cpp/conv2d.h
  AOTI_PACKING_OTHER = 4,              // changed at compile time in another way, e.g. batch norm folded in
  AOTI_PACKING_WINOGRAD_PANEL16 = 5,   // kernels/cpp/conv2d.h
  AOTI_PACKING_PANEL16_BF16 = 6,       // kernels/cpp/gemm.h
  AOTI_PACKING_CONV_PANEL16_BF16 = 7,  // kernels/cpp/conv2d.h
  AOTI_PACKING_DEPTHWISE_BF16 = 8      // kernels/cpp/conv2d.h
} AotiPacking;

// A constant as kernels read it. What users know by name are the originals that it is made of.
typedef struct AotiConstantDesc {
  const char *name;          // an identifier, e.g. "layers_0_weight_packed"
  const char *original_fqn;  // of the original that it is or was packed from; its own name when there is no
                             // single one
  int32_t dtype;
  int32_t ndim;
  const int64_t *sizes;    // [ndim]
  const int64_t *strides;  // [ndim], in elements; null: contiguous
  int64_t offset_bytes;    // in the weights; a multiple of AOTI_ALIGNMENT
  int64_t size_bytes;      // stored bytes: of a packed constant, those of its packed form
  int32_t kind;            // AotiConstantKind
  int32_t packing;         // AotiPacking
  int32_t device_type;     // AOTI_DEVICE_*: where kernels read it; one on CUDA is uploaded once per device
  int32_t is_mutated;  // 1: the model's state, which runs read and write; the weights hold its first value
} AotiConstantDesc;

// The instruction sets that kernels can be built for. Values are part of the ABI.
typedef enum AotiIsa {
  AOTI_ISA_BASELINE = 0,  // what the target's C compiler emits without options; always runs
  AOTI_ISA_X86_64_V3 = 1,
  AOTI_ISA_X86_64_V4 = 2,
  AOTI_ISA_AARCH64_NEON = 3
} AotiIsa;

typedef struct AotiIsaVariant {
  int32_t isa;                 // AotiIsa
  const char *name;            // "x86-64-v3"
  const void *kernels;         // the generated struct of function pointers
  const void *traced_kernels;  // the same, each told to the context's tracer; null: there are none
} AotiIsaVariant;

// Who calls the model's operators, and their arguments: the runtime's own.
typedef struct AotiOpTable AotiOpTable;

// What desc->run gets. Every pointer is borrowed for the length of the call, except as said.
typedef struct AotiRunArgs {
  // [num_inputs], checked against the table. The runtime deletes the handles that are not null afterwards;
  // run may delete one early (or hand it on) by setting its slot to null.
  AtenTensorHandle *inputs;
  // [num_outputs], all null at the start. run fills them with new handles, which become the caller's. On
  // failure the runtime deletes those that are set.
  AtenTensorHandle *outputs;
  void *arena;  // arena_bytes of the instance, 64-byte aligned; null when 0
  // [num_constants]: address of each constant's first stored byte, on the device that its table names; of a
  // mutated one, of memory that may be written, which no other run uses meanwhile.
  const void *const *constants;
  const int64_t *symbols;  // [num_symbols]: the sizes found in the inputs
  const void *kernels;     // of the variant that was chosen at load
  AotiKernelContext *ctx;
  void *stream;                            // null on a CPU
  AOTIProxyExecutorHandle proxy_executor;  // may be null
  AotiCudaRun *cuda;                       // null on a CPU
  const AotiOpTable *ops;  // the runtime's own; null: the model calls no operator by its schema
  // What random numbers depend on: the container's seed, and which run since it was set this is.
  int64_t rng_seed, rng_run;
} AotiRunArgs;

// A size that is known at run time only: what messages call it, and where it comes from, e.g. "s0",
// "dimension 0 of input 'x'".
typedef struct AotiSymbolDesc {
  const char *name;
  const char *source;
} AotiSymbolDesc;

typedef enum AotiSizeCheckKind {
  AOTI_CHECK_SIZE = 0,      // dimension `dim` of input `input` has the expected size
  AOTI_CHECK_STRIDE = 1,    // ... stride; not checked where the dimension's size is 0 or 1
  AOTI_CHECK_CONDITION = 2  // a condition on the symbols holds: its value is not 0; input and dim are -1
} AotiSizeCheckKind;

// A relation between sizes that AotiDimDesc cannot say, checked before every run.
typedef struct AotiSizeCheck {
  int32_t kind;  // AotiSizeCheckKind
  int32_t input, dim;
  const char *text;    // what is expected, over the symbols: "2*s0 + 1", "s0 % 4 == 0"
  const char *origin;  // the source line that made it so; null when unknown
} AotiSizeCheck;

typedef struct AotiModelDesc {
  uint32_t struct_size;  // sizeof(AotiModelDesc)
  uint32_t abi_version;  // AOTI_MODEL_ABI_VERSION
  const char *name;      // "my_model_aoti"
  const char *compiler_version;
  const char *in_spec, *out_spec;  // pytree specs as JSON; "" when there are none
  int32_t num_inputs, num_outputs, num_constants;
  int32_t num_symbols;
  int32_t num_isa;
  int32_t reserved;  // 0
  const AotiTensorDesc *inputs;
  const AotiTensorDesc *outputs;
  const AotiConstantDesc *constants;
  const AotiIsaVariant *isa;  // best first; the first one that the processor can run is taken
  // Bytes of the arena of one instance. When arena_bytes_for is not null it is asked instead, for every run,
  // with the symbols' values, and the arena grows as needed; it returns a negative number when a size would
  // overflow.
  int64_t arena_bytes;
  int64_t (*arena_bytes_for)(const int64_t *symbols);
  int64_t scratch_bytes_per_thread;
  // The weights: in the library (weights not null, aligned to AOTI_ALIGNMENT), or in a file of exactly
  // weights_bytes bytes named weights_file (no directory in it), looked for in the directory given at
  // creation and then beside the library, mapped read-only and shared. Both null when weights_bytes is 0.
  const uint8_t *weights;
  const char *weights_file;
  int64_t weights_bytes;
  // Runs the model once. 0 on success; else a message has been set (AOTI_REPORT and its like in
  // aoti/model.h). Called by several threads at once, with different instances' arguments.
  int32_t (*run)(AotiRunArgs *args);
  const AotiCudaModelDesc *cuda;  // null: the model needs no GPU
  // Sizes known at run time only. The first num_named_symbols of the num_symbols have a row in `symbols`; the
  // others are dimensions that only serve to find one.
  int32_t num_named_symbols, num_size_checks;
  const AotiSymbolDesc *symbols;
  const AotiSizeCheck *size_checks;
  // Called when every dimension's symbol has its value: finds the symbols that are no dimension themselves.
  // Null: there are none.
  void (*solve_symbols)(int64_t *symbols);
  // What check number `check` expects. Not null when there are checks.
  int64_t (*size_check_value)(int32_t check, const int64_t *symbols);
  // What the model holds by name, and how each stored constant is made of it: aoti/weights_desc.h.
  int32_t num_originals;
  int32_t reserved2;  // 0
  const AotiOriginalDesc *originals;
  const AotiRecipe *recipes;  // [num_constants]
  // The operators that the model calls by schema: "mylib::scale(Tensor x, float factor) -> Tensor".
  int32_t num_ops, ops_reserved;  // reserved: 0
  const char *const *ops;
  // Their calls, serialised: compiler/wrapper/op_record.py states the format.
  const uint8_t *op_record;
  int64_t op_record_bytes;
  // JSON: "names" of the model's parameters; "fixed", the values that export fixed, by the number of the leaf
  // in in_spec (such a leaf is no input); "numbers", outputs that are numbers of Python's. Null: not known.
  const char *call_info;
} AotiModelDesc;

#ifdef __cplusplus
}  // extern "C"
#endif

#endif  // AOTI_MODEL_DESC_H_
