// A stand-in for libcuda.so.1 that tests steer: the driver functions that shim/cuda/driver.h looks up, on
// host memory, with every call counted and any failure injected.
//
// "Device" memory is host memory; work on a stream is done at once, in the calling thread; a kernel is a host
// function that is called once for the whole grid. A module image is a FakeModule.
//
//   FakeCuda *fake = open_fake_cuda();              // and AOTI_LIBCUDA names the same file
//   fake->fail("cuMemAlloc_v2", 2, 0, 1);           // the next allocation is out of memory
//   CHECK_EQ(fake->calls("cuGraphLaunch"), 1);
#ifndef RUNTIME_CUDA_TESTING_FAKE_CUDA_H_
#define RUNTIME_CUDA_TESTING_FAKE_CUDA_H_

#include <dlfcn.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

constexpr char kFakeModuleMagic[8] = {'F', 'A', 'K', 'E', 'M', 'O', 'D', '1'};

struct FakeKernel {
  const char *name;
  int32_t num_params;  // scratch pointers included
  const int32_t *param_bytes;
  void (*run)(const uint32_t grid[3], void *const *params);
};

struct FakeModule {
  char magic[8];
  int32_t num_kernels;
  const FakeKernel *kernels;
};

struct FakeCuda {
  // What the driver says of itself; changed by tests, read at every call.
  int32_t version;
  int32_t num_devices;
  int32_t sm;
  int64_t memory_limit;  // bytes on each device

  int64_t (*calls)(const char *function);
  // Makes `count` calls of a function fail with `result`, after `skip` good ones.
  void (*fail)(const char *function, int32_t result, int32_t skip, int32_t count);
  // What is alive.
  int64_t (*live_bytes)();
  int32_t (*live)(const char *what);  // "memory", "module", "event", "graph", "exec"
  void *(*make_stream)(int32_t device);
  void (*destroy_stream)(void *stream);
  void (*set_capturing)(void *stream, bool capturing);
  // Pairs of streams that were put in order: cuStreamWaitEvent calls whose event was recorded on another
  // stream.
  int32_t (*cross_stream_waits)();
  // Of the launches so far: with the programmatic attribute, with clusters; graph edges of the programmatic
  // kind.
  int32_t (*launches_with)(const char *what);  // "dependent", "cluster", "cooperative", "edge"
};

// Opens the library that AOTI_LIBCUDA names. Exits when it cannot.
inline FakeCuda *open_fake_cuda() {
  void *library = dlopen(getenv("AOTI_LIBCUDA"), RTLD_NOW);
  void *entry = library == nullptr ? nullptr : dlsym(library, "fake_cuda");
  if (entry == nullptr) {
    fprintf(stderr, "the stand-in for the CUDA driver cannot be opened: %s\n", dlerror());
    exit(1);
  }
  return reinterpret_cast<FakeCuda *(*)()>(entry)();
}

#endif  // RUNTIME_CUDA_TESTING_FAKE_CUDA_H_
