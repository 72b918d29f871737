// What separately built sides of the ABI share keeps its place: every struct and field of the frozen list
// (argument: shim/abi/layout.txt, lines "name number") is still there, at the same offset, of the same
// size. Structs marked "grows" may be longer than listed: their users look at struct_size. A field that is
// missing from the list fails too: add it there once its place is decided.
//
// Only what a host reads in a library of another release is here. What lives inside one library (AotiRunArgs,
// AotiKernelContext, AotiConstantDesc, the tables of aoti/cuda.h) is always of one release.
#include <stddef.h>
#include <string.h>

#include "aoti/model_api.h"
#include "aoti/model_desc.h"
#include "aoti/model_interface.h"
#include "tools/testing/check.h"

namespace {

struct Entry {
  const char *name;
  size_t number;
  bool listed;
};

#define STRUCT(type) {#type, sizeof(type), false}
#define FIELD(type, field) {#type "." #field, offsetof(type, field), false}

Entry entries[] = {
    {"AOTI_MODEL_ABI_VERSION", AOTI_MODEL_ABI_VERSION, false},
    STRUCT(AotiFloat16),
    STRUCT(AotiBFloat16),
    STRUCT(AotiComplex64),
    STRUCT(AotiComplex128),
    STRUCT(AOTInductorConstantMapEntry),
    FIELD(AOTInductorConstantMapEntry, name),
    FIELD(AOTInductorConstantMapEntry, handle),
    STRUCT(AOTInductorArrayRefTensor),
    FIELD(AOTInductorArrayRefTensor, data),
    FIELD(AOTInductorArrayRefTensor, numel),
    FIELD(AOTInductorArrayRefTensor, sizes),
    FIELD(AOTInductorArrayRefTensor, strides),
    FIELD(AOTInductorArrayRefTensor, ndim),
    FIELD(AOTInductorArrayRefTensor, dtype),
    FIELD(AOTInductorArrayRefTensor, device_type),
    FIELD(AOTInductorArrayRefTensor, device_idx),
    FIELD(AOTInductorArrayRefTensor, reserved),
    STRUCT(AotiDimDesc),
    FIELD(AotiDimDesc, lo),
    FIELD(AotiDimDesc, hi),
    FIELD(AotiDimDesc, multiple_of),
    FIELD(AotiDimDesc, symbol),
    STRUCT(AotiTensorDesc),
    FIELD(AotiTensorDesc, name),
    FIELD(AotiTensorDesc, dtype),
    FIELD(AotiTensorDesc, device_type),
    FIELD(AotiTensorDesc, ndim),
    FIELD(AotiTensorDesc, dims),
    FIELD(AotiTensorDesc, strides),
    FIELD(AotiTensorDesc, origin),
    FIELD(AotiTensorDesc, align_bytes),
    FIELD(AotiTensorDesc, is_mutated),
    STRUCT(AotiModelDesc),
    FIELD(AotiModelDesc, struct_size),
    FIELD(AotiModelDesc, abi_version),
    FIELD(AotiModelDesc, name),
    FIELD(AotiModelDesc, compiler_version),
    FIELD(AotiModelDesc, in_spec),
    FIELD(AotiModelDesc, out_spec),
    FIELD(AotiModelDesc, num_inputs),
    FIELD(AotiModelDesc, num_outputs),
    FIELD(AotiModelDesc, num_constants),
    FIELD(AotiModelDesc, inputs),
    FIELD(AotiModelDesc, outputs),
    FIELD(AotiModelDesc, weights_bytes),
    STRUCT(AotiModelApi),
    FIELD(AotiModelApi, struct_size),
    FIELD(AotiModelApi, abi_version),
    FIELD(AotiModelApi, desc),
    FIELD(AotiModelApi, last_error),
    FIELD(AotiModelApi, last_tensor_error),
    FIELD(AotiModelApi, isa_name),
    FIELD(AotiModelApi, create_with_device),
    FIELD(AotiModelApi, delete_container),
    FIELD(AotiModelApi, run),
    FIELD(AotiModelApi, run_single_threaded),
    FIELD(AotiModelApi, set_num_threads),
    FIELD(AotiModelApi, get_num_threads),
    FIELD(AotiModelApi, get_num_inputs),
    FIELD(AotiModelApi, get_input_name),
    FIELD(AotiModelApi, get_num_outputs),
    FIELD(AotiModelApi, get_output_name),
    FIELD(AotiModelApi, get_call_spec),
    FIELD(AotiModelApi, get_num_constants),
    FIELD(AotiModelApi, get_constant_name),
    FIELD(AotiModelApi, get_constant_original_fqn),
    FIELD(AotiModelApi, get_constant_dtype),
    FIELD(AotiModelApi, get_constant_data_size),
    FIELD(AotiModelApi, extract_constants),
    FIELD(AotiModelApi, update_constants),
    FIELD(AotiModelApi, update_user_managed_constants),
    FIELD(AotiModelApi, swap_constants),
    FIELD(AotiModelApi, free_inactive_constants),
    FIELD(AotiModelApi, create_tensor_from_blob_v2),
    FIELD(AotiModelApi, create_tensor_with_deleter),
    FIELD(AotiModelApi, empty_strided),
    FIELD(AotiModelApi, new_tensor_handle),
    FIELD(AotiModelApi, delete_tensor_object),
    FIELD(AotiModelApi, get_data_ptr),
    FIELD(AotiModelApi, get_dtype),
    FIELD(AotiModelApi, get_dim),
    FIELD(AotiModelApi, get_numel),
    FIELD(AotiModelApi, get_sizes),
    FIELD(AotiModelApi, get_strides),
    FIELD(AotiModelApi, get_storage_offset),
    FIELD(AotiModelApi, get_storage_size),
    FIELD(AotiModelApi, get_device_type),
    FIELD(AotiModelApi, get_device_index),
    FIELD(AotiModelApi, copy_),
    FIELD(AotiModelApi, create_with_options),
    FIELD(AotiModelApi, set_threads_of_each),
    FIELD(AotiModelApi, get_state),
    FIELD(AotiModelApi, create_session),
    FIELD(AotiModelApi, delete_session),
    FIELD(AotiModelApi, run_session),
    FIELD(AotiModelApi, get_session_state),
    FIELD(AotiModelApi, reset_session),
    FIELD(AotiModelApi, set_tracer),
    STRUCT(AotiTracer),
    FIELD(AotiTracer, record),
    FIELD(AotiTracer, ctx),
    STRUCT(AotiConstantPlace),
    FIELD(AotiConstantPlace, data),
    FIELD(AotiConstantPlace, size_bytes),
    STRUCT(AotiContainerOptions),
    FIELD(AotiContainerOptions, num_models),
    FIELD(AotiContainerOptions, device_str),
    FIELD(AotiContainerOptions, weights_dir),
    FIELD(AotiContainerOptions, constants),
    FIELD(AotiContainerOptions, num_constants),
    STRUCT(AotiStatePlace),
    FIELD(AotiStatePlace, fqn),
    FIELD(AotiStatePlace, data),
    FIELD(AotiStatePlace, size_bytes),
};

Entry *find(const char *name) {
  for (Entry &entry : entries) {
    if (strcmp(entry.name, name) == 0) return &entry;
  }
  return nullptr;
}

void check_line(const char *line) {
  char name[128] = "", word[16] = "";
  size_t number = 0;
  const int read = sscanf(line, "%127s %zu %15s", name, &number, word);
  if (name[0] == '#' || read <= 0) return;
  CHECK(read >= 2);
  Entry *entry = find(name);
  const bool grows = strcmp(word, "grows") == 0;
  const bool kept = entry != nullptr && (entry->number == number || (grows && entry->number > number));
  if (!kept) {
    fprintf(stderr, "%s was %zu and is %zu: see shim/abi/CHANGELOG.md\n", name, number,
            entry == nullptr ? 0 : entry->number);
  }
  CHECK(kept);
  if (entry != nullptr) entry->listed = true;
}

}  // namespace

int main(int argc, char **argv) {
  FILE *list = argc == 2 ? fopen(argv[1], "r") : nullptr;
  CHECK(list != nullptr);
  char line[256];
  while (list != nullptr && fgets(line, sizeof line, list) != nullptr) check_line(line);
  if (list != nullptr) fclose(list);
  for (const Entry &entry : entries) {
    if (!entry.listed) fprintf(stderr, "not in the list: %s %zu\n", entry.name, entry.number);
    CHECK(entry.listed);
  }
  return aoti_test::result();
}
