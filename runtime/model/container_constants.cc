// Reading and replacing a container's constants.
#include <stdlib.h>
#include <string.h>

#include "aoti/model.h"
#include "runtime/cuda/runtime_table.h"
#include "runtime/model/constant_update.h"
#include "runtime/model/container.h"
#include "runtime/model/error.h"
#include "runtime/model/low_priority.h"
#include "runtime/model/original_values.h"

namespace aoti_model {
namespace {

class Lock {
 public:
  explicit Lock(pthread_mutex_t *mutex) : mutex_(mutex) { pthread_mutex_lock(mutex); }
  ~Lock() { pthread_mutex_unlock(mutex_); }
  Lock(const Lock &) = delete;
  Lock &operator=(const Lock &) = delete;

 private:
  pthread_mutex_t *mutex_;
};

// Waits until the GPU has done what runs queued, so that constants can be freed. (On the CPU a run that has
// returned has done all.)
void drain(Container *c) {
  if (c->cuda == nullptr) return;
  queue_take_all(&c->queue);
  c->desc->cuda->runtime->finish(c->cuda);  // a device that has failed reads nothing either
  queue_give_all(&c->queue);
}

// Makes `set` (consumed) the active or the inactive one; runs in progress go on with the one they have.
void publish(Container *c, ConstantSet *set, bool use_inactive) {
  ConstantSet **slot = use_inactive ? &c->inactive : &c->active;
  ConstantSet *old = nullptr;
  {
    Lock lock(&c->sets_mutex);
    old = *slot;
    *slot = set;
  }
  drain(c);
  set_retire(*c->desc, old);
}

// A model's state and its like: what a new set of parameters keeps from the set that runs.
bool is_state(const AotiModelDesc &desc, int32_t constant) {
  const AotiConstantDesc &stored = desc.constants[constant];
  return stored.is_mutated != 0 ||
         (stored.packing == AOTI_PACKING_PLAIN &&
          (stored.kind == AOTI_CONSTANT_BUFFER || stored.kind == AOTI_CONSTANT_TENSOR));
}

// What an update of the inactive set starts from: all of the active set's values at first; later the inactive
// set's parameters and the active set's state, as PyTorch does.
AOTIRuntimeError base_of_inactive(Container *c, ConstantSet **ret_set) {
  if (c->inactive->is_library) return set_copy(*c->desc, *c->active, ret_set);
  ConstantSet *set = nullptr;
  if (set_copy(*c->desc, *c->inactive, &set) != AOTI_RUNTIME_SUCCESS) return AOTI_RUNTIME_FAILURE;
  for (int32_t i = 0; i < c->desc->num_constants; ++i) {
    if (is_state(*c->desc, i) && set_share(*c->active, i, set) != AOTI_RUNTIME_SUCCESS) {
      set_release(*c->desc, set);
      return AOTI_RUNTIME_FAILURE;
    }
  }
  *ret_set = set;
  return AOTI_RUNTIME_SUCCESS;
}

// After the active set got other state: an inactive set that nobody has filled takes it along when the sets
// are swapped.
AOTIRuntimeError follow_state(Container *c) {
  if (!c->has_state || !c->inactive->is_library) return AOTI_RUNTIME_SUCCESS;
  ConstantSet *made = nullptr;
  if (set_of_weights(*c->desc, c->weights, c->active, &made) != AOTI_RUNTIME_SUCCESS) {
    return AOTI_RUNTIME_FAILURE;
  }
  publish(c, made, true);
  return AOTI_RUNTIME_SUCCESS;
}

// A copy of the set that an update starts from, with the new values in it.
AOTIRuntimeError updated_set(Container *c, const AOTInductorConstantMapEntry *pairs, size_t num_pairs,
                             bool use_inactive, UpdateOptions options, ConstantSet **ret_set) {
  const AotiModelDesc &desc = *c->desc;
  ConstantSet *made = nullptr;
  if ((use_inactive ? base_of_inactive(c, &made) : set_copy(desc, *c->active, &made)) !=
      AOTI_RUNTIME_SUCCESS) {
    return AOTI_RUNTIME_FAILURE;
  }
  ConstantSet *base = set_retain(use_inactive && !c->inactive->is_library ? c->inactive : c->active);
  const AOTIRuntimeError status = update_apply(desc, *base, pairs, num_pairs, options, made);
  set_release(desc, base);
  if (status != AOTI_RUNTIME_SUCCESS) {
    set_release(desc, made);
    return status;
  }
  if (use_inactive) made->is_library = false;
  *ret_set = made;
  return AOTI_RUNTIME_SUCCESS;
}

// A copy of all weights, as they lie in the library's own layout.
AOTIRuntimeError set_of_blob(const Container &c, const uint8_t *blob, ConstantSet **ret_set) {
  const AotiModelDesc &desc = *c.desc;
  Weights weights = c.weights;
  weights.data = blob;
  weights.places = nullptr;
  ConstantSet *made = nullptr;
  if (set_of_weights(desc, weights, nullptr, &made) != AOTI_RUNTIME_SUCCESS) return AOTI_RUNTIME_FAILURE;
  made->is_library = false;
  for (int32_t i = 0; i < desc.num_constants; ++i) {
    if (desc.constants[i].is_mutated != 0) continue;  // copied already
    if (set_place_copy(desc.constants[i], blob + desc.constants[i].offset_bytes, i, made) ==
        AOTI_RUNTIME_SUCCESS)
      continue;
    set_release(desc, made);
    return AOTI_RUNTIME_FAILURE;
  }
  *ret_set = made;
  return AOTI_RUNTIME_SUCCESS;
}

// Makes a set in such a way that runs meanwhile do not get slow. Smaller ones take less time than a thread
// costs; what is done for a GPU belongs to the calling thread's context.
template <class Make>
AOTIRuntimeError make_beside_runs(const Container &c, Make make) {
  constexpr int64_t kWorthAThread = 1 << 20;
  return c.cuda != nullptr || c.desc->weights_bytes < kWorthAThread ? make() : at_low_priority(make);
}

void drop_extracted(Container *c) {
  for (int32_t i = 0; c->entries != nullptr && i < c->num_entries; ++i) {
    aoti_torch_delete_tensor_object(c->entries[i].handle);
  }
  c->num_entries = 0;
}

}  // namespace

ConstantSet *container_take_set(Container *c) {
  Lock lock(&c->sets_mutex);
  return set_retain(c->active);
}

AOTIRuntimeError container_extract(Container *c, bool use_inactive,
                                   const AOTInductorConstantMapEntry **ret_entries, size_t *ret_num_entries) {
  if (ret_entries == nullptr || ret_num_entries == nullptr) return fail("an address to write to is null");
  Lock lock(&c->constants_mutex);
  const AotiModelDesc &desc = *c->desc;
  const size_t bytes = (static_cast<size_t>(desc.num_originals) + 1) * sizeof(AOTInductorConstantMapEntry);
  if (c->entries == nullptr) c->entries = static_cast<AOTInductorConstantMapEntry *>(malloc(bytes));
  if (c->entries == nullptr) return fail_memory("a list of constants", static_cast<int64_t>(bytes));
  drop_extracted(c);
  const ConstantSet &set = use_inactive ? *c->inactive : *c->active;
  for (int32_t i = 0; i < desc.num_originals; ++i) {
    bool known = false;
    AtenTensorHandle value = nullptr;
    if (original_value(desc, set, i, &known, &value) != AOTI_RUNTIME_SUCCESS) return AOTI_RUNTIME_FAILURE;
    if (known) c->entries[c->num_entries++] = AOTInductorConstantMapEntry{desc.originals[i].fqn, value};
  }
  *ret_entries = c->entries;
  *ret_num_entries = static_cast<size_t>(c->num_entries);
  return AOTI_RUNTIME_SUCCESS;
}

AOTIRuntimeError container_update(Container *c, const AOTInductorConstantMapEntry *pairs, size_t num_pairs,
                                  bool use_inactive, UpdateOptions options) {
  Lock lock(&c->constants_mutex);
  ConstantSet *made = nullptr;
  const auto make = [&] { return updated_set(c, pairs, num_pairs, use_inactive, options, &made); };
  if (make_beside_runs(*c, make) != AOTI_RUNTIME_SUCCESS) return AOTI_RUNTIME_FAILURE;
  publish(c, made, use_inactive);
  return use_inactive ? AOTI_RUNTIME_SUCCESS : follow_state(c);
}

AOTIRuntimeError container_update_from_blob(Container *c, const uint8_t *blob) {
  if (blob == nullptr) {
    return fail("the weights are null; expected %lld bytes", (long long)c->desc->weights_bytes);
  }
  Lock lock(&c->constants_mutex);
  ConstantSet *made = nullptr;
  if (make_beside_runs(*c, [&] { return set_of_blob(*c, blob, &made); }) != AOTI_RUNTIME_SUCCESS) {
    return AOTI_RUNTIME_FAILURE;
  }
  publish(c, made, false);
  return follow_state(c);
}

void container_swap(Container *c) {
  Lock lock(&c->constants_mutex);
  Lock sets(&c->sets_mutex);
  ConstantSet *active = c->active;
  c->active = c->inactive;
  c->inactive = active;
}

AOTIRuntimeError container_free_inactive(Container *c) {
  Lock lock(&c->constants_mutex);
  ConstantSet *made = nullptr;
  if (set_of_weights(*c->desc, c->weights, c->active, &made) != AOTI_RUNTIME_SUCCESS) {
    return AOTI_RUNTIME_FAILURE;
  }
  publish(c, made, true);
  return AOTI_RUNTIME_SUCCESS;
}

void container_drop_constants(Container *c) {
  if (c->entries != nullptr) drop_extracted(c);
  free(c->entries);
  set_release(*c->desc, c->active);
  set_release(*c->desc, c->inactive);
}

}  // namespace aoti_model
