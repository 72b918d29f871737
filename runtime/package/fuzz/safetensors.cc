// Any bytes as a safetensors file: refused with a message, or every tensor lies inside.
#include "runtime/package/safetensors.h"

#include <stdlib.h>

#include "runtime/package/zip_file.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  std::vector<aoti::StoredTensor> tensors;
  std::string error;
  const bool ok = aoti::read_safetensors(aoti::Bytes{data, size}, &tensors, &error);
  if (ok != error.empty()) abort();
  uint32_t sum = 0;
  for (const aoti::StoredTensor &tensor : tensors) sum += ok ? aoti::zip_crc(tensor.bytes) : 0;
  return sum == 1 ? 1 : 0;
}
