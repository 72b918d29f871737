// The functions of sessions in the table that hosts call.
#include "runtime/model/container_api.h"
#include "runtime/model/session.h"

namespace aoti_model {
namespace {

AOTIRuntimeError enter_session(const void *handle, Session **ret_session) {
  clear_error();
  return session_from(handle, ret_session);
}

}  // namespace

AOTIRuntimeError api_get_state(AOTInductorModelContainerHandle handle, size_t index,
                               AotiStatePlace *ret_state) {
  Container *c = nullptr;
  if (enter(handle, &c) != AOTI_RUNTIME_SUCCESS) return AOTI_RUNTIME_FAILURE;
  return state_at(*c->desc, nullptr, index, ret_state);
}

AOTIRuntimeError api_create_session(AOTInductorModelContainerHandle handle, const AotiStatePlace *shared,
                                    size_t num_shared, AotiSessionHandle *ret_session) {
  Container *c = nullptr;
  if (enter(handle, &c) != AOTI_RUNTIME_SUCCESS) return AOTI_RUNTIME_FAILURE;
  return session_create(c, shared, num_shared, reinterpret_cast<Session **>(ret_session));
}

AOTIRuntimeError api_delete_session(AotiSessionHandle handle) {
  clear_error();
  if (handle == nullptr) return AOTI_RUNTIME_SUCCESS;
  Session *session = nullptr;
  if (session_from(handle, &session) != AOTI_RUNTIME_SUCCESS) return AOTI_RUNTIME_FAILURE;
  session_destroy(session);
  return AOTI_RUNTIME_SUCCESS;
}

AOTIRuntimeError api_run_session(AotiSessionHandle handle, AtenTensorHandle *inputs, size_t num_inputs,
                                 AtenTensorHandle *outputs, size_t num_outputs,
                                 AOTInductorStreamHandle stream, AOTIProxyExecutorHandle proxy_executor) {
  Session *session = nullptr;
  if (enter_session(handle, &session) != AOTI_RUNTIME_SUCCESS) return AOTI_RUNTIME_FAILURE;
  return container_run(session->container, session, inputs, num_inputs, outputs, num_outputs, stream,
                       proxy_executor);
}

AOTIRuntimeError api_get_session_state(AotiSessionHandle handle, size_t index, AotiStatePlace *ret_state) {
  Session *session = nullptr;
  if (enter_session(handle, &session) != AOTI_RUNTIME_SUCCESS) return AOTI_RUNTIME_FAILURE;
  return state_at(*session->container->desc, session, index, ret_state);
}

AOTIRuntimeError api_reset_session(AotiSessionHandle handle) {
  Session *session = nullptr;
  if (enter_session(handle, &session) != AOTI_RUNTIME_SUCCESS) return AOTI_RUNTIME_FAILURE;
  return session_reset(session);
}

}  // namespace aoti_model
