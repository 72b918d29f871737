// One run: take the inputs over, check them, give the model its memory, hand out what it made.
#include <stdlib.h>

#include "runtime/cuda/runtime_table.h"
#include "runtime/model/container.h"
#include "runtime/model/error.h"
#include "runtime/model/input_check.h"
#include "runtime/model/memory.h"
#include "runtime/model/session.h"
#include "runtime/model/size_check.h"

namespace aoti_model {
namespace {

void delete_all(AtenTensorHandle *handles, size_t count) {
  for (size_t i = 0; handles != nullptr && i < count; ++i) {
    if (handles[i] != nullptr) aoti_torch_delete_tensor_object(handles[i]);
    handles[i] = nullptr;
  }
}

// An instance to run on. Runs that change the container's state, and those of one session, go one after the
// other, in the order in which they came.
int32_t take_instance(Container *c, Session *session) {
  if (session != nullptr) queue_take_one(&session->turns);
  if (session != nullptr || !c->has_state) return queue_take_one(&c->queue);
  queue_take_all(&c->queue);
  return 0;
}

void give_instance(Container *c, Session *session, int32_t number) {
  if (session == nullptr && c->has_state) {
    queue_give_all(&c->queue);
  } else {
    queue_give_one(&c->queue, number);
  }
  if (session != nullptr) queue_give_one(&session->turns, 0);
}

AOTIRuntimeError fit_arena(const AotiModelDesc &desc, Instance *instance) {
  if (desc.arena_bytes_for == nullptr) return AOTI_RUNTIME_SUCCESS;
  const int64_t bytes = desc.arena_bytes_for(instance->symbols);
  if (bytes < 0)
    return fail("model %s: the memory for inputs of these sizes is more than can be addressed", desc.name);
  if (bytes <= instance->arena_bytes) return AOTI_RUNTIME_SUCCESS;
  free(instance->arena);
  instance->arena = allocate_aligned(bytes);
  instance->arena_bytes = instance->arena != nullptr ? bytes : 0;
  return instance->arena != nullptr ? AOTI_RUNTIME_SUCCESS : fail_memory("the arena of an instance", bytes);
}

// What generated code must have kept to.
AOTIRuntimeError check_result(const AotiModelDesc &desc, const AotiKernelContext &ctx,
                              AtenTensorHandle *outputs) {
  if (ctx.error != nullptr) {
    return fail("model %s: %s; got %lld", desc.name, ctx.error, (long long)ctx.error_value);
  }
  for (int32_t i = 0; i < desc.num_outputs; ++i) {
    if (outputs[i] == nullptr) {
      return fail("model %s: output %d '%s' was not made; this is a fault of the compiled model", desc.name,
                  i, desc.outputs[i].name);
    }
  }
  return AOTI_RUNTIME_SUCCESS;
}

AOTIRuntimeError run_model(const AotiModelDesc &desc, AotiRunArgs *args) {
  if (desc.run(args) != 0) return AOTI_RUNTIME_FAILURE;
  return check_result(desc, *args->ctx, args->outputs);
}

AOTIRuntimeError run_on_device(const AotiModelDesc &desc, Instance *instance, AotiRunArgs *args) {
  const AotiCudaRuntime &runtime = *desc.cuda->runtime;
  if (runtime.begin(instance->cuda, args->stream, instance->symbols, &args->cuda) != AOTI_RUNTIME_SUCCESS) {
    return AOTI_RUNTIME_FAILURE;
  }
  return runtime.end(instance->cuda, run_model(desc, args));
}

bool is_traced(const Container &c) { return c.tracer.record != nullptr; }

const void *kernels_of(const Container &c) {
  if (c.variant == nullptr) return nullptr;  // every kernel runs on the GPU
  return is_traced(c) ? c.variant->traced_kernels : c.variant->kernels;
}

AOTIRuntimeError run_instance(Container *c, Instance *instance, const void *const *constants,
                              AtenTensorHandle *inputs, AtenTensorHandle *outputs, void *stream,
                              AOTIProxyExecutorHandle proxy_executor) {
  const AotiModelDesc &desc = *c->desc;
  if (check_inputs(desc, inputs, c->weights.device_index, instance->symbols) != AOTI_RUNTIME_SUCCESS ||
      check_sizes(desc, inputs, instance->symbols) != AOTI_RUNTIME_SUCCESS ||
      fit_arena(desc, instance) != AOTI_RUNTIME_SUCCESS) {
    return AOTI_RUNTIME_FAILURE;
  }
  AotiKernelContext ctx{instance->threads != nullptr ? instance->threads : c->threads,
                        instance->scratch,
                        round_up(desc.scratch_bytes_per_thread),
                        nullptr,
                        0,
                        c->processor_features,
                        is_traced(*c) ? &c->tracer : nullptr};
  AotiRunArgs args{inputs,
                   outputs,
                   instance->arena,
                   constants,
                   instance->symbols,
                   kernels_of(*c),
                   &ctx,
                   stream,
                   proxy_executor,
                   nullptr,
                   c->ops,
                   __atomic_load_n(&c->rng_seed, __ATOMIC_RELAXED),
                   __atomic_fetch_add(&c->rng_runs, 1, __ATOMIC_RELAXED)};
  return instance->cuda == nullptr ? run_model(desc, &args) : run_on_device(desc, instance, &args);
}

}  // namespace

AOTIRuntimeError container_run(Container *c, Session *session, AtenTensorHandle *inputs, size_t num_inputs,
                               AtenTensorHandle *outputs, size_t num_outputs, void *stream,
                               AOTIProxyExecutorHandle proxy_executor) {
  AOTIRuntimeError result = check_arity(*c->desc, inputs, num_inputs, outputs, num_outputs);
  // The array is only written: what the caller left in it means nothing.
  for (size_t i = 0; outputs != nullptr && i < num_outputs; ++i) outputs[i] = nullptr;
  if (result == AOTI_RUNTIME_SUCCESS) {
    const int32_t number = take_instance(c, session);
    ConstantSet *set = container_take_set(c);
    const void *const *constants = session != nullptr ? session_constants(session, *set) : set->data;
    result = run_instance(c, &c->instances[number], constants, inputs, outputs, stream, proxy_executor);
    set_release(*c->desc, set);
    give_instance(c, session, number);
  }
  if (result != AOTI_RUNTIME_SUCCESS) delete_all(outputs, num_outputs);
  delete_all(inputs, num_inputs);
  return result;
}

}  // namespace aoti_model
