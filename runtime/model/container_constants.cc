// Reading and replacing a container's constants.
#include <stdlib.h>
#include <string.h>

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
  if (inactive->is_library) return set_follow(desc, *active, c->weights.data, inactive);
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
  if (update_prepare(*c->desc, pairs, num_pairs, options, &update) != AOTI_RUNTIME_SUCCESS) {
    return AOTI_RUNTIME_FAILURE;
  }
  if (!use_inactive) {
    queue_take_all(&c->queue);
    update_commit(*c->desc, &update, chosen_set(c, false));
    AOTIRuntimeError result = AOTI_RUNTIME_SUCCESS;
    // An inactive set that nobody has filled takes the state along when the sets are swapped.
    if (chosen_set(c, true)->is_library) {
      result = state_share(*c->desc, chosen_set(c, false), chosen_set(c, true));
    }
    queue_give_all(&c->queue);
    return result;
  }
  if (complete_inactive(c, &update) != AOTI_RUNTIME_SUCCESS) {
    update_discard(*c->desc, &update);
    return AOTI_RUNTIME_FAILURE;
  }
  update_commit(*c->desc, &update, chosen_set(c, true));
  return AOTI_RUNTIME_SUCCESS;
}

AOTIRuntimeError container_update_from_blob(Container *c, const uint8_t *blob) {
  if (blob == nullptr)
    return fail("the weights are null; expected %lld bytes", (long long)c->desc->weights_bytes);
  const int64_t size = c->desc->weights_bytes, stride = 1;
  AtenTensorHandle copy = nullptr;
  if (aoti_torch_empty_strided(1, &size, &stride, AOTI_DTYPE_UINT8, AOTI_DEVICE_CPU, 0, &copy) !=
      AOTI_TORCH_SUCCESS) {
    return fail_shim("a copy of the weights");
  }
  void *data = nullptr;
  aoti_torch_get_data_ptr(copy, &data);
  if (size > 0) memcpy(data, blob, static_cast<size_t>(size));
  ConstantUpdate state{};
  if (state_prepare(*c->desc, blob, &state) != AOTI_RUNTIME_SUCCESS) {
    aoti_torch_delete_tensor_object(copy);
    return AOTI_RUNTIME_FAILURE;
  }
  ConstantsLock lock(c);
  queue_take_all(&c->queue);
  set_replace_all(*c->desc, copy, static_cast<const uint8_t *>(data), &state, chosen_set(c, false));
  queue_give_all(&c->queue);
  return AOTI_RUNTIME_SUCCESS;
}

void container_swap(Container *c) {
  ConstantsLock lock(c);
  queue_take_all(&c->queue);
  c->active = 1 - c->active;
  queue_give_all(&c->queue);
}

void container_free_inactive(Container *c) {
  ConstantsLock lock(c);
  set_reset(*c->desc, c->weights.data, chosen_set(c, true));
  // Out of memory for a handle: the set keeps its own state, which is right, too.
  if (state_share(*c->desc, chosen_set(c, false), chosen_set(c, true)) != AOTI_RUNTIME_SUCCESS) clear_error();
}

}  // namespace aoti_model
