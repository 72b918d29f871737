// Bytes of a file or of the caller's memory, that are read in place: how every reader of a package sees its
// input.
//
// What enters: a path, a file descriptor or memory. What leaves: a `Bytes`, borrowed from the `FileMap` that
// made it. Files are mapped read-only and shared, so that what is never looked at is never read, and all
// processes look at one copy. A file that is cut short while it is mapped ends the process (SIGBUS), as with
// every mapped library: replace files by renaming.
#ifndef RUNTIME_PACKAGE_BYTES_H_
#define RUNTIME_PACKAGE_BYTES_H_

#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <string>

namespace aoti {

struct Bytes {
  const uint8_t *data = nullptr;
  uint64_t size = 0;

  // Whether [offset, offset + count) lies inside. No sum can overflow.
  bool contains(uint64_t offset, uint64_t count) const { return offset <= size && count <= size - offset; }

  // The part of that place, which must lie inside.
  Bytes part(uint64_t offset, uint64_t count) const { return Bytes{data + offset, count}; }

  // The little-endian number at `offset`, which need not be aligned; false when it does not lie inside.
  template <class T>
  bool read(uint64_t offset, T *value) const {
    static_assert(__BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__, "files are little-endian, as this processor");
    if (!contains(offset, sizeof(T))) return false;
    memcpy(value, data + offset, sizeof(T));
    return true;
  }

  std::string text() const { return std::string(reinterpret_cast<const char *>(data), size); }
};

// A file mapped read-only, or nothing. Movable.
class FileMap {
 public:
  FileMap() = default;
  ~FileMap();
  FileMap(FileMap &&other) noexcept;
  FileMap &operator=(FileMap &&other) noexcept;

  // Maps the whole file. `what` is what was expected, for the message. False with a message that begins with
  // the path.
  bool open(const std::string &path, const char *what, std::string *error);

  // The same for an open file, which stays the caller's and may be closed afterwards; `name` is for messages.
  bool open(int file, const std::string &name, const char *what, std::string *error);

  const Bytes &bytes() const { return bytes_; }

 private:
  Bytes bytes_;
};

}  // namespace aoti

#endif  // RUNTIME_PACKAGE_BYTES_H_
