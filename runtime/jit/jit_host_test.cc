// Contexts are made whole or refused with a message; the kernels of this processor are found.
#include "runtime/jit/jit_host.h"

#include <string.h>

#include <initializer_list>

#include "tools/testing/check.h"

namespace {
const int kTable = 0;
}

extern "C" const AotiIsaVariant aoti_jit_variants[] = {{AOTI_ISA_BASELINE, "baseline", &kTable},
                                                       {0, nullptr, nullptr}};

int main() {
  char message[512] = "";
  CHECK(aoti_jit_kernels(message, sizeof message) == &kTable);

  for (int32_t threads : {1, 3}) {
    AotiKernelContext *context = aoti_jit_context_create(threads, 100, message, sizeof message);
    CHECK(context != nullptr);
    CHECK_EQ(context->scratch_bytes_per_thread, 128);
    CHECK((context->threads != nullptr) == (threads > 1));
    memset(aoti_scratch(context, threads - 1), 1, 128);
    aoti_jit_context_destroy(context);
  }
  AotiKernelContext *context = aoti_jit_context_create(1, 0, message, sizeof message);
  CHECK(context != nullptr && context->scratch == nullptr);
  aoti_jit_context_destroy(context);
  aoti_jit_context_destroy(nullptr);

  CHECK(aoti_jit_context_create(0, 0, message, sizeof message) == nullptr);
  CHECK(strstr(message, "expected 1 to") != nullptr);
  CHECK(aoti_jit_context_create(2, INT64_MAX - 63, message, sizeof message) == nullptr);
  CHECK(strstr(message, "no memory") != nullptr);
  return aoti_test::result();
}
