// Calls operators through libtorch's dispatcher, in the flavour "torch" alone: PyTorch's own that have no
// lowering and no function in its C shim, and custom ones that the process has registered (torch.library,
// TORCH_LIBRARY).
//
// Results are copied into the outputs, whose memory the plan chose; a result of other sizes or another dtype
// than export saw is an error. libtorch's C interface tells nothing of an operator's schema. So one that has
// been registered anew with other arguments cannot be told at load; arguments that it has gained are None or
// 0.
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "aoti/op_dispatcher.h"
#include "shim/src/torch/libtorch.h"

namespace {

// The release whose schemas of PyTorch's operators the compiler knows: 2.13.0, as TORCH_ABI_VERSION has it.
constexpr uint64_t kBuildVersion = (uint64_t{2} << 56) | (uint64_t{13} << 48);
constexpr size_t kNameBytes = 256;
constexpr int64_t kFewValues = 48;
// Empty values behind the arguments: what an operator that has gained arguments finds there.
constexpr int64_t kSpareValues = 16;

struct Name {
  char op[kNameBytes];        // "aten::linalg_qr"
  char overload[kNameBytes];  // "" of a default
};

bool name_of(const char *schema, Name *ret) {
  const size_t whole = strcspn(schema, "(");
  const size_t dot = strcspn(schema, ".(");
  const size_t overload = dot < whole ? whole - dot - 1 : 0;
  if (dot >= kNameBytes || overload >= kNameBytes) return false;
  memcpy(ret->op, schema, dot);
  ret->op[dot] = '\0';
  memcpy(ret->overload, schema + dot + 1, overload);
  ret->overload[overload] = '\0';
  return true;
}

__attribute__((format(printf, 2, 3))) AOTITorchError fail(const AotiOpCall *call, const char *format, ...) {
  va_list arguments;
  va_start(arguments, format);
  vsnprintf(call->message, call->message_bytes, format, arguments);
  va_end(arguments);
  return AOTI_TORCH_FAILURE;
}

AOTITorchError fail_torch(const AotiOpCall *call) {
  const char *what = torch_exception_get_what_without_backtrace();
  return fail(call, "%s", what != nullptr ? what : "libtorch left no message");
}

template <class T>
StableIValue bits(T value) {
  static_assert(sizeof(T) <= sizeof(StableIValue), "too wide for a value on the stack");
  StableIValue result = 0;
  memcpy(&result, &value, sizeof value);
  return result;
}

AOTITorchError to_stable(const AotiOpValue &value, StableIValue *ret);

AOTITorchError list_to_stable(const AotiOpValue &value, StableIValue *ret) {
  StableListHandle list = nullptr;
  AOTITorchError error = torch_new_list_reserve_size(static_cast<size_t>(value.count), &list);
  for (int64_t i = 0; error == AOTI_TORCH_SUCCESS && i < value.count; ++i) {
    StableIValue item = 0;
    error = to_stable(value.value.list[i], &item);
    if (error == AOTI_TORCH_SUCCESS) error = torch_list_push_back(list, item);
  }
  *ret = bits(list);
  return error;
}

AOTITorchError string_to_stable(const AotiOpValue &value, StableIValue *ret) {
  if ((value.flags & AOTI_OP_DEVICE) != 0) {
    uint32_t type = 0;
    int32_t index = 0;
    const AOTITorchError error = torch_parse_device_string(value.value.string, &type, &index);
    *ret = static_cast<StableIValue>(type) << 32 | static_cast<uint32_t>(index);
    return error;
  }
  StringHandle string = nullptr;
  const AOTITorchError error =
      torch_new_string_handle(value.value.string, strlen(value.value.string), &string);
  *ret = bits(string);
  return error;
}

AOTITorchError plain_to_stable(const AotiOpValue &value, StableIValue *ret) {
  switch (value.kind) {
    case AOTI_OP_TENSOR: {
      AtenTensorHandle tensor = nullptr;
      const AOTITorchError error = aoti_torch_new_tensor_handle(value.value.tensor, &tensor);
      *ret = bits(tensor);
      return error;
    }
    case AOTI_OP_INT:
      *ret = bits(value.value.i64);
      return AOTI_TORCH_SUCCESS;
    case AOTI_OP_FLOAT:
      *ret = bits(value.value.f64);
      return AOTI_TORCH_SUCCESS;
    case AOTI_OP_BOOL:
      *ret = value.value.i64 != 0;
      return AOTI_TORCH_SUCCESS;
    case AOTI_OP_STRING:
      return string_to_stable(value, ret);
    case AOTI_OP_LIST:
      return list_to_stable(value, ret);
    default:
      *ret = 0;
      return AOTI_TORCH_SUCCESS;
  }
}

// The value as libtorch wants it, owned by who gets it. On failure (want of memory, a device's name that
// libtorch does not know) what has been made for the call so far is lost.
AOTITorchError to_stable(const AotiOpValue &value, StableIValue *ret) {
  *ret = 0;
  if ((value.flags & AOTI_OP_OPTION) == 0) return plain_to_stable(value, ret);
  if (value.kind == AOTI_OP_NONE) return AOTI_TORCH_SUCCESS;
  StableIValue *option = nullptr;
  AOTITorchError error = torch_new_stable_ivalue(&option);
  if (error == AOTI_TORCH_SUCCESS) error = plain_to_stable(value, option);
  *ret = bits(option);
  return error;
}

// Copies an owned result into an output, after a look at what it is.
AOTITorchError take(const AotiOpCall *call, int64_t output, StableIValue result) {
  AtenTensorHandle tensor = nullptr;
  memcpy(&tensor, &result, sizeof tensor);
  AtenTensorHandle both[] = {tensor, call->outputs[output]};
  int64_t dims[2] = {0, 0}, *sizes[2] = {nullptr, nullptr};
  int32_t dtypes[2] = {-1, -1};
  bool ok = true;
  for (int i = 0; i < 2 && ok; ++i) {
    ok = aoti_torch_get_dim(both[i], &dims[i]) == AOTI_TORCH_SUCCESS &&
         aoti_torch_get_sizes(both[i], &sizes[i]) == AOTI_TORCH_SUCCESS &&
         aoti_torch_get_dtype(both[i], &dtypes[i]) == AOTI_TORCH_SUCCESS;
  }
  AOTITorchError error = AOTI_TORCH_SUCCESS;
  if (!ok) {
    error = fail_torch(call);
  } else if (dims[0] != dims[1] || dtypes[0] != dtypes[1] ||
             memcmp(sizes[0], sizes[1], static_cast<size_t>(dims[0]) * sizeof(int64_t)) != 0) {
    error = fail(call,
                 "its result %lld has %lld dims and dtype %d, or other sizes; the exported graph has %lld "
                 "dims and dtype %d",
                 (long long)output, (long long)dims[0], dtypes[0], (long long)dims[1], dtypes[1]);
  } else if (aoti_torch_copy_(call->outputs[output], tensor, 0) != AOTI_TORCH_SUCCESS) {
    error = fail_torch(call);
  }
  aoti_torch_delete_tensor_object(tensor);
  return error;
}

// Gives back a result that is one of the arguments: what it holds is there already.
void drop(StableIValue result) {
  AtenTensorHandle tensor = nullptr;
  memcpy(&tensor, &result, sizeof tensor);
  aoti_torch_delete_tensor_object(tensor);
}

AOTITorchError take_list(const AotiOpCall *call, int64_t output, int64_t length, StableIValue result) {
  StableListHandle list = nullptr;
  memcpy(&list, &result, sizeof list);
  size_t size = 0;
  AOTITorchError error =
      torch_list_size(list, &size) == AOTI_TORCH_SUCCESS ? AOTI_TORCH_SUCCESS : fail_torch(call);
  if (error == AOTI_TORCH_SUCCESS && size != static_cast<size_t>(length))
    error =
        fail(call, "it returned a list of %zu tensors; the exported graph has %lld", size, (long long)length);
  for (size_t i = 0; i < size && error == AOTI_TORCH_SUCCESS; ++i) {
    StableIValue item = 0;
    error = torch_list_get_item(list, i, &item) == AOTI_TORCH_SUCCESS
                ? take(call, output + static_cast<int64_t>(i), item)
                : fail_torch(call);
  }
  torch_delete_list(list);
  return error;
}

AOTITorchError take_results(const AotiOpCall *call, const StableIValue *stack) {
  int64_t output = 0;
  for (int64_t i = 0; i < call->num_results; ++i) {
    const int64_t length = call->result_lengths[i];
    if (length == AOTI_OP_RESULT_ALIAS) {
      drop(stack[i]);
      continue;
    }
    const AOTITorchError error = length == AOTI_OP_RESULT_TENSOR ? take(call, output, stack[i])
                                                                 : take_list(call, output, length, stack[i]);
    if (error != AOTI_TORCH_SUCCESS) return error;
    output += length == AOTI_OP_RESULT_TENSOR ? 1 : length;
  }
  return AOTI_TORCH_SUCCESS;
}

// libtorch 2.13 reads the last result by the first one's type, and so on, so results of two types are
// confused.
bool results_are_alike(const AotiOpCall *call) {
  for (int64_t i = 0; i < call->num_results; ++i) {
    if ((call->result_lengths[i] < 0) != (call->result_lengths[call->num_results - 1 - i] < 0)) return false;
  }
  return true;
}

AOTITorchError call_with(const AotiOpCall *call, StableIValue *stack) {
  Name name;
  if (!name_of(call->schema, &name)) return fail(call, "its name is longer than %zu bytes", kNameBytes - 1);
  if (!results_are_alike(call)) {
    return fail(
        call,
        "it returns tensors and lists of them, which libtorch 2.13's C interface confuses; return one list, "
        "or link in a kernel (aoti/custom_op.h)");
  }
  for (int64_t i = 0; i < call->num_args; ++i) {
    if (to_stable(call->args[i], &stack[i]) != AOTI_TORCH_SUCCESS) return fail_torch(call);
  }
  if (torch_call_dispatcher(name.op, name.overload, stack, kBuildVersion) != AOTI_TORCH_SUCCESS)
    return fail_torch(call);
  return take_results(call, stack);
}

AOTITorchError call_operator(const AotiOpCall *call) {
  StableIValue few[kFewValues] = {};
  const int64_t needed =
      (call->num_args > call->num_results ? call->num_args : call->num_results) + kSpareValues;
  if (needed <= kFewValues) return call_with(call, few);
  StableIValue *stack =
      static_cast<StableIValue *>(calloc(static_cast<size_t>(needed), sizeof(StableIValue)));
  if (stack == nullptr) return fail(call, "out of memory for %lld arguments", (long long)needed);
  const AOTITorchError error = call_with(call, stack);
  free(stack);
  return error;
}

// libtorch's C interface has no question for it. An operator that is there cannot be defined a second time:
// the attempt fails and leaves everything as it was. One that is not there is defined, and gone again with
// the library.
int32_t knows(const char *schema) {
  char name_space[kNameBytes];
  const size_t length = strcspn(schema, ":(");
  if (length >= kNameBytes || strncmp(schema + length, "::", 2) != 0) return 0;
  memcpy(name_space, schema, length);
  name_space[length] = '\0';
  TorchLibraryHandle library = nullptr;
  if (aoti_torch_library_init_fragment(name_space, __FILE_NAME__, __LINE__, &library) != AOTI_TORCH_SUCCESS)
    return 0;
  const bool defined = aoti_torch_library_def(library, schema + length + 2) == AOTI_TORCH_SUCCESS;
  const char *what = defined ? nullptr : torch_exception_get_what_without_backtrace();
  const bool known = what != nullptr && strstr(what, "multiple times") != nullptr;
  aoti_torch_delete_library_object(library);
  return known ? 1 : 0;
}

const AotiOpDispatcher dispatcher = {knows, call_operator};

__attribute__((constructor)) void start(void) { aoti_register_dispatcher(&dispatcher); }

}  // namespace
