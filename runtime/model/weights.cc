#ifndef _GNU_SOURCE
#define _GNU_SOURCE  // dladdr
#endif
#include "runtime/model/weights.h"

#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "runtime/model/error.h"
#include "runtime/model/memory.h"

namespace aoti_model {
namespace {

constexpr size_t kPathBytes = 4096;

// The directory of the library that `desc` is in, "." when it has none; `resolved`: with symbolic links
// followed. False when it does not fit.
bool library_directory(const AotiModelDesc &desc, bool resolved, char *path, size_t bytes) {
  Dl_info info;
  char real[PATH_MAX];
  const char *file = dladdr(static_cast<const void *>(&desc), &info) != 0 ? info.dli_fname : nullptr;
  if (resolved && file != nullptr) file = realpath(file, real);
  const char *slash = file == nullptr ? nullptr : strrchr(file, '/');
  const char *start = slash == nullptr ? "." : file;
  const size_t length = slash == nullptr ? 1 : static_cast<size_t>(slash - file);
  if (length == 0) return snprintf(path, bytes, "/") > 0;
  if (length >= bytes) return false;
  memcpy(path, start, length);
  path[length] = '\0';
  return true;
}

// From the library's first byte, which the loader puts at a multiple of 2 MiB and which shares the first huge
// page with the weights.
void prefer_huge_pages_in_library(const AotiModelDesc &desc) {
  Dl_info info;
  if (desc.weights == nullptr || dladdr(desc.weights, &info) == 0) return;
  prefer_huge_pages(info.dli_fbase, desc.weights + desc.weights_bytes);
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
  prefer_huge_pages(mapping, static_cast<const uint8_t *>(mapping) + bytes);
  *ret_weights = Weights{static_cast<const uint8_t *>(mapping), nullptr, mapping, bytes, nullptr, 0};
  return AOTI_RUNTIME_SUCCESS;
}

// Gives the open file, or -1 with errno.
int open_in(const char *directory, const char *name, char *path) {
  if (static_cast<size_t>(snprintf(path, kPathBytes, "%s/%s", directory, name)) >= kPathBytes) {
    errno = ENAMETOOLONG;
    return -1;
  }
  int file = -1;
  do {
    file = open(path, O_RDONLY | O_CLOEXEC);
  } while (file < 0 && errno == EINTR);  // a signal came while a network's file system was asked
  return file;
}

// Where offset 0 would be, had all constants been placed as in the library's own weights; null if they are
// not.
const uint8_t *common_base(const AotiModelDesc &desc, const AotiConstantPlace *places) {
  const uint8_t *base = nullptr;
  for (int32_t i = 0; i < desc.num_constants; ++i) {
    const uint8_t *mine = static_cast<const uint8_t *>(places[i].data) - desc.constants[i].offset_bytes;
    if (i > 0 && mine != base) return nullptr;
    base = mine;
  }
  return base;
}

}  // namespace

AOTIRuntimeError open_weights(const AotiModelDesc &desc, const char *directory, Weights *ret_weights) {
  *ret_weights = Weights{desc.weights, nullptr, nullptr, 0, nullptr, 0};
  if (desc.weights_file == nullptr || desc.weights_bytes == 0) {
    prefer_huge_pages_in_library(desc);
    return AOTI_RUNTIME_SUCCESS;
  }
  char path[kPathBytes], own[kPathBytes];
  int file = -1;
  const bool given = directory != nullptr && directory[0] != '\0';
  if (given) file = open_in(directory, desc.weights_file, path);
  for (int attempt = 0; attempt < 2 && file < 0; ++attempt) {
    if (!library_directory(desc, attempt == 1, own, sizeof own)) {
      return fail("the path of the model library is too long");
    }
    file = open_in(own, desc.weights_file, path);
  }
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

AOTIRuntimeError place_weights(const AotiModelDesc &desc, const AotiConstantPlace *places, size_t count,
                               Weights *ret_weights) {
  if (count != static_cast<size_t>(desc.num_constants)) {
    return fail("%zu constants were given; model %s has %d: the weights are of another compilation", count,
                desc.name, desc.num_constants);
  }
  for (int32_t i = 0; i < desc.num_constants; ++i) {
    const AotiConstantDesc &constant = desc.constants[i];
    if (places[i].data == nullptr && constant.size_bytes > 0) {
      return fail("the place of constant '%s' is null", constant.original_fqn);
    }
    if (places[i].size_bytes != static_cast<uint64_t>(constant.size_bytes)) {
      return fail("constant '%s' has %llu bytes; expected %lld: the weights are of another compilation",
                  constant.original_fqn, (unsigned long long)places[i].size_bytes,
                  (long long)constant.size_bytes);
    }
    if (reinterpret_cast<uintptr_t>(places[i].data) % AOTI_ALIGNMENT != 0) {
      return fail("constant '%s' is at an address that is not a multiple of %d", constant.original_fqn,
                  AOTI_ALIGNMENT);
    }
  }
  const size_t bytes = (count + 1) * sizeof(AotiConstantPlace);
  AotiConstantPlace *copy = static_cast<AotiConstantPlace *>(malloc(bytes));
  if (copy == nullptr) return fail_memory("the places of constants", static_cast<int64_t>(bytes));
  if (count > 0) memcpy(copy, places, count * sizeof(AotiConstantPlace));
  *ret_weights = Weights{common_base(desc, places), copy, nullptr, 0, nullptr, 0};
  return AOTI_RUNTIME_SUCCESS;
}

void close_weights(Weights *weights) {
  free(const_cast<AotiConstantPlace *>(weights->places));
  if (weights->mapping != nullptr) munmap(weights->mapping, weights->mapping_bytes);
  *weights = Weights{};
}

}  // namespace aoti_model
