#include "runtime/model/constants.h"

#include <stdlib.h>
#include <time.h>

#include "runtime/cpu/futex.h"
#include "runtime/model/error.h"

namespace aoti_model {
namespace {

AOTIRuntimeError make_set(const AotiModelDesc &desc, ConstantSet **ret_set) {
  const size_t count = static_cast<size_t>(desc.num_constants) + 1;
  ConstantSet *set = static_cast<ConstantSet *>(calloc(1, sizeof(ConstantSet)));
  if (set != nullptr) {
    set->references = 1;
    set->data = static_cast<const void **>(calloc(count, sizeof(void *)));
    set->owners = static_cast<AtenTensorHandle *>(calloc(count, sizeof(AtenTensorHandle)));
    if (set->data != nullptr && set->owners != nullptr) {
      *ret_set = set;
      return AOTI_RUNTIME_SUCCESS;
    }
    free(set->data);
    free(set->owners);
    free(set);
  }
  return fail_memory("a set of constants", static_cast<int64_t>(2 * count * sizeof(void *)));
}

void free_set(const AotiModelDesc &desc, ConstantSet *set) {
  for (int32_t i = 0; i < desc.num_constants; ++i) {
    if (set->owners[i] != nullptr) aoti_torch_delete_tensor_object(set->owners[i]);
  }
  free(set->data);
  free(set->owners);
  free(set);
}

int64_t now_ns() {
  timespec t;
  clock_gettime(CLOCK_MONOTONIC, &t);
  return static_cast<int64_t>(t.tv_sec) * 1000000000 + t.tv_nsec;
}

// Elements of a constant as it is stored.
int64_t stored_numel(const AotiConstantDesc &constant) {
  const int64_t element = static_cast<int64_t>(aoti_torch_dtype_element_size(constant.dtype));
  return constant.size_bytes / (element > 0 ? element : 1);
}

}  // namespace

AOTIRuntimeError set_share(const ConstantSet &from, int32_t index, ConstantSet *to) {
  AtenTensorHandle owner = nullptr;
  if (from.owners[index] != nullptr &&
      aoti_torch_new_tensor_handle(from.owners[index], &owner) != AOTI_TORCH_SUCCESS) {
    return fail_shim("a set of constants");
  }
  if (to->owners[index] != nullptr) aoti_torch_delete_tensor_object(to->owners[index]);
  to->owners[index] = owner;
  to->data[index] = from.data[index];
  return AOTI_RUNTIME_SUCCESS;
}

bool has_state(const AotiModelDesc &desc) {
  for (int32_t i = 0; i < desc.num_constants; ++i) {
    if (desc.constants[i].is_mutated != 0) return true;
  }
  return false;
}

AOTIRuntimeError set_of_weights(const AotiModelDesc &desc, const Weights &weights, const ConstantSet *state,
                                ConstantSet **ret_set) {
  ConstantSet *set = nullptr;
  if (make_set(desc, &set) != AOTI_RUNTIME_SUCCESS) return AOTI_RUNTIME_FAILURE;
  set->is_library = true;
  set->device_index = weights.device_index;
  AOTIRuntimeError status = AOTI_RUNTIME_SUCCESS;
  for (int32_t i = 0; i < desc.num_constants && status == AOTI_RUNTIME_SUCCESS; ++i) {
    const uint8_t *first = host_address(desc, weights, i);
    set->data[i] = constant_address(desc, weights, i);
    if (desc.constants[i].is_mutated == 0) continue;
    status = state != nullptr ? set_share(*state, i, set) : set_place_copy(desc.constants[i], first, i, set);
  }
  if (status == AOTI_RUNTIME_SUCCESS) {
    *ret_set = set;
  } else {
    set_release(desc, set);
  }
  return status;
}

AOTIRuntimeError set_copy(const AotiModelDesc &desc, const ConstantSet &from, ConstantSet **ret_set) {
  ConstantSet *set = nullptr;
  if (make_set(desc, &set) != AOTI_RUNTIME_SUCCESS) return AOTI_RUNTIME_FAILURE;
  set->is_library = from.is_library;
  set->device_index = from.device_index;
  for (int32_t i = 0; i < desc.num_constants; ++i) {
    if (set_share(from, i, set) == AOTI_RUNTIME_SUCCESS) continue;
    set_release(desc, set);
    return AOTI_RUNTIME_FAILURE;
  }
  *ret_set = set;
  return AOTI_RUNTIME_SUCCESS;
}

ConstantSet *set_retain(ConstantSet *set) {
  __atomic_fetch_add(&set->references, 1, __ATOMIC_RELAXED);
  return set;
}

void set_release(const AotiModelDesc &desc, ConstantSet *set) {
  if (set == nullptr) return;
  const uint32_t before = __atomic_fetch_sub(&set->references, 1, __ATOMIC_ACQ_REL);
  if (before == (kRetiring | 2)) aoti_cpu::futex_wake_all(&set->references);
  if ((before & ~kRetiring) == 1) free_set(desc, set);
}

void set_retire(const AotiModelDesc &desc, ConstantSet *set) {
  if (set == nullptr) return;
  const int64_t end = now_ns() + kLongestWait_ns;
  uint32_t references = __atomic_or_fetch(&set->references, kRetiring, __ATOMIC_ACQ_REL);
  for (int64_t left = kLongestWait_ns; references != (kRetiring | 1) && left > 0; left = end - now_ns()) {
    aoti_cpu::futex_wait_for(&set->references, references, left);
    references = __atomic_load_n(&set->references, __ATOMIC_ACQUIRE);
  }
  set_release(desc, set);
}

AOTIRuntimeError set_place(ConstantSet *set, int32_t index, AtenTensorHandle tensor) {
  void *data = nullptr;
  if (aoti_torch_get_data_ptr(tensor, &data) != AOTI_TORCH_SUCCESS) {
    fail_shim("a new constant");
    aoti_torch_delete_tensor_object(tensor);
    return AOTI_RUNTIME_FAILURE;
  }
  if (set->owners[index] != nullptr) aoti_torch_delete_tensor_object(set->owners[index]);
  set->owners[index] = tensor;
  set->data[index] = data;
  return AOTI_RUNTIME_SUCCESS;
}

AOTIRuntimeError make_stored(const AotiConstantDesc &constant, int32_t device_index,
                             AtenTensorHandle *ret_tensor) {
  const int64_t size = stored_numel(constant), stride = 1;
  const int32_t device = constant.device_type;
  return aoti_torch_empty_strided(1, &size, &stride, constant.dtype, device,
                                  device == AOTI_DEVICE_CPU ? 0 : device_index,
                                  ret_tensor) == AOTI_TORCH_SUCCESS
             ? AOTI_RUNTIME_SUCCESS
             : fail_shim(constant.name);
}

AOTIRuntimeError set_place_copy(const AotiConstantDesc &constant, const uint8_t *first, int32_t index,
                                ConstantSet *set) {
  AtenTensorHandle made = nullptr, source = nullptr;
  if (make_stored(constant, set->device_index, &made) != AOTI_RUNTIME_SUCCESS) return AOTI_RUNTIME_FAILURE;
  const int64_t size = stored_numel(constant), stride = 1;
  const bool ok =
      aoti_torch_create_tensor_from_blob(const_cast<uint8_t *>(first), 1, &size, &stride, 0, constant.dtype,
                                         AOTI_DEVICE_CPU, 0, &source) == AOTI_TORCH_SUCCESS &&
      aoti_torch_copy_(made, source, 0) == AOTI_TORCH_SUCCESS;
  if (!ok) fail_shim(constant.original_fqn);
  if (source != nullptr) aoti_torch_delete_tensor_object(source);
  if (ok) return set_place(set, index, made);
  aoti_torch_delete_tensor_object(made);
  return AOTI_RUNTIME_FAILURE;
}

AOTIRuntimeError set_elements(const AotiModelDesc &desc, const ConstantSet &set, int32_t index,
                              AtenTensorHandle *ret_tensor) {
  const AotiConstantDesc &constant = desc.constants[index];
  const int64_t size = stored_numel(constant), stride = 1;
  // The shim takes a pointer to data that may be written; the library's weights are read-only memory all the
  // same.
  void *data = const_cast<void *>(set.data[index]);
  const int32_t device = constant.device_type;
  return aoti_torch_create_tensor_from_blob(data, 1, &size, &stride, 0, constant.dtype, device,
                                            device == AOTI_DEVICE_CPU ? 0 : set.device_index,
                                            ret_tensor) == AOTI_TORCH_SUCCESS
             ? AOTI_RUNTIME_SUCCESS
             : fail_shim(constant.name);
}

}  // namespace aoti_model
