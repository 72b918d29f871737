// Any bytes as a library: refused with a message, or names found.
#include "runtime/package/elf_file.h"

#include <stdlib.h>

extern "C" int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  aoti::ElfFile file;
  std::string error;
  const bool ok = aoti::read_elf(aoti::Bytes{data, size}, "fuzz.so", &file, &error);
  if (ok != error.empty()) abort();
  return 0;
}
