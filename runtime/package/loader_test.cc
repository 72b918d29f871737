// Loading model libraries of every flavour, and what is said of those that cannot be loaded. Arguments: the
// toy model as static, shared and torch flavour; libraries of an older and a newer ABI version; one with
// operators of libtorch; a library of the folder of stand-ins.
#include "runtime/package/loader.h"

#include <stdlib.h>

#include "runtime/model/testing/toy_inputs.h"
#include "tools/testing/check.h"

// The tensors of toy_inputs.h are made by the library under test.
static const AotiModelApi *current;
extern "C" const AotiModelApi *toy_api(void) { return current; }

namespace {

void refused(const std::string &path, const aoti::LoadOptions &options, const char *part) {
  std::string error;
  CHECK(aoti::load_library(path, options, &error) == nullptr);
  CHECK_CONTAINS(error.c_str(), part);
  CHECK_CONTAINS(error.c_str(), path.substr(path.find_last_of('/') + 1).c_str());
}

void runs(const std::string &path, const aoti::LoadOptions &options) {
  std::string error;
  const std::unique_ptr<aoti::LoadedLibrary> library = aoti::load_library(path, options, &error);
  CHECK(library != nullptr);
  if (library == nullptr) {
    fprintf(stderr, "  %s\n", error.c_str());
    return;
  }
  CHECK(!library->is_stock());
  CHECK_STR_EQ(library->api().desc->name, "toy");
  current = &library->api();
  AOTInductorModelContainerHandle model = nullptr;
  CHECK_EQ(current->create_with_device(&model, 1, "cpu", nullptr), 0);
  toy::Inputs inputs(8);
  toy::run_and_check(model, &inputs, toy::Constants());
  CHECK_EQ(current->delete_container(model), 0);
}

// Two libraries in one process answer for themselves, though they export the same names.
void test_two_at_once(const std::string &first, const std::string &second) {
  std::string error;
  const auto a = aoti::load_library(first, {}, &error), b = aoti::load_library(second, {}, &error);
  CHECK(a != nullptr && b != nullptr && &a->api() != &b->api() && a->api().run != b->api().run);
  AOTInductorModelContainerHandle model = nullptr;
  CHECK_EQ(a->api().create_with_device(&model, 1, "cpu", nullptr), 0);
  // A tensor of one library's shim is refused by the other, not misread; so is a container.
  toy::Inputs inputs(4);
  AtenTensorHandle handles[3], outputs[3];
  current = &b->api();
  toy::make_handles(&inputs, handles);
  AtenTensorHandle copy = nullptr;
  CHECK_EQ(a->api().new_tensor_handle(handles[0], &copy), AOTI_TORCH_FAILURE);
  CHECK_CONTAINS(a->api().last_tensor_error(),
                 "is not a tensor handle of this shim; handles of another library");
  AtenTensorHandle foreign[3];
  memcpy(foreign, handles, sizeof handles);
  CHECK_EQ(a->api().run(model, foreign, 3, outputs, 3, nullptr, nullptr), 1);
  CHECK_CONTAINS(a->api().last_error(), "input 0 'x'");
  for (AtenTensorHandle handle : handles) CHECK_EQ(b->api().delete_tensor_object(handle), AOTI_TORCH_SUCCESS);
  CHECK_EQ(b->api().delete_container(model), 1);
  CHECK_CONTAINS(b->api().last_error(), "not a container of this library");
  CHECK_EQ(a->api().delete_container(model), 0);
}

std::string directory_of(const std::string &path) { return path.substr(0, path.find_last_of('/')); }

}  // namespace

int main(int argc, char **argv) {
  CHECK_EQ(argc, 8);
  if (argc != 8) return aoti_test::result();
  const std::string fixed = argv[1], shared = argv[2], torch = argv[3], older = argv[4], newer = argv[5],
                    ops = argv[6];
  aoti::LoadOptions compat;
  compat.compat_directory = directory_of(argv[7]);
  unsetenv("AOTI_TORCH_COMPAT");
  runs(fixed, {});
  runs(fixed, {});  // a second time, after it was closed
  runs(shared, {});
  test_two_at_once(fixed, shared);
  refused("/nowhere/libx.so", {}, "No such file or directory");
  refused(older, {}, "has version 0 of the model ABI");
  const std::string own = "this program expects version " + std::to_string(AOTI_MODEL_ABI_VERSION) + " ";
  refused(older, {}, own.c_str());
  refused(older, {}, "Compile the model again with the compiler of this program's release.");
  refused(newer, {}, "Rebuild this program with the release that compiled the model.");
  refused(argv[7], {}, "a library without a model in it");
  refused(torch, {}, "needs libtorch_cpu.so, which this process has not loaded");
  refused(torch, {}, "in Python: import torch");
  refused(ops, compat, "does not have:\n  aoti_torch_cpu__fft_r2c\n  aoti_torch_cpu_randint_low_out\n");
  runs(torch, compat);
  setenv("AOTI_TORCH_COMPAT", compat.compat_directory.c_str(), 1);
  runs(torch, {});
  return aoti_test::result();
}
