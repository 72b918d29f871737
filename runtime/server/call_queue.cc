#include "runtime/server/call_queue.h"

#include <algorithm>
#include <chrono>
#include <utility>

namespace aoti::server {
namespace {

CallStatus fate(const QueuedCall &call, int64_t now) {
  if (call.cancellation != nullptr && call.cancellation->is_cancelled()) return CallStatus::kCancelled;
  if (call.deadline_ns != 0 && now >= call.deadline_ns) return CallStatus::kDeadline;
  return CallStatus::kOk;
}

std::chrono::steady_clock::time_point at(int64_t ns) {
  return std::chrono::steady_clock::time_point(std::chrono::nanoseconds(ns));
}

}  // namespace

CallQueue::CallQueue(int num_workers, size_t max_waiting) : max_waiting_(max_waiting) {
  for (int i = 0; i < num_workers; ++i) threads_.emplace_back([this] { work(); });
  threads_.emplace_back([this] { watch(); });
}

CallQueue::~CallQueue() {
  {
    std::lock_guard<std::mutex> lock(mutex_);
    is_stopping_ = true;
  }
  work_.notify_all();
  deadlines_.notify_all();
  for (std::thread &thread : threads_) thread.join();
}

// Moves the calls that will not run out of the queue, and finds the next deadline. Called with the lock.
void CallQueue::take_over(std::vector<QueuedCall> *dropped, int64_t now) {
  next_deadline_ns_ = 0;
  std::list<QueuedCall> kept;
  for (QueuedCall &call : waiting_) {
    if (const CallStatus status = fate(call, now); status != CallStatus::kOk) {
      (status == CallStatus::kDeadline ? stats_.deadline : stats_.cancelled) += 1;
      dropped->push_back(std::move(call));
      continue;
    }
    if (call.deadline_ns != 0 && (next_deadline_ns_ == 0 || call.deadline_ns < next_deadline_ns_)) {
      next_deadline_ns_ = call.deadline_ns;
    }
    kept.push_back(std::move(call));
  }
  waiting_ = std::move(kept);
}

void CallQueue::refuse(std::vector<QueuedCall> *dropped, int64_t now) {
  for (QueuedCall &call : *dropped) call.run(fate(call, now));
}

void CallQueue::push(QueuedCall call) {
  call.queued_ns = monotonic_ns();
  std::vector<QueuedCall> dropped;
  std::unique_lock<std::mutex> lock(mutex_);
  // Those that nobody waits for any more make room first.
  if (waiting_.size() >= max_waiting_ + idle_) take_over(&dropped, call.queued_ns);
  const bool is_full = waiting_.size() >= max_waiting_ + idle_;
  if (is_full) {
    stats_.queue_full += 1;
  } else {
    const bool is_next =
        call.deadline_ns != 0 && (next_deadline_ns_ == 0 || call.deadline_ns < next_deadline_ns_);
    if (is_next) {
      next_deadline_ns_ = call.deadline_ns;
      deadlines_.notify_one();
    }
    waiting_.push_back(std::move(call));
    stats_.most_waiting = std::max(stats_.most_waiting, waiting_.size());
    work_.notify_one();
  }
  lock.unlock();
  refuse(&dropped, call.queued_ns);
  if (is_full) call.run(CallStatus::kQueueFull);
}

void CallQueue::work() {
  std::unique_lock<std::mutex> lock(mutex_);
  while (true) {
    idle_ += 1;
    work_.wait(lock, [this] { return is_stopping_ || !waiting_.empty(); });
    idle_ -= 1;
    if (waiting_.empty()) return;
    QueuedCall call = std::move(waiting_.front());
    waiting_.pop_front();
    const int64_t now = monotonic_ns();
    const CallStatus status = fate(call, now);
    if (status == CallStatus::kOk) {
      stats_.waited.record(now - call.queued_ns);
    } else {
      (status == CallStatus::kDeadline ? stats_.deadline : stats_.cancelled) += 1;
    }
    lock.unlock();
    call.run(status);
    call = QueuedCall();  // what it holds may be large: given back before the lock is asked for
    lock.lock();
  }
}

void CallQueue::watch() {
  std::unique_lock<std::mutex> lock(mutex_);
  while (!is_stopping_) {
    if (next_deadline_ns_ == 0) {
      deadlines_.wait(lock);
    } else {
      deadlines_.wait_until(lock, at(next_deadline_ns_));
    }
    const int64_t now = monotonic_ns();
    if (next_deadline_ns_ == 0 || now < next_deadline_ns_) continue;
    std::vector<QueuedCall> dropped;
    take_over(&dropped, now);
    lock.unlock();
    refuse(&dropped, now);
    lock.lock();
  }
}

PoolStats CallQueue::stats() const {
  std::lock_guard<std::mutex> lock(mutex_);
  PoolStats stats = stats_;
  stats.waiting = waiting_.size();
  return stats;
}

}  // namespace aoti::server
