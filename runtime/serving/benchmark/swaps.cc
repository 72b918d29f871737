// Weights exchanged under load: two sets of them, and what the model gives with each.
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <algorithm>
#include <atomic>
#include <string>
#include <thread>
#include <vector>

#include "runtime/serving/benchmark/bench.h"
#include "runtime/serving/rows.h"

namespace pool_benchmark {
namespace {

// As nothing here may fail on a model that runs.
void must(const AotiModelApi &api, int32_t status) {
  if (status == 0) return;
  fprintf(stderr, "swap: %s\n", api.last_error());
  exit(1);
}

// Copies of all constants that the model has now; floats multiplied by `factor`.
class WeightSet {
 public:
  WeightSet(const AotiModelApi &api, AOTInductorModelContainerHandle model, float factor) : api_(api) {
    const AOTInductorConstantMapEntry *entries = nullptr;
    size_t count = 0;
    must(api, api.extract_constants(model, &entries, &count, false));
    names_.reserve(count);
    for (size_t i = 0; i < count; ++i) {
      names_.push_back(entries[i].name);
      entries_.push_back({names_.back().c_str(), copy(entries[i].handle, factor)});
    }
  }
  ~WeightSet() {
    for (const AOTInductorConstantMapEntry &entry : entries_) api_.delete_tensor_object(entry.handle);
  }
  WeightSet(const WeightSet &) = delete;
  WeightSet &operator=(const WeightSet &) = delete;

  // Into the inactive set, which then is the active one.
  void give(AOTInductorModelContainerHandle model) const {
    must(api_, api_.update_constants(model, entries_.data(), entries_.size(), true, false));
    must(api_, api_.swap_constants(model));
  }

 private:
  AtenTensorHandle copy(AtenTensorHandle from, float factor) {
    int64_t ndim = 0, offset = 0, bytes = 0, *sizes = nullptr, *strides = nullptr;
    int32_t dtype = 0;
    void *data = nullptr;
    must(api_, api_.get_dim(from, &ndim) | api_.get_sizes(from, &sizes) | api_.get_strides(from, &strides) |
                   api_.get_dtype(from, &dtype) | api_.get_storage_offset(from, &offset) |
                   api_.get_storage_size(from, &bytes) | api_.get_data_ptr(from, &data));
    const int64_t element = aoti::element_bytes(dtype);
    memory_.emplace_back(static_cast<const uint8_t *>(data) - offset * element,
                         static_cast<const uint8_t *>(data) - offset * element + bytes);
    if (dtype == AOTI_DTYPE_FLOAT32) {
      float *values = reinterpret_cast<float *>(memory_.back().data());
      for (size_t i = 0; i < memory_.back().size() / sizeof(float); ++i) values[i] *= factor;
    }
    AtenTensorHandle made = nullptr;
    must(api_, api_.create_tensor_from_blob_v2(memory_.back().data() + offset * element, ndim, sizes, strides,
                                               0, dtype, AOTI_DEVICE_CPU, 0, &made, 0, nullptr, 0));
    return made;
  }

  const AotiModelApi &api_;
  std::vector<std::string> names_;
  std::vector<std::vector<uint8_t>> memory_;
  std::vector<AOTInductorConstantMapEntry> entries_;
};

// The bytes of all outputs, one after the other; the model's outputs are contiguous or read as they lie.
std::string bytes_of(const Bench &bench, AtenTensorHandle *outputs) {
  std::string bytes;
  for (size_t i = 0; i < bench.num_outputs; ++i) {
    if (outputs[i] == nullptr) continue;
    int64_t numel = 0;
    int32_t dtype = 0;
    void *data = nullptr;
    must(bench.api, bench.api.get_numel(outputs[i], &numel) | bench.api.get_dtype(outputs[i], &dtype) |
                        bench.api.get_data_ptr(outputs[i], &data));
    bytes.append(static_cast<const char *>(data), static_cast<size_t>(numel * aoti::element_bytes(dtype)));
  }
  return bytes;
}

std::string result_of_one_call(const Bench &bench, aoti::Pool *pool) {
  std::vector<AtenTensorHandle> in(bench.inputs.size()), out(bench.num_outputs);
  bench.make(in.data());
  if (!bench.pooled(pool)(in.data(), out.data())) exit(1);
  std::string bytes = bytes_of(bench, out.data());
  for (AtenTensorHandle handle : out) {
    if (handle != nullptr) bench.api.delete_tensor_object(handle);
  }
  return bytes;
}

// The slowest of as many callers as that, against the median, while nothing is exchanged: what the machine
// itself does.
double slowest_ratio(const Bench &bench, aoti::Pool *pool, size_t num_callers) {
  std::vector<std::vector<int64_t>> times(num_callers);
  std::vector<std::thread> callers;
  for (size_t i = 0; i < num_callers; ++i)
    callers.emplace_back([&, i] { times[i] = bench.calls(bench.pooled(pool)); });
  for (std::thread &caller : callers) caller.join();
  std::vector<int64_t> all;
  for (const auto &mine : times) all.insert(all.end(), mine.begin(), mine.end());
  const int64_t slowest = *std::max_element(all.begin(), all.end());
  return static_cast<double>(slowest) / static_cast<double>(median(std::move(all)));
}

}  // namespace

bool measure_swaps(const Bench &bench, aoti::Pool *pool, size_t num_callers) {
  const WeightSet first(bench.api, pool->container(), 1), second(bench.api, pool->container(), 0.5f);
  second.give(pool->container());
  const std::string of_second = result_of_one_call(bench, pool);
  first.give(pool->container());
  const std::string of_first = result_of_one_call(bench, pool);
  const double alone = slowest_ratio(bench, pool, num_callers);
  std::atomic<bool> stop{false};
  std::atomic<int64_t> mixed{0}, of_each[2] = {};
  std::vector<std::vector<int64_t>> times(num_callers);
  std::vector<std::thread> callers;
  for (size_t i = 0; i < num_callers; ++i) {
    callers.emplace_back([&, i] {
      times[i] = bench.calls(bench.pooled(pool), [&](AtenTensorHandle *outputs) {
        const std::string got = bytes_of(bench, outputs);
        (got == of_first ? of_each[0] : got == of_second ? of_each[1] : mixed) += 1;
      });
    });
  }
  int64_t swaps = 0;
  std::thread writer([&] {
    for (; !stop; ++swaps) {
      (swaps % 2 == 0 ? second : first).give(pool->container());
      std::this_thread::sleep_for(std::chrono::milliseconds(200));
    }
  });
  for (std::thread &caller : callers) caller.join();
  stop = true;
  writer.join();
  std::vector<int64_t> all;
  for (const auto &mine : times) all.insert(all.end(), mine.begin(), mine.end());
  std::sort(all.begin(), all.end());
  const double half = static_cast<double>(all[all.size() / 2]), slowest = static_cast<double>(all.back());
  printf("swaps        %lld of all weights under load: %zu calls, none failed; median %.3f ms, p99 %.3f ms\n",
         static_cast<long long>(swaps), all.size(), half / 1e6,
         static_cast<double>(all[all.size() * 99 / 100]) / 1e6);
  printf("             %lld results of one set, %lld of the other, %lld of neither (none)",
         static_cast<long long>(of_each[0]), static_cast<long long>(of_each[1]),
         static_cast<long long>(mixed));
  const bool is_one_set = verdict(mixed == 0 && of_first != of_second && of_each[1] > 0);
  printf("             slowest call %.3f ms, %.2f times the median (without exchanges %.2f; below 2)",
         slowest / 1e6, slowest / half, alone);
  return verdict(slowest < 2 * half) && is_one_set;
}

}  // namespace pool_benchmark
