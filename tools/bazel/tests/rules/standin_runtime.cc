// Stands for runtime/model: defines the exported interface over the generated description.
#include "tools/bazel/tests/rules/standin.h"

#define EXPORT extern "C" __attribute__((visibility("default")))

extern "C" const StandinDesc aoti_model_desc;

static int run(int isa, int x) { return aoti_model_desc.run(isa, x); }

extern "C" const StandinApi *standin_api(void) {
  static const StandinApi api = {run};
  return &api;
}

EXPORT const StandinApi *aoti_model_api(void) { return standin_api(); }
EXPORT int AOTInductorModelContainerRun(int isa, int x) { return run(isa, x); }
EXPORT int helper_that_stays_inside(void) { return 0; }
