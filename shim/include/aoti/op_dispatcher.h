// What calls operators that have no kernel in the model's library: a dispatcher outside it, of which there is
// at most one. In the flavour "torch" that is libtorch's (shim/src/torch); other flavours have none.
//
//   static const AotiOpDispatcher dispatcher = {knows, call};
//   __attribute__((constructor)) static void start(void) { aoti_register_dispatcher(&dispatcher); }
#ifndef AOTI_OP_DISPATCHER_H_
#define AOTI_OP_DISPATCHER_H_

#include "aoti/custom_op.h"

#ifdef __cplusplus
extern "C" {
#endif

// Static memory. Both functions are called by several threads at once and throw nothing.
typedef struct AotiOpDispatcher {
  // 1 if it has the operator of this schema, else 0. Called when a container is created.
  int32_t (*knows)(const char *schema);
  // Calls the operator of call->schema. Fills the outputs, which were made before with the sizes that export
  // saw; fails, with a message, where a result has others or another dtype.
  AotiOpKernel call;
} AotiOpDispatcher;

// Called before main or while the library is loaded, by one thread. Cannot fail.
void aoti_register_dispatcher(const AotiOpDispatcher *dispatcher);

#ifdef __cplusplus
}  // extern "C"
#endif

#endif  // AOTI_OP_DISPATCHER_H_
