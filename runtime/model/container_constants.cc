// Reading and replacing a container's constants.
#include <stdlib.h>

#include "runtime/cuda/runtime_table.h"
#include "runtime/model/container.h"
#include "runtime/model/error.h"

namespace aoti_model {
namespace {

class ConstantsLock {
 public:
  explicit ConstantsLock(Container *c) : container_(c) { pthread_mutex_lock(&c->constants_mutex); }
  ~ConstantsLock() { pthread_mutex_unlock(&container_->constants_mutex); }
  ConstantsLock(const ConstantsLock &) = delete;
  ConstantsLock &operator=(const ConstantsLock &) = delete;

 private:
  Container *container_;
};

ConstantSet *chosen_set(Container *c, bool use_inactive) {
  return &c->sets[use_inactive ? 1 - c->active : c->active];
}

// Takes all instances; on a GPU also waits until it has done what they queued. On failure none is taken.
AOTIRuntimeError take_all(Container *c) {
  queue_take_all(&c->queue);
  if (c->cuda == nullptr || c->desc->cuda->runtime->finish(c->cuda) == AOTI_RUNTIME_SUCCESS) {
    return AOTI_RUNTIME_SUCCESS;
  }
  queue_give_all(&c->queue);
  return AOTI_RUNTIME_FAILURE;
}

// A model's state: what changes while it runs, and so belongs to the set that runs.
bool is_state(const AotiConstantDesc &constant) {
  return constant.packing == AOTI_PACKING_PLAIN &&
         (constant.kind == AOTI_CONSTANT_BUFFER || constant.kind == AOTI_CONSTANT_TENSOR);
}

// Fills in what an update of the inactive set leaves out. The first update starts from all of the active
// set's values; later ones take the model's state from there, as PyTorch does, and keep the inactive set's
// parameters.
AOTIRuntimeError complete_inactive(Container *c, ConstantUpdate *update) {
  const AotiModelDesc &desc = *c->desc;
  ConstantSet *active = chosen_set(c, false), *inactive = chosen_set(c, true);
  if (inactive->is_library) return set_follow(desc, *active, c->weights, inactive);
  for (int32_t i = 0; i < desc.num_constants; ++i) {
    if (update->tensors[i] != nullptr || !is_state(desc.constants[i])) continue;
    AtenTensorHandle tensor = nullptr;
    if (set_tensor(desc, active, i, &tensor) != AOTI_RUNTIME_SUCCESS) return AOTI_RUNTIME_FAILURE;
    if (aoti_torch_new_tensor_handle(tensor, &update->tensors[i]) != AOTI_TORCH_SUCCESS) {
      return fail_shim(desc.constants[i].original_fqn);
    }
  }
  return AOTI_RUNTIME_SUCCESS;
}

}  // namespace

AOTIRuntimeError container_extract(Container *c, bool use_inactive,
                                   const AOTInductorConstantMapEntry **ret_entries, size_t *ret_num_entries) {
  if (ret_entries == nullptr || ret_num_entries == nullptr) return fail("an address to write to is null");
  ConstantsLock lock(c);
  const AotiModelDesc &desc = *c->desc;
  const size_t bytes = (static_cast<size_t>(desc.num_constants) + 1) * sizeof(AOTInductorConstantMapEntry);
  if (c->entries == nullptr) c->entries = static_cast<AOTInductorConstantMapEntry *>(malloc(bytes));
  if (c->entries == nullptr) return fail_memory("a list of constants", static_cast<int64_t>(bytes));
  size_t count = 0;
  for (int32_t i = 0; i < desc.num_constants; ++i) {
    if (desc.constants[i].packing != AOTI_PACKING_PLAIN) continue;
    AtenTensorHandle tensor = nullptr;
    if (set_tensor(desc, chosen_set(c, use_inactive), i, &tensor) != AOTI_RUNTIME_SUCCESS)
      return AOTI_RUNTIME_FAILURE;
    c->entries[count++] = AOTInductorConstantMapEntry{desc.constants[i].original_fqn, tensor};
  }
  *ret_entries = c->entries;
  *ret_num_entries = count;
  return AOTI_RUNTIME_SUCCESS;
}

AOTIRuntimeError container_update(Container *c, const AOTInductorConstantMapEntry *pairs, size_t num_pairs,
                                  bool use_inactive, UpdateOptions options) {
  ConstantsLock lock(c);
  ConstantUpdate update{};
  options.device_index = c->weights.device_index;
  if (update_prepare(*c->desc, pairs, num_pairs, options, &update) != AOTI_RUNTIME_SUCCESS) {
    return AOTI_RUNTIME_FAILURE;
  }
  // No run on the CPU reads the inactive set; on a GPU, runs that were queued before a swap may.
  const bool exclusive = !use_inactive || c->cuda != nullptr;
  AOTIRuntimeError status = use_inactive ? complete_inactive(c, &update) : AOTI_RUNTIME_SUCCESS;
  if (status == AOTI_RUNTIME_SUCCESS && exclusive) status = take_all(c);
  if (status != AOTI_RUNTIME_SUCCESS) {
    update_discard(*c->desc, &update);
    return AOTI_RUNTIME_FAILURE;
  }
  update_commit(*c->desc, &update, chosen_set(c, use_inactive));
  // An inactive set that nobody has filled takes the state along when the sets are swapped.
  if (!use_inactive && chosen_set(c, true)->is_library) {
    status = state_share(*c->desc, chosen_set(c, false), chosen_set(c, true));
  }
  if (exclusive) queue_give_all(&c->queue);
  return status;
}

AOTIRuntimeError container_update_from_blob(Container *c, const uint8_t *blob) {
  if (blob == nullptr)
    return fail("the weights are null; expected %lld bytes", (long long)c->desc->weights_bytes);
  AtenTensorHandle blobs[2] = {nullptr, nullptr};
  Weights weights{};
  if (copy_blobs(*c->desc, blob, c->weights.device_index, blobs, &weights) != AOTI_RUNTIME_SUCCESS) {
    return AOTI_RUNTIME_FAILURE;
  }
  ConstantUpdate state{};
  ConstantsLock lock(c);
  AOTIRuntimeError status = state_prepare(*c->desc, blob, c->weights.device_index, &state);
  if (status == AOTI_RUNTIME_SUCCESS) {
    status = take_all(c);
    if (status != AOTI_RUNTIME_SUCCESS) update_discard(*c->desc, &state);
  }
  if (status == AOTI_RUNTIME_SUCCESS) {
    set_replace_all(*c->desc, blobs, weights, &state, chosen_set(c, false));
    queue_give_all(&c->queue);
    return AOTI_RUNTIME_SUCCESS;
  }
  for (AtenTensorHandle copy : blobs) aoti_torch_delete_tensor_object(copy);
  return status;
}

void container_swap(Container *c) {
  ConstantsLock lock(c);
  // Runs that a GPU has queued keep the set that they began with: no need to wait for the device.
  queue_take_all(&c->queue);
  c->active = 1 - c->active;
  queue_give_all(&c->queue);
}

AOTIRuntimeError container_free_inactive(Container *c) {
  ConstantsLock lock(c);
  // Runs that the GPU has queued may have begun with the set before it was swapped out.
  if (c->cuda != nullptr && take_all(c) != AOTI_RUNTIME_SUCCESS) return AOTI_RUNTIME_FAILURE;
  set_reset(*c->desc, c->weights, chosen_set(c, true));
  // Out of memory for a handle: the set keeps its own state, which is right, too.
  if (state_share(*c->desc, chosen_set(c, false), chosen_set(c, true)) != AOTI_RUNTIME_SUCCESS) clear_error();
  if (c->cuda != nullptr) queue_give_all(&c->queue);
  return AOTI_RUNTIME_SUCCESS;
}

}  // namespace aoti_model
