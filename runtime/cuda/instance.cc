#include "runtime/cuda/instance.h"

#include <stdlib.h>
#include <string.h>

#include "runtime/cuda/graph.h"
#include "runtime/model/error.h"

using aoti_model::fail;

namespace aoti_cuda {
namespace {

// A graph of fewer operations costs more than it saves.
constexpr int32_t kMinOps = 2;
constexpr int64_t kWorkspaceAlignment = 512;

// `what`: "arena" or "workspace".
AOTIRuntimeError fail_allocation(CudaInstance *instance, CUresult result, const char *what, int64_t bytes) {
  const CudaModel &model = *instance->model;
  if (result != kOutOfMemory) return fail_driver(instance->model, result, "allocating an instance's memory");
  size_t available = 0, total = 0;
  if (model.device->cu->MemGetInfo(&available, &total) != kSuccess) available = total = 0;
  return fail(
      "model %s: out of memory on cuda:%d (%s): an instance's %s needs %lld bytes; %lld of %lld are free. "
      "Use "
      "fewer instances or smaller inputs, or end other programs on this GPU",
      model.desc->name, model.device->index, model.device->name, what, (long long)bytes, (long long)available,
      (long long)total);
}

// Makes the arena at least `bytes` long. The device's context is current.
AOTIRuntimeError grow_arena(CudaInstance *instance, int64_t bytes) {
  if (bytes <= instance->arena_bytes) return AOTI_RUNTIME_SUCCESS;
  const Driver &cu = *instance->model->device->cu;
  if (instance->run.arena != nullptr) {
    if (instance_wait(instance) != AOTI_RUNTIME_SUCCESS) return AOTI_RUNTIME_FAILURE;
    cu.MemFree(reinterpret_cast<uintptr_t>(instance->run.arena));
    instance->run.arena = nullptr;
    instance->arena_bytes = 0;
  }
  CUdeviceptr address = 0;
  const CUresult result = allocate(cu, &address, static_cast<size_t>(bytes));
  if (result != kSuccess) return fail_allocation(instance, result, "arena", bytes);
  instance->run.arena = reinterpret_cast<void *>(address);
  instance->arena_bytes = bytes;
  return AOTI_RUNTIME_SUCCESS;
}

AOTIRuntimeError fit_arena(CudaInstance *instance, const int64_t *symbols) {
  const AotiCudaModelDesc &cuda = *instance->model->desc->cuda;
  if (cuda.arena_bytes_for == nullptr) return AOTI_RUNTIME_SUCCESS;
  const int64_t bytes = cuda.arena_bytes_for(symbols);
  if (bytes >= 0) return grow_arena(instance, bytes);
  return fail("model %s: the memory for inputs of these sizes is more than can be addressed",
              instance->model->desc->name);
}

// Memory that kernels share one after the other, with semaphores at zero.
AOTIRuntimeError make_workspace(CudaInstance *instance) {
  const AotiCudaModelDesc &cuda = *instance->model->desc->cuda;
  const Driver &cu = *instance->model->device->cu;
  if (cuda.workspace_bytes == 0 && cuda.num_semaphores == 0) return AOTI_RUNTIME_SUCCESS;
  const int64_t floats = (cuda.workspace_bytes + kWorkspaceAlignment - 1) & -kWorkspaceAlignment;
  const int64_t bytes = floats + cuda.num_semaphores * static_cast<int64_t>(sizeof(int32_t));
  CUdeviceptr address = 0;
  CUresult result = allocate(cu, &address, static_cast<size_t>(bytes));
  if (result != kSuccess) return fail_allocation(instance, result, "workspace", bytes);
  instance->run.workspace = reinterpret_cast<float *>(address);
  instance->run.semaphores = reinterpret_cast<int32_t *>(address + static_cast<uint64_t>(floats));
  result = cu.MemsetD32Async(address + static_cast<uint64_t>(floats), 0,
                             static_cast<size_t>(cuda.num_semaphores), nullptr);
  if (result == kSuccess) result = cu.StreamSynchronize(nullptr);
  return result == kSuccess ? AOTI_RUNTIME_SUCCESS
                            : fail_driver(instance->model, result, "clearing the semaphores");
}

AOTIRuntimeError init(CudaInstance *instance) {
  CudaModel *model = instance->model;
  ContextScope scope(*model->device);
  CUresult result = scope.result();
  if (result == kSuccess) result = model->device->cu->EventCreate(&instance->done, kEventDisableTiming);
  if (result != kSuccess) return fail_driver(model, result, "creating an event");
  if (make_workspace(instance) != AOTI_RUNTIME_SUCCESS) return AOTI_RUNTIME_FAILURE;
  const AotiCudaModelDesc &cuda = *model->desc->cuda;
  return cuda.arena_bytes_for == nullptr ? grow_arena(instance, cuda.arena_bytes) : AOTI_RUNTIME_SUCCESS;
}

// Sees whether the caller captures the stream. While it does, this thread's calls that have no part in the
// capture (memory, questions about the stream) must not end it, as they would in the driver's strict modes.
AOTIRuntimeError look_at_capture(CudaInstance *instance, CUstream stream) {
  const Driver &cu = *instance->model->device->cu;
  CUstreamCaptureStatus capture = kCaptureNone;
  CUresult result = cu.StreamIsCapturing(stream, &capture);
  instance->captured = capture != kCaptureNone;
  instance->capture_mode = kCaptureModeRelaxed;
  if (result == kSuccess && instance->captured)
    result = cu.ThreadExchangeStreamCaptureMode(&instance->capture_mode);
  return result == kSuccess ? AOTI_RUNTIME_SUCCESS
                            : fail_driver(instance->model, result, "preparing the stream");
}

// Puts back what instance_begin changed of the thread.
void put_back(CudaInstance *instance) {
  const Device &device = *instance->model->device;
  if (instance->captured) device.cu->ThreadExchangeStreamCaptureMode(&instance->capture_mode);
  if (instance->previous_context != device.context) device.cu->CtxSetCurrent(instance->previous_context);
}

AOTIRuntimeError check_stream(CudaInstance *instance, CUstream stream) {
  CudaModel *model = instance->model;
  if (stream == nullptr) return AOTI_RUNTIME_SUCCESS;
  CUcontext context = nullptr;
  const CUresult result = model->device->cu->StreamGetCtx(stream, &context);
  if (result != kSuccess) return fail_driver(model, result, "looking at the stream");
  if (context == model->device->context) return AOTI_RUNTIME_SUCCESS;
  return fail(
      "model %s: the stream is of another device or context than cuda:%d, where this container runs; pass a "
      "stream "
      "of cuda:%d (made while that device is current), or create the container with the stream's device",
      model->desc->name, model->device->index, model->device->index);
}

// Keeps this run after the instance's last one when that was on another stream.
AOTIRuntimeError join_last_run(CudaInstance *instance, CUstream stream) {
  CudaModel *model = instance->model;
  const Driver &cu = *model->device->cu;
  // A captured stream takes no event from outside its capture: whoever captures orders the replays. Nor does
  // the driver tell its id; the question alone would end the capture.
  if (instance->captured) return AOTI_RUNTIME_SUCCESS;
  unsigned long long id = 0;
  CUresult result = cu.StreamGetId(stream, &id);
  if (result == kSuccess && instance->has_run && id != instance->last_stream_id) {
    result = cu.StreamWaitEvent(stream, instance->done, 0);
  }
  instance->last_stream_id = id;
  return result == kSuccess ? AOTI_RUNTIME_SUCCESS : fail_driver(model, result, "preparing the stream");
}

// The entry for these sizes: the one there is, a free one, or the one that was used least recently.
Recording *find_recording(CudaInstance *instance, const int64_t *symbols) {
  const size_t bytes = sizeof(int64_t) * static_cast<size_t>(instance->model->desc->num_symbols);
  Recording *oldest = &instance->recordings[0];
  for (Recording &r : instance->recordings) {
    if (r.symbols != nullptr && memcmp(r.symbols, symbols, bytes) == 0) return &r;
    if (r.last_used < oldest->last_used) oldest = &r;
  }
  recording_clear(*instance->model->device, oldest);
  oldest->refused = nullptr;
  if (oldest->symbols == nullptr) oldest->symbols = static_cast<int64_t *>(malloc(bytes + sizeof(int64_t)));
  if (oldest->symbols == nullptr) return nullptr;
  memcpy(oldest->symbols, symbols, bytes);
  oldest->last_used = 0;  // not run yet
  return oldest;
}

const char *graph_refusal(const CudaInstance &instance) {
  if (!instance.graphs) return "switched off (AOTI_CUDA_GRAPHS=0 or set_cuda_graphs)";
  if (instance.captured) return "the caller captures the stream";
  if (instance.model->sync_launches) return "AOTI_CUDA_SYNC waits for every launch";
  return instance.model->desc->cuda->no_graph_reason;
}

// The first run of a size is eager; the second is recorded, unless something speaks against it.
void choose_mode(CudaInstance *instance, const int64_t *symbols) {
  instance->mode = Mode::kEager;
  instance->recording = nullptr;
  instance->graph_state = graph_refusal(*instance);
  if (instance->graph_state != nullptr) return;
  Recording *r = find_recording(instance, symbols);
  if (r == nullptr) {
    instance->graph_state = "out of host memory";
    return;
  }
  const bool first = r->last_used == 0;
  r->last_used = ++instance->clock;
  instance->graph_state = r->refused != nullptr ? r->refused : "the first run of these sizes";
  if (r->refused != nullptr || first) return;
  instance->recording = r;
  r->cursor = 0;
  instance->mode = r->executable != nullptr ? Mode::kReplay : Mode::kRecord;
  instance->graph_state = r->executable != nullptr ? "graph" : "graph being recorded";
}

// Refuses graphs for these sizes from now on and frees what was recorded.
void refuse(CudaInstance *instance, const char *reason) {
  instance->recording->refused = reason;
  instance->graph_state = reason;
  recording_clear(*instance->model->device, instance->recording);
  instance->recording = nullptr;
  instance->mode = Mode::kEager;
}

AOTIRuntimeError launch_graph(CudaInstance *instance) {
  CudaModel *model = instance->model;
  Recording *r = instance->recording;
  if (instance->mode == Mode::kReplay && r->cursor != r->num_ops) {
    return leave_graph(instance, "runs of these sizes launch different kernels");
  }
  if (instance->mode == Mode::kRecord) {
    if (r->num_ops < kMinOps) return leave_graph(instance, "a single launch");
    if (graph_build(*model->device, r) != kSuccess) {
      return leave_graph(instance, "the driver refused to make one");
    }
  }
  const CUresult result =
      model->device->cu->GraphLaunch(r->executable, static_cast<CUstream>(instance->run.stream));
  return result == kSuccess ? AOTI_RUNTIME_SUCCESS
                            : fail_driver(model, result, "launching the graph of a run");
}

// A failed run: what it recorded is not whole.
void drop_recording(CudaInstance *instance) {
  if (instance->mode == Mode::kRecord) recording_clear(*instance->model->device, instance->recording);
}

}  // namespace

AOTIRuntimeError leave_graph(CudaInstance *instance, const char *reason) {
  Recording *r = instance->recording;
  const int32_t count = instance->mode == Mode::kReplay ? r->cursor : r->num_ops;
  int32_t failed = 0;
  const CUresult result = recording_execute(*instance->model->device, *r, count,
                                            static_cast<CUstream>(instance->run.stream), &failed);
  const char *name = result != kSuccess && r->ops[failed].kind == OpKind::kLaunch
                         ? r->ops[failed].kernel->desc->name
                         : "a copy or fill";
  refuse(instance, reason);
  return result == kSuccess ? AOTI_RUNTIME_SUCCESS : fail_driver(instance->model, result, name);
}

AOTIRuntimeError instance_create(CudaModel *model, CudaInstance **ret_instance) {
  CudaInstance *instance = static_cast<CudaInstance *>(calloc(1, sizeof(CudaInstance)));
  if (instance == nullptr) return aoti_model::fail_memory("an instance", sizeof(CudaInstance));
  instance->model = model;
  instance->run.device_index = model->device->index;
  instance->run.sm = model->device->sm;
  instance->graphs = model->graphs;
  instance->graph_state = "not run yet";
  if (init(instance) != AOTI_RUNTIME_SUCCESS) {
    instance_destroy(instance);
    return AOTI_RUNTIME_FAILURE;
  }
  *ret_instance = instance;
  return AOTI_RUNTIME_SUCCESS;
}

void instance_destroy(CudaInstance *instance) {
  if (instance == nullptr) return;
  const Device &device = *instance->model->device;
  ContextScope scope(device);
  if (instance->has_run) device.cu->EventSynchronize(instance->done);
  for (Recording &r : instance->recordings) {
    recording_clear(device, &r);
    free(r.symbols);
  }
  scratch_destroy(device, &instance->scratch);
  tensor_maps_destroy(&instance->maps);
  if (instance->run.workspace != nullptr)
    device.cu->MemFree(reinterpret_cast<uintptr_t>(instance->run.workspace));
  if (instance->run.arena != nullptr) device.cu->MemFree(reinterpret_cast<uintptr_t>(instance->run.arena));
  if (instance->done != nullptr) device.cu->EventDestroy(instance->done);
  free(instance);
}

AOTIRuntimeError instance_begin(CudaInstance *instance, void *stream, const int64_t *symbols,
                                AotiCudaRun **ret_run) {
  CudaModel *model = instance->model;
  const Driver &cu = *model->device->cu;
  if (check_not_faulted(model) != AOTI_RUNTIME_SUCCESS) return AOTI_RUNTIME_FAILURE;
  CUresult result = cu.CtxGetCurrent(&instance->previous_context);
  if (result == kSuccess && instance->previous_context != model->device->context) {
    result = cu.CtxSetCurrent(model->device->context);
  }
  if (result != kSuccess) return fail_driver(model, result, "making the device current");
  instance->run.stream = stream;
  scratch_reset(&instance->scratch);
  tensor_maps_reset(&instance->maps);
  if (look_at_capture(instance, static_cast<CUstream>(stream)) != AOTI_RUNTIME_SUCCESS ||
      check_stream(instance, static_cast<CUstream>(stream)) != AOTI_RUNTIME_SUCCESS ||
      join_last_run(instance, static_cast<CUstream>(stream)) != AOTI_RUNTIME_SUCCESS ||
      fit_arena(instance, symbols) != AOTI_RUNTIME_SUCCESS) {
    put_back(instance);
    return AOTI_RUNTIME_FAILURE;
  }
  choose_mode(instance, symbols);
  *ret_run = &instance->run;
  return AOTI_RUNTIME_SUCCESS;
}

AOTIRuntimeError instance_end(CudaInstance *instance, AOTIRuntimeError status) {
  CudaModel *model = instance->model;
  const Driver &cu = *model->device->cu;
  if (status != AOTI_RUNTIME_SUCCESS) {
    drop_recording(instance);
  } else if (instance->mode != Mode::kEager) {
    status = launch_graph(instance);
  }
  if (!instance->captured) {
    const CUresult result = cu.EventRecord(instance->done, static_cast<CUstream>(instance->run.stream));
    instance->has_run |= result == kSuccess;
    if (result != kSuccess && status == AOTI_RUNTIME_SUCCESS)
      status = fail_driver(model, result, "ending a run");
  }
  instance->mode = Mode::kEager;
  put_back(instance);
  return status;
}

AOTIRuntimeError instance_wait(CudaInstance *instance) {
  if (!instance->has_run) return AOTI_RUNTIME_SUCCESS;
  ContextScope scope(*instance->model->device);
  const CUresult result = instance->model->device->cu->EventSynchronize(instance->done);
  return result == kSuccess ? AOTI_RUNTIME_SUCCESS
                            : fail_driver(instance->model, result, "waiting for a run");
}

}  // namespace aoti_cuda
