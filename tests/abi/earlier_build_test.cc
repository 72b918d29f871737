// A model library that was built at an earlier commit runs on today's shim and under today's loader, and its
// tensors and errors still mean the same. Arguments: the library (tests/abi/earlier; its name says the
// commit), today's libaoti_shim.so, which it needs.
#include <dlfcn.h>

#include "runtime/model/testing/toy_inputs.h"
#include "runtime/package/loader.h"
#include "tools/testing/check.h"

static const AotiModelApi *current;
extern "C" const AotiModelApi *toy_api(void) { return current; }

int main(int argc, char **argv) {
  CHECK_EQ(argc, 3);
  if (argc != 3) return aoti_test::result();
  CHECK(dlopen(argv[2], RTLD_NOW | RTLD_LOCAL) != nullptr);
  std::string error;
  const std::unique_ptr<aoti::LoadedLibrary> library = aoti::load_library(argv[1], {}, &error);
  if (library == nullptr) fprintf(stderr, "%s\n", error.c_str());
  CHECK(library != nullptr);
  if (library == nullptr) return aoti_test::result();
  current = &library->api();
  CHECK_STR_EQ(current->desc->name, "toy");
  AOTInductorModelContainerHandle model = nullptr;
  CHECK_EQ(current->create_with_device(&model, 2, "cpu", nullptr), 0);
  toy::Constants constants;
  toy::Inputs small(4), large(64, 7);
  toy::run_and_check(model, &small, constants);
  toy::run_and_check(model, &large, constants);
  toy::Inputs odd(5);
  AtenTensorHandle handles[3], outputs[3];
  toy::make_handles(&odd, handles);
  CHECK_EQ(current->run(model, handles, 3, outputs, 3, nullptr, nullptr), AOTI_RUNTIME_FAILURE);
  CHECK_CONTAINS(current->last_error(), "input 0 'x': dimension 0 is 5");
  for (float &value : constants.bias) value += 1;
  const int64_t size[] = {TOY_COLUMNS}, stride[] = {1};
  const AOTInductorConstantMapEntry pair = {"net.bias",
                                            toy::tensor(constants.bias, AOTI_DTYPE_FLOAT32, 1, size, stride)};
  CHECK_EQ(current->update_constants(model, &pair, 1, false, false), 0);
  CHECK_EQ(current->delete_tensor_object(pair.handle), 0);
  toy::run_and_check(model, &small, constants);
  CHECK_EQ(current->delete_container(model), 0);
  return aoti_test::result();
}
