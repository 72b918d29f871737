// The pool's promises: every task once, contiguous chunks of at least the grain, thread numbers in range, in
// line when busy or nested, alive after fork. Meant for the thread sanitizer as well (--config=tsan).
#include "runtime/cpu/thread_pool.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include <initializer_list>

#include "tools/testing/check.h"

#if defined(__has_feature)
#define AOTI_THREAD_SANITIZER __has_feature(thread_sanitizer)
#else
#define AOTI_THREAD_SANITIZER 0
#endif

namespace {

constexpr int64_t kMaxTasks = 1000;

struct Record {
  int32_t visits[kMaxTasks];
  int32_t thread_used[64];
  int64_t num_chunks, smallest_chunk;
};

void visit(void *argument, int64_t begin, int64_t end, int32_t thread) {
  Record *record = static_cast<Record *>(argument);
  for (int64_t i = begin; i < end; ++i) ++record->visits[i];  // chunks are disjoint
  __atomic_fetch_add(&record->num_chunks, 1, __ATOMIC_RELAXED);
  __atomic_fetch_add(&record->thread_used[thread], 1, __ATOMIC_RELAXED);
  int64_t smallest = __atomic_load_n(&record->smallest_chunk, __ATOMIC_RELAXED);
  while (end - begin < smallest &&
         !__atomic_compare_exchange_n(&record->smallest_chunk, &smallest, end - begin, false,
                                      __ATOMIC_RELAXED, __ATOMIC_RELAXED)) {
  }
}

void check_loop(AotiThreads *pool, int64_t tasks, int64_t grain, int64_t expected_chunks) {
  Record record;
  memset(&record, 0, sizeof record);
  record.smallest_chunk = kMaxTasks;
  pool->run(pool, tasks, grain, visit, &record);
  for (int64_t i = 0; i < kMaxTasks; ++i) CHECK_EQ(record.visits[i], i < tasks ? 1 : 0);
  CHECK_EQ(record.num_chunks, expected_chunks);
  if (expected_chunks > 1) CHECK(record.smallest_chunk >= grain);
  for (int i = 0; i < 64; ++i) CHECK_EQ(record.thread_used[i], i < expected_chunks ? 1 : 0);
}

void test_split() {
  for (int32_t threads : {1, 2, 3, 8}) {
    AotiThreads *pool = aoti_cpu::thread_pool_create(threads);
    CHECK_EQ(pool->num_threads, threads);
    check_loop(pool, 0, 1, 0);
    check_loop(pool, -3, 1, 0);
    check_loop(pool, 1, 1, 1);
    check_loop(pool, 1000, 1, threads);
    check_loop(pool, 1000, 0, threads);
    check_loop(pool, 7, 4, 1);
    check_loop(pool, 8, 4, threads < 2 ? threads : 2);
    check_loop(pool, 997, 100, threads);
    check_loop(pool, 99, 1000, 1);
    aoti_cpu::thread_pool_destroy(pool);
  }
}

void test_many_loops() {
  AotiThreads *pool = aoti_cpu::thread_pool_create(3);
  for (int i = 0; i < 20000; ++i) {
    int64_t sums[3] = {0, 0, 0};
    pool->run(
        pool, 3 + i % 5, 1,
        [](void *argument, int64_t begin, int64_t end, int32_t thread) {
          static_cast<int64_t *>(argument)[thread] += end - begin;
        },
        sums);
    CHECK_EQ(sums[0] + sums[1] + sums[2], 3 + i % 5);
    if (i % 5000 == 0) {
      // Long enough for the workers to fall asleep.
      timespec pause = {0, 2000000};
      nanosleep(&pause, nullptr);
    }
  }
  aoti_cpu::thread_pool_destroy(pool);
}

struct Nested {
  AotiThreads *pool;
  int64_t inner[4];
};

void test_nested() {
  Nested nested = {aoti_cpu::thread_pool_create(4), {0, 0, 0, 0}};
  nested.pool->run(
      nested.pool, 4, 1,
      [](void *argument, int64_t begin, int64_t, int32_t) {
        Nested *n = static_cast<Nested *>(argument);
        n->pool->run(
            n->pool, 100, 1,
            [](void *sum, int64_t inner_begin, int64_t inner_end, int32_t thread) {
              CHECK_EQ(thread, 0);
              *static_cast<int64_t *>(sum) += inner_end - inner_begin;
            },
            &n->inner[begin]);
      },
      &nested);
  for (int64_t sum : nested.inner) CHECK_EQ(sum, 100);
  aoti_cpu::thread_pool_destroy(nested.pool);
}

void *run_loops(void *argument) {
  AotiThreads *pool = static_cast<AotiThreads *>(argument);
  for (int i = 0; i < 300; ++i) {
    Record record;
    memset(&record, 0, sizeof record);
    record.smallest_chunk = kMaxTasks;
    pool->run(pool, 200, 1, visit, &record);
    for (int64_t t = 0; t < 200; ++t) CHECK_EQ(record.visits[t], 1);
  }
  return nullptr;
}

void test_concurrent_callers() {
  AotiThreads *pool = aoti_cpu::thread_pool_create(3);
  pthread_t callers[4];
  for (pthread_t &caller : callers) CHECK_EQ(pthread_create(&caller, nullptr, run_loops, pool), 0);
  for (pthread_t caller : callers) pthread_join(caller, nullptr);
  aoti_cpu::thread_pool_destroy(pool);
}

[[maybe_unused]] void test_fork() {
  AotiThreads *pool = aoti_cpu::thread_pool_create(3);
  check_loop(pool, 100, 1, 3);
  const pid_t child = fork();
  if (child == 0) {
    alarm(20);
    check_loop(pool, 100, 1, 3);
    check_loop(pool, 100, 1, 3);
    aoti_cpu::thread_pool_destroy(pool);
    _exit(aoti_test::result());
  }
  int status = -1;
  CHECK_EQ(waitpid(child, &status, 0), child);
  CHECK_EQ(status, 0);
  const pid_t idle_child = fork();
  if (idle_child == 0) {
    alarm(20);
    aoti_cpu::thread_pool_destroy(pool);
    _exit(0);
  }
  CHECK_EQ(waitpid(idle_child, &status, 0), idle_child);
  CHECK_EQ(status, 0);
  check_loop(pool, 100, 1, 3);
  aoti_cpu::thread_pool_destroy(pool);
}

}  // namespace

int main() {
  test_split();
  test_many_loops();
  test_nested();
  test_concurrent_callers();
#if !defined(__SANITIZE_THREAD__) && !AOTI_THREAD_SANITIZER
  test_fork();  // the thread sanitizer refuses threads after fork
#endif
  aoti_cpu::thread_pool_destroy(nullptr);
  return aoti_test::result();
}
