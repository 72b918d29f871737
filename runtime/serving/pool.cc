#include "runtime/serving/pool.h"

#include <time.h>

#include <algorithm>
#include <chrono>

namespace aoti {

int64_t monotonic_ns() {
  timespec t;
  clock_gettime(CLOCK_MONOTONIC, &t);
  return static_cast<int64_t>(t.tv_sec) * 1'000'000'000 + t.tv_nsec;
}

const char *call_status_name(CallStatus status) {
  switch (status) {
    case CallStatus::kOk:
      return "ok";
    case CallStatus::kFailed:
      return "failed";
    case CallStatus::kQueueFull:
      return "queue full";
    case CallStatus::kDeadline:
      return "deadline passed";
    case CallStatus::kCancelled:
      return "cancelled";
  }
  return "unknown";
}

// A call in the queue; lives on the stack of its thread.
struct Pool::Waiter {
  Waiter *next = nullptr, *previous = nullptr;
  bool granted = false;
  std::condition_variable ready;
};

void Cancellation::cancel() {
  std::lock_guard<std::mutex> lock(mutex_);
  __atomic_store_n(&cancelled_, true, __ATOMIC_RELEASE);
  for (Waiting *call = first_; call != nullptr; call = call->next) call->pool->wake_cancelled();
}

Pool::Pool(const AotiModelApi &api, AOTInductorModelContainerHandle container, const PoolOptions &options,
           std::string *error)
    : api_(api), container_(container), options_(options) {
  error->clear();
  if (options.num_instances < 1) *error = "a pool of no instances: nothing could run";
  if (options.threads_per_call == 0 || !error->empty()) return;
  if (api.set_threads_of_each == nullptr) {
    *error = "this library does not give instances threads of their own; use threads_per_call = 0";
  } else if (api.set_threads_of_each(container, options.threads_per_call) != AOTI_RUNTIME_SUCCESS) {
    *error = api.last_error();
  }
}

void Pool::drop(Waiter *waiter) {
  (waiter->previous != nullptr ? waiter->previous->next : first_) = waiter->next;
  (waiter->next != nullptr ? waiter->next->previous : last_) = waiter->previous;
  stats_.waiting -= 1;
}

void Pool::wake_cancelled() {
  std::lock_guard<std::mutex> lock(mutex_);
  for (Waiter *waiter = first_; waiter != nullptr; waiter = waiter->next) waiter->ready.notify_one();
}

// Waits in the queue, which has room.
CallStatus Pool::wait(std::unique_lock<std::mutex> *lock, const CallOptions &call) {
  Waiter waiter;
  waiter.previous = last_;
  (last_ != nullptr ? last_->next : first_) = &waiter;
  last_ = &waiter;
  stats_.waiting += 1;
  stats_.most_waiting = std::max(stats_.most_waiting, stats_.waiting);
  const std::chrono::steady_clock::time_point deadline{std::chrono::nanoseconds(call.deadline_ns)};
  while (!waiter.granted) {
    const bool is_cancelled = call.cancellation != nullptr && call.cancellation->is_cancelled();
    const bool is_late = call.deadline_ns != 0 && monotonic_ns() >= call.deadline_ns;
    if (is_cancelled || is_late) {
      drop(&waiter);
      return is_cancelled ? CallStatus::kCancelled : CallStatus::kDeadline;
    }
    if (call.deadline_ns != 0) {
      waiter.ready.wait_until(*lock, deadline);
    } else {
      waiter.ready.wait(*lock);
    }
  }
  return CallStatus::kOk;
}

CallStatus Pool::enter(const CallOptions &call, int64_t now) {
  Cancellation *const cancellation = call.cancellation;
  if (cancellation != nullptr && cancellation->is_cancelled()) return CallStatus::kCancelled;
  if (call.deadline_ns != 0 && now >= call.deadline_ns) return CallStatus::kDeadline;
  {
    std::unique_lock<std::mutex> lock(mutex_);
    if (first_ == nullptr && stats_.running < options_.num_instances) {
      stats_.running += 1;
      return CallStatus::kOk;
    }
    if (stats_.waiting >= options_.max_waiting) return CallStatus::kQueueFull;
    if (cancellation == nullptr) return wait(&lock, call);
  }
  // Known to the cancellation before it waits, so that none is missed; its lock comes before the pool's.
  Cancellation::Waiting waiting = {this, nullptr, nullptr};
  {
    std::lock_guard<std::mutex> lock(cancellation->mutex_);
    waiting.next = cancellation->first_;
    if (waiting.next != nullptr) waiting.next->previous = &waiting;
    cancellation->first_ = &waiting;
  }
  CallStatus status = CallStatus::kOk;
  {
    std::unique_lock<std::mutex> lock(mutex_);
    if (first_ == nullptr && stats_.running < options_.num_instances) {
      stats_.running += 1;
    } else {
      status = stats_.waiting >= options_.max_waiting ? CallStatus::kQueueFull : wait(&lock, call);
    }
  }
  std::lock_guard<std::mutex> lock(cancellation->mutex_);
  (waiting.previous != nullptr ? waiting.previous->next : cancellation->first_) = waiting.next;
  if (waiting.next != nullptr) waiting.next->previous = waiting.previous;
  return status;
}

void Pool::leave(bool ok, int64_t waited_ns, int64_t ran_ns) {
  std::lock_guard<std::mutex> lock(mutex_);
  stats_.calls += 1;
  stats_.failed += !ok;
  stats_.waited.record(waited_ns);
  stats_.ran.record(ran_ns);
  if (first_ == nullptr) {
    stats_.running -= 1;
    return;
  }
  // The instance goes to the first in the queue: nobody can come between.
  Waiter *next = first_;
  drop(next);
  next->granted = true;
  next->ready.notify_one();
}

CallStatus Pool::run(AtenTensorHandle *inputs, size_t num_inputs, AtenTensorHandle *outputs,
                     size_t num_outputs, const CallOptions &call, std::string *message) {
  const int64_t came = monotonic_ns();
  const CallStatus status = enter(call, came);
  if (status != CallStatus::kOk) {
    for (size_t i = 0; i < num_inputs; ++i) {
      if (inputs[i] != nullptr) api_.delete_tensor_object(inputs[i]);
    }
    std::fill(outputs, outputs + num_outputs, nullptr);
    *message = std::string("the call did not run: ") + call_status_name(status);
    std::lock_guard<std::mutex> lock(mutex_);
    stats_.calls += 1;
    stats_.queue_full += status == CallStatus::kQueueFull;
    stats_.deadline += status == CallStatus::kDeadline;
    stats_.cancelled += status == CallStatus::kCancelled;
    return status;
  }
  const int64_t began = monotonic_ns();
  const bool ok = api_.run(container_, inputs, num_inputs, outputs, num_outputs, call.stream,
                           call.proxy_executor) == AOTI_RUNTIME_SUCCESS;
  const int64_t ended = monotonic_ns();
  leave(ok, began - came, ended - began);
  if (options_.trace != nullptr) {
    if (began - came > 1000) options_.trace->add("call", "wait for an instance", nullptr, came, began);
    options_.trace->add("call", "run", nullptr, began, ended);
  }
  if (ok) return CallStatus::kOk;
  *message = api_.last_error();
  return CallStatus::kFailed;
}

PoolStats Pool::stats() const {
  std::lock_guard<std::mutex> lock(mutex_);
  return stats_;
}

}  // namespace aoti
