// Measures a pool: its overhead per call, its throughput with as many callers as cores against what the cores
// do alone, one after the other, and calls while all weights are exchanged.
//
//   bazel run //runtime/serving:pool_benchmark -- LIBRARY [--seconds=3] [--rows=1]
//
// Inputs are made from the model's table: dynamic sizes are --rows (within their bounds), values 1.
#ifndef _GNU_SOURCE
#define _GNU_SOURCE  // sched_setaffinity
#endif
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <thread>
#include <vector>

#include "runtime/package/loader.h"
#include "runtime/serving/pool.h"

namespace {

struct Input {
  std::vector<int64_t> sizes, strides;
  std::vector<uint8_t> bytes;
  int32_t dtype;
};

void fill(Input *input, int64_t numel) {
  const size_t count = static_cast<size_t>(numel);
  const auto repeat = [&](auto one) {
    input->bytes.resize(count * sizeof one);
    for (size_t i = 0; i < count; ++i) memcpy(input->bytes.data() + i * sizeof one, &one, sizeof one);
  };
  if (input->dtype == AOTI_DTYPE_FLOAT32) {
    repeat(1.0f);
  } else if (input->dtype == AOTI_DTYPE_INT64) {
    repeat(int64_t{1});
  } else if (input->dtype == AOTI_DTYPE_INT32) {
    repeat(int32_t{1});
  } else {
    input->bytes.assign(count * 16, 0);
  }
}

std::vector<Input> make_inputs(const AotiModelDesc &desc, int64_t rows) {
  std::vector<Input> inputs;
  for (int32_t i = 0; i < desc.num_inputs; ++i) {
    const AotiTensorDesc &table = desc.inputs[i];
    Input input;
    input.dtype = table.dtype;
    int64_t numel = 1;
    for (int32_t d = 0; d < table.ndim; ++d) {
      input.sizes.push_back(std::clamp(rows, table.dims[d].lo, table.dims[d].hi));
      numel *= input.sizes.back();
    }
    input.strides.assign(input.sizes.size(), 1);
    for (size_t d = input.sizes.size(); d-- > 1;) input.strides[d - 1] = input.strides[d] * input.sizes[d];
    fill(&input, numel);
    inputs.push_back(std::move(input));
  }
  return inputs;
}

// One model with the inputs of a call.
struct Bench {
  const AotiModelApi &api;
  std::vector<Input> inputs;
  size_t num_outputs;
  double seconds;

  void make(AtenTensorHandle *handles) const {
    for (size_t i = 0; i < inputs.size(); ++i) {
      const Input &in = inputs[i];
      api.create_tensor_from_blob_v2(
          const_cast<uint8_t *>(in.bytes.data()), static_cast<int64_t>(in.sizes.size()), in.sizes.data(),
          in.strides.data(), 0, in.dtype, AOTI_DEVICE_CPU, 0, &handles[i], 0, nullptr, 0);
    }
  }

  // Calls in a row until the time is over; their times.
  template <class Run>
  std::vector<int64_t> calls(Run run) const {
    std::vector<AtenTensorHandle> in(inputs.size()), out(num_outputs);
    std::vector<int64_t> times;
    const int64_t end = aoti::monotonic_ns() + static_cast<int64_t>(seconds * 1e9);
    for (int64_t now = aoti::monotonic_ns(); now < end;) {
      make(in.data());
      if (!run(in.data(), out.data())) exit(1);
      for (AtenTensorHandle handle : out) {
        if (handle != nullptr) api.delete_tensor_object(handle);
      }
      const int64_t after = aoti::monotonic_ns();
      times.push_back(after - now);
      now = after;
    }
    return times;
  }

  auto direct(AOTInductorModelContainerHandle model) const {
    return [this, model](AtenTensorHandle *in, AtenTensorHandle *out) {
      return api.run(model, in, inputs.size(), out, num_outputs, nullptr, nullptr) == AOTI_RUNTIME_SUCCESS;
    };
  }

  auto pooled(aoti::Pool *pool) const {
    return [this, pool](AtenTensorHandle *in, AtenTensorHandle *out) {
      std::string message;
      const auto status = pool->run(in, inputs.size(), out, num_outputs, {}, &message);
      if (status != aoti::CallStatus::kOk) fprintf(stderr, "%s\n", message.c_str());
      return status == aoti::CallStatus::kOk;
    };
  }
};

int64_t median(std::vector<int64_t> times) {
  std::nth_element(times.begin(), times.begin() + static_cast<long>(times.size() / 2), times.end());
  return times[times.size() / 2];
}

void pin(int core) {
  cpu_set_t set;
  CPU_ZERO(&set);
  CPU_SET(core, &set);
  sched_setaffinity(0, sizeof set, &set);
}

std::vector<int> own_cores() {
  cpu_set_t set;
  std::vector<int> cores;
  sched_getaffinity(0, sizeof set, &set);
  for (int core = 0; core < CPU_SETSIZE; ++core) {
    if (CPU_ISSET(core, &set)) cores.push_back(core);
  }
  return cores;
}

void measure_overhead(const Bench &bench, aoti::Pool *pool) {
  std::vector<int64_t> direct, pooled;
  Bench part = bench;
  part.seconds = bench.seconds / 20;
  for (int round = 0; round < 10; ++round) {
    const auto a = part.calls(part.direct(pool->container())), b = part.calls(part.pooled(pool));
    direct.insert(direct.end(), a.begin(), a.end());
    pooled.insert(pooled.end(), b.begin(), b.end());
  }
  const double alone = static_cast<double>(median(direct)) / 1e3,
               through = static_cast<double>(median(pooled)) / 1e3;
  printf("overhead     direct %.3f us, pool %.3f us: %.3f us per call (medians)\n", alone, through,
         through - alone);
}

void measure_throughput(const Bench &bench, aoti::Pool *pool, const std::vector<int> &cores) {
  double alone = 0;
  for (int core : cores) {
    std::thread thread([&, core] {
      pin(core);
      alone += static_cast<double>(bench.calls(bench.direct(pool->container())).size()) / bench.seconds;
    });
    thread.join();
  }
  std::atomic<int64_t> together{0};
  std::vector<std::thread> callers;
  for (size_t i = 0; i < cores.size(); ++i) {
    callers.emplace_back([&] { together += static_cast<int64_t>(bench.calls(bench.pooled(pool)).size()); });
  }
  for (std::thread &caller : callers) caller.join();
  const double rate = static_cast<double>(together.load()) / bench.seconds;
  printf("throughput   cores alone %.1f + pool %.1f calls/s with %zu callers: %.1f %%\n", alone, rate,
         cores.size(), 100 * rate / alone);
}

// All constants of the model are given anew, with the values that they have, again and again.
void measure_swaps(const Bench &bench, aoti::Pool *pool, const std::vector<int> &cores) {
  std::atomic<bool> stop{false};
  int64_t swaps = 0;
  std::vector<std::vector<int64_t>> times(cores.size());
  std::vector<std::thread> callers;
  for (size_t i = 0; i < cores.size(); ++i) {
    callers.emplace_back([&, i] { times[i] = bench.calls(bench.pooled(pool)); });
  }
  std::thread writer([&] {
    // As a service should: making the new set takes a core's time, and calls go first.
    setpriority(PRIO_PROCESS, static_cast<id_t>(syscall(SYS_gettid)), 19);
    while (!stop) {
      const AOTInductorConstantMapEntry *entries = nullptr;
      size_t count = 0;
      if (bench.api.extract_constants(pool->container(), &entries, &count, false) != 0 ||
          bench.api.update_constants(pool->container(), entries, count, true, false) != 0 ||
          bench.api.swap_constants(pool->container()) != 0) {
        fprintf(stderr, "swap: %s\n", bench.api.last_error());
        exit(1);
      }
      swaps += 1;
      std::this_thread::sleep_for(std::chrono::milliseconds(200));
    }
  });
  for (std::thread &caller : callers) caller.join();
  stop = true;
  writer.join();
  std::vector<int64_t> all;
  for (const auto &mine : times) all.insert(all.end(), mine.begin(), mine.end());
  std::sort(all.begin(), all.end());
  printf(
      "swaps        %lld of all weights under load: %zu calls, none failed; median %.3f ms, p99 %.3f ms, "
      "slowest %.3f ms\n",
      static_cast<long long>(swaps), all.size(), static_cast<double>(all[all.size() / 2]) / 1e6,
      static_cast<double>(all[all.size() * 99 / 100]) / 1e6, static_cast<double>(all.back()) / 1e6);
}

}  // namespace

int main(int argc, char **argv) {
  double seconds = 3;
  int64_t rows = 1;
  std::string path, error;
  for (int i = 1; i < argc; ++i) {
    if (strncmp(argv[i], "--seconds=", 10) == 0) {
      seconds = atof(argv[i] + 10);
    } else if (strncmp(argv[i], "--rows=", 7) == 0) {
      rows = atoll(argv[i] + 7);
    } else {
      path = argv[i];
    }
  }
  const auto library = aoti::load_library(path, {}, &error);
  if (library == nullptr || library->api().desc == nullptr) {
    fprintf(stderr, "%s\nusage: pool_benchmark LIBRARY [--seconds=3] [--rows=1]\n", error.c_str());
    return 2;
  }
  const AotiModelApi &api = library->api();
  const std::vector<int> cores = own_cores();
  AOTInductorModelContainerHandle model = nullptr;
  if (api.create_with_device(&model, cores.size(), "cpu", nullptr) != AOTI_RUNTIME_SUCCESS) {
    fprintf(stderr, "%s\n", api.last_error());
    return 1;
  }
  {
    const Bench bench{api, make_inputs(*api.desc, rows), static_cast<size_t>(api.desc->num_outputs), seconds};
    aoti::PoolOptions options;
    options.num_instances = static_cast<int32_t>(cores.size());
    aoti::Pool pool(api, model, options, &error);
    measure_overhead(bench, &pool);
    measure_throughput(bench, &pool, cores);
    measure_swaps(bench, &pool, cores);
  }
  api.delete_container(model);
  return 0;
}
