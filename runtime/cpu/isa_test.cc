// Choice of a kernel variant: by the processor, by AOTI_CPU_ISA, and what is said when none fits.
#include "runtime/cpu/isa.h"

#include <stdlib.h>

#include <initializer_list>

#include "runtime/cpu/thread_count.h"
#include "tools/testing/check.h"

using aoti_cpu::Level;

namespace {

const AotiIsaVariant kX86Variants[] = {{AOTI_ISA_X86_64_V4, "x86-64-v4", "v4"}, {AOTI_ISA_X86_64_V3, "x86-64-v3", "v3"}};
const AotiIsaVariant kBaseline[] = {{AOTI_ISA_BASELINE, "baseline", "base"}};

void test_levels() {
  CHECK(aoti_cpu::level_runs(Level::kX86V4, AOTI_ISA_X86_64_V4));
  CHECK(aoti_cpu::level_runs(Level::kX86V4, AOTI_ISA_X86_64_V3));
  CHECK(aoti_cpu::level_runs(Level::kX86V3, AOTI_ISA_X86_64_V3));
  CHECK(!aoti_cpu::level_runs(Level::kX86V3, AOTI_ISA_X86_64_V4));
  CHECK(!aoti_cpu::level_runs(Level::kX86V2, AOTI_ISA_X86_64_V3));
  CHECK(!aoti_cpu::level_runs(Level::kAarch64Neon, AOTI_ISA_X86_64_V3));
  CHECK(aoti_cpu::level_runs(Level::kAarch64Neon, AOTI_ISA_AARCH64_NEON));
  CHECK(!aoti_cpu::level_runs(Level::kX86V4, 77));
  for (Level level : {Level::kOther, Level::kX86V1, Level::kAarch64Neon}) {
    CHECK(aoti_cpu::level_runs(level, AOTI_ISA_BASELINE));
  }
  Level parsed = Level::kOther;
  CHECK(aoti_cpu::parse_level("x86-64-v3", &parsed));
  CHECK(parsed == Level::kX86V3);
  CHECK(!aoti_cpu::parse_level("avx9000", &parsed));
#if defined(__x86_64__)
  // The compiler's own reading of CPUID agrees.
  __builtin_cpu_init();
  const bool avx2 = __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma") && __builtin_cpu_supports("bmi2");
  const bool avx512 = __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512bw") &&
                      __builtin_cpu_supports("avx512vl") && __builtin_cpu_supports("avx512dq");
  CHECK_EQ(aoti_cpu::level_runs(aoti_cpu::processor_level(), AOTI_ISA_X86_64_V3), avx2);
  CHECK_EQ(aoti_cpu::level_runs(aoti_cpu::processor_level(), AOTI_ISA_X86_64_V4), avx512);
#endif
}

void test_selection() {
  char message[1024] = "";
  unsetenv("AOTI_CPU_ISA");
  const AotiIsaVariant *chosen = aoti_cpu::select_variant(kBaseline, 1, message, sizeof message);
  CHECK(chosen == &kBaseline[0]);
  setenv("AOTI_CPU_ISA", "avx9000", 1);
  CHECK(aoti_cpu::select_variant(kBaseline, 1, message, sizeof message) == nullptr);
  CHECK_CONTAINS(message, "AOTI_CPU_ISA is \"avx9000\"; expected x86-64-v1");
#if defined(__x86_64__)
  setenv("AOTI_CPU_ISA", "x86-64-v1", 1);
  CHECK(aoti_cpu::select_variant(kX86Variants, 2, message, sizeof message) == nullptr);
  CHECK_CONTAINS(message, "kernels for x86-64-v4, x86-64-v3, but the processor has x86-64-v1 (forced by AOTI_CPU_ISA)");
  CHECK_CONTAINS(message, "build the library with an instruction set");
  CHECK(aoti_cpu::select_variant(kBaseline, 1, message, sizeof message) == &kBaseline[0]);
  setenv("AOTI_CPU_ISA", "aarch64-neon", 1);
  CHECK(aoti_cpu::select_variant(kX86Variants, 2, message, sizeof message) == nullptr);
  CHECK_CONTAINS(message, "asks for aarch64-neon, but this processor has x86-64-v");
  if (aoti_cpu::level_runs(aoti_cpu::processor_level(), AOTI_ISA_X86_64_V3)) {
    setenv("AOTI_CPU_ISA", "x86-64-v3", 1);
    CHECK(aoti_cpu::select_variant(kX86Variants, 2, message, sizeof message) == &kX86Variants[1]);
  }
  if (!aoti_cpu::level_runs(aoti_cpu::processor_level(), AOTI_ISA_X86_64_V4)) {
    setenv("AOTI_CPU_ISA", "x86-64-v4", 1);
    CHECK(aoti_cpu::select_variant(kX86Variants, 2, message, sizeof message) == nullptr);
    CHECK_CONTAINS(message, "unset it or name a level that the processor has");
  }
#endif
  unsetenv("AOTI_CPU_ISA");
}

void test_thread_count() {
  char message[512] = "";
  unsetenv("AOTI_NUM_THREADS");
  CHECK(aoti_cpu::default_num_threads(message, sizeof message) >= 1);
  setenv("AOTI_NUM_THREADS", "3", 1);
  CHECK_EQ(aoti_cpu::default_num_threads(message, sizeof message), 3);
  for (const char *wrong : {"0", "-1", "two", "3x", "1025", "99999999999999999999"}) {
    setenv("AOTI_NUM_THREADS", wrong, 1);
    CHECK_EQ(aoti_cpu::default_num_threads(message, sizeof message), 0);
    CHECK_CONTAINS(message, wrong);
    CHECK_CONTAINS(message, "expected a whole number from 1 to 1024");
  }
  unsetenv("AOTI_NUM_THREADS");
}

}  // namespace

int main() {
  test_levels();
  test_selection();
  test_thread_count();
  return aoti_test::result();
}
