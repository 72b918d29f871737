// A small pool of pthreads for the tests and the bench of kernels/cpp; the product's own pool is runtime/cpu.
//
// Invariant: splits as aoti/parallel.h says: contiguous chunks, thread number = chunk number.
#ifndef KERNELS_CPP_TESTING_THREADS_H_
#define KERNELS_CPP_TESTING_THREADS_H_

#include <pthread.h>
#include <sched.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "aoti/kernel_context.h"

namespace aoti_testing {

constexpr int32_t kMaxThreads = 8;

// Workers spin for work, so that a bench sees the kernels and not the scheduler.
class Threads {
 public:
  explicit Threads(int32_t count) {
    base.num_threads = count;
    base.run = &Threads::run;
    for (int32_t i = 1; i < count; ++i) {
      workers_[i] = Worker{this, i, 0, {}};
      pthread_create(&workers_[i].handle, nullptr, &Threads::main, &workers_[i]);
    }
  }
  ~Threads() {
    __atomic_store_n(&stop_, true, __ATOMIC_RELEASE);
    for (int32_t i = 1; i < base.num_threads; ++i) pthread_join(workers_[i].handle, nullptr);
  }
  Threads(const Threads &) = delete;
  Threads &operator=(const Threads &) = delete;

  AotiThreads base;  // first member: run() gets its address

 private:
  struct Worker {
    Threads *pool;
    int32_t index;
    int32_t seen;
    pthread_t handle;
  };

  void run_chunk(int32_t index) {
    const int64_t low = tasks_ / chunks_, extra = tasks_ % chunks_;
    const int64_t begin = index * low + (index < extra ? index : extra);
    task_(arg_, begin, begin + low + (index < extra ? 1 : 0), index);
  }

  static void *main(void *arg) {
    Worker &self = *static_cast<Worker *>(arg);
    Threads &pool = *self.pool;
    for (int64_t idle = 0; !__atomic_load_n(&pool.stop_, __ATOMIC_ACQUIRE); ++idle) {
      const int32_t round = __atomic_load_n(&pool.round_, __ATOMIC_ACQUIRE);
      if (round == self.seen) {
        if (idle > 2000) sched_yield();
        continue;
      }
      self.seen = round;
      idle = 0;
      if (self.index < pool.chunks_) pool.run_chunk(self.index);
      __atomic_fetch_sub(&pool.pending_, 1, __ATOMIC_RELEASE);
    }
    return nullptr;
  }

  static void run(AotiThreads *threads, int64_t tasks, int64_t grain, AotiTask task, void *arg) {
    Threads &pool = *reinterpret_cast<Threads *>(threads);
    const int64_t most = tasks / (grain > 0 ? grain : 1);
    pool.chunks_ = most < 1 ? 1 : (most < threads->num_threads ? int32_t(most) : threads->num_threads);
    pool.tasks_ = tasks;
    pool.task_ = task;
    pool.arg_ = arg;
    __atomic_store_n(&pool.pending_, threads->num_threads - 1, __ATOMIC_RELEASE);
    __atomic_fetch_add(&pool.round_, 1, __ATOMIC_RELEASE);
    pool.run_chunk(0);
    for (int64_t idle = 0; __atomic_load_n(&pool.pending_, __ATOMIC_ACQUIRE) > 0; ++idle) {
      if (idle > 2000) sched_yield();
    }
  }

  Worker workers_[kMaxThreads];
  int32_t round_ = 0, pending_ = 0, chunks_ = 1;
  bool stop_ = false;
  int64_t tasks_ = 0;
  AotiTask task_ = nullptr;
  void *arg_ = nullptr;
};

// A context with scratch that holds exactly the stated bytes for each thread, and a guard behind it.
class Context {
 public:
  Context(Threads *threads, int64_t scratch_bytes) {
    const int32_t count = threads == nullptr ? 1 : threads->base.num_threads;
    end_ = count * scratch_bytes;
    base = AotiKernelContext{threads == nullptr ? nullptr : &threads->base,
                             aligned_alloc(64, end_ + kGuardBytes),
                             scratch_bytes,
                             nullptr,
                             0,
                             0};
    memset(static_cast<char *>(base.scratch) + end_, kGuard, kGuardBytes);
  }
  ~Context() { free(base.scratch); }
  Context(const Context &) = delete;
  Context &operator=(const Context &) = delete;

  // False when a kernel wrote past the scratch of the last thread.
  bool intact() const {
    for (int64_t i = 0; i < kGuardBytes; ++i) {
      if (static_cast<const char *>(base.scratch)[end_ + i] != kGuard) return false;
    }
    return true;
  }

  AotiKernelContext base;

 private:
  static constexpr int64_t kGuardBytes = 4096;
  static constexpr char kGuard = 0x5a;
  int64_t end_;
};

}  // namespace aoti_testing

#endif  // KERNELS_CPP_TESTING_THREADS_H_
