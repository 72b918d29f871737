// New values of the model's parameters and buffers, made into stored constants by their recipes.
#ifndef RUNTIME_MODEL_CONSTANT_UPDATE_H_
#define RUNTIME_MODEL_CONSTANT_UPDATE_H_

#include "runtime/model/constants.h"

namespace aoti_model {

struct UpdateOptions {
  bool user_managed;          // refer to the tensors' memory in place of a copy
  bool validate_full_update;  // every parameter and buffer must be given
};

// Places what the pairs give into `target`, a copy of `base` that nobody sees yet. Fails, naming the
// constant, for an unknown or repeated name, a null handle, a wrong dtype, sizes or device; for a part of
// what was folded into one constant; for a value that the compiler made something of that has no recipe
// (unless it is the old one); user-managed, for what cannot be used as it is. `target` is then to be
// released.
AOTIRuntimeError update_apply(const AotiModelDesc &desc, const ConstantSet &base,
                              const AOTInductorConstantMapEntry *pairs, size_t num_pairs,
                              UpdateOptions options, ConstantSet *target);

}  // namespace aoti_model

#endif  // RUNTIME_MODEL_CONSTANT_UPDATE_H_
