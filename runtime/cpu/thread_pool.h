// The runtime's own threads: an AotiThreads whose workers wait for the next loop awake for a moment, then
// asleep.
//
// What enters: a number of threads (the caller's counts as one). What leaves: an AotiThreads to put into
// kernel contexts; aoti_parallel_for on it costs about a microsecond when the workers are still awake.
//
// Invariants:
// - One loop at a time: a second caller (another run, or a nested loop) runs its loop in line, without
//   waiting.
// - Chunk t of a loop is for thread t (t == 0 is the caller), so that data stays in one core's cache from
//   loop to loop. A chunk whose worker is not awake yet is run by the caller, still as thread t: nobody waits
//   for a thread to wake.
// - Workers block all signals, so the host's handlers run on the host's own threads.
// - fork: the child has none of its parent's workers. The pool notices at its first loop in the child and
//   starts new ones (or runs in line when it cannot). A fork while another thread is inside a run leaves that
//   run's tensors in an undefined state in the child, as with any multi-threaded program.
#ifndef RUNTIME_CPU_THREAD_POOL_H_
#define RUNTIME_CPU_THREAD_POOL_H_

#include "aoti/parallel.h"

namespace aoti_cpu {

// Makes a pool of num_threads (1 to 1024) and starts num_threads - 1 workers. Null when memory or threads run
// out. The caller owns it.
AotiThreads *thread_pool_create(int32_t num_threads);

// Stops and joins the workers. Nobody may be running a loop on the pool. Null is accepted.
void thread_pool_destroy(AotiThreads *pool);

}  // namespace aoti_cpu

#endif  // RUNTIME_CPU_THREAD_POOL_H_
