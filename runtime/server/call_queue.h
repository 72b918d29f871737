// The bounded queue in front of one model, and the workers that take calls out of it.
//
// It stands where the pool's own queue stands for callers that may block (decision 0018), with the same
// words: first come, first served; a call that finds max_waiting calls waiting, whose deadline passes or that
// is cancelled while it waits does not run; one that has begun runs to its end. A deadline is noticed when it
// passes, not when a worker gets there.
//
//   aoti::server::CallQueue queue(4, 64);
//   queue.push({[](CallStatus status) { ... }, deadline_ns, cancellation});
#ifndef RUNTIME_SERVER_CALL_QUEUE_H_
#define RUNTIME_SERVER_CALL_QUEUE_H_

#include <condition_variable>
#include <functional>
#include <list>
#include <memory>
#include <mutex>
#include <thread>
#include <vector>

#include "runtime/serving/pool.h"

namespace aoti::server {

struct QueuedCall {
  // Called exactly once: with kOk on a worker, whose turn it is; with kQueueFull, kDeadline or kCancelled by
  // whoever noticed, to say that it will not run. Must not throw.
  std::function<void(CallStatus status)> run;
  int64_t deadline_ns = 0;  // 0: none
  std::shared_ptr<Cancellation> cancellation;
  int64_t queued_ns = 0;  // set by push
};

class CallQueue {
 public:
  CallQueue(int num_workers, size_t max_waiting);
  // Runs what waits, then ends the workers.
  ~CallQueue();
  CallQueue(const CallQueue &) = delete;
  CallQueue &operator=(const CallQueue &) = delete;

  // May call call.run, when the call is refused at once.
  void push(QueuedCall call);

  // Calls that did not run, calls that wait, and how long those that ran had waited; the rest is 0.
  PoolStats stats() const;

 private:
  void work();
  void watch();
  void take_over(std::vector<QueuedCall> *dropped, int64_t now);
  static void refuse(std::vector<QueuedCall> *dropped, int64_t now);

  const size_t max_waiting_;
  mutable std::mutex mutex_;  // of all below; not held while a call runs
  std::condition_variable work_, deadlines_;
  std::list<QueuedCall> waiting_;
  size_t idle_ = 0;               // workers that wait for a call
  int64_t next_deadline_ns_ = 0;  // that the watcher sleeps for; 0: none
  bool is_stopping_ = false;
  PoolStats stats_;
  std::vector<std::thread> threads_;  // the workers, and one that watches the deadlines
};

}  // namespace aoti::server

#endif  // RUNTIME_SERVER_CALL_QUEUE_H_
