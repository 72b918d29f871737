// A model with the inputs of one call, called again and again: what the measurements of a pool share.
#ifndef RUNTIME_SERVING_BENCHMARK_BENCH_H_
#define RUNTIME_SERVING_BENCHMARK_BENCH_H_

#include <stdint.h>

#include <vector>

#include "runtime/serving/pool.h"

namespace pool_benchmark {

struct Input {
  std::vector<int64_t> sizes, strides;
  std::vector<uint8_t> bytes;
  int32_t dtype;
};

// Inputs by the model's table: dynamic sizes are `rows` (within their bounds), values 1.
std::vector<Input> make_inputs(const AotiModelDesc &desc, int64_t rows);

struct Bench {
  const AotiModelApi &api;
  std::vector<Input> inputs;
  size_t num_outputs;
  double seconds;

  // Handles of the inputs, which a call steals.
  void make(AtenTensorHandle *handles) const;

  // Calls in a row until the time is over; their times in ns. `run` takes inputs and outputs and says whether
  // it succeeded; `look` sees the outputs of each call, outside its time. A call that fails ends the process.
  template <class Run, class Look>
  std::vector<int64_t> calls(Run run, Look look) const {
    std::vector<AtenTensorHandle> in(inputs.size()), out(num_outputs);
    std::vector<int64_t> times;
    const int64_t end = aoti::monotonic_ns() + static_cast<int64_t>(seconds * 1e9);
    for (int64_t now = aoti::monotonic_ns(); now < end; now = aoti::monotonic_ns()) {
      make(in.data());
      if (!run(in.data(), out.data())) exit(1);
      const int64_t after = aoti::monotonic_ns();
      times.push_back(after - now);
      look(out.data());
      for (AtenTensorHandle handle : out) {
        if (handle != nullptr) api.delete_tensor_object(handle);
      }
    }
    return times;
  }

  template <class Run>
  std::vector<int64_t> calls(Run run) const {
    return calls(run, [](AtenTensorHandle *) {});
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

int64_t median(std::vector<int64_t> times);

// Prints " : pass" or " : FAIL" behind a line, with its end; gives `ok`.
bool verdict(bool ok);

// All weights are exchanged for another set, again and again, while every core calls the model: no call may
// fail, none may take twice the median, and every result must be, to the bit, that of one of both sets. False
// when one was not.
bool measure_swaps(const Bench &bench, aoti::Pool *pool, size_t callers);

}  // namespace pool_benchmark

#endif  // RUNTIME_SERVING_BENCHMARK_BENCH_H_
