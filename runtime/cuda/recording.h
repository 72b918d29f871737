// The device work of one run, noted: launches, copies and fills in order, with copies of their parameters.
//
// A recording is the source of a CUDA graph (graph.h) and what later runs of the same sizes are compared
// with. Its operations can also be done one by one on a stream, with the same effect.
//
//   recording_add(&r, op, params)     // first run: note
//   recording_next(&r, op, params)    // later runs: kSame, kChanged (now noted: update the node) or kOther
#ifndef RUNTIME_CUDA_RECORDING_H_
#define RUNTIME_CUDA_RECORDING_H_

#include "runtime/cuda/image.h"

namespace aoti_cuda {

enum class OpKind : int32_t { kLaunch, kCopy, kFill };

struct Op {
  OpKind kind;
  int32_t element_bytes;  // of a fill
  CUgraphNode node;       // once there is a graph
  // Launch: blocks, and where its parameters start in Recording.params.
  const Kernel *kernel;
  uint32_t grid[3];
  uint32_t value;  // of a fill
  int64_t params;
  // Copy: bytes from `from` to `to`. Fill: elements at `to`.
  CUdeviceptr to, from;
  int64_t count;
};

struct Recording {
  int64_t *symbols;  // [num_symbols] the sizes it is for; null: the entry is free
  int64_t last_used;
  const char *refused;  // a literal: why there is and will be no graph; null: there may be one
  Op *ops;
  int32_t num_ops, ops_capacity;
  int32_t cursor;  // operations of this run so far, while it is compared
  char *params;    // 64-byte aligned
  int64_t params_bytes, params_capacity;
  CUgraph graph;
  CUgraphExec executable;  // null: not made yet
};

enum class Match { kSame, kChanged, kOther };

// Parameters of a launch are addresses of the values, scratch pointers included, as the driver takes them.

// Notes an operation at the end. False when memory runs out.
bool recording_add(Recording *recording, const Op &op, void *const *params);

// Compares an operation with the next one, and steps over it unless it is another (other kind or kernel, or
// no operation is left). What changed is noted.
Match recording_next(Recording *recording, const Op &op, void *const *params);

// Does operations [0, count) on a stream. The failing operation's number is written to *ret_failed.
CUresult recording_execute(const Device &device, const Recording &recording, int32_t count, CUstream stream,
                           int32_t *ret_failed);

// Does one operation on a stream; `params` of a launch.
CUresult execute(const Device &device, const Op &op, void *const *params, CUstream stream);

// Writes the addresses of a noted launch's parameters to `params` [num_params + num_scratch_params].
void launch_params(const Recording &recording, const Op &op, void **params);

constexpr int32_t kMaxLaunchParams = 256;

// Drops operations and graph; the key stays.
void recording_clear(const Device &device, Recording *recording);

}  // namespace aoti_cuda

#endif  // RUNTIME_CUDA_RECORDING_H_
