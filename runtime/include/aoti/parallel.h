// Splitting a loop over threads, as generated kernels and kernel templates see it.
//
// What enters: a number of tasks, a grain and a function. What leaves: nothing; every task has run when the
// call returns.
//
// Invariants:
// - The split is static and depends only on (num_tasks, grain, num_threads): a run is repeatable, and a
//   chunk's `thread` number owns scratch memory of that number for the whole run.
// - Chunks are contiguous, disjoint and cover [0, num_tasks) exactly; each has at least `grain` tasks, the
//   last one of a single-chunk split excepted.
// - A task may itself call aoti_parallel_for: the pool is busy then, so the inner loop runs in line, with
//   thread 0. A kernel that uses scratch by thread number must therefore not nest parallel loops.
//
//   static void scale(void *arg, int64_t begin, int64_t end, int32_t thread) {
//     float *x = (float *)arg;
//     for (int64_t i = begin; i < end; ++i) x[i] *= 2.0f;
//   }
//   aoti_parallel_for(ctx->threads, n, 4096, scale, x);
#ifndef AOTI_PARALLEL_H_
#define AOTI_PARALLEL_H_

#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

typedef struct AotiThreads AotiThreads;

// One chunk of a parallel loop: tasks [begin, end), run by thread number `thread` in [0, num_threads).
// `arg` is borrowed. Must not throw, longjmp or exit the thread.
typedef void (*AotiTask)(void *arg, int64_t begin, int64_t end, int32_t thread);

// A provider of threads. Hosts may hand in their own; the runtime's pool is runtime/cpu/thread_pool.h.
struct AotiThreads {
  // Upper bound on the number of chunks, and on `thread` + 1. At least 1. Constant while a run is in
  // progress.
  int32_t num_threads;
  // Splits [0, num_tasks) statically into at most num_threads contiguous chunks of at least `grain` tasks,
  // runs `task` on each, and returns when all have returned; everything they wrote is visible to the caller
  // then. Runs in line in the calling thread, as thread 0, when there is one chunk or when the provider is
  // busy with another run. Callable from any thread. Cannot fail. `task` is not null; num_tasks <= 0 runs
  // nothing.
  void (*run)(AotiThreads *self, int64_t num_tasks, int64_t grain, AotiTask task, void *arg);
};

// Runs `task` over [0, num_tasks) on `threads`, or in line when `threads` is null (which means: one thread).
// grain < 1 counts as 1. Cannot fail; thread-safe.
static inline void aoti_parallel_for(AotiThreads *threads, int64_t num_tasks, int64_t grain, AotiTask task,
                                     void *arg) {
  if (num_tasks <= 0) return;
  if (threads == NULL || threads->num_threads <= 1 || num_tasks <= grain) {
    task(arg, 0, num_tasks, 0);
    return;
  }
  threads->run(threads, num_tasks, grain, task, arg);
}

#ifdef __cplusplus
}  // extern "C"
#endif

#endif  // AOTI_PARALLEL_H_
