#include "runtime/cpu/isa.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#if defined(__x86_64__)
#include <cpuid.h>
#endif

namespace aoti_cpu {
namespace {

constexpr Level kNamedLevels[] = {Level::kX86V1, Level::kX86V2, Level::kX86V3, Level::kX86V4,
                                  Level::kAarch64Neon};

#if defined(__x86_64__)

struct Registers {
  unsigned a, b, c, d;
};

Registers cpuid(unsigned leaf, unsigned subleaf = 0) {
  Registers r{0, 0, 0, 0};
  if (__get_cpuid_count(leaf, subleaf, &r.a, &r.b, &r.c, &r.d) == 0) return Registers{0, 0, 0, 0};
  return r;
}

// XCR0: which register files the operating system saves.
unsigned saved_registers() {
  unsigned low = 0, high = 0;
  __asm__ volatile("xgetbv" : "=a"(low), "=d"(high) : "c"(0));
  return low;
}

bool has_all(unsigned bits, unsigned wanted) { return (bits & wanted) == wanted; }

// Levels and their feature bits: System V ABI, AMD64 supplement, table "Micro-Architecture Levels".
Level detect() {
  const Registers basic = cpuid(1), extended = cpuid(7), amd = cpuid(0x80000001u);
  const unsigned sse3 = 1u << 0, ssse3 = 1u << 9, fma = 1u << 12, cx16 = 1u << 13, sse41 = 1u << 19;
  const unsigned sse42 = 1u << 20, movbe = 1u << 22, popcnt = 1u << 23, osxsave = 1u << 27, avx = 1u << 28;
  const unsigned f16c = 1u << 29, lahf = 1u << 0, lzcnt = 1u << 5;
  const unsigned bmi1 = 1u << 3, avx2 = 1u << 5, bmi2 = 1u << 8;
  const unsigned avx512f = 1u << 16, avx512dq = 1u << 17, avx512cd = 1u << 28, avx512bw = 1u << 30;
  const unsigned avx512vl = 1u << 31, ymm_saved = 0x6, zmm_saved = 0xe6;
  if (!has_all(basic.c, sse3 | ssse3 | cx16 | sse41 | sse42 | popcnt) || !has_all(amd.c, lahf))
    return Level::kX86V1;
  if (!has_all(basic.c, fma | movbe | osxsave | avx | f16c) || !has_all(extended.b, bmi1 | avx2 | bmi2) ||
      !has_all(amd.c, lzcnt) || !has_all(saved_registers(), ymm_saved)) {
    return Level::kX86V2;
  }
  if (!has_all(extended.b, avx512f | avx512dq | avx512cd | avx512bw | avx512vl) ||
      !has_all(saved_registers(), zmm_saved)) {
    return Level::kX86V3;
  }
  return Level::kX86V4;
}

// Intel SDM, CPUID, leaf 7, subleaf 1.
int64_t detect_features() {
  const unsigned avx512_bf16 = 1u << 5;
  const bool has_subleaf = cpuid(7).a >= 1 && processor_level() == Level::kX86V4;
  return has_subleaf && has_all(cpuid(7, 1).a, avx512_bf16) ? AOTI_FEATURE_AVX512_BF16 : 0;
}

#elif defined(__aarch64__)

// Advanced SIMD is part of the architecture's baseline.
Level detect() { return Level::kAarch64Neon; }
int64_t detect_features() { return 0; }

#else

Level detect() { return Level::kOther; }
int64_t detect_features() { return 0; }

#endif

bool same_architecture(Level a, Level b) { return (a == Level::kAarch64Neon) == (b == Level::kAarch64Neon); }

// Appends a comma-separated list of the variants' names.
void list_variants(const AotiIsaVariant *variants, int32_t num_variants, char *text, size_t bytes) {
  size_t used = 0;
  for (int32_t i = 0; i < num_variants && used + 1 < bytes; ++i) {
    used += static_cast<size_t>(
        snprintf(text + used, bytes - used, "%s%s", i == 0 ? "" : ", ", variants[i].name));
  }
}

// The level to choose for, after AOTI_CPU_ISA; false with a message.
bool effective_level(Level *ret_level, const char **ret_why, char *message, size_t message_bytes) {
  const Level actual = processor_level();
  const char *forced_name = getenv("AOTI_CPU_ISA");
  *ret_level = actual;
  *ret_why = "";
  if (forced_name == nullptr || forced_name[0] == '\0') return true;
  Level forced = Level::kOther;
  if (!parse_level(forced_name, &forced)) {
    snprintf(message, message_bytes,
             "AOTI_CPU_ISA is \"%s\"; expected x86-64-v1, x86-64-v2, x86-64-v3, x86-64-v4 or aarch64-neon",
             forced_name);
    return false;
  }
  if (!same_architecture(forced, actual) || forced > actual) {
    snprintf(message, message_bytes,
             "AOTI_CPU_ISA asks for %s, but this processor has %s; unset it or name a level that the "
             "processor has",
             forced_name, level_name(actual));
    return false;
  }
  *ret_level = forced;
  *ret_why = " (forced by AOTI_CPU_ISA)";
  return true;
}

}  // namespace

Level processor_level() {
  static int cached = -1;  // a race computes the same value twice
  int level = __atomic_load_n(&cached, __ATOMIC_RELAXED);
  if (level < 0) {
    level = static_cast<int>(detect());
    __atomic_store_n(&cached, level, __ATOMIC_RELAXED);
  }
  return static_cast<Level>(level);
}

int64_t usable_features() {
  const char *forced = getenv("AOTI_CPU_ISA");
  return forced == nullptr || forced[0] == '\0' ? detect_features() : 0;
}

const char *level_name(Level level) {
  switch (level) {
    case Level::kX86V1:
      return "x86-64-v1";
    case Level::kX86V2:
      return "x86-64-v2";
    case Level::kX86V3:
      return "x86-64-v3";
    case Level::kX86V4:
      return "x86-64-v4";
    case Level::kAarch64Neon:
      return "aarch64-neon";
    case Level::kOther:
      break;
  }
  return "baseline";
}

bool parse_level(const char *text, Level *ret_level) {
  for (Level level : kNamedLevels) {
    if (strcmp(text, level_name(level)) != 0) continue;
    *ret_level = level;
    return true;
  }
  return false;
}

bool level_runs(Level level, int32_t isa) {
  switch (isa) {
    case AOTI_ISA_BASELINE:
      return true;
    case AOTI_ISA_X86_64_V3:
      return level == Level::kX86V3 || level == Level::kX86V4;
    case AOTI_ISA_X86_64_V4:
      return level == Level::kX86V4;
    case AOTI_ISA_AARCH64_NEON:
      return level == Level::kAarch64Neon;
    default:
      return false;
  }
}

const AotiIsaVariant *select_variant(const AotiIsaVariant *variants, int32_t num_variants, char *message,
                                     size_t message_bytes) {
  Level level = Level::kOther;
  const char *why = "";
  if (!effective_level(&level, &why, message, message_bytes)) return nullptr;
  for (int32_t i = 0; i < num_variants; ++i) {
    if (level_runs(level, variants[i].isa)) return &variants[i];
  }
  char names[256] = "nothing";
  list_variants(variants, num_variants, names, sizeof names);
  snprintf(message, message_bytes,
           "this library has kernels for %s, but the processor has %s%s; build the library with an "
           "instruction set "
           "that the processor has (attribute isa of aoti_cc_library, --isa of the compiler)",
           names, level_name(level), why);
  return nullptr;
}

}  // namespace aoti_cpu
