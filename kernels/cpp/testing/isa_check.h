// Lets a test that was compiled for a newer processor say so and stop, instead of dying of an illegal instruction.
#ifndef KERNELS_CPP_TESTING_ISA_CHECK_H_
#define KERNELS_CPP_TESTING_ISA_CHECK_H_

#include <stdio.h>

#define AOTI_TEXT_OF(x) #x
#define AOTI_NAME_OF(x) AOTI_TEXT_OF(x)

namespace aoti_testing {

// False, with a line on standard output, when this processor lacks what -march asked for. Called first in main.
inline bool processor_has_isa() {
  bool has = true;
#if defined(__x86_64__)
#if defined(__AVX512F__)
  has = __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512vl") && __builtin_cpu_supports("avx512bw") &&
        __builtin_cpu_supports("avx512dq") && __builtin_cpu_supports("avx512cd");
#endif
#if defined(__AVX2__)
  has = has && __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma");
#endif
#endif
  if (!has) printf("skipped: this processor lacks %s\n", AOTI_NAME_OF(AOTI_ISA));
  return has;
}

}  // namespace aoti_testing

#endif  // KERNELS_CPP_TESTING_ISA_CHECK_H_
