// A library's bytes as a file without a place in any folder, for the dynamic linker, which loads only files.
//
// What enters: an open file, or bytes (of a package, of the network). What leaves: a descriptor and the path
// by which the linker opens it, under /proc/self/fd. Bytes are copied once, into a sealed memfd; an open file
// is not copied. Nothing is written to a disk and nothing is left behind when the process ends, however it
// ends (docs/adr/0017-packages.md).
#ifndef RUNTIME_PACKAGE_MEMORY_FILE_H_
#define RUNTIME_PACKAGE_MEMORY_FILE_H_

#include <string>

#include "runtime/package/bytes.h"

namespace aoti {

class MemoryFile {
 public:
  MemoryFile() = default;
  ~MemoryFile();  // closes the descriptor
  MemoryFile(MemoryFile &&other) noexcept : descriptor_(other.descriptor_) { other.descriptor_ = -1; }
  MemoryFile &operator=(MemoryFile &&other) noexcept;

  // `name` is for messages and /proc/self/maps. False with a message.
  bool create(const Bytes &bytes, const std::string &name, std::string *error);
  // Whether the descriptor is that of memory whose bytes and length nobody can change any more.
  static bool is_sealed(int descriptor);

  // The caller keeps its descriptor.
  bool duplicate(int descriptor, const std::string &name, std::string *error);

  int descriptor() const { return descriptor_; }
  std::string path() const;

  // Keeps the descriptor open for as long as the process lives.
  void leak() { descriptor_ = -1; }

 private:
  int descriptor_ = -1;
};

}  // namespace aoti

#endif  // RUNTIME_PACKAGE_MEMORY_FILE_H_
