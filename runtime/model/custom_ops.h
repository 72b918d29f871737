// Operators that a model calls by their schema: what calls them, and the calls themselves (op_record.h), made
// ready when a container is created. This is the proxy executor of the library: generated code names a call
// by number and gives what fills its holes.
//
//   resolve_ops(desc, &table);                          // names every operator that nothing can call
//   AOTI_OP_CHECK(args, 3, tensors, 2, nullptr, 0, outputs, 1);   // in generated code: call number 3
#ifndef RUNTIME_MODEL_CUSTOM_OPS_H_
#define RUNTIME_MODEL_CUSTOM_OPS_H_

#include "aoti/custom_op.h"
#include "aoti/model_desc.h"
#include "runtime/model/op_record.h"

// Of one container; read only once it is made, so runs share it.
struct AotiOpTable {
  aoti_model::OpCalls *calls;
  AotiOpKernel *kernels;  // [desc.num_ops]
};

namespace aoti_model {

// *ret_table is the caller's (free_ops), and null where the model calls no operator. A kernel that was linked
// in with the operator's schema comes first, then what the dispatcher knows. Fails naming all operators that
// have neither, and those whose kernel was registered with another schema.
AOTIRuntimeError resolve_ops(const AotiModelDesc &desc, AotiOpTable **ret_table);

// Null is allowed.
void free_ops(AotiOpTable *table);

// Whether two schemas are equal but for spaces.
bool same_schema(const char *a, const char *b);

}  // namespace aoti_model

#endif  // RUNTIME_MODEL_CUSTOM_OPS_H_
