#include "runtime/package/bytes.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include <utility>

namespace aoti {

FileMap::~FileMap() {
  if (bytes_.data != nullptr) munmap(const_cast<uint8_t *>(bytes_.data), bytes_.size);
}

FileMap::FileMap(FileMap &&other) noexcept : bytes_(std::exchange(other.bytes_, Bytes())) {}

FileMap &FileMap::operator=(FileMap &&other) noexcept {
  std::swap(bytes_, other.bytes_);
  return *this;
}

bool FileMap::open(const std::string &path, const char *what, std::string *error) {
  int file = -1;
  do {
    file = ::open(path.c_str(), O_RDONLY | O_CLOEXEC);
  } while (file < 0 && errno == EINTR);  // a signal came while a network's file system was asked
  if (file < 0) {
    *error = path + ": " + strerror(errno);
    return false;
  }
  const bool ok = open(file, path, what, error);
  close(file);
  return ok;
}

bool FileMap::open(int file, const std::string &name, const char *what, std::string *error) {
  struct stat status;
  if (fstat(file, &status) != 0) {
    *error = name + ": " + strerror(errno);
    return false;
  }
  if (!S_ISREG(status.st_mode) || status.st_size <= 0) {
    *error = name + ": not a file with anything in it; expected " + what;
    return false;
  }
  const size_t size = static_cast<size_t>(status.st_size);
  void *data = mmap(nullptr, size, PROT_READ, MAP_SHARED, file, 0);
  if (data == MAP_FAILED) {
    *error = name + ": cannot be mapped: " + strerror(errno);
    return false;
  }
  *this = FileMap();
  bytes_ = Bytes{static_cast<const uint8_t *>(data), size};
  return true;
}

}  // namespace aoti
