// The contract headers compile as C11, and a C program can use them.
#include "aoti/cuda.h"
#include "aoti/kernel_context.h"
#include "aoti/model_api.h"
#include "aoti/model_desc.h"
#include "aoti/model_interface.h"
#include "aoti/parallel.h"
#include "aoti/shim.h"

static void add(void *sum, int64_t begin, int64_t end, int32_t thread) {
  (void)thread;
  *(int64_t *)sum += end - begin;
}

int main(void) {
  const AotiDimDesc dims[] = {AOTI_STATIC_DIM(3), {1, 8, 2, 0, 0}};
  AotiKernelContext ctx = {NULL, NULL, 0, NULL, 0, 0, NULL};
  int64_t sum = 0;
  aoti_parallel_for(ctx.threads, 7, 2, add, &sum);
  aoti_kernel_fail(&ctx, "first", 1);
  aoti_kernel_fail(&ctx, "second", 2);
  return sum == 7 && ctx.error_value == 1 && aoti_scratch(&ctx, 3) == NULL && dims[0].hi == 3 ? 0 : 1;
}
