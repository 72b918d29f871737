#include "runtime/model/custom_ops.h"

#include <stdlib.h>
#include <string.h>

#include "aoti/model.h"
#include "runtime/model/container_api.h"
#include "runtime/model/error.h"
#include "runtime/model/names.h"

namespace aoti_model {
namespace {

AotiOpRegistration *registrations = nullptr;

// The length of the operator's name: all before the parenthesis.
size_t name_length(const char *schema) { return strcspn(schema, "("); }

bool same_name(const char *a, const char *b) {
  const size_t length = name_length(a);
  return length == name_length(b) && memcmp(a, b, length) == 0;
}

const char *skip_spaces(const char *text) { return text + strspn(text, " \t\n"); }

// Appends what is missing for one operator, if anything.
AotiOpKernel find(const char *schema, Text *missing) {
  const AotiOpRegistration *other = nullptr;
  for (const AotiOpRegistration *r = registrations; r != nullptr; r = r->next) {
    if (same_schema(r->schema, schema)) return r->kernel;
    if (same_name(r->schema, schema)) other = r;
  }
  append(missing, "\n  %s", schema);
  if (other != nullptr) append(missing, ": the kernel that is linked in is for %s", other->schema);
  return nullptr;
}

}  // namespace

bool same_schema(const char *a, const char *b) {
  for (;;) {
    a = skip_spaces(a);
    b = skip_spaces(b);
    if (*a != *b) return false;
    if (*a == '\0') return true;
    ++a;
    ++b;
  }
}

AOTIRuntimeError resolve_ops(const AotiModelDesc &desc, AotiOpKernel **ret_kernels) {
  *ret_kernels = nullptr;
  if (desc.num_ops == 0) return AOTI_RUNTIME_SUCCESS;
  const size_t count = static_cast<size_t>(desc.num_ops);
  AotiOpKernel *kernels = static_cast<AotiOpKernel *>(calloc(count, sizeof(AotiOpKernel)));
  if (kernels == nullptr)
    return fail_memory("a list of kernels", static_cast<int64_t>(count * sizeof(AotiOpKernel)));
  char buffer[4096] = "";
  Text missing{buffer, sizeof buffer, 0};
  for (size_t i = 0; i < count; ++i) kernels[i] = find(desc.ops[i], &missing);
  if (buffer[0] != '\0') {
    free(kernels);
    return fail(
        "model %s: no kernel is linked in for custom operators that it calls:%s\nLink a library that "
        "registers "
        "them with exactly these schemas (aoti/custom_op.h; in Bazel deps of aoti_cc_library, with "
        "alwayslink), or "
        "export the model again if an operator has changed.",
        desc.name, buffer);
  }
  *ret_kernels = kernels;
  return AOTI_RUNTIME_SUCCESS;
}

}  // namespace aoti_model

extern "C" {

void aoti_register_op(AotiOpRegistration *registration) {
  registration->next = aoti_model::registrations;
  aoti_model::registrations = registration;
}

int32_t aoti_model_call_op(const char *file, int line, const AotiRunArgs *args, int32_t op,
                           const AotiOpValue *values, int64_t num_values, AtenTensorHandle *outputs,
                           int64_t num_outputs) {
  char message[512] = "";
  const char *schema = aoti_model_desc.ops[op];
  const AotiOpCall call{sizeof(AotiOpCall), 0,       schema,        values, num_values, outputs,
                        num_outputs,        message, sizeof message};
  if (args->op_kernels[op](&call) == AOTI_TORCH_SUCCESS) return AOTI_RUNTIME_SUCCESS;
  message[sizeof message - 1] = '\0';
  return aoti_model_fail(file, line, "custom operator %.*s failed%s%s",
                         static_cast<int>(aoti_model::name_length(schema)), schema,
                         message[0] != '\0' ? ": " : "", message);
}

}  // extern "C"
