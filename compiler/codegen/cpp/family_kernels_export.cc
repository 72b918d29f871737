// Makes the table of the example families' kernels visible in a shared library, for kernels_test.
//
//   const void *family_kernels(void)    the table of this instruction set: pointers to kernels, in the order
//   of kernels.h
#include "kernels.h"

extern "C" __attribute__((visibility("default"))) const void *family_kernels() {
  return &AOTI_CAT(aoti_kernels_, AOTI_ISA);
}
