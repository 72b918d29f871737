// A set of a model's constants: where each one is, and who owns it.
//
// A set starts as the library's weights, which are never written, and the container's state: the constants
// that runs change have memory of their own, which both sets share until one is updated. An update is
// prepared apart (checked, copied), then committed by swapping pointers: a failed update changes nothing, and
// a commit cannot fail.
//
// Not thread-safe: the container serialises changes, and commits to the active set while no run is in
// progress.
#ifndef RUNTIME_MODEL_CONSTANTS_H_
#define RUNTIME_MODEL_CONSTANTS_H_

#include "aoti/model_desc.h"
#include "aoti/model_interface.h"
#include "runtime/model/weights.h"

namespace aoti_model {

constexpr int64_t kMaxConstantRank = 64;

struct ConstantSet {
  const void **data;  // [num_constants]: what runs get
  AtenTensorHandle *
      tensors;  // [num_constants]: null, or a handle over data that keeps it alive if it is not the library's
  AtenTensorHandle blobs[2];  // null, or what replaced all the weights: on the CPU, on the GPU
  int32_t device_index;       // of the constants on a GPU
  bool is_library;            // nothing has been replaced
};

// Values for some of the constants: null where nothing changes.
struct ConstantUpdate {
  AtenTensorHandle *tensors;  // [num_constants]
};

struct UpdateOptions {
  bool user_managed;          // refer to the tensors' memory in place of a copy
  bool validate_full_update;  // every plain constant must be given
  int32_t device_index = 0;   // where constants on a GPU go
};

// Makes a set of the library's weights. It has no state yet.
AOTIRuntimeError set_init(const AotiModelDesc &desc, const Weights &weights, ConstantSet *set);
void set_destroy(const AotiModelDesc &desc, ConstantSet *set);

// Back to the library's weights. The state stays as it is.
void set_reset(const AotiModelDesc &desc, const Weights &weights, ConstantSet *set);

// Whether runs of this model change constants.
bool has_state(const AotiModelDesc &desc);

// New memory for the state, on the device of each constant, with its first values from `weights` on the host.
AOTIRuntimeError state_prepare(const AotiModelDesc &desc, const uint8_t *weights, int32_t device_index,
                               ConstantUpdate *update);

// Makes `to` use the memory of `from`'s state. On failure `to` keeps what it had.
AOTIRuntimeError state_share(const AotiModelDesc &desc, ConstantSet *from, ConstantSet *to);

// Makes `to`, which is the library's, refer to the same values as `from`. On failure `to` is the library's
// still.
AOTIRuntimeError set_follow(const AotiModelDesc &desc, const ConstantSet &from, const Weights &weights,
                            ConstantSet *to);

// The strides of a constant: its own, or contiguous ones, which are written to `buffer`
// [kMaxConstantRank].
const int64_t *constant_strides(const AotiConstantDesc &constant, int64_t *buffer);

// A handle over constant `index`; the set owns it. Refuses packed constants.
AOTIRuntimeError set_tensor(const AotiModelDesc &desc, ConstantSet *set, int32_t index,
                            AtenTensorHandle *ret_tensor);

// Checks all the pairs and makes the tensors to be committed. Fails, naming the constant, for an unknown
// name, a packed constant, a wrong dtype or sizes, a null handle, and, user-managed, for wrong strides.
AOTIRuntimeError update_prepare(const AotiModelDesc &desc, const AOTInductorConstantMapEntry *pairs,
                                size_t num_pairs, UpdateOptions options, ConstantUpdate *update);

// Moves the update's tensors into the set. `update` is empty afterwards.
void update_commit(const AotiModelDesc &desc, ConstantUpdate *update, ConstantSet *set);

// Drops the update's tensors.
void update_discard(const AotiModelDesc &desc, ConstantUpdate *update);

// Replaces every constant by those in `blobs`, tensors of weights_bytes bytes in the library's layout (on the
// CPU, on the GPU; null where no constant belongs), which are consumed, and the state by `state`, made by
// state_prepare from the same bytes, which is consumed too. `weights` has the blobs' addresses.
void set_replace_all(const AotiModelDesc &desc, const AtenTensorHandle blobs[2], const Weights &weights,
                     ConstantUpdate *state, ConstantSet *set);

// Copies `bytes` weights to where constants are: makes what set_replace_all consumes.
AOTIRuntimeError copy_blobs(const AotiModelDesc &desc, const uint8_t *weights, int32_t device_index,
                            AtenTensorHandle blobs[2], Weights *ret_weights);

}  // namespace aoti_model

#endif  // RUNTIME_MODEL_CONSTANTS_H_
