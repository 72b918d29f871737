// How many threads a container's runs use: one set of them for all instances, or one for each.
#include <stdlib.h>

#include "runtime/cpu/thread_count.h"
#include "runtime/cpu/thread_pool.h"
#include "runtime/model/container.h"
#include "runtime/model/container_threads.h"
#include "runtime/model/error.h"
#include "runtime/model/memory.h"

namespace aoti_model {
namespace {

// What a container runs on, made apart and then exchanged with what it has.
struct Equipment {
  int32_t num_threads;
  AotiThreads *shared;
  size_t count;        // of instances
  void **scratch;      // [count]
  AotiThreads **each;  // [count]: an instance's own
};

AOTIRuntimeError start(int32_t num_threads, AotiThreads **ret_threads) {
  *ret_threads = num_threads == 1 ? nullptr : aoti_cpu::thread_pool_create(num_threads);
  if (num_threads == 1 || *ret_threads != nullptr) return AOTI_RUNTIME_SUCCESS;
  return fail(
      "could not start %d threads; lower AOTI_NUM_THREADS or raise the limit of the process (ulimit -u)",
      num_threads);
}

AOTIRuntimeError equip(const AotiModelDesc &desc, bool each, Equipment *made) {
  made->scratch = static_cast<void **>(calloc(made->count, sizeof(void *)));
  made->each = static_cast<AotiThreads **>(calloc(made->count, sizeof(AotiThreads *)));
  if (made->scratch == nullptr || made->each == nullptr) return fail_memory("a list of instances", 0);
  if (!each && start(made->num_threads, &made->shared) != AOTI_RUNTIME_SUCCESS) return AOTI_RUNTIME_FAILURE;
  for (size_t i = 0; i < made->count; ++i) {
    if (allocate_scratch(desc, made->num_threads, &made->scratch[i]) != AOTI_RUNTIME_SUCCESS ||
        (each && start(made->num_threads, &made->each[i]) != AOTI_RUNTIME_SUCCESS)) {
      return AOTI_RUNTIME_FAILURE;
    }
  }
  return AOTI_RUNTIME_SUCCESS;
}

void drop(Equipment *made) {
  for (size_t i = 0; i < made->count; ++i) {
    if (made->scratch != nullptr) free(made->scratch[i]);
    if (made->each != nullptr) aoti_cpu::thread_pool_destroy(made->each[i]);
  }
  free(made->scratch);
  free(made->each);
  aoti_cpu::thread_pool_destroy(made->shared);
}

template <class T>
void exchange(T *a, T *b) {
  const T old = *a;
  *a = *b;
  *b = old;
}

void install(Container *c, Equipment *made) {
  queue_take_all(&c->queue);
  for (size_t i = 0; i < made->count; ++i) {
    exchange(&c->instances[i].scratch, &made->scratch[i]);
    exchange(&c->instances[i].threads, &made->each[i]);
  }
  exchange(&c->threads, &made->shared);
  c->num_threads = made->num_threads;
  queue_give_all(&c->queue);
}

}  // namespace

AOTIRuntimeError check_num_threads(int32_t *num_threads) {
  if (*num_threads < 0 || *num_threads > aoti_cpu::kMaxThreads) {
    return fail("%d threads; expected 1 to %d, or 0 for the default", *num_threads, aoti_cpu::kMaxThreads);
  }
  char message[512] = "";
  if (*num_threads == 0) *num_threads = aoti_cpu::default_num_threads(message, sizeof message);
  return *num_threads != 0 ? AOTI_RUNTIME_SUCCESS : fail("%s", message);
}

AOTIRuntimeError make_threads(int32_t num_threads, AotiThreads **ret_threads, int32_t *ret_num_threads) {
  if (check_num_threads(&num_threads) != AOTI_RUNTIME_SUCCESS ||
      start(num_threads, ret_threads) != AOTI_RUNTIME_SUCCESS) {
    return AOTI_RUNTIME_FAILURE;
  }
  *ret_num_threads = num_threads;
  return AOTI_RUNTIME_SUCCESS;
}

AOTIRuntimeError allocate_scratch(const AotiModelDesc &desc, int32_t num_threads, void **ret_scratch) {
  int64_t bytes = 0;
  *ret_scratch = nullptr;
  if (desc.scratch_bytes_per_thread == 0) return AOTI_RUNTIME_SUCCESS;
  if (!__builtin_mul_overflow(round_up(desc.scratch_bytes_per_thread), num_threads, &bytes)) {
    *ret_scratch = allocate_aligned(bytes);
  }
  return *ret_scratch != nullptr ? AOTI_RUNTIME_SUCCESS
                                 : fail_memory("the scratch memory of an instance", bytes);
}

AOTIRuntimeError container_set_num_threads(Container *c, int32_t num_threads, bool each) {
  if (check_num_threads(&num_threads) != AOTI_RUNTIME_SUCCESS) return AOTI_RUNTIME_FAILURE;
  Equipment made{num_threads, nullptr, static_cast<size_t>(c->queue.num_instances), nullptr, nullptr};
  const AOTIRuntimeError status = equip(*c->desc, each, &made);
  if (status == AOTI_RUNTIME_SUCCESS) install(c, &made);
  drop(&made);  // now what the container had, or on failure what was made
  return status;
}

}  // namespace aoti_model
