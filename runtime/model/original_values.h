// Values for some of the model's parameters and buffers, by number: those that a caller gives, checked, and
// those that are had back from stored constants.
#ifndef RUNTIME_MODEL_ORIGINAL_VALUES_H_
#define RUNTIME_MODEL_ORIGINAL_VALUES_H_

#include "aoti/model_desc.h"
#include "aoti/model_interface.h"
#include "runtime/model/constants.h"

namespace aoti_model {

class OriginalValues {
 public:
  OriginalValues() = default;
  OriginalValues(const OriginalValues &) = delete;
  OriginalValues &operator=(const OriginalValues &) = delete;
  ~OriginalValues();

  // Takes a handle of its own for each pair. Fails, naming the constant, for an unknown or repeated name, a
  // null handle, a wrong dtype, sizes or device, and for two values of tied weights that differ.
  AOTIRuntimeError init(const AotiModelDesc &desc, const AOTInductorConstantMapEntry *pairs,
                        size_t num_pairs);

  // Fails, naming the first, unless every parameter and buffer that anything is made of is given. Tensor
  // literals may be left out, as in PyTorch: they are in no state_dict.
  AOTIRuntimeError check_complete() const;

  // On the CPU; null where there is none.
  AtenTensorHandle at(int32_t number) const { return handles_[number]; }
  // What the caller gave, where it gave it.
  AtenTensorHandle device_at(int32_t number) const { return device_[number]; }
  const AtenTensorHandle *handles() const { return handles_; }
  bool is_given(int32_t number) const { return given_[number]; }
  // Adds a value that was not given; consumed.
  void keep(int32_t number, AtenTensorHandle value) { handles_[number] = value; }

 private:
  AOTIRuntimeError take(const AOTInductorConstantMapEntry &pair);
  AOTIRuntimeError resolve_tied();

  const AotiModelDesc *desc_ = nullptr;
  AtenTensorHandle *handles_ = nullptr;
  AtenTensorHandle *device_ = nullptr;
  bool *given_ = nullptr;
};

// The value of an original as the set has it: a view where it is stored as it is, else a copy. False in
// *ret_known when it cannot be had back from what is stored. The caller owns the handle.
AOTIRuntimeError original_value(const AotiModelDesc &desc, const ConstantSet &set, int32_t number,
                                bool *ret_known, AtenTensorHandle *ret_value);

// Number of elements.
int64_t original_numel(const AotiOriginalDesc &original);

}  // namespace aoti_model

#endif  // RUNTIME_MODEL_ORIGINAL_VALUES_H_
