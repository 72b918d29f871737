// A library as the compiler makes one with shim = "torch", with operators that only libtorch has.
#include "aoti/model_api.h"

extern "C" {

int32_t aoti_torch_cpu__fft_r2c(void);
int32_t aoti_torch_cpu_randint_low_out(void);

const AotiModelApi *aoti_model_api(void) {
  aoti_torch_cpu__fft_r2c();
  aoti_torch_cpu_randint_low_out();
  aoti_torch_device_type_cpu();
  return nullptr;
}

}  // extern "C"
