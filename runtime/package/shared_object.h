// A shared library that the dynamic linker has loaded: from its path, from a descriptor, or from the sealed
// memory in which it was checked.
//
// What enters: a path. What leaves: the linker's handle, and its end. The linker knows libraries by path, so
// that a descriptor stays open for as long as its library is loaded: a number that is used again would give
// the wrong one.
#ifndef RUNTIME_PACKAGE_SHARED_OBJECT_H_
#define RUNTIME_PACKAGE_SHARED_OBJECT_H_

#include <string>

#include "runtime/package/file_check.h"
#include "runtime/package/memory_file.h"

namespace aoti {

class SharedObject {
 public:
  SharedObject() = default;
  ~SharedObject();
  SharedObject(SharedObject &&other) noexcept;
  SharedObject &operator=(SharedObject &&other) noexcept;

  // Loads the file at `path`, which is never looked for elsewhere; `file`, when there is one, is what the
  // path leads to. Nothing of it is visible to other libraries. False with the linker's message.
  bool open(const std::string &path, MemoryFile file, std::string *error);

  // The same; from a checked copy where `check` is not null.
  bool open_checked(const std::string &path, const FileCheck *check, std::string *error);

  // Null until it is loaded.
  void *handle() const { return handle_; }

  // Keeps the library for as long as the process lives.
  void leak();

 private:
  void *handle_ = nullptr;
  MemoryFile file_;
};

}  // namespace aoti

#endif  // RUNTIME_PACKAGE_SHARED_OBJECT_H_
