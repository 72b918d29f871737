#include "runtime/model/input_check.h"

#include "runtime/model/error.h"
#include "runtime/model/names.h"

namespace aoti_model {
namespace {

constexpr int64_t kUnknownSize = -1;

// An input being checked, and what the shim says of it.
struct Input {
  const AotiModelDesc &desc;
  const AotiTensorDesc &expected;
  int32_t index;
  AtenTensorHandle handle;
  int32_t device_index;  // of the GPU that the container runs on
  int64_t ndim = 0, numel = 0;
  const int64_t *sizes = nullptr, *strides = nullptr;
};

// Starts a message: "input 0 'x': ".
Text start(const Input &input, char *buffer, size_t bytes) {
  Text text{buffer, bytes, 0};
  append(&text, "input %d '%s': ", input.index, input.expected.name);
  return text;
}

void append_origin(Text *text, const Input &input) {
  if (input.expected.origin != nullptr) append(text, "; %s", input.expected.origin);
}

AOTIRuntimeError fail_null(const Input &input) {
  char buffer[1024];
  Text text = start(input, buffer, sizeof buffer);
  append(&text, "the handle is null; expected a %s tensor of sizes ", dtype_name(input.expected.dtype));
  append_dims(&text, input.expected);
  append(&text, " on %s", device_name(input.expected.device_type));
  append_origin(&text, input);
  return fail("%s. Pass a tensor for every input.", buffer);
}

AOTIRuntimeError fail_shim_input(const Input &input) {
  char buffer[256];
  start(input, buffer, sizeof buffer);
  return fail_shim(buffer);
}

AOTIRuntimeError fail_dtype(const Input &input, int32_t dtype) {
  char buffer[1024];
  Text text = start(input, buffer, sizeof buffer);
  const char *wanted = dtype_name(input.expected.dtype);
  append(&text, "dtype %s; expected %s", dtype_name(dtype), wanted);
  append_origin(&text, input);
  return fail("%s. Convert it first (in Python: %s.to(torch.%s)).", buffer, input.expected.name, wanted);
}

AOTIRuntimeError fail_device(const Input &input, int32_t device_type) {
  char buffer[1024];
  Text text = start(input, buffer, sizeof buffer);
  const char *wanted = device_name(input.expected.device_type);
  append(&text, "on device %s; expected %s", device_name(device_type), wanted);
  append_origin(&text, input);
  return fail("%s. Copy it there first.", buffer);
}

AOTIRuntimeError fail_rank(const Input &input) {
  char buffer[1024];
  Text text = start(input, buffer, sizeof buffer);
  append(&text, "rank %lld, sizes ", (long long)input.ndim);
  append_numbers(&text, input.ndim, input.sizes);
  append(&text, "; expected rank %d, sizes ", input.expected.ndim);
  append_dims(&text, input.expected);
  append_origin(&text, input);
  return fail("%s. Reshape it first.", buffer);
}

// "why": what was expected of dimension `dim`, and `advice`: what to do.
AOTIRuntimeError fail_size(const Input &input, int32_t dim, const char *why, const char *advice) {
  char buffer[2048];
  Text text = start(input, buffer, sizeof buffer);
  append(&text, "dimension %d is %lld; expected %s (sizes ", dim, (long long)input.sizes[dim], why);
  append_numbers(&text, input.ndim, input.sizes);
  append(&text, ", expected ");
  append_dims(&text, input.expected);
  append_origin(&text, input);
  return fail("%s). %s", buffer, advice);
}

AOTIRuntimeError fail_strides(const Input &input, int32_t dim, int64_t wanted) {
  char buffer[2048];
  Text text = start(input, buffer, sizeof buffer);
  append(&text, "stride %lld in dimension %d; expected %lld (strides ", (long long)input.strides[dim], dim,
         (long long)wanted);
  append_numbers(&text, input.ndim, input.strides);
  append(&text, " of sizes ");
  append_numbers(&text, input.ndim, input.sizes);
  append(&text, ", expected %s", input.expected.strides == nullptr ? "contiguous" : "");
  if (input.expected.strides != nullptr) append_strides(&text, input.expected);
  append_origin(&text, input);
  return fail("%s). %s", buffer,
              input.expected.strides == nullptr
                  ? "Make it contiguous first (in Python: .contiguous())."
                  : "Pass it in the memory layout of the example input that the model was exported with.");
}

// The first dimension before (input, dim) that has `symbol`; always there, because it set the symbol's size.
void append_first_use(Text *text, const Input &input, int32_t symbol) {
  for (int32_t i = 0; i <= input.index; ++i) {
    const AotiTensorDesc &tensor = input.desc.inputs[i];
    for (int32_t d = 0; d < tensor.ndim; ++d) {
      if (tensor.dims[d].symbol != symbol) continue;
      append(text, "dimension %d of input %d '%s'", d, i, tensor.name);
      return;
    }
  }
}

AOTIRuntimeError check_dim(const Input &input, int32_t d, int64_t *symbols) {
  const AotiDimDesc &dim = input.expected.dims[d];
  const int64_t size = input.sizes[d];
  char buffer[512];
  Text why{buffer, sizeof buffer, 0};
  if (size < dim.lo || size > dim.hi) {
    if (dim.lo == dim.hi) {
      append(&why, "%lld", (long long)dim.lo);
      return fail_size(
          input, d, buffer,
          "Pass a tensor of the expected sizes, or export the model with a dynamic dimension here.");
    }
    append(&why, dim.hi == INT64_MAX ? "%lld or more" : "%lld to %lld", (long long)dim.lo, (long long)dim.hi);
    return fail_size(input, d, buffer, "Stay within the range, or export the model with a wider one.");
  }
  if (dim.multiple_of > 1 && size % dim.multiple_of != 0) {
    append(&why, "a multiple of %lld", (long long)dim.multiple_of);
    return fail_size(input, d, buffer, "Pad the input, or export the model without this restriction.");
  }
  if (dim.symbol < 0) return AOTI_RUNTIME_SUCCESS;
  if (symbols[dim.symbol] == kUnknownSize) {
    symbols[dim.symbol] = size;
  } else if (symbols[dim.symbol] != size) {
    append(&why, "%lld, the size of ", (long long)symbols[dim.symbol]);
    append_first_use(&why, input, dim.symbol);
    return fail_size(input, d, buffer, "The model was exported with these two dimensions equal.");
  }
  return AOTI_RUNTIME_SUCCESS;
}

AOTIRuntimeError check_strides(const Input &input) {
  int64_t contiguous = 1;
  for (int32_t d = input.expected.ndim - 1; d >= 0; --d) {
    const int64_t wanted = input.expected.strides == nullptr ? contiguous : input.expected.strides[d];
    if (wanted != AOTI_ANY_STRIDE && input.sizes[d] > 1 && input.strides[d] != wanted) {
      return fail_strides(input, d, wanted);
    }
    contiguous *= input.sizes[d];
  }
  return AOTI_RUNTIME_SUCCESS;
}

AOTIRuntimeError check_address(const Input &input) {
  void *data = nullptr;
  if (aoti_torch_get_data_ptr(input.handle, &data) != AOTI_TORCH_SUCCESS) return fail_shim_input(input);
  const size_t element_bytes = aoti_torch_dtype_element_size(input.expected.dtype);
  const size_t wanted = static_cast<size_t>(input.expected.align_bytes);
  const size_t alignment = wanted > element_bytes ? wanted : element_bytes;
  if (data != nullptr && reinterpret_cast<uintptr_t>(data) % alignment == 0) return AOTI_RUNTIME_SUCCESS;
  return fail(
      "input %d '%s': its data is at address %p; expected a multiple of %s, %zu bytes. Copy it to aligned "
      "memory first%s.",
      input.index, input.expected.name, data,
      wanted > element_bytes ? "what its kernels load at a time" : "the element size", alignment,
      wanted > element_bytes ? " (in Python: .clone(); a slice may start anywhere)" : "");
}

AOTIRuntimeError check_device_index(const Input &input) {
  int32_t index = 0;
  if (aoti_torch_get_device_index(input.handle, &index) != AOTI_TORCH_SUCCESS) return fail_shim_input(input);
  if (index == input.device_index) return AOTI_RUNTIME_SUCCESS;
  const char *device = device_name(input.expected.device_type);
  return fail(
      "input %d '%s': on %s:%d; this container runs on %s:%d. Copy it there first, or create a container "
      "with "
      "device \"%s:%d\".",
      input.index, input.expected.name, device, index, device, input.device_index, device, index);
}

AOTIRuntimeError check_input(Input *input, int64_t *symbols) {
  if (input->handle == nullptr) return fail_null(*input);
  int32_t dtype = 0, device_type = 0;
  int64_t *sizes = nullptr, *strides = nullptr;
  if (aoti_torch_get_dtype(input->handle, &dtype) != AOTI_TORCH_SUCCESS ||
      aoti_torch_get_device_type(input->handle, &device_type) != AOTI_TORCH_SUCCESS ||
      aoti_torch_get_dim(input->handle, &input->ndim) != AOTI_TORCH_SUCCESS ||
      aoti_torch_get_numel(input->handle, &input->numel) != AOTI_TORCH_SUCCESS ||
      aoti_torch_get_sizes(input->handle, &sizes) != AOTI_TORCH_SUCCESS ||
      aoti_torch_get_strides(input->handle, &strides) != AOTI_TORCH_SUCCESS) {
    return fail_shim_input(*input);
  }
  input->sizes = sizes;
  input->strides = strides;
  if (device_type != input->expected.device_type) return fail_device(*input, device_type);
  if (device_type != AOTI_DEVICE_CPU && check_device_index(*input) != AOTI_RUNTIME_SUCCESS) {
    return AOTI_RUNTIME_FAILURE;
  }
  if (dtype != input->expected.dtype) return fail_dtype(*input, dtype);
  if (input->ndim != input->expected.ndim) return fail_rank(*input);
  for (int32_t d = 0; d < input->expected.ndim; ++d) {
    if (check_dim(*input, d, symbols) != AOTI_RUNTIME_SUCCESS) return AOTI_RUNTIME_FAILURE;
  }
  if (input->numel == 0) return AOTI_RUNTIME_SUCCESS;
  if (check_strides(*input) != AOTI_RUNTIME_SUCCESS) return AOTI_RUNTIME_FAILURE;
  return check_address(*input);
}

// The bytes between the first and the last element of an input: [begin, end).
struct Span {
  uintptr_t begin = 0, end = 0;
};

AOTIRuntimeError find_span(const AotiTensorDesc &expected, AtenTensorHandle handle, Span *ret_span) {
  int64_t *sizes = nullptr, *strides = nullptr;
  void *data = nullptr;
  if (aoti_torch_get_sizes(handle, &sizes) != AOTI_TORCH_SUCCESS ||
      aoti_torch_get_strides(handle, &strides) != AOTI_TORCH_SUCCESS ||
      aoti_torch_get_data_ptr(handle, &data) != AOTI_TORCH_SUCCESS) {
    return fail_shim(expected.name);
  }
  int64_t elements = 1;
  for (int32_t d = 0; d < expected.ndim; ++d) {
    if (sizes[d] == 0) return AOTI_RUNTIME_SUCCESS;
    elements += (sizes[d] - 1) * strides[d];
  }
  ret_span->begin = reinterpret_cast<uintptr_t>(data);
  ret_span->end =
      ret_span->begin + static_cast<size_t>(elements) * aoti_torch_dtype_element_size(expected.dtype);
  return AOTI_RUNTIME_SUCCESS;
}

// Memory that the run writes to is no other input's.
AOTIRuntimeError check_apart(const AotiModelDesc &desc, const AtenTensorHandle *inputs, int32_t written) {
  Span own, other;
  if (find_span(desc.inputs[written], inputs[written], &own) != AOTI_RUNTIME_SUCCESS) {
    return AOTI_RUNTIME_FAILURE;
  }
  for (int32_t i = 0; i < desc.num_inputs; ++i) {
    if (i == written) continue;
    if (find_span(desc.inputs[i], inputs[i], &other) != AOTI_RUNTIME_SUCCESS) return AOTI_RUNTIME_FAILURE;
    if (own.begin < other.end && other.begin < own.end) {
      return fail(
          "input %d '%s', which the model writes to, and input %d '%s' share memory; expected memory of its "
          "own for each. Pass a copy of one of them.",
          written, desc.inputs[written].name, i, desc.inputs[i].name);
    }
    other = Span{};
  }
  return AOTI_RUNTIME_SUCCESS;
}

AOTIRuntimeError fail_count(const char *what, size_t got, int32_t count, const AotiTensorDesc *tensors) {
  char buffer[2048] = "";
  Text text{buffer, sizeof buffer, 0};
  for (int32_t i = 0; i < count; ++i) append(&text, "%s%s", i == 0 ? "" : ", ", tensors[i].name);
  return fail("got %zu %s; expected %d: (%s). Pass exactly these, in this order.", got, what, count, buffer);
}

}  // namespace

AOTIRuntimeError check_arity(const AotiModelDesc &desc, const AtenTensorHandle *inputs, size_t num_inputs,
                             const AtenTensorHandle *outputs, size_t num_outputs) {
  if (num_inputs != static_cast<size_t>(desc.num_inputs)) {
    return fail_count("inputs", num_inputs, desc.num_inputs, desc.inputs);
  }
  if (num_outputs != static_cast<size_t>(desc.num_outputs)) {
    return fail_count("outputs", num_outputs, desc.num_outputs, desc.outputs);
  }
  if ((num_inputs > 0 && inputs == nullptr) || (num_outputs > 0 && outputs == nullptr)) {
    return fail("the array of %s is null", inputs == nullptr ? "input handles" : "output handles");
  }
  return AOTI_RUNTIME_SUCCESS;
}

AOTIRuntimeError check_inputs(const AotiModelDesc &desc, const AtenTensorHandle *inputs, int32_t device_index,
                              int64_t *symbols) {
  for (int32_t i = 0; i < desc.num_symbols; ++i) symbols[i] = kUnknownSize;
  for (int32_t i = 0; i < desc.num_inputs; ++i) {
    Input input{desc, desc.inputs[i], i, inputs[i], device_index};
    if (check_input(&input, symbols) != AOTI_RUNTIME_SUCCESS) return AOTI_RUNTIME_FAILURE;
  }
  for (int32_t i = 0; i < desc.num_inputs; ++i) {
    if (desc.inputs[i].is_mutated == 0) continue;
    if (check_apart(desc, inputs, i) != AOTI_RUNTIME_SUCCESS) return AOTI_RUNTIME_FAILURE;
  }
  return AOTI_RUNTIME_SUCCESS;
}

}  // namespace aoti_model
