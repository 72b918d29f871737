// A container: one set of weights, a pool of instances that run the model, the threads they run on.
//
//   Container *c;
//   container_create(aoti_model_desc, 2, "cpu", nullptr, &c);       // two runs at a time
//   container_run(c, inputs, 1, outputs, 1, nullptr, nullptr);      // from any thread
//   container_destroy(c);
//
// Each instance has its own arena, scratch and symbol values; constants are shared. A run holds an instance,
// a reference to the set of constants that it began with, and no lock; a run of a model that has state, which
// both read and write the container's, holds all instances (docs/adr/0007-state.md). A change of constants
// publishes another set (constants.h), for which no run on the CPU waits. A change of threads first takes all
// instances.
#ifndef RUNTIME_MODEL_CONTAINER_H_
#define RUNTIME_MODEL_CONTAINER_H_

#include "aoti/model_interface.h"
#include "runtime/model/constant_update.h"
#include "runtime/model/constants.h"
#include "runtime/model/instance_queue.h"
#include "runtime/model/weights.h"

namespace aoti_cuda {
struct CudaInstance;
struct CudaModel;
}  // namespace aoti_cuda

namespace aoti_model {

struct Instance {
  void *arena;
  int64_t arena_bytes;
  void *scratch;
  int64_t *symbols;
  AotiThreads *threads;           // of its own; null: the container's
  aoti_cuda::CudaInstance *cuda;  // null: the model needs no GPU
};

struct Session;

struct Container {
  uint64_t magic;
  const AotiModelDesc *desc;
  const AotiIsaVariant *variant;
  int64_t processor_features;  // for AotiKernelContext
  AotiThreads *threads;        // null: one thread
  int32_t num_threads;
  aoti_cuda::CudaModel *cuda;  // null: the model needs no GPU
  Weights weights;
  Instance *instances;  // [queue.num_instances]
  InstanceQueue queue;
  pthread_mutex_t constants_mutex;  // held by whoever changes or lists constants; taken before the instances
  pthread_mutex_t sets_mutex;       // held to read or exchange the two pointers, never longer
  ConstantSet *active, *inactive;
  bool has_state;              // runs change constants, so one runs at a time
  AotiOpTable *ops;            // null: the model calls no operator by its schema
  int64_t rng_seed, rng_runs;  // of random numbers: the seed, and the runs since it was set; atomic
  AotiTracer tracer;           // its record is null: nobody traces
  AOTInductorConstantMapEntry
      *entries;  // what extract_constants gave out last: [num_entries] handles of ours
  int32_t num_entries;
};

AOTIRuntimeError container_create(const AotiModelDesc &desc, const AotiContainerOptions &options,
                                  Container **ret_container);
void container_destroy(Container *container);

// Checks that `handle` is a live container; gives it as one.
AOTIRuntimeError container_from(const void *handle, Container **ret_container);

// As AOTInductorModelContainerRun; on the state of `session` where it is not null.
AOTIRuntimeError container_run(Container *container, Session *session, AtenTensorHandle *inputs,
                               size_t num_inputs, AtenTensorHandle *outputs, size_t num_outputs, void *stream,
                               AOTIProxyExecutorHandle proxy_executor);

// As AotiModelApi.set_num_threads; with `each`, as set_threads_of_each.
AOTIRuntimeError container_set_num_threads(Container *container, int32_t num_threads, bool each);

// As AotiModelApi.set_tracer.
AOTIRuntimeError container_set_tracer(Container *container, const AotiTracer *tracer);

// ---- Constants (container_constants.cc) ----

AOTIRuntimeError container_extract(Container *container, bool use_inactive,
                                   const AOTInductorConstantMapEntry **ret_entries, size_t *ret_num_entries);
AOTIRuntimeError container_update(Container *container, const AOTInductorConstantMapEntry *pairs,
                                  size_t num_pairs, bool use_inactive, UpdateOptions options);
AOTIRuntimeError container_update_from_blob(Container *container, const uint8_t *blob);
void container_swap(Container *container);
AOTIRuntimeError container_free_inactive(Container *container);

// A reference to the active set, for one run; set_release gives it back.
ConstantSet *container_take_set(Container *container);

// Frees both sets and what was extracted.
void container_drop_constants(Container *container);

}  // namespace aoti_model

#endif  // RUNTIME_MODEL_CONTAINER_H_
