// The model's calls of operators, read from the record of bytes that the compiler put into the library.
//
// Enters: the record; compiler/wrapper/op_record.py states its format. Leaves: `OpCalls`, each call's
// arguments as an array of values with holes for the tensors and sizes of a run. A record is data from a
// stranger: every length in it is checked before it is used, and what does not fit is an error that says
// where.
//
//   OpCalls *calls;
//   read_op_record(bytes, num_bytes, num_ops, "my_model", &calls);   // once, when a container is created
//   fill_op_call(calls->calls[2], tensors, sizes, values);           // in every run
//   free_op_calls(calls);
#ifndef RUNTIME_MODEL_OP_RECORD_H_
#define RUNTIME_MODEL_OP_RECORD_H_

#include "aoti/custom_op.h"
#include "aoti/status.h"

namespace aoti_model {

// One call. In `values` arguments come first, then the items of lists, each list's one after the other. Until
// filled, value.i64 is the number of the hole for a tensor or size, and of a list the position of its first
// item.
struct OpCall {
  int64_t op;  // position in the model's table of schemas
  int64_t num_args, num_values, num_tensors, num_sizes, num_outputs, num_results;
  AotiOpValue *values;      // [num_values]
  int64_t *result_lengths;  // [num_results]
};

struct OpCalls {
  int64_t num_calls;
  OpCall *calls;
};

// *ret_calls is the caller's, and null where the record is empty. Fails naming the model and the byte.
AOTIRuntimeError read_op_record(const uint8_t *record, int64_t num_bytes, int64_t num_ops, const char *model,
                                OpCalls **ret_calls);

// Null is allowed.
void free_op_calls(OpCalls *calls);

// The call's values for a run, into `values` [num_values]. `tensors` and `sizes` have as many as it has
// holes.
void fill_op_call(const OpCall &call, const AtenTensorHandle *tensors, const int64_t *sizes,
                  AotiOpValue *values);

}  // namespace aoti_model

#endif  // RUNTIME_MODEL_OP_RECORD_H_
