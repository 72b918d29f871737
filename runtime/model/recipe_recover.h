// An original back from a stored constant: a recipe of moves, run on the numbers of an original's elements in
// place of their values, says where each of them went.
#ifndef RUNTIME_MODEL_RECIPE_RECOVER_H_
#define RUNTIME_MODEL_RECIPE_RECOVER_H_

#include "aoti/model_desc.h"

namespace aoti_model {

// int64 tensors in the place of a recipe's originals: 1, 2, 3, ... for one of them, zeros for the others.
class NumberedOriginals {
 public:
  NumberedOriginals() = default;
  NumberedOriginals(const NumberedOriginals &) = delete;
  NumberedOriginals &operator=(const NumberedOriginals &) = delete;
  ~NumberedOriginals();

  AOTIRuntimeError init(const AotiModelDesc &desc, const AotiRecipe &recipe, int32_t number);
  const AtenTensorHandle *tensors() const { return tensors_; }

 private:
  AtenTensorHandle *tensors_ = nullptr;
  int32_t count_ = 0;
};

// The value of `original`: element map[i] - 1 is stored[i]; zeros of the map are of others. Both are
// contiguous and have as many elements. False in *ret_whole when an element is nowhere.
AOTIRuntimeError scatter_back(const AotiOriginalDesc &original, const AotiConstantDesc &constant,
                              AtenTensorHandle map, AtenTensorHandle stored, bool *ret_whole,
                              AtenTensorHandle *ret_value);

}  // namespace aoti_model

#endif  // RUNTIME_MODEL_RECIPE_RECOVER_H_
