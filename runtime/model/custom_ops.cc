#include "runtime/model/custom_ops.h"

#include <stdlib.h>
#include <string.h>

#include "aoti/model.h"
#include "aoti/op_dispatcher.h"
#include "runtime/model/container_api.h"
#include "runtime/model/error.h"
#include "runtime/model/names.h"

namespace aoti_model {
namespace {

AotiOpRegistration *registrations = nullptr;
const AotiOpDispatcher *dispatcher = nullptr;

// Calls with at most this many values need no memory of their own.
constexpr int64_t kFewValues = 64;

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
  if (other == nullptr && dispatcher != nullptr && dispatcher->knows(schema)) return dispatcher->call;
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

static AOTIRuntimeError find_kernels(const AotiModelDesc &desc, AotiOpKernel *kernels) {
  char buffer[4096] = "";
  Text missing{buffer, sizeof buffer, 0};
  for (int32_t i = 0; i < desc.num_ops; ++i) kernels[i] = find(desc.ops[i], &missing);
  if (buffer[0] == '\0') return AOTI_RUNTIME_SUCCESS;
  if (dispatcher != nullptr) {
    return fail(
        "model %s: neither a kernel that is linked in nor libtorch has these operators that it calls:%s\n"
        "Import what registers them before the library is loaded, or link a library in that registers "
        "kernels with "
        "exactly these schemas (aoti/custom_op.h).",
        desc.name, buffer);
  }
  return fail(
      "model %s: no kernel is linked in for custom operators that it calls:%s\nLink a library that registers "
      "them with exactly these schemas (aoti/custom_op.h; in Bazel deps of aoti_cc_library, with "
      "alwayslink), or "
      "export the model again if an operator has changed.",
      desc.name, buffer);
}

AOTIRuntimeError resolve_ops(const AotiModelDesc &desc, AotiOpTable **ret_table) {
  *ret_table = nullptr;
  if (desc.num_ops == 0) return AOTI_RUNTIME_SUCCESS;
  const size_t count = static_cast<size_t>(desc.num_ops);
  AotiOpTable *table = static_cast<AotiOpTable *>(calloc(1, sizeof(AotiOpTable)));
  AotiOpKernel *kernels = static_cast<AotiOpKernel *>(calloc(count, sizeof(AotiOpKernel)));
  if (table == nullptr || kernels == nullptr) {
    free(table);
    free(kernels);
    return fail_memory("a list of kernels", static_cast<int64_t>(count * sizeof(AotiOpKernel)));
  }
  *table = AotiOpTable{nullptr, kernels};
  if (find_kernels(desc, kernels) != AOTI_RUNTIME_SUCCESS ||
      read_op_record(desc.op_record, desc.op_record_bytes, desc.num_ops, desc.name, &table->calls) !=
          AOTI_RUNTIME_SUCCESS) {
    free_ops(table);
    return AOTI_RUNTIME_FAILURE;
  }
  *ret_table = table;
  return AOTI_RUNTIME_SUCCESS;
}

void free_ops(AotiOpTable *table) {
  if (table == nullptr) return;
  free_op_calls(table->calls);
  free(table->kernels);
  free(table);
}

}  // namespace aoti_model

extern "C" {

void aoti_register_op(AotiOpRegistration *registration) {
  registration->next = aoti_model::registrations;
  aoti_model::registrations = registration;
}

void aoti_register_dispatcher(const AotiOpDispatcher *dispatcher) { aoti_model::dispatcher = dispatcher; }

int32_t aoti_model_call_op(const char *file, int line, const AotiRunArgs *args, int64_t number,
                           const AtenTensorHandle *tensors, int64_t num_tensors, const int64_t *sizes,
                           int64_t num_sizes, AtenTensorHandle *outputs, int64_t num_outputs) {
  using aoti_model::kFewValues;
  const aoti_model::OpCalls *calls = args->ops != nullptr ? args->ops->calls : nullptr;
  if (calls == nullptr || number >= calls->num_calls)
    return aoti_model_fail(file, line, "the model's record has no call %lld", (long long)number);
  const aoti_model::OpCall &call = calls->calls[number];
  const char *schema = aoti_model_desc.ops[call.op];
  const int name_length = static_cast<int>(aoti_model::name_length(schema));
  if (num_tensors != call.num_tensors || num_sizes != call.num_sizes || num_outputs != call.num_outputs) {
    return aoti_model_fail(file, line,
                           "operator %.*s is given %lld tensors, %lld sizes and %lld outputs; its record has "
                           "%lld, %lld and %lld",
                           name_length, schema, (long long)num_tensors, (long long)num_sizes,
                           (long long)num_outputs, (long long)call.num_tensors, (long long)call.num_sizes,
                           (long long)call.num_outputs);
  }
  AotiOpValue few[kFewValues];
  const size_t bytes = static_cast<size_t>(call.num_values) * sizeof(AotiOpValue);
  AotiOpValue *values = call.num_values <= kFewValues ? few : static_cast<AotiOpValue *>(malloc(bytes));
  if (values == nullptr)
    return aoti_model_fail(file, line, "out of memory: %zu bytes for arguments of %.*s", bytes, name_length,
                           schema);
  aoti_model::fill_op_call(call, tensors, sizes, values);
  char message[512] = "";
  const AotiOpCall given{sizeof(AotiOpCall),
                         0,
                         schema,
                         values,
                         call.num_args,
                         outputs,
                         num_outputs,
                         message,
                         sizeof message,
                         call.result_lengths,
                         call.num_results};
  const AOTITorchError result = args->ops->kernels[call.op](&given);
  if (values != few) free(values);
  if (result == AOTI_TORCH_SUCCESS) return AOTI_RUNTIME_SUCCESS;
  message[sizeof message - 1] = '\0';
  return aoti_model_fail(file, line, "operator %.*s failed%s%s", name_length, schema,
                         message[0] != '\0' ? ": " : "", message);
}

}  // extern "C"
