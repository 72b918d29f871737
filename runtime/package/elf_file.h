// What a shared library says about itself, read from the file without loading it: no code of it runs.
//
// The file is data from a stranger: every offset, length and index is checked before use. Only what is needed
// to judge a model library is read: machine, needed libraries, names of dynamic symbols.
#ifndef RUNTIME_PACKAGE_ELF_FILE_H_
#define RUNTIME_PACKAGE_ELF_FILE_H_

#include <string>
#include <vector>

#include "runtime/package/bytes.h"

namespace aoti {

struct ElfFile {
  std::vector<std::string> needed;    // DT_NEEDED, in order
  std::vector<std::string> exported;  // defined dynamic symbols of default visibility
  std::vector<std::string> imported;  // undefined dynamic symbols, weak ones left out
};

// Reads a library, whose bytes begin at a multiple of 8; `name` begins every message. False when it is
// damaged, no 64-bit shared library, or one for another processor than this program's.
bool read_elf(const Bytes &library, const std::string &name, ElfFile *file, std::string *error);

}  // namespace aoti

#endif  // RUNTIME_PACKAGE_ELF_FILE_H_
