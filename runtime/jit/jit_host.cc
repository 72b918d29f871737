#include "runtime/jit/jit_host.h"

#include <stdio.h>
#include <stdlib.h>

#include "runtime/cpu/isa.h"
#include "runtime/cpu/thread_count.h"
#include "runtime/cpu/thread_pool.h"

const void *aoti_jit_kernels(char *message, size_t message_bytes) {
  int32_t count = 0;
  while (aoti_jit_variants[count].kernels != nullptr) ++count;
  const AotiIsaVariant *variant = aoti_cpu::select_variant(aoti_jit_variants, count, message, message_bytes);
  return variant == nullptr ? nullptr : variant->kernels;
}

AotiKernelContext *aoti_jit_context_create(int32_t num_threads, int64_t scratch_bytes_per_thread,
                                           char *message, size_t message_bytes) {
  if (num_threads < 1 || num_threads > aoti_cpu::kMaxThreads || scratch_bytes_per_thread < 0) {
    snprintf(message, message_bytes,
             "%d threads with %lld bytes each; expected 1 to %d threads and 0 bytes or more", num_threads,
             static_cast<long long>(scratch_bytes_per_thread), aoti_cpu::kMaxThreads);
    return nullptr;
  }
  int64_t stride = 0, bytes = 0;
  const bool overflow = __builtin_add_overflow(scratch_bytes_per_thread, AOTI_ALIGNMENT - 1, &stride) ||
                        __builtin_mul_overflow(stride / AOTI_ALIGNMENT * AOTI_ALIGNMENT, num_threads, &bytes);
  AotiKernelContext *context = static_cast<AotiKernelContext *>(calloc(1, sizeof *context));
  if (context == nullptr || overflow ||
      (bytes > 0 && posix_memalign(&context->scratch, AOTI_ALIGNMENT, static_cast<size_t>(bytes)) != 0)) {
    free(context);
    snprintf(message, message_bytes, "no memory for %lld bytes of scratch", static_cast<long long>(bytes));
    return nullptr;
  }
  context->scratch_bytes_per_thread = bytes / num_threads;
  context->processor_features = aoti_cpu::usable_features();
  if (num_threads > 1) {
    context->threads = aoti_cpu::thread_pool_create(num_threads);
    if (context->threads == nullptr) {
      aoti_jit_context_destroy(context);
      snprintf(message, message_bytes, "cannot start %d threads", num_threads - 1);
      return nullptr;
    }
  }
  return context;
}

void aoti_jit_context_destroy(AotiKernelContext *context) {
  if (context == nullptr) return;
  aoti_cpu::thread_pool_destroy(context->threads);
  free(context->scratch);
  free(context);
}
