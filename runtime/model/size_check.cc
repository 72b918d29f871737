#include "runtime/model/size_check.h"

#include <ctype.h>
#include <string.h>

#include "runtime/model/error.h"
#include "runtime/model/names.h"

namespace aoti_model {
namespace {

// One dimension of an input as the run has it.
struct Dimension {
  int64_t size, stride, numel;
};

AOTIRuntimeError read_dimension(const AotiSizeCheck &check, AtenTensorHandle input, Dimension *ret) {
  int64_t *sizes = nullptr, *strides = nullptr;
  if (aoti_torch_get_sizes(input, &sizes) != AOTI_TORCH_SUCCESS ||
      aoti_torch_get_strides(input, &strides) != AOTI_TORCH_SUCCESS ||
      aoti_torch_get_numel(input, &ret->numel) != AOTI_TORCH_SUCCESS) {
    return fail_shim("the sizes of an input");
  }
  ret->size = sizes[check.dim];
  ret->stride = strides[check.dim];
  return AOTI_RUNTIME_SUCCESS;
}

// Whether the expression has `name` as a word of its own.
bool mentions(const char *expression, const char *name) {
  const size_t length = strlen(name);
  for (const char *at = strstr(expression, name); at != nullptr; at = strstr(at + 1, name)) {
    const bool begins = at == expression || (!isalnum((unsigned char)at[-1]) && at[-1] != '_');
    if (begins && !isalnum((unsigned char)at[length]) && at[length] != '_') return true;
  }
  return false;
}

// "; here s0 = 5 (dimension 0 of input 'x'), s1 = 7 (...); models/x.py:12 in forward"
void append_sizes(Text *text, const AotiModelDesc &desc, const AotiSizeCheck &check, const int64_t *symbols) {
  const char *before = "; here";
  for (int32_t i = 0; i < desc.num_named_symbols; ++i) {
    const AotiSymbolDesc &symbol = desc.symbols[i];
    if (!mentions(check.text, symbol.name)) continue;
    append(text, "%s %s = %lld (%s)", before, symbol.name, (long long)symbols[i], symbol.source);
    before = ",";
  }
  if (check.origin != nullptr) append(text, "; %s", check.origin);
}

AOTIRuntimeError fail_check(const AotiModelDesc &desc, const AotiSizeCheck &check, int64_t got,
                            int64_t expected, const int64_t *symbols) {
  char buffer[2048];
  Text text{buffer, sizeof buffer, 0};
  if (check.kind == AOTI_CHECK_CONDITION) {
    append(&text, "the sizes of the inputs do not fit together: expected %s", check.text);
  } else {
    append(&text, "input %d '%s': %s %d is %lld; expected %s, which is %lld", check.input,
           desc.inputs[check.input].name, check.kind == AOTI_CHECK_SIZE ? "dimension" : "stride of dimension",
           check.dim, (long long)got, check.text, (long long)expected);
  }
  append_sizes(&text, desc, check, symbols);
  return fail("%s. %s", buffer,
              check.kind == AOTI_CHECK_STRIDE
                  ? "Pass it in the memory layout of the example input that the model was exported with."
                  : "The model was exported with this relation; pass sizes that have it, or export the model "
                    "without it.");
}

AOTIRuntimeError check_one(const AotiModelDesc &desc, int32_t number, const AtenTensorHandle *inputs,
                           const int64_t *symbols) {
  const AotiSizeCheck &check = desc.size_checks[number];
  const int64_t expected = desc.size_check_value(number, symbols);
  if (check.kind == AOTI_CHECK_CONDITION) {
    return expected != 0 ? AOTI_RUNTIME_SUCCESS : fail_check(desc, check, 0, 0, symbols);
  }
  Dimension found{0, 0, 0};
  if (read_dimension(check, inputs[check.input], &found) != AOTI_RUNTIME_SUCCESS) return AOTI_RUNTIME_FAILURE;
  const bool is_size = check.kind == AOTI_CHECK_SIZE;
  // Strides of an empty tensor, and of a dimension that is never stepped along, mean nothing.
  if (!is_size && (found.numel == 0 || found.size == 1)) return AOTI_RUNTIME_SUCCESS;
  const int64_t got = is_size ? found.size : found.stride;
  return got == expected ? AOTI_RUNTIME_SUCCESS : fail_check(desc, check, got, expected, symbols);
}

}  // namespace

AOTIRuntimeError check_sizes(const AotiModelDesc &desc, const AtenTensorHandle *inputs, int64_t *symbols) {
  if (desc.solve_symbols != nullptr) desc.solve_symbols(symbols);
  for (int32_t i = 0; i < desc.num_size_checks; ++i) {
    if (check_one(desc, i, inputs, symbols) != AOTI_RUNTIME_SUCCESS) return AOTI_RUNTIME_FAILURE;
  }
  return AOTI_RUNTIME_SUCCESS;
}

}  // namespace aoti_model
