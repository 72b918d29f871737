#ifndef _GNU_SOURCE
#define _GNU_SOURCE  // pthread_setname_np, sched_getcpu, MADV_WIPEONFORK
#endif
#include "runtime/cpu/thread_pool.h"

#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <time.h>
#include <unistd.h>

#include "runtime/cpu/futex.h"

namespace aoti_cpu {
namespace {

// How long a thread stays awake waiting: longer than the serial stretches between the parallel loops of a
// model, short enough that an idle model costs nothing. A sleeping worker needs 5 to 50 us to come back.
constexpr int64_t kSpinNs = 60 * 1000;
constexpr int kSpinsBetweenClockReads = 32;

// A ticket names a loop: its number, and in the low bits how many chunks it has; later tickets are larger.
// Chunk t is for worker t, but whoever finds it unclaimed may claim it by writing the ticket to that worker's
// slot: so the caller runs the chunks of workers that are still asleep, in place of waiting for them. The job
// is read only after a claim, and not rewritten before every claimed chunk is done; a worker that comes late
// finds its slot taken and leaves the job alone.
constexpr uint64_t kChunkBits = 11;
constexpr uint64_t kChunkMask = (1u << kChunkBits) - 1;

struct Job {
  AotiTask task;
  void *arg;
  int64_t num_tasks;
};

struct alignas(64) Worker {
  uint64_t claimed;  // the last ticket whose chunk was claimed
  struct Pool *pool;
  pthread_t handle;
  int32_t thread;
  int32_t avoided;    // the core that the worker keeps away from; -1: none
  cpu_set_t allowed;  // the cores that the pool's creator could use; empty when there are too many to tell
};

// In a page of its own that reads as zero in a forked child.
struct ForkMark {
  uint32_t state;  // kGone (also after a fork), kStarting, kRunning
};
constexpr uint32_t kGone = 0, kStarting = 1, kRunning = 2;

struct Pool {
  AotiThreads threads;  // first: an AotiThreads * is a Pool *
  Job job;
  uint32_t busy;
  uint32_t stopping;
  ForkMark *mark;
  size_t mark_bytes;
  // Apart from each other, because different threads write them.
  alignas(64) uint64_t ticket;
  alignas(64) uint32_t pending;
  uint32_t caller_sleeps;
  int32_t caller_core;
  alignas(64) uint32_t sleepers;
  Worker *workers;  // [num_threads - 1]
};

void relax() {
#if defined(__x86_64__)
  __builtin_ia32_pause();
#elif defined(__aarch64__)
  __asm__ volatile("yield");
#endif
}

int64_t now_ns() {
  timespec t;
  clock_gettime(CLOCK_MONOTONIC, &t);
  return static_cast<int64_t>(t.tv_sec) * 1000000000 + t.tv_nsec;
}

// Spins until `done()`; false when it gave up. `between` runs now and then.
template <class Done, class Between>
bool spin_until(Done done, Between between) {
  const int64_t start = now_ns();
  do {
    for (int i = 0; i < kSpinsBetweenClockReads; ++i) {
      if (done()) return true;
      relax();
    }
    between();
  } while (now_ns() - start < kSpinNs);
  return done();
}

// A kernel often wakes a thread on the core of the one that wakes it, and on a machine with other work may
// leave it there for seconds: both then take turns, and a loop takes as long as on one thread. So a worker
// that finds itself on its caller's core moves to the others, and keeps away until the caller has moved.
void keep_off_callers_core(Worker *worker) {
  const int32_t core = __atomic_load_n(&worker->pool->caller_core, __ATOMIC_RELAXED);
  if (core < 0 || core >= CPU_SETSIZE || core == worker->avoided || core != sched_getcpu()) return;
  cpu_set_t others = worker->allowed;
  CPU_CLR(core, &others);
  if (CPU_COUNT(&others) == 0) return;
  if (sched_setaffinity(0, sizeof others, &others) == 0) worker->avoided = core;
}

// The half of the ticket that changes with every loop, for the futex.
const uint32_t *futex_word(const uint64_t *ticket) {
  static_assert(__BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__, "the low half comes first");
  return reinterpret_cast<const uint32_t *>(ticket);
}

void run_chunk(const Job &job, int64_t chunk, int64_t num_chunks) {
  const int64_t share = job.num_tasks / num_chunks, rest = job.num_tasks % num_chunks;
  const int64_t begin = chunk * share + (chunk < rest ? chunk : rest);
  job.task(job.arg, begin, begin + share + (chunk < rest ? 1 : 0), static_cast<int32_t>(chunk));
}

// Takes the worker's chunk of the loop `ticket`; false when it has been taken.
bool claim(Worker *worker, uint64_t ticket) {
  uint64_t last = __atomic_load_n(&worker->claimed, __ATOMIC_RELAXED);
  return last < ticket && __atomic_compare_exchange_n(&worker->claimed, &last, ticket, false,
                                                      __ATOMIC_ACQ_REL, __ATOMIC_RELAXED);
}

uint64_t wait_for_ticket(Worker *worker, uint64_t seen) {
  Pool *pool = worker->pool;
  auto changed = [&] { return __atomic_load_n(&pool->ticket, __ATOMIC_ACQUIRE) != seen; };
  while (!spin_until(changed, [&] { keep_off_callers_core(worker); })) {
    __atomic_fetch_add(&pool->sleepers, 1, __ATOMIC_SEQ_CST);
    if (__atomic_load_n(&pool->ticket, __ATOMIC_SEQ_CST) == seen) {
      futex_wait(futex_word(&pool->ticket), static_cast<uint32_t>(seen));
    }
    __atomic_fetch_sub(&pool->sleepers, 1, __ATOMIC_SEQ_CST);
    if (changed()) break;
  }
  return __atomic_load_n(&pool->ticket, __ATOMIC_ACQUIRE);
}

void *worker_main(void *argument) {
  Worker *worker = static_cast<Worker *>(argument);
  Pool *pool = worker->pool;
  char name[16];
  snprintf(name, sizeof name, "aoti-%d", worker->thread);
  pthread_setname_np(pthread_self(), name);
  if (sched_getaffinity(0, sizeof worker->allowed, &worker->allowed) != 0) CPU_ZERO(&worker->allowed);
  for (uint64_t ticket = 0;;) {
    ticket = wait_for_ticket(worker, ticket);
    if (__atomic_load_n(&pool->stopping, __ATOMIC_ACQUIRE) != 0) return nullptr;
    const int64_t num_chunks = static_cast<int64_t>(ticket & kChunkMask);
    if (worker->thread >= num_chunks || !claim(worker, ticket)) continue;
    keep_off_callers_core(worker);
    run_chunk(pool->job, worker->thread, num_chunks);
    if (__atomic_sub_fetch(&pool->pending, 1, __ATOMIC_SEQ_CST) == 0 &&
        __atomic_load_n(&pool->caller_sleeps, __ATOMIC_SEQ_CST) != 0) {
      futex_wake_all(&pool->pending);
    }
  }
}

uint64_t announce(Pool *pool, int64_t num_chunks) {
  const uint64_t number = __atomic_load_n(&pool->ticket, __ATOMIC_RELAXED) >> kChunkBits;
  const uint64_t ticket = (number + 1) << kChunkBits | static_cast<uint64_t>(num_chunks);
  __atomic_store_n(&pool->ticket, ticket, __ATOMIC_SEQ_CST);
  if (__atomic_load_n(&pool->sleepers, __ATOMIC_SEQ_CST) != 0) futex_wake_all(futex_word(&pool->ticket));
  return ticket;
}

// Runs the chunks that no worker has begun.
void run_unclaimed(Pool *pool, uint64_t ticket, int64_t num_chunks) {
  for (int64_t chunk = num_chunks - 1; chunk > 0; --chunk) {
    if (!claim(&pool->workers[chunk - 1], ticket)) continue;
    run_chunk(pool->job, chunk, num_chunks);
    __atomic_sub_fetch(&pool->pending, 1, __ATOMIC_RELAXED);
  }
}

void wait_for_workers(Pool *pool) {
  auto done = [&] { return __atomic_load_n(&pool->pending, __ATOMIC_ACQUIRE) == 0; };
  if (spin_until(done, [] {})) return;
  __atomic_store_n(&pool->caller_sleeps, 1, __ATOMIC_SEQ_CST);
  for (;;) {
    const uint32_t pending = __atomic_load_n(&pool->pending, __ATOMIC_SEQ_CST);
    if (pending == 0) break;
    futex_wait(&pool->pending, pending);
  }
  __atomic_store_n(&pool->caller_sleeps, 0, __ATOMIC_RELAXED);
}

void stop_workers(Pool *pool, int32_t started) {
  __atomic_store_n(&pool->stopping, 1, __ATOMIC_RELEASE);
  announce(pool, 0);
  for (int32_t i = 0; i < started; ++i) pthread_join(pool->workers[i].handle, nullptr);
}

// Starts all the workers, or none.
bool start_workers(Pool *pool) {
  pool->ticket = 0;
  pool->pending = 0;
  pool->sleepers = 0;
  pool->caller_sleeps = 0;
  pool->stopping = 0;
  sigset_t all, before;
  sigfillset(&all);
  pthread_sigmask(SIG_SETMASK, &all, &before);
  int32_t started = 0;
  for (; started < pool->threads.num_threads - 1; ++started) {
    Worker *worker = &pool->workers[started];
    *worker = Worker{0, pool, {}, started + 1, -1, {}};
    if (pthread_create(&worker->handle, nullptr, worker_main, worker) != 0) break;
  }
  pthread_sigmask(SIG_SETMASK, &before, nullptr);
  if (started == pool->threads.num_threads - 1) return true;
  stop_workers(pool, started);
  return false;
}

// True when this process has the workers. In a forked child the first caller starts new ones.
bool workers_are_here(Pool *pool) {
  if (__builtin_expect(__atomic_load_n(&pool->mark->state, __ATOMIC_ACQUIRE) == kRunning, 1)) return true;
  uint32_t expected = kGone;
  if (!__atomic_compare_exchange_n(&pool->mark->state, &expected, kStarting, false, __ATOMIC_ACQ_REL,
                                   __ATOMIC_RELAXED)) {
    return false;
  }
  pool->busy = 0;  // whoever held it stayed in the parent
  const bool started = start_workers(pool);
  __atomic_store_n(&pool->mark->state, started ? kRunning : kGone, __ATOMIC_RELEASE);
  return started;
}

void run(AotiThreads *self, int64_t num_tasks, int64_t grain, AotiTask task, void *arg) {
  Pool *pool = reinterpret_cast<Pool *>(self);
  if (num_tasks <= 0) return;
  int64_t num_chunks = num_tasks / (grain < 1 ? 1 : grain);
  if (num_chunks > self->num_threads) num_chunks = self->num_threads;
  uint32_t idle = 0;
  if (num_chunks <= 1 || !workers_are_here(pool) ||
      !__atomic_compare_exchange_n(&pool->busy, &idle, 1, false, __ATOMIC_ACQUIRE, __ATOMIC_RELAXED)) {
    task(arg, 0, num_tasks, 0);
    return;
  }
  pool->job = Job{task, arg, num_tasks};
  __atomic_store_n(&pool->pending, static_cast<uint32_t>(num_chunks - 1), __ATOMIC_RELAXED);
  __atomic_store_n(&pool->caller_core, sched_getcpu(), __ATOMIC_RELAXED);
  const uint64_t ticket = announce(pool, num_chunks);
  run_chunk(pool->job, 0, num_chunks);
  run_unclaimed(pool, ticket, num_chunks);
  wait_for_workers(pool);
  __atomic_store_n(&pool->busy, 0, __ATOMIC_RELEASE);
}

bool make_mark(Pool *pool) {
  pool->mark_bytes = static_cast<size_t>(sysconf(_SC_PAGESIZE));
  void *page = mmap(nullptr, pool->mark_bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  if (page == MAP_FAILED) return false;
  // Before Linux 4.14 there is no such advice: a forked child must then make its own containers.
  madvise(page, pool->mark_bytes, MADV_WIPEONFORK);
  pool->mark = static_cast<ForkMark *>(page);
  return true;
}

}  // namespace

AotiThreads *thread_pool_create(int32_t num_threads) {
  void *memory = nullptr;
  if (posix_memalign(&memory, alignof(Pool), sizeof(Pool)) != 0) return nullptr;
  Pool *pool = static_cast<Pool *>(memory);
  *pool = Pool{};
  pool->threads = AotiThreads{num_threads, run};
  pool->caller_core = -1;
  pool->workers = nullptr;
  memory = nullptr;
  if (posix_memalign(&memory, alignof(Worker), sizeof(Worker) * static_cast<size_t>(num_threads)) == 0) {
    pool->workers = static_cast<Worker *>(memory);
  }
  if (pool->workers == nullptr || !make_mark(pool)) {
    free(pool->workers);
    free(pool);
    return nullptr;
  }
  if (!workers_are_here(pool)) {
    munmap(pool->mark, pool->mark_bytes);
    free(pool->workers);
    free(pool);
    return nullptr;
  }
  return &pool->threads;
}

void thread_pool_destroy(AotiThreads *threads) {
  if (threads == nullptr) return;
  Pool *pool = reinterpret_cast<Pool *>(threads);
  // In a forked child that ran nothing there is nobody to join.
  if (pool->mark->state == kRunning) stop_workers(pool, threads->num_threads - 1);
  munmap(pool->mark, pool->mark_bytes);
  free(pool->workers);
  free(pool);
}

}  // namespace aoti_cpu
