#include "runtime/model/container.h"

#include <stdlib.h>
#include <string.h>

#include "runtime/cpu/isa.h"
#include "runtime/cpu/thread_pool.h"
#include "runtime/cuda/runtime_table.h"
#include "runtime/model/container_threads.h"
#include "runtime/model/custom_ops.h"
#include "runtime/model/desc_check.h"
#include "runtime/model/device_name.h"
#include "runtime/model/error.h"
#include "runtime/model/handle_mark.h"
#include "runtime/model/memory.h"

namespace aoti_model {
namespace {

// "aotiMODL" and "aotiGONE" as little-endian numbers.
constexpr HandleKind kContainerKind = {"container", "container or model", 0x4c444f4d69746f61u,
                                       0x454e4f4769746f61u};
constexpr size_t kMaxInstances = 1024;

// Makes the instance's arena at least `bytes` long.
AOTIRuntimeError grow_arena(Instance *instance, int64_t bytes) {
  if (bytes <= instance->arena_bytes) return AOTI_RUNTIME_SUCCESS;
  free(instance->arena);
  instance->arena_bytes = 0;
  instance->arena = allocate_aligned(bytes);
  if (instance->arena == nullptr) return fail_memory("the arena of an instance", bytes);
  instance->arena_bytes = bytes;
  return AOTI_RUNTIME_SUCCESS;
}

AOTIRuntimeError instance_init(const AotiModelDesc &desc, int32_t num_threads, aoti_cuda::CudaModel *cuda,
                               Instance *instance) {
  const size_t symbol_bytes = (static_cast<size_t>(desc.num_symbols) + 1) * sizeof(int64_t);
  instance->symbols = static_cast<int64_t *>(calloc(1, symbol_bytes));
  if (instance->symbols == nullptr) return fail_memory("an instance", static_cast<int64_t>(symbol_bytes));
  if (desc.arena_bytes_for == nullptr && grow_arena(instance, desc.arena_bytes) != AOTI_RUNTIME_SUCCESS) {
    return AOTI_RUNTIME_FAILURE;
  }
  if (allocate_scratch(desc, num_threads, &instance->scratch) != AOTI_RUNTIME_SUCCESS)
    return AOTI_RUNTIME_FAILURE;
  return cuda == nullptr ? AOTI_RUNTIME_SUCCESS : desc.cuda->runtime->create_instance(cuda, &instance->cuda);
}

AOTIRuntimeError choose_variant(Container *c) {
  if (c->desc->num_isa == 0) return AOTI_RUNTIME_SUCCESS;  // every kernel runs on the GPU
  char message[1024] = "";
  c->processor_features = aoti_cpu::usable_features();
  c->variant = aoti_cpu::select_variant(c->desc->isa, c->desc->num_isa, message, sizeof message);
  return c->variant != nullptr ? AOTI_RUNTIME_SUCCESS : fail("model %s: %s", c->desc->name, message);
}

AOTIRuntimeError open_device(Container *c, int32_t device_index) {
  if (c->weights.data == nullptr && c->desc->weights_bytes > 0) {
    return fail("model %s runs on a GPU: its constants must lie as in its own weights, %lld bytes in a row",
                c->desc->name, (long long)c->desc->weights_bytes);
  }
  const AotiCudaRuntime &runtime = *c->desc->cuda->runtime;
  if (runtime.open(*c->desc, device_index, c->weights.data, &c->cuda) != AOTI_RUNTIME_SUCCESS) {
    return AOTI_RUNTIME_FAILURE;
  }
  c->weights.device = runtime.weights(c->cuda);
  c->weights.device_index = runtime.device_index(c->cuda);
  return AOTI_RUNTIME_SUCCESS;
}

AOTIRuntimeError find_weights(const AotiModelDesc &desc, const AotiContainerOptions &options,
                              Weights *ret_weights) {
  if (options.constants == nullptr) return open_weights(desc, options.weights_dir, ret_weights);
  return place_weights(desc, options.constants, options.num_constants, ret_weights);
}

AOTIRuntimeError fill(Container *c, const AotiContainerOptions &options, int32_t device_index) {
  const AotiModelDesc &desc = *c->desc;
  const int32_t num_models = static_cast<int32_t>(options.num_models);
  if (choose_variant(c) != AOTI_RUNTIME_SUCCESS ||
      make_threads(desc.num_isa == 0 ? 1 : 0, &c->threads, &c->num_threads) != AOTI_RUNTIME_SUCCESS ||
      find_weights(desc, options, &c->weights) != AOTI_RUNTIME_SUCCESS) {
    return AOTI_RUNTIME_FAILURE;
  }
  if (desc.cuda != nullptr && open_device(c, device_index) != AOTI_RUNTIME_SUCCESS)
    return AOTI_RUNTIME_FAILURE;
  if (resolve_ops(desc, &c->ops) != AOTI_RUNTIME_SUCCESS) return AOTI_RUNTIME_FAILURE;
  c->has_state = has_state(desc);
  if (set_of_weights(desc, c->weights, nullptr, &c->active) != AOTI_RUNTIME_SUCCESS ||
      set_of_weights(desc, c->weights, c->active, &c->inactive) != AOTI_RUNTIME_SUCCESS) {
    return AOTI_RUNTIME_FAILURE;
  }
  c->instances = static_cast<Instance *>(calloc(static_cast<size_t>(num_models), sizeof(Instance)));
  if (c->instances == nullptr || !queue_init(&c->queue, num_models)) {
    return fail_memory("the instances", static_cast<int64_t>(sizeof(Instance)) * num_models);
  }
  for (int32_t i = 0; i < num_models; ++i) {
    if (instance_init(desc, c->num_threads, c->cuda, &c->instances[i]) != AOTI_RUNTIME_SUCCESS)
      return AOTI_RUNTIME_FAILURE;
  }
  return AOTI_RUNTIME_SUCCESS;
}

}  // namespace

AOTIRuntimeError container_create(const AotiModelDesc &desc, const AotiContainerOptions &options,
                                  Container **ret_container) {
  if (ret_container == nullptr) return fail("the address to write the container to is null");
  int32_t device_index = 0;
  if (check_desc(desc) != AOTI_RUNTIME_SUCCESS ||
      parse_device(desc, options.device_str, &device_index) != AOTI_RUNTIME_SUCCESS) {
    return AOTI_RUNTIME_FAILURE;
  }
  if (options.num_models < 1 || options.num_models > kMaxInstances) {
    return fail("%zu instances asked for; expected 1 to %zu", options.num_models, kMaxInstances);
  }
  Container *c = static_cast<Container *>(calloc(1, sizeof(Container)));
  if (c == nullptr) return fail_memory("a container", sizeof(Container));
  c->magic = live_mark(kContainerKind);
  c->desc = &desc;
  pthread_mutex_init(&c->constants_mutex, nullptr);
  pthread_mutex_init(&c->sets_mutex, nullptr);
  if (fill(c, options, device_index) != AOTI_RUNTIME_SUCCESS) {
    container_destroy(c);
    return AOTI_RUNTIME_FAILURE;
  }
  *ret_container = c;
  return AOTI_RUNTIME_SUCCESS;
}

void container_destroy(Container *c) {
  for (int32_t i = 0; c->instances != nullptr && i < c->queue.num_instances; ++i) {
    if (c->cuda != nullptr) c->desc->cuda->runtime->destroy_instance(c->instances[i].cuda);
    free(c->instances[i].arena);
    free(c->instances[i].scratch);
    free(c->instances[i].symbols);
    aoti_cpu::thread_pool_destroy(c->instances[i].threads);
  }
  free(c->instances);
  queue_destroy(&c->queue);
  container_drop_constants(c);
  free_ops(c->ops);
  if (c->cuda != nullptr) c->desc->cuda->runtime->close(c->cuda);
  close_weights(&c->weights);
  aoti_cpu::thread_pool_destroy(c->threads);
  pthread_mutex_destroy(&c->constants_mutex);
  pthread_mutex_destroy(&c->sets_mutex);
  c->magic = kContainerKind.dead;
  free(c);
}

AOTIRuntimeError container_from(const void *handle, Container **ret_container) {
  if (check_handle(handle, kContainerKind) != AOTI_RUNTIME_SUCCESS) return AOTI_RUNTIME_FAILURE;
  *ret_container = static_cast<Container *>(const_cast<void *>(handle));
  return AOTI_RUNTIME_SUCCESS;
}

AOTIRuntimeError container_set_tracer(Container *c, const AotiTracer *tracer) {
  if (tracer != nullptr && (c->variant == nullptr || c->variant->traced_kernels == nullptr)) {
    return fail("model %s has no kernels on the CPU that can be traced%s", c->desc->name,
                c->variant == nullptr ? "; a GPU's are seen by NVIDIA's tools" : "; compile it again");
  }
  queue_take_all(&c->queue);
  c->tracer = tracer != nullptr ? *tracer : AotiTracer{nullptr, nullptr};
  queue_give_all(&c->queue);
  return AOTI_RUNTIME_SUCCESS;
}

}  // namespace aoti_model
