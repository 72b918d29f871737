// The stand-in's devices, contexts, memory, streams, events and modules.
#include <string.h>

#include "runtime/cuda/testing/fake_state.h"

namespace fake {

thread_local Context *current;
thread_local CUstreamCaptureMode capture_mode = kCaptureModeGlobal;

State &state() {
  static State *instance = [] {
    State *s = new State;
    s->control.version = 12080;
    s->control.num_devices = 2;
    s->control.sm = 90;
    s->control.memory_limit = int64_t{64} << 20;
    s->control.calls = [](const char *function) {
      std::lock_guard<std::mutex> lock(state().mutex);
      return state().calls[function];
    };
    s->control.fail = [](const char *function, int32_t result, int32_t skip, int32_t count) {
      std::lock_guard<std::mutex> lock(state().mutex);
      state().failures[function] = Failure{result, skip, count};
    };
    s->control.live_bytes = [] {
      std::lock_guard<std::mutex> lock(state().mutex);
      int64_t bytes = 0;
      for (const auto &block : state().memory) bytes += block.second.first;
      return bytes;
    };
    s->control.live = [](const char *what) {
      std::lock_guard<std::mutex> lock(state().mutex);
      return state().live[what];
    };
    s->control.make_stream = [](int32_t device) {
      std::lock_guard<std::mutex> lock(state().mutex);
      return static_cast<void *>(new Stream{device, state().next_stream_id++, false});
    };
    s->control.destroy_stream = [](void *stream) { delete static_cast<Stream *>(stream); };
    s->control.set_capturing = [](void *stream, bool capturing) {
      static_cast<Stream *>(stream)->capturing = capturing;
      state().num_capturing += capturing ? 1 : -1;
    };
    s->control.cross_stream_waits = [] { return state().cross_stream_waits; };
    s->control.launches_with = [](const char *what) {
      std::lock_guard<std::mutex> lock(state().mutex);
      return state().launches[what];
    };
    for (int32_t i = 0; i < 8; ++i) s->contexts.push_back(Context{i});
    return s;
  }();
  return *instance;
}

CUresult enter(const char *function) {
  std::lock_guard<std::mutex> lock(state().mutex);
  ++state().calls[function];
  auto found = state().failures.find(function);
  if (found == state().failures.end() || found->second.count == 0) return kSuccess;
  if (found->second.skip > 0) {
    --found->second.skip;
    return kSuccess;
  }
  --found->second.count;
  return found->second.result;
}

void change_live(const char *what, int32_t by) {
  std::lock_guard<std::mutex> lock(state().mutex);
  state().live[what] += by;
}

int32_t current_device() { return current == nullptr ? -1 : current->device; }

void do_copy(const CUDA_MEMCPY3D &c) {
  const char *from = c.source_type == kMemoryHost ? static_cast<const char *>(c.source_host)
                                                  : reinterpret_cast<const char *>(c.source_device);
  char *to = c.destination_type == kMemoryHost ? static_cast<char *>(c.destination_host)
                                               : reinterpret_cast<char *>(c.destination_device);
  for (size_t row = 0; row < c.height; ++row) {
    memmove(to + row * c.destination_pitch, from + row * c.source_pitch, c.width_bytes);
  }
}

void do_fill(const CUDA_MEMSET_NODE_PARAMS &f) {
  for (size_t i = 0; i < f.width; ++i) {
    memcpy(reinterpret_cast<char *>(f.destination) + i * f.element_bytes, &f.value, f.element_bytes);
  }
}

// Streams of work that is done at once: what is left of an asynchronous call is the check of its failure.
unsigned long long stream_id(CUstream stream) {
  return stream == nullptr ? static_cast<unsigned long long>(current_device() + 1)
                           : reinterpret_cast<Stream *>(stream)->id;
}

}  // namespace fake

using namespace fake;

// Begins a function: counts it and leaves with an injected failure.
#define ENTER(name)                            \
  do {                                         \
    const CUresult injected = enter(#name);    \
    if (injected != kSuccess) return injected; \
  } while (0)

extern "C" {

FakeCuda *fake_cuda() { return &state().control; }

// The same for callers that have no C++.
void *fake_stream(int32_t device) { return state().control.make_stream(device); }
int32_t fake_waits() { return state().control.cross_stream_waits(); }

CUresult cuInit(uint32_t) {
  ENTER(cuInit);
  return kSuccess;
}

CUresult cuDriverGetVersion(int32_t *version) {
  *version = state().control.version;
  return kSuccess;
}

CUresult cuGetErrorName(CUresult result, const char **name) {
  *name = result == kOutOfMemory      ? "CUDA_ERROR_OUT_OF_MEMORY"
          : result == kIllegalAddress ? "CUDA_ERROR_ILLEGAL_ADDRESS"
          : result == kNoDevice       ? "CUDA_ERROR_NO_DEVICE"
          : result == kInvalidImage   ? "CUDA_ERROR_INVALID_IMAGE"
                                      : "CUDA_ERROR_OF_THE_STAND_IN";
  return kSuccess;
}

CUresult cuGetErrorString(CUresult, const char **text) {
  *text = "injected";
  return kSuccess;
}

CUresult cuDeviceGetCount(int32_t *count) {
  ENTER(cuDeviceGetCount);
  *count = state().control.num_devices;
  return kSuccess;
}

CUresult cuDeviceGet(CUdevice *device, int32_t ordinal) {
  *device = ordinal;
  return kSuccess;
}

CUresult cuDeviceGetName(char *name, int32_t bytes, CUdevice) {
  snprintf(name, static_cast<size_t>(bytes), "Stand-in GPU");
  return kSuccess;
}

CUresult cuDeviceGetAttribute(int32_t *value, CUdevice_attribute attribute, CUdevice) {
  const int32_t sm = state().control.sm;
  *value = attribute == kComputeCapabilityMajor   ? sm / 10
           : attribute == kComputeCapabilityMinor ? sm % 10
                                                  : 232448;
  return kSuccess;
}

CUresult cuDevicePrimaryCtxRetain(CUcontext *context, CUdevice device) {
  ENTER(cuDevicePrimaryCtxRetain);
  *context = reinterpret_cast<CUcontext>(&state().contexts[static_cast<size_t>(device)]);
  return kSuccess;
}

CUresult cuCtxGetCurrent(CUcontext *context) {
  *context = reinterpret_cast<CUcontext>(current);
  return kSuccess;
}

CUresult cuCtxSetCurrent(CUcontext context) {
  ENTER(cuCtxSetCurrent);
  current = reinterpret_cast<Context *>(context);
  return kSuccess;
}

CUresult cuCtxGetDevice(CUdevice *device) {
  if (current == nullptr) return kInvalidContext;
  *device = current->device;
  return kSuccess;
}

CUresult cuCtxSynchronize() {
  ENTER(cuCtxSynchronize);
  return current == nullptr ? kInvalidContext : kSuccess;
}

CUresult cuModuleLoadDataEx(CUmodule *module, const void *image, uint32_t, CUjit_option *, void **) {
  ENTER(cuModuleLoadDataEx);
  const FakeModule *data = static_cast<const FakeModule *>(image);
  if (current == nullptr) return kInvalidContext;
  if (memcmp(data->magic, kFakeModuleMagic, sizeof kFakeModuleMagic) != 0) return kInvalidImage;
  Module *made = new Module;
  for (int32_t i = 0; i < data->num_kernels; ++i)
    made->functions.push_back(new Function{&data->kernels[i], 0});
  *module = reinterpret_cast<CUmodule>(made);
  change_live("module", 1);
  return kSuccess;
}

CUresult cuModuleUnload(CUmodule handle) {
  Module *module = reinterpret_cast<Module *>(handle);
  for (Function *function : module->functions) delete function;
  delete module;
  change_live("module", -1);
  return kSuccess;
}

CUresult cuModuleGetFunction(CUfunction *function, CUmodule module, const char *name) {
  ENTER(cuModuleGetFunction);
  for (Function *candidate : reinterpret_cast<Module *>(module)->functions) {
    if (strcmp(candidate->kernel->name, name) != 0) continue;
    *function = reinterpret_cast<CUfunction>(candidate);
    return kSuccess;
  }
  return kNotFound;
}

CUresult cuFuncGetAttribute(int32_t *value, CUfunction_attribute, CUfunction) {
  *value = 0;
  return kSuccess;
}

CUresult cuFuncSetAttribute(CUfunction, CUfunction_attribute, int32_t) {
  ENTER(cuFuncSetAttribute);
  return kSuccess;
}

CUresult cuMemAlloc_v2(CUdeviceptr *address, size_t bytes) {
  ENTER(cuMemAlloc_v2);
  if (current == nullptr) return kInvalidContext;
  std::lock_guard<std::mutex> lock(state().mutex);
  if (state().num_capturing > 0 && capture_mode != kCaptureModeRelaxed) return kStreamCaptureUnsupported;
  int64_t used = 0;
  for (const auto &block : state().memory)
    used += block.second.second == current->device ? block.second.first : 0;
  void *data = nullptr;
  if (used + static_cast<int64_t>(bytes) > state().control.memory_limit ||
      posix_memalign(&data, 512, bytes) != 0) {
    return kOutOfMemory;
  }
  memset(data, 0xcd, bytes);
  *address = reinterpret_cast<CUdeviceptr>(data);
  state().memory[*address] = {static_cast<int64_t>(bytes), current->device};
  ++state().live["memory"];
  return kSuccess;
}

CUresult cuMemFree_v2(CUdeviceptr address) {
  std::lock_guard<std::mutex> lock(state().mutex);
  ++state().calls["cuMemFree_v2"];
  if (state().memory.erase(address) == 0) {
    fprintf(stderr, "cuMemFree of memory that is not allocated\n");
    abort();
  }
  --state().live["memory"];
  free(reinterpret_cast<void *>(address));
  return kSuccess;
}

CUresult cuMemGetInfo_v2(size_t *free_bytes, size_t *total_bytes) {
  *total_bytes = static_cast<size_t>(state().control.memory_limit);
  *free_bytes = *total_bytes - static_cast<size_t>(state().control.live_bytes());
  return kSuccess;
}

CUresult cuMemcpyHtoDAsync_v2(CUdeviceptr to, const void *from, size_t bytes, CUstream) {
  ENTER(cuMemcpyHtoDAsync_v2);
  memcpy(reinterpret_cast<void *>(to), from, bytes);
  return kSuccess;
}

CUresult cuMemcpyDtoHAsync_v2(void *to, CUdeviceptr from, size_t bytes, CUstream) {
  ENTER(cuMemcpyDtoHAsync_v2);
  memcpy(to, reinterpret_cast<void *>(from), bytes);
  return kSuccess;
}

CUresult cuMemcpyDtoDAsync_v2(CUdeviceptr to, CUdeviceptr from, size_t bytes, CUstream) {
  ENTER(cuMemcpyDtoDAsync_v2);
  memcpy(reinterpret_cast<void *>(to), reinterpret_cast<void *>(from), bytes);
  return kSuccess;
}

CUresult cuMemcpy3DAsync_v2(const CUDA_MEMCPY3D *copy, CUstream) {
  ENTER(cuMemcpy3DAsync_v2);
  if (copy->source_pitch < copy->width_bytes || copy->destination_pitch < copy->width_bytes ||
      copy->depth != 1) {
    return 1;
  }
  do_copy(*copy);
  return kSuccess;
}

#define FAKE_MEMSET(name, type)                                                      \
  CUresult name(CUdeviceptr address, type value, size_t count, CUstream) {           \
    ENTER(name);                                                                     \
    for (size_t i = 0; i < count; ++i) reinterpret_cast<type *>(address)[i] = value; \
    return kSuccess;                                                                 \
  }
FAKE_MEMSET(cuMemsetD8Async, uint8_t)
FAKE_MEMSET(cuMemsetD16Async, uint16_t)
FAKE_MEMSET(cuMemsetD32Async, uint32_t)

// A map of the stand-in: the address, then the sizes. Refused where the driver refuses, too.
CUresult cuTensorMapEncodeTiled(void *map, int32_t, uint32_t rank, void *address, const uint64_t *sizes,
                                const uint64_t *stride_bytes, const uint32_t *box, const uint32_t *, int32_t,
                                int32_t, int32_t, int32_t) {
  ENTER(cuTensorMapEncodeTiled);
  bool sound = rank >= 1 && rank <= 5 && reinterpret_cast<uintptr_t>(address) % 16 == 0;
  for (uint32_t i = 0; i < rank && sound; ++i)
    sound = box[i] >= 1 && box[i] <= 256 && (i == 0 || stride_bytes[i - 1] % 16 == 0);
  if (!sound) return 1;
  uint64_t *words = static_cast<uint64_t *>(map);
  words[0] = reinterpret_cast<uintptr_t>(address);
  for (uint32_t i = 0; i < rank; ++i) words[1 + i] = sizes[i];
  return kSuccess;
}

CUresult cuStreamSynchronize(CUstream) {
  ENTER(cuStreamSynchronize);
  return kSuccess;
}

CUresult cuStreamWaitEvent(CUstream stream, CUevent event, uint32_t) {
  ENTER(cuStreamWaitEvent);
  if (reinterpret_cast<Event *>(event)->stream_id != stream_id(stream)) ++state().cross_stream_waits;
  return kSuccess;
}

CUresult cuStreamGetCtx(CUstream stream, CUcontext *context) {
  ENTER(cuStreamGetCtx);
  const size_t device = static_cast<size_t>(reinterpret_cast<Stream *>(stream)->device);
  *context = reinterpret_cast<CUcontext>(&state().contexts[device]);
  return kSuccess;
}

CUresult cuStreamGetCaptureInfo_v2(CUstream stream, CUstreamCaptureStatus *status, unsigned long long *id,
                                   CUgraph *, const CUgraphNode **, size_t *) {
  const bool capturing = stream != nullptr && reinterpret_cast<Stream *>(stream)->capturing;
  *status = capturing ? kCaptureActive : kCaptureNone;
  if (capturing) *id = 7;
  return kSuccess;
}

// As the driver: no answer for a stream that is captured.
CUresult cuStreamGetId(CUstream stream, unsigned long long *id) {
  if (stream != nullptr && reinterpret_cast<Stream *>(stream)->capturing) return kStreamCaptureUnsupported;
  *id = stream_id(stream);
  return kSuccess;
}

CUresult cuStreamIsCapturing(CUstream stream, CUstreamCaptureStatus *status) {
  *status =
      stream != nullptr && reinterpret_cast<Stream *>(stream)->capturing ? kCaptureActive : kCaptureNone;
  return kSuccess;
}

CUresult cuThreadExchangeStreamCaptureMode(CUstreamCaptureMode *mode) {
  const CUstreamCaptureMode previous = capture_mode;
  capture_mode = *mode;
  *mode = previous;
  return kSuccess;
}

CUresult cuEventCreate(CUevent *event, uint32_t) {
  ENTER(cuEventCreate);
  *event = reinterpret_cast<CUevent>(new Event{0});
  change_live("event", 1);
  return kSuccess;
}

CUresult cuEventDestroy_v2(CUevent event) {
  delete reinterpret_cast<Event *>(event);
  change_live("event", -1);
  return kSuccess;
}

CUresult cuEventRecord(CUevent event, CUstream stream) {
  ENTER(cuEventRecord);
  reinterpret_cast<Event *>(event)->stream_id = stream_id(stream);
  return kSuccess;
}

CUresult cuEventSynchronize(CUevent) {
  ENTER(cuEventSynchronize);
  return kSuccess;
}

}  // extern "C"
