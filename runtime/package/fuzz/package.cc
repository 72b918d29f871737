// Any bytes as a package: refused with a message, or every place that it names lies inside.
#include <stdlib.h>

#include "runtime/package/package_index.h"
#include "runtime/package/zip_file.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  aoti::PackageIndex index;
  std::string error;
  const aoti::Bytes bytes{data, size};
  const bool ok = aoti::read_package_index(bytes, &index, &error);
  if (ok != error.empty()) abort();
  if (!ok) return 0;
  uint32_t sum = aoti::zip_crc(index.weights);
  for (const aoti::PackageMethod &method : index.methods) {
    sum += aoti::zip_crc(method.library) + aoti::zip_crc(method.weights) + aoti::zip_crc(method.op_calls);
    for (const AotiConstantPlace &place : method.constants) {
      sum += aoti::zip_crc(aoti::Bytes{static_cast<const uint8_t *>(place.data), place.size_bytes});
    }
  }
  return sum == 1 ? 1 : 0;
}
