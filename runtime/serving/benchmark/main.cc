// Measures a pool: its overhead per call, its throughput with as many callers as cores against what the cores
// do alone, one after the other, and calls while all weights are exchanged. Prints what is to be reached, and
// whether it was; the exit status is 0 when all of it was.
//
//   bazel run //runtime/serving/benchmark -- LIBRARY [--seconds=3] [--rows=1]
#ifndef _GNU_SOURCE
#define _GNU_SOURCE  // sched_setaffinity
#endif
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <algorithm>
#include <atomic>
#include <thread>
#include <vector>

#include "runtime/package/loader.h"
#include "runtime/serving/benchmark/bench.h"

namespace pool_benchmark {
namespace {

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

AOTIRuntimeError run_nothing(AOTInductorModelContainerHandle, AtenTensorHandle *, size_t, AtenTensorHandle *,
                             size_t, AOTInductorStreamHandle, AOTIProxyExecutorHandle) {
  return AOTI_RUNTIME_SUCCESS;
}

// What the pool does for a call, without the model: its time is a thousand times what is looked for.
bool measure_overhead(const AotiModelApi &api, AOTInductorModelContainerHandle model, int32_t instances) {
  AotiModelApi idle = api;
  idle.run = run_nothing;
  std::string message;
  aoti::PoolOptions options;
  options.num_instances = instances;
  aoti::Pool pool(idle, model, options, &message);
  std::vector<int64_t> times;
  constexpr int kCalls = 1000;
  for (int round = 0; round < 200; ++round) {
    const int64_t begin = aoti::monotonic_ns();
    for (int i = 0; i < kCalls; ++i) pool.run(nullptr, 0, nullptr, 0, {}, &message);
    times.push_back(aoti::monotonic_ns() - begin);
  }
  const double each = static_cast<double>(median(times)) / kCalls / 1e3;
  printf("overhead     %.3f us per call (below 5)", each);
  return verdict(each < 5);
}

bool measure_throughput(const Bench &bench, aoti::Pool *pool, const std::vector<int> &cores) {
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
  const double rate = static_cast<double>(together.load()) / bench.seconds, percent = 100 * rate / alone;
  printf("throughput   cores alone %.1f + pool %.1f calls/s with %zu callers: %.1f %% (at least 95)", alone,
         rate, cores.size(), percent);
  return verdict(percent >= 95);
}

int measure(const AotiModelApi &api, double seconds, int64_t rows) {
  const std::vector<int> cores = own_cores();
  AOTInductorModelContainerHandle model = nullptr;
  if (api.create_with_device(&model, cores.size(), "cpu", nullptr) != AOTI_RUNTIME_SUCCESS) {
    fprintf(stderr, "%s\n", api.last_error());
    return 1;
  }
  bool ok = true;
  {
    const Bench bench{api, make_inputs(*api.desc, rows), static_cast<size_t>(api.desc->num_outputs), seconds};
    std::string error;
    aoti::PoolOptions options;
    options.num_instances = static_cast<int32_t>(cores.size());
    ok &= measure_overhead(api, model, options.num_instances);
    aoti::Pool pool(api, model, options, &error);
    ok &= measure_throughput(bench, &pool, cores);
    ok &= measure_swaps(bench, &pool, cores.size());
  }
  api.delete_container(model);
  return ok ? 0 : 1;
}

}  // namespace
}  // namespace pool_benchmark

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
    fprintf(stderr, "%s\nusage: benchmark LIBRARY [--seconds=3] [--rows=1]\n", error.c_str());
    return 2;
  }
  return pool_benchmark::measure(library->api(), seconds, rows);
}
