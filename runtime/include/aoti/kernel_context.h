// What a generated kernel gets beside its tensors: threads, scratch memory and a place to report bad data.
//
// One context belongs to one run of one model instance; kernels of that run use it one after the other, and
// the threads of one kernel at the same time (which is why the error is set atomically).
//
//   void cpp_fused_embedding_0(AotiKernelContext *ctx, const int64_t *index, const float *table, float *out)
//   {
//     ...
//     if (i < 0 || i >= 30522) { aoti_kernel_fail(ctx, "embedding: index out of range [0, 30522)", i);
//     return; }
//   }
#ifndef AOTI_KERNEL_CONTEXT_H_
#define AOTI_KERNEL_CONTEXT_H_

#include "aoti/parallel.h"

#ifdef __cplusplus
extern "C" {
#endif

// Instructions that some processors of an instruction set (AotiIsa) have and others lack.
typedef enum AotiProcessorFeature {
  AOTI_FEATURE_AVX512_BF16 = 1  // VDPBF16PS, beside x86-64-v4
} AotiProcessorFeature;

// Gets told of every kernel of a container's runs, from the threads that run (AotiModelApi.set_tracer).
// `kernel` and `origins` (what it was made of: "aten.mm [mm] at m.py:3 in forward") are literals of the
// library. Times are of CLOCK_MONOTONIC.
typedef struct AotiTracer {
  void (*record)(void *ctx, const char *kernel, const char *origins, int64_t begin_ns, int64_t end_ns);
  void *ctx;
} AotiTracer;

typedef struct AotiKernelContext {
  // Borrowed; null means one thread.
  AotiThreads *threads;
  // Thread t owns [scratch + t * scratch_bytes_per_thread, scratch + (t + 1) * scratch_bytes_per_thread).
  // Each such piece is 64-byte aligned; contents are undefined at the start of a kernel. Null when the
  // model's table asks for 0 bytes. Borrowed by kernels; owned by the instance.
  void *scratch;
  // As the model's table asks, rounded up to a multiple of 64.
  int64_t scratch_bytes_per_thread;
  // Null, or the first failure that a kernel of this run reported: a string that outlives the run (a
  // literal).
  const char *error;
  // The offending value that goes with `error`. Meaningful only when `error` is not null.
  int64_t error_value;
  // AotiProcessorFeature bits: what kernels may use beyond the instruction set that they were built for.
  int64_t processor_features;
  // Null unless the variant's traced kernels run.
  const AotiTracer *tracer;
} AotiKernelContext;

// Reports bad data found by a kernel, e.g. an index out of range. `message` is a literal that says what was
// expected and where it comes from; `value` is what was found. The first report of a run wins. Thread-safe.
// The kernel goes on or returns as it likes, without touching memory out of range; the wrapper stops after
// it.
static inline void aoti_kernel_fail(AotiKernelContext *ctx, const char *message, int64_t value) {
  const char *none = NULL;
  if (__atomic_compare_exchange_n(&ctx->error, &none, message, 0, __ATOMIC_RELAXED, __ATOMIC_RELAXED)) {
    ctx->error_value = value;
  }
}

// Thread `thread`'s own piece of scratch. 64-byte aligned; null when the model asked for none.
static inline void *aoti_scratch(const AotiKernelContext *ctx, int32_t thread) {
  return ctx->scratch == NULL ? NULL : (char *)ctx->scratch + (int64_t)thread * ctx->scratch_bytes_per_thread;
}

#ifdef __cplusplus
}  // extern "C"
#endif

#endif  // AOTI_KERNEL_CONTEXT_H_
