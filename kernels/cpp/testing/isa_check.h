// Lets a test that was compiled for a newer processor say so and stop, instead of dying of an illegal
// instruction.
#ifndef KERNELS_CPP_TESTING_ISA_CHECK_H_
#define KERNELS_CPP_TESTING_ISA_CHECK_H_

#include <stdio.h>

#include "runtime/cpu/isa.h"

namespace aoti_testing {

// False, with a line on standard output, when this processor lacks what -march asked for. Called first in
// main.
inline bool processor_has_isa() {
#if defined(__AVX512F__)
  const aoti_cpu::Level needed = aoti_cpu::Level::kX86V4;
#elif defined(__AVX2__)
  const aoti_cpu::Level needed = aoti_cpu::Level::kX86V3;
#else
  const aoti_cpu::Level needed = aoti_cpu::Level::kOther;
#endif
  // the compiler's own question, __builtin_cpu_supports, needs a support library that not every toolchain
  // links
  const aoti_cpu::Level level = aoti_cpu::processor_level();
  if (level >= needed) return true;
  printf("skipped: compiled for %s, this processor is %s\n", aoti_cpu::level_name(needed),
         aoti_cpu::level_name(level));
  return false;
}

}  // namespace aoti_testing

#endif  // KERNELS_CPP_TESTING_ISA_CHECK_H_
