#ifndef _GNU_SOURCE
#define _GNU_SOURCE  // dladdr
#endif
#include "runtime/model/weights.h"

#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "runtime/model/error.h"

namespace aoti_model {
namespace {

constexpr size_t kPathBytes = 4096;

// The directory of the library that `desc` is in, "." when it has none. False when it does not fit.
bool library_directory(const AotiModelDesc &desc, char *path, size_t bytes) {
  Dl_info info;
  const char *file = dladdr(static_cast<const void *>(&desc), &info) != 0 ? info.dli_fname : nullptr;
  const char *slash = file == nullptr ? nullptr : strrchr(file, '/');
  const char *start = slash == nullptr ? "." : file;
  const size_t length = slash == nullptr ? 1 : static_cast<size_t>(slash - file);
  if (length == 0) return snprintf(path, bytes, "/") > 0;
  if (length >= bytes) return false;
  memcpy(path, start, length);
  path[length] = '\0';
  return true;
}

AOTIRuntimeError map_file(const AotiModelDesc &desc, const char *path, int file, Weights *ret_weights) {
  struct stat status;
  if (fstat(file, &status) != 0) return fail("%s: %s", path, strerror(errno));
  if (!S_ISREG(status.st_mode) || status.st_size != desc.weights_bytes) {
    return fail(
        "%s has %lld bytes; expected %lld: it is damaged, or of another compilation. Put the weights file "
        "that "
        "was made with this library beside it.",
        path, (long long)status.st_size, (long long)desc.weights_bytes);
  }
  const size_t bytes = static_cast<size_t>(status.st_size);
  void *mapping = mmap(nullptr, bytes, PROT_READ, MAP_SHARED, file, 0);
  if (mapping == MAP_FAILED) return fail("%s: cannot be mapped: %s", path, strerror(errno));
  *ret_weights = Weights{static_cast<const uint8_t *>(mapping), mapping, bytes, nullptr, 0};
  return AOTI_RUNTIME_SUCCESS;
}

// Gives the open file, or -1 with errno.
int open_in(const char *directory, const char *name, char *path) {
  if (static_cast<size_t>(snprintf(path, kPathBytes, "%s/%s", directory, name)) >= kPathBytes) {
    errno = ENAMETOOLONG;
    return -1;
  }
  return open(path, O_RDONLY | O_CLOEXEC);
}

}  // namespace

AOTIRuntimeError open_weights(const AotiModelDesc &desc, const char *directory, Weights *ret_weights) {
  *ret_weights = Weights{desc.weights, nullptr, 0, nullptr, 0};
  if (desc.weights_file == nullptr || desc.weights_bytes == 0) return AOTI_RUNTIME_SUCCESS;
  char path[kPathBytes], own[kPathBytes];
  int file = -1;
  const bool given = directory != nullptr && directory[0] != '\0';
  if (given) file = open_in(directory, desc.weights_file, path);
  if (!library_directory(desc, own, sizeof own)) return fail("the path of the model library is too long");
  if (file < 0) file = open_in(own, desc.weights_file, path);
  if (file < 0) {
    return fail(
        "the model's weights file %s: %s; looked in %s%s%s. Put it beside the library, or give its directory "
        "when the container is created.",
        desc.weights_file, strerror(errno), given ? directory : "", given ? " and " : "", own);
  }
  AOTIRuntimeError result = map_file(desc, path, file, ret_weights);
  close(file);
  return result;
}

void close_weights(Weights *weights) {
  if (weights->mapping != nullptr) munmap(weights->mapping, weights->mapping_bytes);
  *weights = Weights{};
}

}  // namespace aoti_model
