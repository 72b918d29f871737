// A CUDA model written by hand as the compiler would write one, for the stand-in driver.
//
//   def forward(self, x):                # x: float32 [s0, 8], s0 1 to 64
//       h = x * self.weight              # kernel mul, into the arena
//       return h + self.bias.sum(), h    # kernel add (dependent launch, scratch); copy of the arena to an
//       output
//
// toy_cuda_options steers what the run function does.
#ifndef RUNTIME_CUDA_TESTING_TOY_CUDA_MODEL_H_
#define RUNTIME_CUDA_TESTING_TOY_CUDA_MODEL_H_

#include "aoti/model_api.h"

struct ToyCudaOptions {
  bool extra_launch;     // one more launch than before: another sequence
  bool host_copy;        // read a value back in the middle of the run
  bool fail_before_add;  // the run function fails half way
};

extern ToyCudaOptions toy_cuda_options;
extern "C" const AotiModelApi *toy_cuda_api(void);

#endif  // RUNTIME_CUDA_TESTING_TOY_CUDA_MODEL_H_
