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
  // Where the constants that belong on a GPU are, so that one at offset o is at device + o; null without any.
  const uint8_t *device;
  int32_t device_index;  // of that GPU
};

// Address of a constant's first byte, on its own device.
inline const uint8_t *constant_address(const Weights &weights, const AotiConstantDesc &constant) {
  return (constant.device_type == AOTI_DEVICE_CPU ? weights.data : weights.device) + constant.offset_bytes;
}

// Finds the weights. `directory` (may be null or empty) is searched before the library's own. The file must
// have exactly desc.weights_bytes bytes.
AOTIRuntimeError open_weights(const AotiModelDesc &desc, const char *directory, Weights *ret_weights);

// Unmaps what open_weights mapped.
void close_weights(Weights *weights);

}  // namespace aoti_model

#endif  // RUNTIME_MODEL_WEIGHTS_H_
