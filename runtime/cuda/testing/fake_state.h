// The state of the stand-in for the CUDA driver, shared by its files.
#ifndef RUNTIME_CUDA_TESTING_FAKE_STATE_H_
#define RUNTIME_CUDA_TESTING_FAKE_STATE_H_

#include <map>
#include <mutex>
#include <string>
#include <vector>

#include "runtime/cuda/testing/fake_cuda.h"
#include "shim/cuda/driver_types.h"

namespace fake {

using namespace aoti_cuda;

struct Context {
  int32_t device;
};

struct Stream {
  int32_t device;
  unsigned long long id;
  bool capturing;
};

struct Event {
  unsigned long long stream_id;
};

struct Function {
  const FakeKernel *kernel;
  int32_t max_dynamic_shared;
};

struct Module {
  std::vector<Function *> functions;
};

struct Node {
  int32_t kind;  // 0 kernel, 1 copy, 2 fill
  const FakeKernel *kernel;
  uint32_t grid[3];
  std::vector<std::vector<char>> params;
  CUDA_MEMCPY3D copy;
  CUDA_MEMSET_NODE_PARAMS fill;
};

struct Graph {
  std::vector<Node *> nodes;
};

struct Exec {
  std::map<Node *, Node> nodes;  // values of its own
  std::vector<Node *> order;
};

struct Failure {
  CUresult result;
  int32_t skip, count;
};

struct State {
  std::mutex mutex;
  FakeCuda control;
  std::map<std::string, int64_t> calls;
  std::map<std::string, Failure> failures;
  std::map<CUdeviceptr, std::pair<int64_t, int32_t>> memory;  // bytes, device
  std::map<std::string, int32_t> live, launches;
  std::vector<Context> contexts;
  unsigned long long next_stream_id = 100;
  int32_t cross_stream_waits = 0;
  int32_t num_capturing = 0;
};

State &state();

// Counts a call; the injected failure, or success.
CUresult enter(const char *function);

void change_live(const char *what, int32_t by);

// The device of the calling thread's current context; -1 without one.
int32_t current_device();

// Does a copy or a fill.
void do_copy(const CUDA_MEMCPY3D &copy);
void do_fill(const CUDA_MEMSET_NODE_PARAMS &fill);

}  // namespace fake

#endif  // RUNTIME_CUDA_TESTING_FAKE_STATE_H_
