// What one run at a time needs on the device: arena, workspace, scratch, an event, and graphs by exact sizes.
//
// Modes of a run (Mode): work is either done at once (kEager), or put off to the end of the run:
//   kRecord   noted in a new recording; `end` makes a graph of it and launches that
//   kReplay   compared with a recording; what differs is updated in the graph; `end` launches it
// A run that turns out not to fit (another sequence of launches, a copy from the host) does what it has put
// off at once and goes on eagerly, so a run's result never depends on the mode.
//
// Two runs of an instance on different streams are kept apart by `done`, an event recorded at the end of
// each.
#ifndef RUNTIME_CUDA_INSTANCE_H_
#define RUNTIME_CUDA_INSTANCE_H_

#include "runtime/cuda/model.h"
#include "runtime/cuda/recording.h"
#include "runtime/cuda/scratch.h"
#include "runtime/cuda/tensor_maps.h"

namespace aoti_cuda {

enum class Mode { kEager, kRecord, kReplay };

constexpr int32_t kMaxGraphs = 16;

struct CudaInstance {
  AotiCudaRun run;  // first: generated code's pointer is the instance's
  CudaModel *model;
  int64_t arena_bytes;
  Scratch scratch;
  TensorMaps maps;
  CUevent done;
  bool has_run;                       // `done` has been recorded
  unsigned long long last_stream_id;  // of the run that `done` ended
  CUcontext previous_context;         // of the thread that runs it
  // The caller captures the stream: everything goes into its graph. While it may be replayed, the caller
  // keeps the outputs of the captured run, and lets no other run of this instance overlap it.
  bool captured;
  CUstreamCaptureMode capture_mode;  // of the thread, while a captured run changes it
  bool graphs;
  Mode mode;
  Recording *recording;  // of this run, in kRecord and kReplay
  Recording recordings[kMaxGraphs];
  int64_t clock;            // counts runs, for the least recently used recording
  const char *graph_state;  // a literal, or a string of the model's table
};

AOTIRuntimeError instance_create(CudaModel *model, CudaInstance **ret_instance);
void instance_destroy(CudaInstance *instance);
AOTIRuntimeError instance_begin(CudaInstance *instance, void *stream, const int64_t *symbols,
                                AotiCudaRun **ret_run);
AOTIRuntimeError instance_end(CudaInstance *instance, AOTIRuntimeError status);
AOTIRuntimeError instance_wait(CudaInstance *instance);

// Does at once what the run has put off, and goes on eagerly. `reason` (a literal) is why this run, and later
// ones of these sizes, have no graph.
AOTIRuntimeError leave_graph(CudaInstance *instance, const char *reason);

inline CudaInstance *instance_of(AotiCudaRun *run) { return reinterpret_cast<CudaInstance *>(run); }
inline const CudaInstance *instance_of(const AotiCudaRun *run) {
  return reinterpret_cast<const CudaInstance *>(run);
}

}  // namespace aoti_cuda

#endif  // RUNTIME_CUDA_INSTANCE_H_
