// The pool with the toy model: limits, order, deadlines, cancellation, statistics, traces, swaps under load.
// Meant for the sanitizers as well (--config=tsan, --config=asan).
#include "runtime/serving/pool.h"

#include <stdlib.h>

#include <atomic>
#include <string>
#include <thread>
#include <vector>

#include "runtime/model/testing/toy_inputs.h"

using aoti::CallStatus;

namespace {

const AotiModelApi &api = *toy_api();

AOTInductorModelContainerHandle make(size_t instances) {
  AOTInductorModelContainerHandle model = nullptr;
  CHECK_EQ(api.create_with_device(&model, instances, "cpu", nullptr), 0);
  return model;
}

CallStatus call(aoti::Pool *pool, toy::Inputs *inputs, const aoti::CallOptions &options,
                std::string *message) {
  AtenTensorHandle handles[3], outputs[3];
  toy::make_handles(inputs, handles);
  const CallStatus status = pool->run(handles, 3, outputs, 3, options, message);
  if (status == CallStatus::kOk) {
    toy::check_and_delete(*inputs, toy::Constants(), outputs);
  } else {
    CHECK(outputs[0] == nullptr && outputs[1] == nullptr && outputs[2] == nullptr);
  }
  return status;
}

void test_calls() {
  AOTInductorModelContainerHandle model = make(2);
  std::string error, message;
  aoti::PoolOptions options;
  options.num_instances = 2;
  options.threads_per_call = 2;
  aoti::Trace trace(8);
  options.trace = &trace;
  aoti::Pool pool(api, model, options, &error);
  CHECK_STR_EQ(error.c_str(), "");
  for (int i = 0; i < 10; ++i) {
    toy::Inputs inputs(2 + 2 * i, i);
    CHECK(call(&pool, &inputs, {}, &message) == CallStatus::kOk);
  }
  toy::Inputs bad(4);
  bad.index = 99;
  CHECK(call(&pool, &bad, {}, &message) == CallStatus::kFailed);
  CHECK_CONTAINS(message.c_str(), "index out of range");
  const aoti::PoolStats stats = pool.stats();
  CHECK_EQ(stats.calls, int64_t{11});
  CHECK_EQ(stats.failed, int64_t{1});
  CHECK_EQ(stats.running, 0);
  CHECK_EQ(stats.ran.count(), int64_t{11});
  CHECK(stats.ran.quantile_ns(0.5) > 0 && stats.ran.quantile_ns(0.5) <= stats.ran.max_ns());
  CHECK_EQ(trace.size(), size_t{8});
  CHECK(trace.num_lost() >= 3);
  CHECK_CONTAINS(trace.json().c_str(), "{\"ph\":\"X\",\"cat\":\"call\",\"name\":\"run\",\"pid\":");
  const std::string metrics = pool.metrics("a \"toy\"");
  CHECK_CONTAINS(metrics.c_str(), "aoti_calls_total{model=\"a \\\"toy\\\"\",result=\"failed\"} 1\n");
  CHECK_CONTAINS(metrics.c_str(), "aoti_run_seconds_count{model=\"a \\\"toy\\\"\"} 11\n");
  CHECK_EQ(api.delete_container(model), 0);
}

size_t count_of(const std::string &text, const std::string &part) {
  size_t count = 0;
  for (size_t at = text.find(part); at != std::string::npos; at = text.find(part, at + 1)) ++count;
  return count;
}

// The format wants each family once and in one piece, however many models there are.
void test_metrics_of_several_models() {
  aoti::ModelStats one, two;
  one.model = "one";
  two.model = "two";
  two.stats.calls = 5;
  two.stats.deadline = 2;
  two.stats.ran.record(3'000'000);
  const std::string text = aoti::metrics_text({one, two});
  for (const std::string family :
       {"aoti_calls_total", "aoti_running", "aoti_waiting", "aoti_wait_seconds", "aoti_run_seconds"}) {
    const std::string type = "# TYPE " + family + " ";
    CHECK_EQ(count_of(text, type), size_t{1});
    const size_t begin = text.find(type), end = text.find("# HELP", begin);
    const std::string piece = text.substr(begin, end - begin);
    CHECK_EQ(count_of(text, "\n" + family), count_of(piece, "\n" + family));
    CHECK_EQ(count_of(piece, "model=\"one\""), count_of(piece, "model=\"two\""));
    CHECK(count_of(piece, "model=\"one\"") > 0);
  }
  CHECK_CONTAINS(text.c_str(), "aoti_calls_total{model=\"two\",result=\"ok\"} 3\n");
  CHECK_CONTAINS(text.c_str(), "aoti_run_seconds_count{model=\"one\"} 0\n");
  CHECK_CONTAINS(text.c_str(), "aoti_run_seconds_count{model=\"two\"} 1\n");
}

void test_kernel_trace() {
  AOTInductorModelContainerHandle model = make(1);
  std::string error;
  aoti::Trace trace;
  CHECK(trace.attach(api, model, &error));
  toy::Inputs inputs(4);
  toy::run_and_check(model, &inputs, toy::Constants());
  aoti::Trace::detach(api, model);
  toy::run_and_check(model, &inputs, toy::Constants());
  CHECK_EQ(trace.size(), size_t{1});
  const std::string json = trace.json();
  CHECK_CONTAINS(json.c_str(), "\"cat\":\"kernel\",\"name\":\"cpp_fused_addmm_relu_0\"");
  CHECK_CONTAINS(json.c_str(), "\"ts\":0.010,\"dur\":0.020,\"args\":{\"origin\":\"addmm at toy.py:2\"}");
  CHECK_EQ(api.delete_container(model), 0);
}

// The toy's table with a gate in front of its runs, so that calls wait for as long as a test wants.
std::atomic<bool> gate_is_open{true};

AOTIRuntimeError gated_run(AOTInductorModelContainerHandle model, AtenTensorHandle *inputs, size_t num_inputs,
                           AtenTensorHandle *outputs, size_t num_outputs, AOTInductorStreamHandle stream,
                           AOTIProxyExecutorHandle proxy_executor) {
  while (!gate_is_open) std::this_thread::yield();
  return api.run(model, inputs, num_inputs, outputs, num_outputs, stream, proxy_executor);
}

const AotiModelApi &gated_api() {
  static AotiModelApi table = api;
  table.run = gated_run;
  return table;
}

void wait_until(const aoti::Pool &pool, int32_t running, size_t waiting, int64_t ended) {
  for (;;) {
    const aoti::PoolStats stats = pool.stats();
    if (stats.running == running && stats.waiting == waiting && stats.calls == ended) return;
    std::this_thread::yield();
  }
}

void test_limits() {
  AOTInductorModelContainerHandle model = make(1);
  std::string error, message;
  aoti::PoolOptions options;
  options.max_waiting = 0;
  aoti::Pool pool(gated_api(), model, options, &error);
  toy::Inputs inputs(2);
  aoti::CallOptions late;
  late.deadline_ns = aoti::monotonic_ns() - 1;
  CHECK(call(&pool, &inputs, late, &message) == CallStatus::kDeadline);
  CHECK_CONTAINS(message.c_str(), "deadline passed");
  aoti::Cancellation cancellation;
  cancellation.cancel();
  aoti::CallOptions cancelled;
  cancelled.cancellation = &cancellation;
  CHECK(call(&pool, &inputs, cancelled, &message) == CallStatus::kCancelled);
  gate_is_open = false;
  std::thread runner([&] {
    toy::Inputs own(64);
    std::string said;
    CHECK(call(&pool, &own, {}, &said) == CallStatus::kOk);
  });
  wait_until(pool, 1, 0, 2);
  CHECK(call(&pool, &inputs, {}, &message) == CallStatus::kQueueFull);
  CHECK_CONTAINS(message.c_str(), "queue full");
  gate_is_open = true;
  runner.join();
  CHECK_EQ(api.delete_container(model), 0);
}

// Behind a call that runs, nine wait: three until their deadline, three until they are cancelled, three until
// it is their turn.
void test_waiting() {
  AOTInductorModelContainerHandle model = make(1);
  std::string error;
  aoti::Pool pool(gated_api(), model, {}, &error);
  aoti::Cancellation cancellation;
  std::atomic<int> ended[5] = {};
  std::vector<std::thread> clients;
  const auto start = [&](const aoti::CallOptions &options) {
    clients.emplace_back([&, options] {
      toy::Inputs inputs(4);
      std::string message;
      ended[static_cast<int>(call(&pool, &inputs, options, &message))] += 1;
    });
  };
  gate_is_open = false;
  start({});
  wait_until(pool, 1, 0, 0);
  aoti::CallOptions limited, cancellable;
  cancellable.cancellation = &cancellation;
  for (int i = 0; i < 3; ++i) {
    start({});
    start(cancellable);
  }
  wait_until(pool, 1, 6, 0);
  limited.deadline_ns = aoti::monotonic_ns() + 2'000'000;
  for (int i = 0; i < 3; ++i) start(limited);
  wait_until(pool, 1, 6, 3);
  CHECK_EQ(ended[static_cast<int>(CallStatus::kOk)].load(), 0);
  cancellation.cancel();
  wait_until(pool, 1, 3, 6);
  gate_is_open = true;
  for (std::thread &client : clients) client.join();
  CHECK_EQ(ended[static_cast<int>(CallStatus::kOk)].load(), 4);
  CHECK_EQ(ended[static_cast<int>(CallStatus::kDeadline)].load(), 3);
  CHECK_EQ(ended[static_cast<int>(CallStatus::kCancelled)].load(), 3);
  const aoti::PoolStats stats = pool.stats();
  CHECK_EQ(stats.calls, int64_t{10});
  CHECK_EQ(stats.running, 0);
  CHECK_EQ(stats.waiting, size_t{0});
  CHECK(stats.most_waiting >= 6);
  CHECK_EQ(api.delete_container(model), 0);
}

// While weights are exchanged, every result is of one set as a whole.
void test_swap_under_load() {
  AOTInductorModelContainerHandle model = make(3);
  std::string error;
  aoti::PoolOptions options;
  options.num_instances = 3;
  aoti::Pool pool(api, model, options, &error);
  toy::Constants first, second;
  for (int64_t j = 0; j < TOY_COLUMNS; ++j) {
    second.bias[j] = first.bias[j] + 100;
    for (int64_t k = 0; k < TOY_COLUMNS; ++k) second.weight[k][j] = -first.weight[k][j];
  }
  const int64_t sizes[] = {TOY_COLUMNS, TOY_COLUMNS}, strides[] = {TOY_COLUMNS, 1}, one[] = {1};
  std::atomic<bool> stop{false};
  std::atomic<int> mixed{0}, failed{0}, seen_first{0}, seen_second{0};
  std::vector<std::thread> clients;
  for (int i = 0; i < 4; ++i) {
    clients.emplace_back([&, i] {
      toy::Inputs inputs(4, i);
      while (!stop) {
        AtenTensorHandle handles[3], outputs[3];
        std::string message;
        toy::make_handles(&inputs, handles);
        if (pool.run(handles, 3, outputs, 3, {}, &message) != CallStatus::kOk) {
          failed += 1;
          continue;
        }
        const float *product = toy::data_of(outputs[0]);
        bool is_first = true, is_second = true;
        for (int64_t j = 0; j < TOY_COLUMNS; ++j) {
          double sums[2] = {static_cast<double>(first.bias[j]), static_cast<double>(second.bias[j])};
          for (int64_t k = 0; k < TOY_COLUMNS; ++k) {
            const double x = static_cast<double>(inputs.x[0][k]);
            sums[0] += x * static_cast<double>(first.weight[k][j]);
            sums[1] += x * static_cast<double>(second.weight[k][j]);
          }
          const double scale = static_cast<double>(first.scale[j]), got = static_cast<double>(product[j]);
          is_first &= fabs(got - (sums[0] > 0 ? sums[0] : 0) * scale) < 1e-3;
          is_second &= fabs(got - (sums[1] > 0 ? sums[1] : 0) * scale) < 1e-3;
        }
        mixed += !is_first && !is_second;
        seen_first += is_first;
        seen_second += is_second;
        for (AtenTensorHandle output : outputs) api.delete_tensor_object(output);
      }
    });
  }
  // On a busy machine the clients may not have run at all after 200 exchanges.
  const auto seen_both = [&] { return seen_first > 0 && seen_second > 0; };
  for (int round = 0; round < 200 || (!seen_both() && round < 100'000); ++round) {
    toy::Constants *next = round % 2 == 0 ? &second : &first;
    AtenTensorHandle weight = toy::tensor(next->weight, AOTI_DTYPE_FLOAT32, 2, sizes, strides);
    AtenTensorHandle bias = toy::tensor(next->bias, AOTI_DTYPE_FLOAT32, 1, sizes, one);
    const AOTInductorConstantMapEntry pairs[] = {{"net.weight", weight}, {"net.bias", bias}};
    CHECK_EQ(api.update_constants(model, pairs, 2, true, false), 0);
    CHECK_EQ(api.swap_constants(model), 0);
    api.delete_tensor_object(weight);
    api.delete_tensor_object(bias);
  }
  stop = true;
  for (std::thread &client : clients) client.join();
  CHECK_EQ(mixed.load(), 0);
  CHECK_EQ(failed.load(), 0);
  CHECK(seen_both());
  CHECK_EQ(api.delete_container(model), 0);
}

void test_histogram() {
  aoti::LatencyHistogram times;
  CHECK_EQ(times.quantile_ns(0.99), int64_t{0});
  for (int64_t us = 1; us <= 1000; ++us) times.record(us * 1000);
  CHECK_EQ(times.count(), int64_t{1000});
  CHECK(times.quantile_ns(0.5) >= 500'000 && times.quantile_ns(0.5) <= 600'000);
  CHECK(times.quantile_ns(0.99) >= 990'000);
  CHECK_EQ(times.quantile_ns(1), int64_t{1'000'000});
  int64_t all = 0;
  for (int bucket = 0; bucket < aoti::LatencyHistogram::kBuckets; ++bucket) {
    all += times.count_in(bucket);
    if (bucket > 0) {
      CHECK(aoti::LatencyHistogram::upper_bound_ns(bucket) >
            aoti::LatencyHistogram::upper_bound_ns(bucket - 1));
    }
  }
  CHECK_EQ(all, int64_t{1000});
  times.record(INT64_MAX);
  CHECK_EQ(times.count_in(aoti::LatencyHistogram::kBuckets - 1), int64_t{1});
}

void test_refusals() {
  AOTInductorModelContainerHandle model = make(1);
  std::string error;
  aoti::PoolOptions options;
  options.num_instances = 0;
  aoti::Pool none(api, model, options, &error);
  CHECK_CONTAINS(error.c_str(), "no instances");
  options = {};
  options.threads_per_call = 5000;
  aoti::Pool many(api, model, options, &error);
  CHECK_CONTAINS(error.c_str(), "5000 threads; expected 1 to 1024");
  aoti::Trace trace;
  trace.add("call", "x\"y", "at \n", 1, 2);
  CHECK(!trace.write("/nowhere/trace.json", &error));
  CHECK_CONTAINS(error.c_str(), "cannot write the trace /nowhere/trace.json: No such file or directory");
  CHECK_CONTAINS(trace.json().c_str(), "\"name\":\"x\\\"y\"");
  CHECK_CONTAINS(trace.json().c_str(), "{\"origin\":\"at \\u000a\"}");
  CHECK_EQ(api.delete_container(model), 0);
}

}  // namespace

int main() {
  test_histogram();
  test_calls();
  test_metrics_of_several_models();
  test_kernel_trace();
  test_refusals();
  test_limits();
  test_waiting();
  test_swap_under_load();
  return aoti_test::result();
}
