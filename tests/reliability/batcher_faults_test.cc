// Every allocation of two calls that become one batch fails once, and with all that follow it: each call is
// answered on its own thread, with its numbers, a failure or std::bad_alloc; none waits for ever, nothing is
// lost, and the next batch is right. Argument: the library of the model `rows`.
#include <stdio.h>
#include <stdlib.h>

#include <atomic>
#include <thread>

#include "runtime/package/loader.h"
#include "runtime/serving/batcher.h"
#include "tests/reliability/refused_allocations.h"
#include "tests/serving/serving_models.h"

namespace {

// A call that a thread makes again and again; between calls the thread needs no memory.
class Caller {
 public:
  Caller(aoti::Batcher *batcher, const AotiModelApi &api, int seed)
      : batcher_(batcher), api_(api), call_(3, seed), thread_([this] { run_often(); }) {}
  ~Caller() {
    state_ = kStop;
    thread_.join();
  }

  void prepare() { call_.handles(api_, inputs_); }
  void begin() { state_ = kCalled; }
  // Whether the call gave its numbers.
  bool end() {
    while (state_ != kDone) std::this_thread::yield();
    return status_ == aoti::CallStatus::kOk;
  }
  void check() {
    if (status_ == aoti::CallStatus::kOk) call_.check_and_delete(api_, outputs_);
  }

 private:
  enum State { kIdle, kCalled, kDone, kStop };

  void run_often() {
    for (;;) {
      const State state = state_;
      if (state == kStop) return;
      if (state == kCalled) {
        run();
        state_ = kDone;
      }
      std::this_thread::yield();
    }
  }
  void run() {
    std::string message;
    try {
      status_ = batcher_->run(inputs_, 2, outputs_, 2, {}, &message);
    } catch (const std::bad_alloc &) {
      status_ = aoti::CallStatus::kFailed;
    }
  }

  aoti::Batcher *const batcher_;
  const AotiModelApi &api_;
  const serving::RowsCall call_;
  AtenTensorHandle inputs_[2] = {}, outputs_[2] = {};
  aoti::CallStatus status_ = aoti::CallStatus::kFailed;
  std::atomic<State> state_{kIdle};
  std::thread thread_;  // last: it uses all of the above
};

// Outputs are freed within the attempt, so that what is left is lost.
bool call_both(Caller *first, Caller *second) {
  first->begin();
  second->begin();
  const bool first_ok = first->end(), second_ok = second->end();
  first->check();
  second->check();
  return first_ok && second_ok;
}

}  // namespace

int main(int argc, char **argv) {
  CHECK_EQ(argc, 2);
  std::string error;
  const auto library = argc == 2 ? aoti::load_library(argv[1], {}, &error) : nullptr;
  AOTInductorModelContainerHandle model = nullptr;
  if (library == nullptr || library->api().create_with_device(&model, 2, "cpu", nullptr) != 0) {
    fprintf(stderr, "%s\n", error.c_str());
    return 1;
  }
  const AotiModelApi &api = library->api();
  aoti::PoolOptions options;
  options.num_instances = 2;
  options.threads_per_call = 1;
  aoti::Pool pool(api, model, options, &error);
  // A batch of one waits for its time to be over, as its companion has failed.
  const auto batcher = aoti::Batcher::create(&pool, {0, 6, 20'000'000}, &error);
  CHECK_STR_EQ(error.c_str(), "");
  {
    Caller first(batcher.get(), api, 1), second(batcher.get(), api, 2);
    const auto prepare = [&] {
      first.prepare();
      second.prepare();
    };
    const int64_t seen = faults::refuse_each_allocation(prepare, [&] { return call_both(&first, &second); });
    printf("two calls in a batch: %lld allocations refused\n", static_cast<long long>(seen));
    CHECK(seen > 40);
  }
  CHECK(batcher->stats().most_rows == 6);
  CHECK_EQ(api.delete_container(model), 0);
  return aoti_test::result();
}
