// The same headers, and those for generated code, compile as C++17 without a C++ library.
#include "aoti/cuda_model.h"
#include "aoti/kernel_context.h"
#include "aoti/model.h"
#include "aoti/model_api.h"
#include "aoti/model_desc.h"
#include "aoti/model_interface.h"
#include "aoti/parallel.h"
#include "aoti/shim.h"

int main() {
  RAIIAtenTensorHandle one, two(static_cast<RAIIAtenTensorHandle &&>(one));
  two = RAIIAtenTensorHandle();
  return two.get() == nullptr && one.release() == nullptr ? 0 : 1;
}
