// Where a library's weights are: inside it, in a file beside it that is mapped read-only, or where the host
// says, constant by constant.
//
// Nothing is copied: pages come from the page cache when they are first read, and all instances, containers
// and processes share them.
#ifndef RUNTIME_MODEL_WEIGHTS_H_
#define RUNTIME_MODEL_WEIGHTS_H_

#include "aoti/model_api.h"

namespace aoti_model {

struct Weights {
  // The constant at offset o is at data + o; null when the model has none, or when the host gave places that
  // are not so.
  const uint8_t *data;
  const AotiConstantPlace *places;  // [num_constants], owned; null unless the host gave them
  void *mapping;                    // null when data is part of the library
  size_t mapping_bytes;
  // Where the constants that belong on a GPU are, so that one at offset o is at device + o; null without any.
  const uint8_t *device;
  int32_t device_index;  // of that GPU
};

// Address of a constant's first byte in this process's memory.
inline const uint8_t *host_address(const AotiModelDesc &desc, const Weights &weights, int32_t constant) {
  if (weights.places != nullptr) return static_cast<const uint8_t *>(weights.places[constant].data);
  return weights.data + desc.constants[constant].offset_bytes;
}

// The same, on its own device.
inline const uint8_t *constant_address(const AotiModelDesc &desc, const Weights &weights, int32_t constant) {
  if (desc.constants[constant].device_type == AOTI_DEVICE_CPU) return host_address(desc, weights, constant);
  return weights.device + desc.constants[constant].offset_bytes;
}

// Finds the weights. `directory` (may be null or empty) is searched before the library's own. The file must
// have exactly desc.weights_bytes bytes.
AOTIRuntimeError open_weights(const AotiModelDesc &desc, const char *directory, Weights *ret_weights);

// Takes the weights that the host gave: `count` places, which must be those of the model's constants.
AOTIRuntimeError place_weights(const AotiModelDesc &desc, const AotiConstantPlace *places, size_t count,
                               Weights *ret_weights);

// Unmaps what open_weights mapped and frees what place_weights allocated.
void close_weights(Weights *weights);

}  // namespace aoti_model

#endif  // RUNTIME_MODEL_WEIGHTS_H_
