/* The generated header in a C11 program: the table of functions, without the C++ part. */
#include <stdio.h>
#include <string.h>

#include "tests/error/odd_aoti.h"

static int failures = 0;

static void check(int ok, const char *what) {
  if (ok) return;
  fprintf(stderr, "check failed: %s\n", what);
  failures += 1;
}

int main(void) {
  const AotiModelApi *api = odd_aoti_api();
  AOTInductorModelContainerHandle model = NULL;
  size_t outputs = 0;
  check(api->abi_version == AOTI_MODEL_ABI_VERSION, "the header and the library are of one version");
  check(api->create_with_device(&model, 1, "cpu", NULL) == 0, api->last_error());
  check(api->get_num_outputs(model, &outputs) == 0 && outputs == 8, "the model has 8 outputs");
  check(strcmp(api->desc->name, "odd_aoti") == 0, "the table names the model");
  check(api->delete_container(model) == 0, "the container is deleted");
  return failures;
}
