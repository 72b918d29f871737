// Choice of a kernel variant: by the processor, by AOTI_CPU_ISA, and what is said when none fits.
#include "runtime/cpu/isa.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <initializer_list>

#include "runtime/cpu/thread_count.h"
#include "tools/testing/check.h"

using aoti_cpu::Level;

namespace {

const AotiIsaVariant kX86Variants[] = {{AOTI_ISA_X86_64_V4, "x86-64-v4", "v4"},
                                       {AOTI_ISA_X86_64_V3, "x86-64-v3", "v3"}};
const AotiIsaVariant kBaseline[] = {{AOTI_ISA_BASELINE, "baseline", "base"}};

// True when the kernel's own list of the processor's features has all of these.
[[maybe_unused]] bool kernel_lists(std::initializer_list<const char *> features) {
  static char line[65536];
  FILE *file = fopen("/proc/cpuinfo", "r");
  CHECK(file != nullptr);
  while (file != nullptr && fgets(line, sizeof line, file) != nullptr && strncmp(line, "flags", 5) != 0) {
  }
  if (file != nullptr) fclose(file);
  for (const char *feature : features) {
    const size_t length = strlen(feature);
    const char *at = strstr(line, feature);
    while (at != nullptr && !(at[-1] == ' ' && (at[length] == ' ' || at[length] == '\n'))) {
      at = strstr(at + 1, feature);
    }
    if (at == nullptr) return false;
  }
  return true;
}

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
  const Level level = aoti_cpu::processor_level();
  CHECK_EQ(aoti_cpu::level_runs(level, AOTI_ISA_X86_64_V3),
           kernel_lists({"avx", "avx2", "bmi1", "bmi2", "f16c", "fma", "abm", "movbe"}));
  CHECK_EQ(aoti_cpu::level_runs(level, AOTI_ISA_X86_64_V4),
           kernel_lists({"avx2", "fma", "avx512f", "avx512bw", "avx512cd", "avx512dq", "avx512vl"}));
  unsetenv("AOTI_CPU_ISA");
  CHECK_EQ((aoti_cpu::usable_features() & AOTI_FEATURE_AVX512_BF16) != 0,
           kernel_lists({"avx512f", "avx512_bf16"}));
  setenv("AOTI_CPU_ISA", aoti_cpu::level_name(level), 1);
  CHECK_EQ(aoti_cpu::usable_features(), int64_t{0});
  unsetenv("AOTI_CPU_ISA");
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
  CHECK_CONTAINS(
      message, "kernels for x86-64-v4, x86-64-v3, but the processor has x86-64-v1 (forced by AOTI_CPU_ISA)");
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
