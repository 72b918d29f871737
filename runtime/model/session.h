// Sessions: the state of one sequence each, for containers whose model has state (docs/adr/0016-sessions.md).
//
// A session has memory for every constant that runs change; its runs see that memory in place of the
// container's, and the container's active parameters. Runs of one session take turns; a run holds one
// instance, so those of different sessions are computed at the same time.
#ifndef RUNTIME_MODEL_SESSION_H_
#define RUNTIME_MODEL_SESSION_H_

#include "runtime/model/container.h"

namespace aoti_model {

struct Session {
  uint64_t magic;
  Container *container;
  InstanceQueue turns;       // of one: who may run
  void **state;              // [num_constants]: null for those that runs do not change
  AtenTensorHandle *owners;  // [num_constants]: of state that is the session's own
  const void **data;         // [num_constants]: what the run in progress gets
};

AOTIRuntimeError session_create(Container *container, const AotiStatePlace *shared, size_t num_shared,
                                Session **ret_session);
void session_destroy(Session *session);

// Checks that `handle` is a live session; gives it as one.
AOTIRuntimeError session_from(const void *handle, Session **ret_session);

// Part number `index` of the model's state, as `session` has it; without one its data is null.
AOTIRuntimeError state_at(const AotiModelDesc &desc, const Session *session, size_t index,
                          AotiStatePlace *ret_state);
AOTIRuntimeError session_reset(Session *session);

// For the run that has the session's turn: `set` with the session's state.
const void *const *session_constants(Session *session, const ConstantSet &set);

}  // namespace aoti_model

#endif  // RUNTIME_MODEL_SESSION_H_
