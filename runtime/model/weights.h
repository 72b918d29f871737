// Where a library's weights are: inside it, or in a file beside it that is mapped read-only.
//
// Nothing is copied: pages come from the page cache when they are first read, and all instances, containers
// and processes share them.
#ifndef RUNTIME_MODEL_WEIGHTS_H_
#define RUNTIME_MODEL_WEIGHTS_H_

#include "aoti/model_desc.h"

namespace aoti_model {

struct Weights {
  const uint8_t *data;  // null when the model has none
  void *mapping;        // null when data is part of the library
  size_t mapping_bytes;
};

// Finds the weights. `directory` (may be null or empty) is searched before the library's own. The file must
// have exactly desc.weights_bytes bytes.
AOTIRuntimeError open_weights(const AotiModelDesc &desc, const char *directory, Weights *ret_weights);

// Unmaps what open_weights mapped.
void close_weights(Weights *weights);

}  // namespace aoti_model

#endif  // RUNTIME_MODEL_WEIGHTS_H_
