// A check of files before anything of them is used: whether they are signed, say (runtime/signature). The
// loader asks it; what it is made of, and which libraries that needs, a program decides that wants one.
//
// The bytes that are checked are the bytes that are used: a file is copied into sealed memory first
// (memory_file.h), which nobody can write to any more, and then checked and loaded from there. A descriptor
// of memory that is sealed already is not copied: so many processes share one copy of a large package.
#ifndef RUNTIME_PACKAGE_FILE_CHECK_H_
#define RUNTIME_PACKAGE_FILE_CHECK_H_

#include <string>

#include "runtime/package/bytes.h"
#include "runtime/package/memory_file.h"

namespace aoti {

// Thread-safe.
class FileCheck {
 public:
  virtual ~FileCheck() = default;

  // Whether these bytes, which do not change any more, may be used. `name` begins every message;
  // `signature`: what came with them; empty when it lies in a file beside them, at `name` + ".sig". False
  // with a message.
  virtual bool check(const Bytes &file, const std::string &name, const Bytes &signature,
                     std::string *error) const = 0;
};

// A file that a FileCheck has let pass.
struct CheckedFile {
  MemoryFile file;
  FileMap map;

  // Copies the bytes and checks the copy. False with a message.
  bool copy(const Bytes &bytes, const std::string &name, const FileCheck &check, const Bytes &signature,
            std::string *error);

  // The same for an open file, which stays the caller's; `what` is what was expected.
  bool open(int descriptor, const std::string &name, const char *what, const FileCheck &check,
            const Bytes &signature, std::string *error);

  // The same for a path.
  bool open(const std::string &path, const char *what, const FileCheck &check, const Bytes &signature,
            std::string *error);
};

}  // namespace aoti

#endif  // RUNTIME_PACKAGE_FILE_CHECK_H_
