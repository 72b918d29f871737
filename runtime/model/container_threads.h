// Threads and per-thread memory of a container, as it is made; changes later: container_set_num_threads.
#ifndef RUNTIME_MODEL_CONTAINER_THREADS_H_
#define RUNTIME_MODEL_CONTAINER_THREADS_H_

#include "aoti/model_desc.h"

namespace aoti_model {

// Replaces 0 by the default number; fails for a number that cannot be.
AOTIRuntimeError check_num_threads(int32_t *num_threads);

// Threads for `num_threads` (0: the default number); null where that is one.
AOTIRuntimeError make_threads(int32_t num_threads, AotiThreads **ret_threads, int32_t *ret_num_threads);

// Scratch memory of one instance; null where the model wants none.
AOTIRuntimeError allocate_scratch(const AotiModelDesc &desc, int32_t num_threads, void **ret_scratch);

}  // namespace aoti_model

#endif  // RUNTIME_MODEL_CONTAINER_THREADS_H_
