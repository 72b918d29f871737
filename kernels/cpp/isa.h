// The name of the instruction set that a file is compiled for.
//
// What enters: -DAOTI_ISA=x86_64_v3 | x86_64_v4 | aarch64_neon, together with the matching -march. What
// leaves: the inline namespace aoti::AOTI_ISA, in which everything of kernels/cpp lives.
//
// Invariant: two files that were compiled for different instruction sets never share a function, so the
// linker cannot pick an AVX-512 body for a processor without it.
#ifndef KERNELS_CPP_ISA_H_
#define KERNELS_CPP_ISA_H_

#ifndef AOTI_ISA
#error "compile with -DAOTI_ISA=x86_64_v3, x86_64_v4 or aarch64_neon and the -march that belongs to it"
#endif

#define AOTI_BEGIN_NAMESPACE \
  namespace aoti {           \
  inline namespace AOTI_ISA {
#define AOTI_END_NAMESPACE \
  }                        \
  }

#endif  // KERNELS_CPP_ISA_H_
