// The functions of the table that only containers on a GPU have.
#include "runtime/cuda/runtime_table.h"
#include "runtime/model/container_api.h"

namespace aoti_model {
namespace {

AOTIRuntimeError enter_cuda(const void *handle, Container **ret_container) {
  if (enter(handle, ret_container) != AOTI_RUNTIME_SUCCESS) return AOTI_RUNTIME_FAILURE;
  if ((*ret_container)->cuda != nullptr) return AOTI_RUNTIME_SUCCESS;
  return fail("model %s runs on the CPU: it has no streams and no CUDA graphs", (*ret_container)->desc->name);
}

}  // namespace

AOTIRuntimeError api_set_cuda_graphs(AOTInductorModelContainerHandle handle, bool enabled) {
  Container *c = nullptr;
  if (enter_cuda(handle, &c) != AOTI_RUNTIME_SUCCESS) return AOTI_RUNTIME_FAILURE;
  queue_take_all(&c->queue);
  for (int32_t i = 0; i < c->queue.num_instances; ++i) {
    c->desc->cuda->runtime->set_graphs(c->instances[i].cuda, enabled);
  }
  queue_give_all(&c->queue);
  return AOTI_RUNTIME_SUCCESS;
}

AOTIRuntimeError api_get_cuda_graph_state(AOTInductorModelContainerHandle handle, const char **ret_state) {
  Container *c = nullptr;
  if (enter_cuda(handle, &c) != AOTI_RUNTIME_SUCCESS) return AOTI_RUNTIME_FAILURE;
  queue_take_all(&c->queue);
  const char *state = c->desc->cuda->runtime->graph_state(c->instances[0].cuda);
  queue_give_all(&c->queue);
  return answer(state, ret_state);
}

AOTIRuntimeError api_synchronize_stream(AOTInductorModelContainerHandle handle,
                                        AOTInductorStreamHandle stream) {
  Container *c = nullptr;
  if (enter_cuda(handle, &c) != AOTI_RUNTIME_SUCCESS) return AOTI_RUNTIME_FAILURE;
  return c->desc->cuda->runtime->synchronize(c->cuda, stream);
}

AOTIRuntimeError api_stream_wait_stream(AOTInductorModelContainerHandle handle,
                                        AOTInductorStreamHandle waiting, AOTInductorStreamHandle waited) {
  Container *c = nullptr;
  if (enter_cuda(handle, &c) != AOTI_RUNTIME_SUCCESS) return AOTI_RUNTIME_FAILURE;
  return c->desc->cuda->runtime->stream_wait(c->cuda, waiting, waited);
}

}  // namespace aoti_model
