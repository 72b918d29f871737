// A library whose table of functions has a version that nobody has made: what a program of another release
// would see.
#include "aoti/model_api.h"

extern "C" {

const AotiModelApi *aoti_model_api(void) {
  static const AotiModelApi api = [] {
    AotiModelApi other = {};
    other.struct_size = sizeof(AotiModelApi);
    other.abi_version = OTHER_ABI_VERSION;
    return other;
  }();
  return &api;
}

}  // extern "C"
