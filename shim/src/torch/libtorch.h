// Functions of libtorch's stable C interface that only the flavour "torch" uses, and only from this folder.
// Names, types and meaning are those of torch/csrc/stable/c/shim.h and aoti_torch/c/shim.h of PyTorch 2.13.
#ifndef SHIM_SRC_TORCH_LIBTORCH_H_
#define SHIM_SRC_TORCH_LIBTORCH_H_

#include <stddef.h>
#include <stdint.h>

#include "aoti/shim.h"

extern "C" {

// A value in eight bytes: a number's bits in its lowest bytes, or an owned handle. An option is 0, or the
// address of an owned value.
typedef uint64_t StableIValue;
typedef struct StableListOpaque *StableListHandle;
typedef struct StringOpaque *StringHandle;
typedef struct TorchLibraryOpaque *TorchLibraryHandle;

// Takes ownership of the arguments on the stack, and leaves the results there, owned by the caller. Reads as
// many values as the operator that libtorch has takes.
AOTITorchError torch_call_dispatcher(const char *op_name, const char *overload_name, StableIValue *stack,
                                     uint64_t extension_build_version);
AOTITorchError torch_new_list_reserve_size(size_t size, StableListHandle *ret);
AOTITorchError torch_list_size(StableListHandle list, size_t *size);
AOTITorchError torch_list_get_item(StableListHandle list, size_t index, StableIValue *element);
AOTITorchError torch_list_push_back(StableListHandle list, StableIValue element);
AOTITorchError torch_delete_list(StableListHandle list);
AOTITorchError torch_new_string_handle(const char *data, size_t length, StringHandle *handle);
AOTITorchError torch_new_stable_ivalue(StableIValue **ret_value);
AOTITorchError torch_parse_device_string(const char *device, uint32_t *type, int32_t *index);
const char *torch_exception_get_what_without_backtrace(void);

AOTITorchError aoti_torch_library_init_fragment(const char *name_space, const char *file, uint32_t line,
                                                TorchLibraryHandle *ret_library);
AOTITorchError aoti_torch_library_def(TorchLibraryHandle library, const char *schema);
AOTITorchError aoti_torch_delete_library_object(TorchLibraryHandle library);

}  // extern "C"

#endif  // SHIM_SRC_TORCH_LIBTORCH_H_
