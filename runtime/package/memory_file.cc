#ifndef _GNU_SOURCE
#define _GNU_SOURCE  // memfd_create
#endif
#include "runtime/package/memory_file.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include <utility>

namespace aoti {
namespace {

// <linux/memfd.h> since Linux 6.3; earlier kernels refuse it, and need no permission to map code.
constexpr unsigned kMemfdExec = 0x10;

constexpr int kSeals = F_SEAL_SEAL | F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_WRITE;

// Part of the name that /proc/self/maps shows: the last component, without what is not printable.
std::string short_name(const std::string &name) {
  std::string result = name.substr(name.find_last_of('/') + 1).substr(0, 200);
  for (char &c : result) {
    if (c < ' ' || c == 0x7f) c = '?';
  }
  return result;
}

bool write_all(int file, const Bytes &bytes) {
  for (uint64_t at = 0; at < bytes.size;) {
    const ssize_t written = write(file, bytes.data + at, bytes.size - at);
    if (written < 0 && errno == EINTR) continue;
    if (written <= 0) return false;
    at += static_cast<uint64_t>(written);
  }
  return true;
}

}  // namespace

MemoryFile::~MemoryFile() {
  if (descriptor_ >= 0) close(descriptor_);
}

MemoryFile &MemoryFile::operator=(MemoryFile &&other) noexcept {
  std::swap(descriptor_, other.descriptor_);
  return *this;
}

std::string MemoryFile::path() const { return "/proc/self/fd/" + std::to_string(descriptor_); }

bool MemoryFile::create(const Bytes &bytes, const std::string &name, std::string *error) {
  MemoryFile made;
  const unsigned flags = MFD_CLOEXEC | MFD_ALLOW_SEALING;
  made.descriptor_ = memfd_create(short_name(name).c_str(), flags | kMemfdExec);
  if (made.descriptor_ < 0 && errno == EINVAL)
    made.descriptor_ = memfd_create(short_name(name).c_str(), flags);
  if (made.descriptor_ < 0) {
    *error = name + ": no memory file can be made for it: " + strerror(errno) +
             (errno == EACCES
                  ? " (the kernel's vm.memfd_noexec forbids code in one); load it from a file of its own"
                  : "");
    return false;
  }
  if (!write_all(made.descriptor_, bytes) || fcntl(made.descriptor_, F_ADD_SEALS, kSeals) != 0) {
    *error =
        name + ": cannot be copied to memory (" + std::to_string(bytes.size) + " bytes): " + strerror(errno);
    return false;
  }
  *this = std::move(made);
  return true;
}

bool MemoryFile::is_sealed(int descriptor) {
  const int seals = fcntl(descriptor, F_GET_SEALS);
  return seals >= 0 && (seals & kSeals) == kSeals;
}

bool MemoryFile::duplicate(int descriptor, const std::string &name, std::string *error) {
  MemoryFile made;
  made.descriptor_ = fcntl(descriptor, F_DUPFD_CLOEXEC, 3);
  if (made.descriptor_ < 0) {
    *error = name + ": " + strerror(errno);
    return false;
  }
  *this = std::move(made);
  return true;
}

}  // namespace aoti
