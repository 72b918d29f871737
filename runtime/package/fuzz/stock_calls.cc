// Any bytes as the calls of operators of a stock library: refused with a message, or calls whose counts, by
// which a run is checked and its arguments laid out, are those of their arguments and results.
#include "runtime/package/stock_calls.h"

#include <stdlib.h>

namespace {

void expect(bool ok) {
  if (!ok) abort();
}

// Counts the holes of `value` and of its items; lists have no lists in them.
void count(const aoti::StockValue &value, bool is_item, aoti::StockCall *counted) {
  using aoti::StockValue;
  expect(value.kind >= AOTI_OP_NONE && value.kind <= AOTI_OP_LIST);
  expect((value.kind == AOTI_OP_TENSOR) == (value.source == StockValue::kTensorOfRun));
  expect(value.source != StockValue::kIntOfRun || value.kind == AOTI_OP_INT);
  expect(value.items.empty() || (value.kind == AOTI_OP_LIST && !is_item));
  counted->num_tensors += value.source == StockValue::kTensorOfRun;
  counted->num_ints += value.source == StockValue::kIntOfRun;
  counted->num_items += static_cast<int64_t>(value.items.size());
  for (const StockValue &item : value.items) count(item, true, counted);
}

void check(const aoti::StockCall &call) {
  expect(call.args.size() == call.arg_names.size());
  aoti::StockCall counted;
  for (const aoti::StockValue &arg : call.args) count(arg, false, &counted);
  for (const int64_t length : call.result_lengths) {
    expect(length >= -1);
    counted.num_outputs += length == -1 ? 1 : length;
  }
  expect(counted.num_tensors == call.num_tensors && counted.num_ints == call.num_ints);
  expect(counted.num_items == call.num_items && counted.num_outputs == call.num_outputs);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  std::vector<aoti::StockCall> calls;
  std::string error;
  const bool ok = aoti::read_stock_calls(aoti::Bytes{data, size}, &calls, &error);
  expect(ok == error.empty());
  for (size_t i = 0; ok && i < calls.size(); ++i) check(calls[i]);
  return 0;
}
