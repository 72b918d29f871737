// Any bytes as a record of calls of operators: refused with a message, or calls whose holes, lists and
// strings lie inside them.
#include "runtime/model/op_record.h"

#include <stdlib.h>
#include <string.h>

#include <vector>

#include "runtime/model/error.h"

namespace {

constexpr int64_t kNumOps = 3;

// Fills the call as a run does and reads everything that an operator would.
size_t use(const aoti_model::OpCall &call) {
  if (call.op < 0 || call.op >= kNumOps || call.num_args > call.num_values) abort();
  int64_t outputs = 0;
  for (int64_t i = 0; i < call.num_results; ++i) {
    outputs += call.result_lengths[i] < 0 ? 1 : call.result_lengths[i];
  }
  if (outputs != call.num_outputs) abort();
  const std::vector<AtenTensorHandle> tensors(static_cast<size_t>(call.num_tensors));
  const std::vector<int64_t> sizes(static_cast<size_t>(call.num_sizes), 7);
  std::vector<AotiOpValue> values(static_cast<size_t>(call.num_values));
  aoti_model::fill_op_call(call, tensors.data(), sizes.data(), values.data());
  size_t used = 0;
  for (const AotiOpValue &value : values) {
    if (value.kind == AOTI_OP_STRING) used += strlen(value.value.string);
    if (value.kind != AOTI_OP_LIST) continue;
    if (value.value.list < values.data() || value.count > values.data() + values.size() - value.value.list) {
      abort();
    }
    used += static_cast<size_t>(value.count);
  }
  return used;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  aoti_model::OpCalls *calls = nullptr;
  const bool ok = aoti_model::read_op_record(data, static_cast<int64_t>(size), kNumOps, "fuzz", &calls) ==
                  AOTI_RUNTIME_SUCCESS;
  if (ok != (calls != nullptr) && size > 0) abort();
  if (!ok && strstr(aoti_model::last_error(), "model fuzz: ") == nullptr) abort();
  size_t used = 0;
  for (int64_t i = 0; calls != nullptr && i < calls->num_calls; ++i) used += use(calls->calls[i]);
  aoti_model::free_op_calls(calls);
  return used == static_cast<size_t>(-1) ? 1 : 0;
}
