// A set of a model's stored constants: where each one is, and who owns it.
//
// A set is made apart (from the library's weights, or as a copy of another set that some constants are placed
// into), then published in the container by exchanging a pointer: a failed change is never seen. After that
// its pointers do not change. Runs hold a reference to the set that they began with, so the old constants
// serve until the last such run ends; who replaced them frees them then, so that no run pays for it.
//
// The model's state (constants that runs change) has memory of its own, which copies of a set share.
#ifndef RUNTIME_MODEL_CONSTANTS_H_
#define RUNTIME_MODEL_CONSTANTS_H_

#include "aoti/model_desc.h"
#include "aoti/model_interface.h"
#include "runtime/model/weights.h"

namespace aoti_model {

constexpr uint32_t kRetiring = 1u << 31;

struct ConstantSet {
  uint32_t references;       // with kRetiring where somebody waits for the others
  const void **data;         // [num_constants]: what runs get
  AtenTensorHandle *owners;  // [num_constants]: null for the library's own bytes, else keeps data alive
  int32_t device_index;      // of the constants on a GPU
  bool is_library;           // nothing has been replaced
};

// Whether runs of this model change constants.
bool has_state(const AotiModelDesc &desc);

// The weights at `weights` (the library's, which are never written, or a replacement that lives as long as
// the set), where each constant belongs. The state is that of `state` (shared), or, where it is null, new
// memory with the first values.
AOTIRuntimeError set_of_weights(const AotiModelDesc &desc, const Weights &weights, const ConstantSet *state,
                                ConstantSet **ret_set);

// A set that refers to the same values.
AOTIRuntimeError set_copy(const AotiModelDesc &desc, const ConstantSet &from, ConstantSet **ret_set);

// One more reference; one less, the last one frees. Null is accepted by the second.
ConstantSet *set_retain(ConstantSet *set);
void set_release(const AotiModelDesc &desc, ConstantSet *set);

// As set_release, for a set that no new run can find: waits for the runs that hold it, so that this thread
// frees it and not the last of them. For kLongestWait_ns at most: a run that takes longer frees it itself.
void set_retire(const AotiModelDesc &desc, ConstantSet *set);
constexpr int64_t kLongestWait_ns = 1000000000;

// Makes constant `index` of `to` that of `from`. Only before `to` is published.
AOTIRuntimeError set_share(const ConstantSet &from, int32_t index, ConstantSet *to);

// Puts constant `index` at the first element of `tensor`, which is consumed. Only before the set is
// published.
AOTIRuntimeError set_place(ConstantSet *set, int32_t index, AtenTensorHandle tensor);

// Gives constant `index` memory of its own, on its device, with the stored bytes at `first` on the host.
AOTIRuntimeError set_place_copy(const AotiConstantDesc &constant, const uint8_t *first, int32_t index,
                                ConstantSet *set);

// A new flat tensor for the stored elements of constant `index`, on the constant's device.
AOTIRuntimeError make_stored(const AotiConstantDesc &constant, int32_t device_index,
                             AtenTensorHandle *ret_tensor);

// The stored elements of constant `index`, flat, on its device. The caller owns the handle, not the memory.
AOTIRuntimeError set_elements(const AotiModelDesc &desc, const ConstantSet &set, int32_t index,
                              AtenTensorHandle *ret_tensor);

}  // namespace aoti_model

#endif  // RUNTIME_MODEL_CONSTANTS_H_
