// Calls from many threads on one container: a bounded queue in front of its instances.
//
//   aoti::Pool pool(api, container, {.num_instances = 4, .threads_per_call = 1, .max_waiting = 64});
//   std::string message;
//   aoti::CallOptions call;
//   call.deadline_ns = aoti::monotonic_ns() + 50'000'000;
//   switch (pool.run(inputs, 2, outputs, 1, call, &message)) { case aoti::CallStatus::kOk: ... }
//
// A call runs on the thread that made it, so that none is handed over (which costs more than a small model):
// at most num_instances at a time, the others wait, first come, first served, max_waiting at most. A call
// that finds the queue full, whose deadline passes or that is cancelled while it waits does not run; one that
// has begun runs to its end. No lock is held while a model runs. Threads: each instance has threads_per_call
// of its own, so that a call neither waits for another's threads nor takes more than its share.
#ifndef RUNTIME_SERVING_POOL_H_
#define RUNTIME_SERVING_POOL_H_

#include <stdint.h>

#include <condition_variable>
#include <mutex>
#include <string>

#include "aoti/model_api.h"
#include "runtime/serving/latency_histogram.h"
#include "runtime/serving/trace.h"

namespace aoti {

// CLOCK_MONOTONIC.
int64_t monotonic_ns();

enum class CallStatus {
  kOk,
  kFailed,     // the model refused the inputs, or failed
  kQueueFull,  // max_waiting calls were waiting already
  kDeadline,   // passed before an instance was free
  kCancelled
};

// "ok", "failed", "queue full", "deadline passed", "cancelled".
const char *call_status_name(CallStatus status);

class Pool;

// Cancels calls that wait: those that it was given to, now or later. May be shared by several calls; outlives
// them. Thread-safe.
class Cancellation {
 public:
  void cancel();
  bool is_cancelled() const { return __atomic_load_n(&cancelled_, __ATOMIC_ACQUIRE); }

 private:
  friend class Pool;
  // A call that waits, and where; on its thread's stack, so that waiting needs no memory and cannot fail.
  struct Waiting {
    Pool *pool;
    Waiting *next, *previous;
  };

  bool cancelled_ = false;
  std::mutex mutex_;
  Waiting *first_ = nullptr;
};

struct CallOptions {
  int64_t deadline_ns = 0;  // on the clock of monotonic_ns; 0: none
  Cancellation *cancellation = nullptr;
  AOTInductorStreamHandle stream = nullptr;
  AOTIProxyExecutorHandle proxy_executor = nullptr;
};

struct PoolOptions {
  int32_t num_instances = 1;  // as many as the container has
  // Of each call; 0 leaves the container's threads as they are, which calls at the same time then share.
  int32_t threads_per_call = 1;
  size_t max_waiting = 256;
  Trace *trace = nullptr;  // may be null; outlives the pool
};

// A copy, taken at one moment.
struct PoolStats {
  int64_t calls = 0, failed = 0, queue_full = 0, deadline = 0, cancelled = 0;  // calls: all of them
  int32_t running = 0;
  size_t waiting = 0, most_waiting = 0;
  LatencyHistogram waited, ran;  // of calls that ran
};

// A pool's statistics under the name of its model.
struct ModelStats {
  std::string model;
  PoolStats stats;
};

// In Prometheus's text format, version 0.0.4, with the label model="NAME": of all the pools of a process at
// once, because the format wants each family in one piece, with its type said once.
std::string metrics_text(const std::vector<ModelStats> &models);

class Pool {
 public:
  // The container is the caller's and outlives the pool. Aborts nothing: `error` is "" on success.
  Pool(const AotiModelApi &api, AOTInductorModelContainerHandle container, const PoolOptions &options,
       std::string *error);
  Pool(const Pool &) = delete;
  Pool &operator=(const Pool &) = delete;

  // As AotiModelApi.run: inputs are stolen whatever comes, outputs are the caller's on kOk and null
  // otherwise. *message says why it did not succeed.
  CallStatus run(AtenTensorHandle *inputs, size_t num_inputs, AtenTensorHandle *outputs, size_t num_outputs,
                 const CallOptions &call, std::string *message);

  PoolStats stats() const;
  // metrics_text of this pool alone.
  std::string metrics(const std::string &model) const;

  const AotiModelApi &api() const { return api_; }
  AOTInductorModelContainerHandle container() const { return container_; }
  const PoolOptions &options() const { return options_; }

 private:
  friend class Cancellation;
  struct Waiter;

  CallStatus enter(const CallOptions &call, int64_t now);
  CallStatus wait(std::unique_lock<std::mutex> *lock, const CallOptions &call);
  void leave(bool ok, int64_t waited_ns, int64_t ran_ns);
  void drop(Waiter *waiter);
  void wake_cancelled();

  const AotiModelApi &api_;
  const AOTInductorModelContainerHandle container_;
  const PoolOptions options_;
  mutable std::mutex mutex_;  // of all below; never held while a model runs
  Waiter *first_ = nullptr, *last_ = nullptr;
  PoolStats stats_;
};

}  // namespace aoti

#endif  // RUNTIME_SERVING_POOL_H_
