// What a shared library says about itself, read from the file without loading it: no code of it runs.
//
// The file is data from a stranger: every offset, length and index is checked before use. Only what is needed
// to judge a model library is read: machine, needed libraries, names of dynamic symbols.
#ifndef RUNTIME_PACKAGE_ELF_FILE_H_
#define RUNTIME_PACKAGE_ELF_FILE_H_

#include <string>
#include <vector>

namespace aoti {

struct ElfFile {
  std::vector<std::string> needed;    // DT_NEEDED, in order
  std::vector<std::string> exported;  // defined dynamic symbols of default visibility
  std::vector<std::string> imported;  // undefined dynamic symbols, weak ones left out
};

// Reads `path`. False with a message when it is missing, unreadable, damaged, no 64-bit shared library, or
// one for another processor than this program's.
bool read_elf(const std::string &path, ElfFile *file, std::string *error);

}  // namespace aoti

#endif  // RUNTIME_PACKAGE_ELF_FILE_H_
