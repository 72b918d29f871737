// Dynamic batching of calls from many threads on a compiled model. Argument: the library of the model `rows`.
#include "runtime/serving/batcher.h"

#include <atomic>
#include <thread>

#include "runtime/package/loader.h"
#include "tests/serving/serving_models.h"

using aoti::CallStatus;
using serving::RowsCall;

namespace {

CallStatus run(aoti::Batcher *batcher, const AotiModelApi &api, const RowsCall &call,
               const aoti::CallOptions &options, std::string *message) {
  AtenTensorHandle inputs[2], outputs[2];
  call.handles(api, inputs);
  const CallStatus status = batcher->run(inputs, 2, outputs, 2, options, message);
  if (status == CallStatus::kOk) call.check_and_delete(api, outputs);
  return status;
}

void test_many_callers(aoti::Pool *pool) {
  std::string error;
  aoti::BatcherOptions options;
  options.max_rows = 24;
  options.max_delay_ns = 3'000'000;
  const auto batcher = aoti::Batcher::create(pool, options, &error);
  CHECK_STR_EQ(error.c_str(), "");
  if (batcher == nullptr) return;
  std::atomic<int> bad{0}, good{0};
  std::vector<std::thread> threads;
  for (int i = 0; i < 8; ++i) {
    threads.emplace_back([&, i] {
      for (int k = 0; k < 40; ++k) {
        std::string message;
        RowsCall call(1 + (i + k) % 5, i * 50 + k);
        const bool is_bad = i == 3 && k % 10 == 5;
        if (is_bad) call.ids[0] = 50;
        const CallStatus status = run(batcher.get(), pool->api(), call, {}, &message);
        CHECK(status == (is_bad ? CallStatus::kFailed : CallStatus::kOk));
        if (is_bad) CHECK_CONTAINS(message.c_str(), "50");
        (is_bad ? bad : good) += 1;
      }
    });
  }
  for (std::thread &thread : threads) thread.join();
  const aoti::BatcherStats stats = batcher->stats();
  CHECK_EQ(bad.load(), 4);
  CHECK_EQ(good.load(), 316);
  CHECK_EQ(stats.calls, int64_t{320});
  CHECK(stats.batches < 300);
  CHECK(stats.most_rows > 5 && stats.most_rows <= 24);
  CHECK(stats.run_again >= 4);
}

void test_limits(aoti::Pool *pool) {
  std::string error, message;
  aoti::BatcherOptions options;
  options.max_delay_ns = 20'000'000;
  const auto batcher = aoti::Batcher::create(pool, options, &error);
  if (batcher == nullptr) return;
  const int64_t began = aoti::monotonic_ns();
  CHECK(run(batcher.get(), pool->api(), RowsCall(2, 1), {}, &message) == CallStatus::kOk);
  CHECK(aoti::monotonic_ns() - began >= 20'000'000);  // alone, it waited for others
  aoti::CallOptions late;
  late.deadline_ns = aoti::monotonic_ns() + 1'000'000;
  CHECK(run(batcher.get(), pool->api(), RowsCall(2, 1), late, &message) == CallStatus::kDeadline);
  CHECK(run(batcher.get(), pool->api(), RowsCall(64, 1), {}, &message) == CallStatus::kOk);  // full at once
  // What the model's table does not allow is refused by the model.
  AtenTensorHandle inputs[2], outputs[2];
  const RowsCall call(3, 0), other(4, 0);
  AtenTensorHandle spare[2];
  call.handles(pool->api(), inputs);
  other.handles(pool->api(), spare);
  std::swap(inputs[1], spare[1]);
  CHECK(batcher->run(inputs, 2, outputs, 2, {}, &message) == CallStatus::kFailed);
  CHECK_CONTAINS(message.c_str(), "input 1 'ids'");
  for (AtenTensorHandle handle : spare) pool->api().delete_tensor_object(handle);
  options.dim = 1;
  CHECK(aoti::Batcher::create(pool, options, &error) == nullptr);
  CHECK_CONTAINS(error.c_str(), "input 'x' of model rows_aoti: dimension 1 is not the dynamic size");
}

// Every kernel of a compiled model's run is in the trace, with the source lines that it was made of.
void test_trace(const AotiModelApi &api, AOTInductorModelContainerHandle model) {
  std::string error;
  aoti::Trace trace;
  CHECK(trace.attach(api, model, &error));
  const RowsCall call(3, 1);
  AtenTensorHandle inputs[2], outputs[2];
  call.handles(api, inputs);
  CHECK_EQ(api.run(model, inputs, 2, outputs, 2, nullptr, nullptr), 0);
  call.check_and_delete(api, outputs);
  aoti::Trace::detach(api, model);
  CHECK(trace.size() >= 1);
  CHECK_CONTAINS(trace.json().c_str(), "\"name\":\"cpp_fused_");
  CHECK_CONTAINS(trace.json().c_str(), "tests/serving/models.py:");
}

}  // namespace

int main(int argc, char **argv) {
  CHECK_EQ(argc, 2);
  if (argc != 2) return aoti_test::result();
  std::string error;
  const auto library = aoti::load_library(argv[1], {}, &error);
  CHECK_STR_EQ(error.c_str(), "");
  if (library == nullptr) return aoti_test::result();
  const AotiModelApi &api = library->api();
  AOTInductorModelContainerHandle model = nullptr;
  CHECK_EQ(api.create_with_device(&model, 2, "cpu", nullptr), 0);
  {
    aoti::PoolOptions options;
    options.num_instances = 2;
    aoti::Pool pool(api, model, options, &error);
    CHECK_STR_EQ(error.c_str(), "");
    test_many_callers(&pool);
    test_limits(&pool);
    test_trace(api, model);
  }
  CHECK_EQ(api.delete_container(model), 0);
  return aoti_test::result();
}
