// What generated code of a CUDA model is written against: tables of kernels, and the functions through which
// one run launches them.
//
// What enters: generated code defines one AotiCudaModelDesc (the kernels, each as images for several
// architectures) and names it in AotiModelDesc.cuda. What leaves: runtime/cuda finds the driver
// (libcuda.so.1, at run time), loads for every kernel the image that fits the device, uploads the weights,
// and hands each run an AotiCudaRun, which every function below takes.
//
// A run's device work is put in order on the caller's stream: launches, copies and fills take effect one
// after the other, as if the stream ran them. The runtime may instead keep the whole run as a CUDA graph:
// then these functions compare with what is recorded, and the graph is launched when the model's run function
// returns. Hence the rule: unless AotiCudaModelDesc.no_graph_reason is set, device work goes through the
// functions below only (allocating tensors by aoti_torch_empty_strided is not device work).
//
// Errors: every function returns 0, or not 0 with the calling thread's message set (it names the kernel and
// what to do); generated code then returns AOTI_RUNTIME_FAILURE (AOTI_CUDA_CHECK of aoti/cuda_model.h).
// Threads: one AotiCudaRun is used by one thread at a time.
//
//   static const AotiCudaImage k0_images[] = {
//       {90, AOTI_CUDA_CUBIN_EXACT, k0_sm90a, sizeof k0_sm90a, 128, 0, 1, 0, 0, 0, 1, {1024}, NULL, 0},
//       {80, AOTI_CUDA_PTX, k0_ptx, sizeof k0_ptx, 128, 0, 1, 0, 0, 0, 1, {1024}, NULL, 0}};
//   static const int32_t k0_params[] = {8, 8, 4};  // in_ptr0, out_ptr0, xnumel
//   static const AotiCudaKernelDesc kernels[] = {
//       {"triton_poi_fused_sin_0", "triton_poi_fused_sin_0", "aten.sin.default [sin] at m.py:20", k0_params,
//       3,
//        2, k0_images, 2, 0}};
//   static const AotiCudaModelDesc cuda_model = {sizeof(AotiCudaModelDesc), 1, kernels, &aoti_cuda_runtime,
//                                                16384, NULL, NULL, 0, 0, 0};
#ifndef AOTI_CUDA_H_
#define AOTI_CUDA_H_

#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

// ---- Tables ----

typedef enum AotiCudaImageKind {
  // Machine code for compute capability sm and for later minor versions of the same major one ("sm_80").
  AOTI_CUDA_CUBIN = 0,
  // Machine code for exactly this capability ("sm_90a").
  AOTI_CUDA_CUBIN_EXACT = 1,
  // PTX text that ends in a NUL byte, for this capability and all later ones ("compute_80"): the driver
  // compiles it when the model is loaded.
  AOTI_CUDA_PTX = 2
} AotiCudaImageKind;

enum {
  // All blocks of the launch must be resident at once (grid-wide barriers).
  AOTI_CUDA_COOPERATIVE = 1,
  // Programmatic dependent launch: the kernel waits (griddepcontrol.wait) before it touches memory that its
  // predecessor writes, so it may start while that one ends. Ignored before capability 9.0.
  AOTI_CUDA_DEPENDENT_LAUNCH = 2
};

enum { AOTI_CUDA_META = 8, AOTI_CUDA_MAX_RANK = 5 };

// What an image expects of a tensor map among its parameters; numbers are those of the driver's enums.
typedef struct AotiCudaTensorMapDesc {
  int32_t data_type;  // CUtensorMapDataType
  int32_t element_bytes;
  int32_t swizzle;                    // CUtensorMapSwizzle
  int32_t rank;                       // 1 to AOTI_CUDA_MAX_RANK
  int32_t block[AOTI_CUDA_MAX_RANK];  // [rank] elements that one copy fetches, outermost dimension first
} AotiCudaTensorMapDesc;

// A kernel for one architecture, with the launch that this code wants: two architectures may use different
// block sizes.
typedef struct AotiCudaImage {
  int32_t sm;                    // 10 * major + minor: 80, 90, 100
  int32_t kind;                  // AotiCudaImageKind
  const void *data;              // borrowed; lives as long as the library
  int64_t bytes;                 // of data; of PTX with its NUL
  int32_t threads;               // of a block: 32 * num_warps of Triton
  int32_t shared_bytes;          // dynamic shared memory of a block
  int32_t cluster;               // blocks of a cluster, along x; 1: no clusters. A grid counts clusters.
  int32_t flags;                 // AOTI_CUDA_COOPERATIVE, AOTI_CUDA_DEPENDENT_LAUNCH
  int64_t scratch_bytes;         // global scratch of each block of the grid (Triton: global_scratch_size)
  int64_t profile_bytes;         // profile scratch of each block (Triton: profile_scratch_size)
  int32_t scratch_align;         // a power of two, at most 512; of both scratches
  int32_t meta[AOTI_CUDA_META];  // block sizes from which generated code computes its grid (aoti_cuda_meta)
  const AotiCudaTensorMapDesc *maps;  // [num_maps] of the tensor maps among its parameters, in their order
  int32_t num_maps;
} AotiCudaImage;

enum {
  // A device that no image fits goes without this kernel: generated code asks aoti_cuda_has_kernel and
  // launches
  // another one there.
  AOTI_CUDA_OPTIONAL = 1,
  // That other one: loaded where an optional kernel that comes before it in the table is missing.
  AOTI_CUDA_ALTERNATIVE = 2
};

typedef struct AotiCudaKernelDesc {
  const char *name;            // for people: "triton_poi_fused_sin_0"
  const char *entry;           // symbol in every image
  const char *origins;         // what it computes, with source lines; null when unknown
  const int32_t *param_bytes;  // [num_params]: sizes of the parameters without the scratch pointers
  int32_t num_params;
  // Pointer parameters that follow: 0, 1 (global scratch) or 2 (global scratch, profile scratch), as the
  // pinned Triton adds them. Null where the image asks for 0 bytes.
  int32_t num_scratch_params;
  const AotiCudaImage *images;  // [num_images], in any order
  int32_t num_images;
  int32_t flags;  // AOTI_CUDA_OPTIONAL, AOTI_CUDA_ALTERNATIVE
} AotiCudaKernelDesc;

// The functions of runtime/cuda that the container calls (runtime/cuda/runtime_table.h). Generated code only
// names its address: that is what links the CUDA runtime into the libraries that need it, and no other.
typedef struct AotiCudaRuntime AotiCudaRuntime;
extern const AotiCudaRuntime aoti_cuda_runtime;

typedef struct AotiCudaModelDesc {
  uint32_t struct_size;  // sizeof(AotiCudaModelDesc)
  int32_t num_kernels;
  const AotiCudaKernelDesc *kernels;  // [num_kernels]; a kernel's number is its index here
  const AotiCudaRuntime *runtime;     // &aoti_cuda_runtime
  // Bytes of an instance's arena on the device, as AotiModelDesc.arena_bytes and arena_bytes_for are of that
  // on the host.
  int64_t arena_bytes;
  int64_t (*arena_bytes_for)(const int64_t *symbols);
  // Null: a run may be kept as a CUDA graph. Else why not, for people: "reads the predicate of a cond".
  const char *no_graph_reason;
  // Of each instance, on the device, beside its arena: memory for kernels that compute a result in parts.
  int64_t workspace_bytes;  // 0: none
  int32_t num_semaphores;   // int32_t each; 0: none
  int32_t reserved;         // 0
} AotiCudaModelDesc;

// ---- One run ----

// What generated code may read of a run; the runtime has more behind it.
typedef struct AotiCudaRun {
  void *arena;           // arena_bytes on the device, 512-byte aligned; null when 0
  void *stream;          // CUstream of the caller; null is the default stream
  int32_t device_index;  // CUDA ordinal
  int32_t sm;            // compute capability of the device
  // Shared by the kernels of a run, which use them one after the other. The workspace holds anything before a
  // kernel; every semaphore is 0 before it and must be 0 after it. Null when there are none.
  float *workspace;
  int32_t *semaphores;
} AotiCudaRun;

typedef struct AotiCudaGrid {
  int64_t x, y, z;  // blocks, or clusters where the image has them
} AotiCudaGrid;

// The meta numbers of the image that was chosen for kernel number `kernel`: [AOTI_CUDA_META], borrowed.
const int32_t *aoti_cuda_meta(const AotiCudaRun *run, int32_t kernel);

// Whether kernel number `kernel` was loaded on the device: not 0 for every one without flags.
int32_t aoti_cuda_has_kernel(const AotiCudaRun *run, int32_t kernel);

// Launches kernel number `kernel`. params: [num_params] addresses of the values, which are copied before the
// call returns. A grid with a 0 in it launches nothing and succeeds; fails for more than 2^31 - 1 blocks
// along x or 65535 along y or z.
int32_t aoti_cuda_launch(AotiCudaRun *run, int32_t kernel, AotiCudaGrid grid, void *const *params);

typedef enum AotiCudaCopyKind {
  AOTI_CUDA_HOST_TO_DEVICE = 0,  // src has been read when the call returns
  AOTI_CUDA_DEVICE_TO_HOST = 1,  // dst has arrived when the call returns: waits for the stream
  AOTI_CUDA_DEVICE_TO_DEVICE = 2
} AotiCudaCopyKind;

// Copies `bytes` contiguous bytes. Only device-to-device copies may be part of a graph: a run that makes
// another one is not kept as a graph.
int32_t aoti_cuda_copy(AotiCudaRun *run, void *dst, const void *src, int64_t bytes, AotiCudaCopyKind kind);

// Sets `count` elements of element_bytes (1, 2 or 4) to the low bytes of `value`.
int32_t aoti_cuda_fill(AotiCudaRun *run, void *dst, uint32_t value, int32_t element_bytes, int64_t count);

// ---- Tensor maps (TMA descriptors), for kernels that take one by value ----

typedef struct AotiCudaTensorMap {
  // CUtensorMap: 128 bytes, 64-byte aligned.
#ifdef __cplusplus
  alignas(64)
#else
  _Alignas(64)
#endif
      uint64_t opaque[16];
} AotiCudaTensorMap;

// Makes tensor map number `map` of kernel number `kernel` for a matrix at `address` (on the device, 16-byte
// aligned): sizes and strides in elements, outermost first, as many as the image says; the last stride is 1,
// the others are multiples of 16 bytes. Elements outside are read as zeros. Needs no call of the driver when
// the instance's last run made the same one at this place.
int32_t aoti_cuda_tensor_map(AotiCudaRun *run, int32_t kernel, int32_t map, const void *address,
                             const int64_t *sizes, const int64_t *strides, AotiCudaTensorMap *ret_map);

#ifdef __cplusplus
}  // extern "C"
#endif

#endif  // AOTI_CUDA_H_
