// What the table of traced kernels is written with: a kernel's time, told to the context's tracer.
//
//   static void traced_cpp_fused_sin_0(AotiKernelContext *ctx, const float *in_ptr0, float *out_ptr0) {
//     const aoti::TracedKernel traced(ctx, "cpp_fused_sin_0", "aten.sin.default [sin] at m.py:21 in
//     forward"); AOTI_KERNEL(cpp_fused_sin_0)(ctx, in_ptr0, out_ptr0);
//   }
#ifndef KERNELS_CPP_TRACED_KERNEL_H_
#define KERNELS_CPP_TRACED_KERNEL_H_

#include <time.h>

#include "aoti/kernel_context.h"
#include "kernels/cpp/isa.h"

AOTI_BEGIN_NAMESPACE

class TracedKernel {
 public:
  TracedKernel(const AotiKernelContext *ctx, const char *kernel, const char *origins)
      : tracer_(ctx->tracer), kernel_(kernel), origins_(origins), begin_ns_(now_ns()) {}
  ~TracedKernel() { tracer_->record(tracer_->ctx, kernel_, origins_, begin_ns_, now_ns()); }
  TracedKernel(const TracedKernel &) = delete;
  TracedKernel &operator=(const TracedKernel &) = delete;

 private:
  static int64_t now_ns() {
    timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return static_cast<int64_t>(t.tv_sec) * 1000000000 + t.tv_nsec;
  }

  const AotiTracer *const tracer_;
  const char *const kernel_, *const origins_;
  const int64_t begin_ns_;
};

AOTI_END_NAMESPACE

#endif  // KERNELS_CPP_TRACED_KERNEL_H_
